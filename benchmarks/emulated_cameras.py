"""Record the cameras that vendors' software emulates, and compare each frame: python benchmarks/emulated_cameras.py.

pypylon emulates two Basler cameras. They record at the same time, each in a thread. Aravis emulates a GigE Vision
camera, whose frame numbers go from 65535 to 1. Each recording stops and starts the camera once.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # for this imgstore and the package `tests`

import cv2
import numpy as np

import imgstore
from imgstore.util import ImageCodecProcessor
from tests.helpers.frames import index_in, numbered

CHUNK = 25  # frames
RATE = 100  # frames per second, if the camera is fast enough
PATIENCE = 2000  # milliseconds for a frame
MOST_LOSSY = 6  # levels that an image of a lossy format differs on average

Image = np.ndarray[Any, Any]
Grabbed = tuple[Image, int, float]


class Recording(NamedTuple):
    """A camera's pixel format, the store's format, and its encoding."""

    pixels: str
    fmt: str
    encoding: str | None = None


def bayer(name: str) -> str | None:
    """Return our code of a camera's Bayer format, such as 'BayerBG8'."""
    return ImageCodecProcessor.from_pylon_format(name.rstrip('0123456789')).encoding


class Basler:
    """An emulated Basler camera, which shows the images of a folder in turn."""

    SHAPE = 240, 320
    IMAGES = 50
    RECORDINGS = (
        Recording('Mono8', 'npy'),
        Recording('Mono8', 'mjpeg/avi'),
        Recording('Mono8', 'avc1/mp4'),
        Recording('Mono12', 'tif'),
        Recording('Mono16', 'png'),
        Recording('BGR8Packed', 'bmp'),
        Recording('BGR8Packed', 'h264/mkv'),
        Recording('RGB8Packed', 'npy', 'cv_rgb'),
        Recording('BayerBG8', 'png', bayer('BayerBG8')),
        Recording('BayerGR12', 'tif', bayer('BayerGR12')),
    )

    def __init__(self, place: int, folder: Path) -> None:
        os.environ['PYLON_CAMEMU'] = '2'  # so many cameras
        from pypylon import pylon

        self._pylon, self.name = pylon, f'Basler {place}'
        images = folder / 'images'
        images.mkdir(exist_ok=True)
        for index in range(self.IMAGES):
            cv2.imwrite(str(images / f'{index:03d}.png'), numbered(index, self.SHAPE))
        factory = pylon.TlFactory.GetInstance()
        self._camera = pylon.InstantCamera(factory.CreateDevice(factory.EnumerateDevices()[place]))
        self._camera.Open()
        settings = {
            'ImageFilename': str(images),
            'ImageFileMode': 'On',
            'TestImageSelector': 'Off',
            'Height': self.SHAPE[0],
            'Width': self.SHAPE[1],
            'AcquisitionFrameRateEnable': True,
            'AcquisitionFrameRateAbs': RATE,
        }
        for name, value in settings.items():
            getattr(self._camera, name).Value = value

    def grab(self, pixels: str, seconds: float) -> Iterator[Grabbed]:
        """Yield images in one buffer, as a program does that wants no new memory for each."""
        self._camera.PixelFormat.Value = pixels
        self._camera.StartGrabbing(self._pylon.GrabStrategy_OneByOne)
        buffer = None
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                with self._camera.RetrieveResult(PATIENCE) as result:
                    assert result.GrabSucceeded(), result.ErrorDescription
                    image = result.Array
                    buffer = np.empty_like(image) if buffer is None else buffer
                    buffer[:] = image
                    number = result.BlockID
                yield buffer, number, time.time()
        finally:
            self._camera.StopGrabbing()

    def shows(self, recording: Recording, number: int, image: Image) -> bool:
        """Whether an image is the one of that number, where its pixels tell."""
        if recording.pixels.startswith('Bayer'):
            return True
        return index_in(image * (255 / {'Mono12': 4095, 'Mono16': 65535}.get(recording.pixels, 255))) == (
            number % self.IMAGES
        )


class GigE:
    """The GigE Vision camera that Aravis emulates on the loopback interface."""

    RECORDINGS = (
        Recording('Mono8', 'npy'),
        Recording('Mono16', 'png'),
        Recording('RGB8', 'bmp', 'cv_rgb'),
        Recording('BayerRG8', 'png', bayer('BayerRG8')),
        Recording('Mono8', 'avc1/mp4'),
    )
    BUFFERS = 20

    def __init__(self, place: int, folder: Path) -> None:
        import gi

        gi.require_version('Aravis', '0.8')
        from gi.repository import Aravis

        self._aravis, self.name = Aravis, 'Aravis'
        self._device = Aravis.GvFakeCamera.new('127.0.0.1', None)
        assert self._device.is_running()
        self._camera = Aravis.Camera.new('127.0.0.1')
        self._camera.set_frame_rate(RATE)

    def grab(self, pixels: str, seconds: float) -> Iterator[Grabbed]:
        """Yield images with the camera's own times."""
        self._camera.set_pixel_format_from_string(pixels)
        stream = self._camera.create_stream(None, None)
        for _ in range(self.BUFFERS):
            stream.push_buffer(self._aravis.Buffer.new_allocate(self._camera.get_payload()))
        self._camera.start_acquisition()
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                buffer = stream.timeout_pop_buffer(PATIENCE * 1000)
                assert buffer is not None, 'the camera gives no frames'
                if buffer.get_status() == self._aravis.BufferStatus.SUCCESS:
                    image = np.frombuffer(buffer.get_data(), np.uint16 if pixels == 'Mono16' else np.uint8)
                    channels = (3,) if pixels == 'RGB8' else ()
                    shape = buffer.get_image_height(), buffer.get_image_width(), *channels
                    yield image.reshape(shape), buffer.get_frame_id(), buffer.get_timestamp() / 1e9
                stream.push_buffer(buffer)
        finally:
            self._camera.stop_acquisition()

    def shows(self, recording: Recording, number: int, image: Image) -> bool:
        """Whether an image is the one of that number; this camera does not tell."""
        return True


def record(camera: Any, recording: Recording, path: Path, seconds: float) -> list[Grabbed]:
    """Record in two goes, and return copies of what the camera gave."""
    goes = itertools.chain(*(camera.grab(recording.pixels, seconds / 2) for _ in range(2)))
    image, number, moment = next(goes)
    given = [(image.copy(), number, moment)]
    options = {'imgshape': image.shape, 'imgdtype': image.dtype, 'encoding': recording.encoding, 'chunksize': CHUNK}
    with imgstore.new_for_format(recording.fmt, path, **options) as store:
        store.add_image(image, number, moment)
        for image, number, moment in goes:
            store.add_image(image, number, moment)
            given.append((image.copy(), number, moment))
    return given


def faults(camera: Any, recording: Recording, path: Path, given: Sequence[Grabbed]) -> Iterator[str]:
    """Say what of a recording is not what the camera gave."""
    with imgstore.new_for_filename(path) as store:
        known = store.get_frame_metadata()
        if known['frame_number'] != [number for _, number, _ in given]:
            yield f'{len(given)} frames were grabbed, {len(store)} other numbers are in the store'
            return
        if known['frame_time'] != [moment for _, _, moment in given]:
            yield 'times differ'
        if recording.encoding and store.image_shape != (*given[0][0].shape[:2], 3):
            yield f'decoded images have the shape {store.image_shape}'
        store.disable_decoding()
        for index, (image, number, _) in enumerate(given):
            found, _ = store.get_image(None, frame_index=index)
            difference = np.abs(found.astype(float) - image).mean() if found.shape == image.shape else np.inf
            if difference > (0 if store.lossless else MOST_LOSSY):
                yield f'frame {number} at index {index} differs by {difference:.1f} levels'
            elif not camera.shows(recording, number, found):
                yield f'frame {number} at index {index} shows another'


def try_all(make: Callable[[int, Path], Any], place: int, folder: Path, seconds: float) -> tuple[int, int]:
    """Make all recordings of a camera; return how many frames they have, and how many recordings are wrong."""
    camera = make(place, folder)
    frames = wrong = 0
    for recording in camera.RECORDINGS:
        path = folder / f'{camera.name}-{recording.pixels}-{recording.fmt.replace("/", "-")}'
        given = record(camera, recording, path, seconds)
        found = list(faults(camera, recording, path, given))
        numbers = [number for _, number, _ in given]
        print(
            f'{camera.name}, {recording.pixels} as {recording.fmt}: {len(given)} frames, {numbers[0]} to {numbers[-1]}'
        )
        for fault in found[:5]:
            print(f'WRONG: {fault}')
        frames, wrong = frames + len(given), wrong + bool(found)
    return frames, wrong


CAMERAS = {'basler': ('pypylon', Basler, 2), 'aravis': ('gi', GigE, 1)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the recordings; 1 if one was wrong."""
    parser = argparse.ArgumentParser(description='Record emulated cameras, and compare each frame.')
    parser.add_argument('cameras', nargs='+', choices=list(CAMERAS), help='those to record')
    parser.add_argument('--seconds', type=float, default=4, metavar='S', help='of each recording (default: 4)')
    options = parser.parse_args(arguments)
    missing = [CAMERAS[name][0] for name in options.cameras if find_spec(CAMERAS[name][0]) is None]
    if missing:
        parser.error(f'this Python has no {missing[0]}')
    start, results = time.perf_counter(), []
    with tempfile.TemporaryDirectory(prefix='imgstore-cameras-') as folder, ThreadPoolExecutor() as pool:
        for name in options.cameras:
            _, make, count = CAMERAS[name]
            tasks = [pool.submit(try_all, make, place, Path(folder), options.seconds) for place in range(count)]
            results += [task.result() for task in tasks]
    frames, wrong = (sum(column) for column in zip(*results, strict=True))
    print(f'{frames} frames of {len(results)} cameras, {time.perf_counter() - start:.0f} s: {wrong} recordings wrong')
    return int(wrong > 0)


if __name__ == '__main__':
    raise SystemExit(main())
