"""imgstore-save: the frames of a video file, or of a camera, into a new store."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import time
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..color import Image, ensure_grayscale
from ..errors import FrameReadError, InvalidArgumentError
from ..stores import get_supported_formats, new_for_format
from ._cli import SIGNALLED, Stop, command_parser, run
from ._progress import Progress

if TYPE_CHECKING:
    import av

Frames = Generator[tuple[Image, float]]

_USUAL_RATE = Fraction(25)
_SILENT = 0  # OpenCV's log level


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        'imgstore-save', 'Save all frames of a video file, or what a camera sees, in a new store.',
        'imgstore-save --format png --source film.mp4 film-store',
        'Ctrl-C ends it with a whole store: with exit code 0 for a camera, 130 for a file that is not all read.')
    made.add_argument(
        '--format', choices=get_supported_formats(), default='mjpeg/avi', help='of the store (default: %(default)s)')
    made.add_argument(
        '--source', default='0', metavar='PATH|N', help='a video file, or the number of a camera (default: camera 0)')
    made.add_argument('dest', metavar='DEST', help='folder of the new store')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Save what the command line names; returns the exit code."""
    args = parser().parse_args(argv)
    return run('imgstore-save', lambda: _save(args), args.verbose)


def film_frames(path: str) -> Frames:
    """Read all frames of a video file.

    Parameters
    ----------
    path
        Of any file, or URL, that FFmpeg reads.

    Yields
    ------
    image : numpy.ndarray
        (h, w, 3) BGR, uint8, upright.
    time : float
        The file's own timestamp in seconds.

    Raises
    ------
    InvalidArgumentError
        It is no video.
    FrameReadError
        A frame is damaged.
    """
    import av

    number = 0
    try:
        with av.open(path, metadata_errors='replace') as film:
            if not film.streams.video:
                raise InvalidArgumentError(f'{path!r} holds no video')
            stream = film.streams.video[0]
            stream.thread_type = 'SLICE'  # threads that each decode a frame lose the error of a film's cut-off end
            for frame in film.decode(stream):
                yield _upright(frame), _time(frame, number, stream.average_rate)
                number += 1
    except av.FFmpegError as error:
        if number == 0:
            raise InvalidArgumentError(f'{path!r} cannot be read as a video: {error.strerror}') from error
        raise FrameReadError(f'{path!r}: frame {number} cannot be read: {error.strerror}') from error


def camera_frames(number: int) -> Frames:
    """Read what a camera sees, for ever.

    Parameters
    ----------
    number
        OpenCV's number of the camera.

    Yields
    ------
    image : numpy.ndarray
        (h, w, 3) BGR, uint8.
    time : float
        This machine's clock when the image came, in seconds since 1970.

    Raises
    ------
    InvalidArgumentError
        The camera cannot be opened.
    FrameReadError
        It gives no more images.
    """
    with _quiet_opencv():
        camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise InvalidArgumentError(f'camera {number} cannot be opened')
        while True:
            there, image = camera.read()
            if not there:
                raise FrameReadError(f'camera {number} gives no more images')
            yield image, time.time()
    finally:
        camera.release()


@contextlib.contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Without OpenCV's own lines on standard error, one from each kind of camera that it tries."""
    log: Any = getattr(cv2.utils, 'logging', cv2)  # OpenCV 4 has its functions at the top
    level = log.getLogLevel()
    log.setLogLevel(_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


def _upright(frame: av.VideoFrame) -> Image:
    image: Image = frame.to_ndarray(format='bgr24')
    quarter_turns = round(frame.rotation / 90)
    return np.ascontiguousarray(np.rot90(image, quarter_turns))


def _time(frame: av.VideoFrame, number: int, rate: Fraction | None) -> float:
    if frame.pts is None or frame.time_base is None:
        return float(number / (rate or _USUAL_RATE))
    return float(frame.pts * frame.time_base)


def _save(args: argparse.Namespace) -> int:
    from_camera = args.source.isdecimal()
    frames = camera_frames(int(args.source)) if from_camera else film_frames(args.source)
    with Stop() as stop, contextlib.closing(frames):
        _write(frames, args.format, args.dest, stop)
    return 0 if from_camera or not stop.signal else SIGNALLED + stop.signal


def _write(frames: Frames, fmt: str, dest: str, stop: Stop) -> None:
    """Put the frames into a new store until there are no more, or until a signal."""
    first = next(frames, None)
    if first is None:
        raise InvalidArgumentError('the video has no frames')
    store = new_for_format(fmt, basedir=dest, imgshape=_as_stored(first[0], fmt).shape, imgdtype=np.uint8)
    try:
        with store, Progress('imgstore-save') as progress:
            for number, (image, frame_time) in enumerate(itertools.chain([first], frames)):
                store.add_image(_as_stored(image, fmt), number, frame_time)
                progress.step()
                if stop.signal:
                    break
    finally:
        print(f'{store.frame_count} frames saved in {dest!r}')


def _as_stored(image: Image, fmt: str) -> Image:
    return ensure_grayscale(image) if fmt == 'pgm' else image
