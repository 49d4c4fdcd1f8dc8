"""How fast the recorder is: python benchmarks/recording.py [CASE]...

Synthetic cameras give frames at a pace, and lose those that nobody takes. The queues of the recorder and of its
store hold some 90 images of 1280 x 1024, so short recordings hide an overload. Each rate is the highest of some at
which no frame was lost. The case `plain` needs pypylon.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # for this imgstore and the package `tests`

import av
import cv2
import numpy as np
from measuring import memory

import imgstore
from imgstore.recording import CameraSettings, GrabbedFrame, RecordedFrame
from imgstore.recording.cameras.synthetic import SyntheticCamera
from imgstore.recording.host_clock import HostClock
from imgstore.recording.opening import new_camera

SIZE = 1280, 1024
IMAGES = 200  # in a chunk
RING = 32  # images that a camera gives in turn
QUEUE = 48 * 2**20  # bytes
EMULATED_RATE = 100
SHARES = (1.0, 0.97, 0.94, 0.92, 0.9, 0.87, 0.84, 0.8, 0.75, 0.7, 0.6, 0.5)
X264 = {
    'g': '16',
    'bf': '0',
    'forced-idr': '1',
    'rc-lookahead': '0',
    'x264-params': 'force-cfr=1',
    'preset': 'veryfast',
    'tune': 'psnr',
    'crf': '24',
    'deblock': '1,1',
}
"""What `avc1/mp4` has."""


class RingCamera(SyntheticCamera):
    """Gives images that are there, as a camera does whose driver writes them."""

    def open(self) -> None:
        """Draw the images."""
        super().open()
        images = [self._draw(number) for number in range(RING)]
        self._draw: Any = lambda number: images[number % RING]


def camera(fps: float, size: tuple[int, int] = SIZE, more: str = '') -> RingCamera:
    return RingCamera(f'{size[0]}x{size[1]},fps={fps}{more}')


def lost(
    cameras: int, fps: float, seconds: float, fmt: str, size: tuple[int, int] = SIZE, queue: int | None = QUEUE
) -> int:
    """Record; return how many frames are missing, and 1 if a camera failed."""
    folder = Path(tempfile.mkdtemp(prefix='imgstore-record-'))
    sources = {f'camera{number}': camera(fps, size) for number in range(cameras)}
    try:
        with imgstore.record(sources, folder / 'r', fmt, duration=seconds, buffer_bytes=queue) as recording:
            recording.wait()
        statuses = recording.status().values()
        return sum(status.missing + status.failed for status in statuses)
    finally:
        shutil.rmtree(folder)


def sustained(cameras: int, best: float, seconds: float, fmt: str, queue: int | None = QUEUE) -> float:
    """Return the frames per second of all cameras together without a loss, at most `best`."""
    rates = (best * share for share in SHARES)
    return next((rate for rate in rates if not lost(cameras, rate / cameras, seconds, fmt, queue=queue)), 0.0)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def bare_encoder(cameras: int, seconds: float) -> float:
    """Return the frames per second of PyAV's encoders alone, for images converted in advance."""
    source = camera(1.0)
    source.open()
    chroma = np.full((SIZE[1] // 2, SIZE[0]), 128, np.uint8)
    images = [np.vstack([source._draw(number), chroma]) for number in range(RING)]
    counts = [0] * cameras

    def encode(number: int) -> None:
        with tempfile.NamedTemporaryFile(suffix='.mp4') as file, av.open(file.name, 'w') as container:
            stream = container.add_stream('libx264', rate=25)
            stream.width, stream.height, stream.pix_fmt = *SIZE, 'yuv420p'
            stream.codec_context.options = X264
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                frame = av.VideoFrame.from_ndarray(images[counts[number] % RING], format='yuv420p')
                frame.pts, frame.time_base = counts[number], Fraction(1, 25)
                container.mux(stream.encode(frame))
                counts[number] += 1
            container.mux(stream.encode(None))

    begin = time.monotonic()
    in_threads(cameras, encode)
    return sum(counts) / (time.monotonic() - begin)


def file_writes(seconds: float) -> float:
    """Return the images per second that numpy saves in files, and the system syncs, a chunk at a time."""
    source = camera(1.0)
    source.open()
    with tempfile.TemporaryDirectory(prefix='imgstore-record-') as folder:
        count, begin = 0, time.monotonic()
        while time.monotonic() < begin + seconds:
            paths = [f'{folder}/{number:06d}.npy' for number in range(count, count + IMAGES)]
            for path in paths:
                np.save(path, source._draw(count))
            for path in paths:
                with open(path, 'rb') as file:
                    os.fsync(file)
            count += IMAGES
        return count / (time.monotonic() - begin)


def encoders(seconds: float) -> None:
    """Compare H.264 of one, two and four cameras with the encoders alone."""
    for cameras in (1, 2, 4):
        bare = bare_encoder(cameras, seconds)
        ours = sustained(cameras, bare, seconds, 'avc1/mp4')
        print(f'avc1/mp4, {cameras} cameras: {ours:.0f} frames/s, encoder alone {bare:.0f}: {ours / bare:.0%}')


def raw(seconds: float) -> None:
    """Compare npy with files alone; its usual queue holds the images that come while a chunk is synced."""
    bare = file_writes(seconds)
    ours = sustained(1, bare, seconds, 'npy', queue=None)
    print(f'npy, 1 camera: {ours:.0f} frames/s, files alone {bare:.0f}: {ours / bare:.0%}')


def small(seconds: float) -> None:
    """Record 2,000 frames of 320 x 240 a second."""
    for fmt in ('npy', 'mjpeg/avi', 'avc1/mp4'):
        print(f'{fmt}, 2000 frames/s of 320 x 240: {lost(1, 2000, seconds, fmt, (320, 240))} lost')


def latency(seconds: float) -> None:
    """Measure the time from the arrival of a frame to the call of a function, beside a busy encoder."""
    rate = 0.85 * bare_encoder(1, min(seconds, 5))
    host, late = HostClock(), []

    def look(frame: RecordedFrame) -> None:
        late.append(host.now() - frame.arrival)

    with tempfile.TemporaryDirectory(prefix='imgstore-record-') as folder:
        with imgstore.record({'a': camera(rate)}, Path(folder) / 'r', on_frame=look, duration=seconds) as recording:
            recording.wait()
        missing = recording.status()['a'].missing
    ordered = sorted(late)
    print(
        f'callback at {rate:.0f} frames/s of avc1/mp4: median {statistics.median(ordered) * 1e3:.2f} ms, '
        f'99 % {ordered[len(ordered) * 99 // 100] * 1e3:.2f} ms, {len(late)} calls, {missing} frames missing'
    )


def flat(seconds: float) -> None:
    """Watch the memory of a recording of two cameras at pace."""
    with tempfile.TemporaryDirectory(prefix='imgstore-record-') as folder:
        sources = {name: camera(25) for name in ('a', 'b')}
        samples = []
        with imgstore.record(sources, Path(folder) / 'r', duration=seconds, chunksize=500) as recording:
            while not recording.wait(max(1.0, seconds / 60)):
                samples.append(memory())
        missing = sum(status.missing for status in recording.status().values())
    quarters = ', '.join(f'{samples[len(samples) * part // 4 - 1]:.0f}' for part in (1, 2, 3, 4))
    print(f'2 cameras at 25 frames/s for {seconds:.0f} s: {quarters} MB after each quarter, {missing} frames missing')


def plain(seconds: float) -> None:
    """Compare with a plain loop of pypylon and cv2.VideoWriter, on the same emulated camera."""
    os.environ['PYLON_CAMEMU'] = '1'
    settings = CameraSettings(fps=EMULATED_RATE, size=SIZE, pixel_format='Mono8')
    with tempfile.TemporaryDirectory(prefix='imgstore-record-') as folder:
        taken, missing = plain_loop(settings, f'{folder}/plain.avi', seconds)
        print(f'pypylon and VideoWriter at {EMULATED_RATE} frames/s: {taken} frames, {missing} missing')
        with imgstore.record({'a': 'pylon:0'}, f'{folder}/r', 'mjpeg/avi', settings=settings, duration=seconds) as ours:
            ours.wait()
    status = ours.status()['a']
    print(f'imgstore-record at {EMULATED_RATE} frames/s: {status.frames} frames, {status.missing} missing')


def plain_loop(settings: CameraSettings, path: str, seconds: float) -> tuple[int, int]:
    """Write the frames of a camera as they come; return how many, and how many its numbers lack."""
    camera, numbers = new_camera('pylon:0'), []
    camera.open()
    camera.configure(settings)
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*'MJPG'), EMULATED_RATE, SIZE, isColor=False)
    camera.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        frame = camera.next_frame(1.0)
        if isinstance(frame, GrabbedFrame) and frame.counter is not None:
            writer.write(frame.image)
            numbers.append(frame.counter)
    camera.stop()
    camera.close()
    writer.release()
    return len(numbers), numbers[-1] - numbers[0] + 1 - len(numbers)


CASES = {'encoders': encoders, 'raw': raw, 'small': small, 'latency': latency, 'flat': flat, 'plain': plain}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the cases."""
    parser = argparse.ArgumentParser(description='Measure the recorder.')
    parser.add_argument('cases', nargs='*', choices=[[], *CASES], help='those to measure (default: all)')
    parser.add_argument('--seconds', type=float, default=30, metavar='S', help='of each recording (default: 30)')
    options = parser.parse_args(arguments)
    for name in options.cases or [name for name in CASES if name != 'plain']:
        CASES[name](options.seconds)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
