"""Reading and writing videos with OpenCV's VideoCapture and VideoWriter."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
import sys
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..._support.forking import fork_lock
from ..._support.syncing import sync
from ...color import ensure_color, ensure_grayscale
from ...errors import FrameReadError, FrameWriteError, InvalidArgumentError
from ...formats import VIDEO_FRAMES_PER_SECOND
from ...ondisk.checksums import UNKNOWN
from ...ondisk.files import partial_path, remove_if_there
from ..base import ChunkWriter, Image, VideoEncoder, VideoReader
from .container_checks import NO_PIXEL_LIMIT, check_container, container_url, unreadable_video
from .container_rate import set_rate
from .frame_table import DisplayTimes, display_times, packet_count
from .numbered import SAMPLES, decode_number

_FOURCC = {('.avi', 'mjpeg'): 'MJPG', ('.mkv', 'h264'): 'H264', ('.mp4', 'h264'): 'avc1', ('.mkv', 'ffv1'): 'FFV1'}

if TYPE_CHECKING:
    from .pyav_reader import PyAVChunkReader

_USE_PYAV = "backend='pyav' reads it"

_COMPARED = 8
"""One row in this many is compared with the image before."""

_RESERVE = 2**20
"""Bytes of a disk that must be free: OpenCV keeps frames back, and writes its index at the end."""

_SMALLEST_SIDE = 8  # pixels; with fewer OpenCV writes beyond its memory


# OpenCV holds a lock while it opens and closes videos; `fork_lock` prevents a fork meanwhile, which would deadlock


class OpenCVEncoder(VideoEncoder):
    """Encoder by OpenCV; all work is done in the writer.

    Parameters
    ----------
    codec : str
        'h264', 'mjpeg' or 'ffv1'.
    shape : tuple of int
        Shape of the images, (h, w) or (h, w, 3).
    """

    def __init__(self, codec: str, shape: tuple[int, ...]) -> None:
        if min(shape[:2]) < _SMALLEST_SIDE:
            raise InvalidArgumentError(
                f'imgshape is {shape[0]} x {shape[1]}; OpenCV writes videos of at least '
                f'{_SMALLEST_SIDE} x {_SMALLEST_SIDE} pixels',
                argument='imgshape',
            )
        if shape[0] % 2 or shape[1] % 2:
            raise InvalidArgumentError(
                f'imgshape is {shape[0]} x {shape[1]}; OpenCV writes videos with even sides', argument='imgshape'
            )
        self._codec, self._shape = codec, shape

    def encode(self, image: Image) -> Image:
        """Convert an image to colour."""
        return np.ascontiguousarray(ensure_color(image))

    def writer(self, path: str) -> ChunkWriter:
        """Create a writer of one video."""
        return OpenCVChunkWriter(path, self._codec, self._shape)


class OpenCVChunkWriter(ChunkWriter):
    """Writer by ``cv2.VideoWriter``.

    It does not report lost frames, so the frames of the finished file are counted.
    """

    def __init__(self, path: str, codec: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self._path, self._open_path = path, partial_path(path)
        kind = os.path.splitext(path)[1], codec
        if kind not in _FOURCC:
            raise FrameWriteError(f"{path}: OpenCV writes no {codec} video; use backend='pyav'", path=path)
        fourcc = cv2.VideoWriter.fourcc(*_FOURCC[kind])
        with fork_lock:
            self._writer = cv2.VideoWriter(
                self._open_path, cv2.CAP_FFMPEG, fourcc, VIDEO_FRAMES_PER_SECOND, (shape[1], shape[0]), True
            )
        self._written = 0
        if not self._writer.isOpened():
            self.discard()
            raise FrameWriteError(f"{path}: OpenCV cannot start a {codec} video here; backend='pyav' may", path=path)

    def store(self, content: Image) -> int:
        """Pass a frame to OpenCV."""
        if lack := self._lack_of_room(content.nbytes):
            raise FrameWriteError(f'{self._path}: the video could not be written: {lack}', path=self._path) from lack
        try:
            self._writer.write(content)
        except cv2.error as error:
            raise FrameWriteError(
                f'{self._path}: the video could not be written: {error.err}', path=self._path
            ) from error
        self._written += 1
        return UNKNOWN

    def sync(self) -> None:
        """Sync the part written by OpenCV so far to the disk."""
        sync(self._open_path)

    def _release(self) -> None:
        with fork_lock:
            self._writer.release()

    def close(self, rate: Fraction | None = None) -> None:
        """Finish the file, count its frames, and set its frame rate."""
        self._release()
        found = self._written
        try:
            found = OpenCVChunkReader(self._open_path, color=True).count() if self._written else 0
            if rate is not None and found and not self._open_path.endswith('.mkv'):
                set_rate(self._open_path, rate)
            if found >= self._written:
                os.replace(self._open_path, self._path)
        except (OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be finished: {error}', path=self._path) from error
        if found < self._written:
            what = f'{self._path}: OpenCV wrote only {found} of {self._written} frames'
            raise FrameWriteError(what, path=self._path) from self._lack_of_room(0)

    def leave(self) -> None:
        """Finish the file under its hidden name.

        Without its end, nobody could read it.
        """
        self._release()

    def keep(self) -> None:
        """Rename the video with the frames that are in it."""
        with contextlib.suppress(OSError):
            os.replace(self._open_path, self._path)

    def _lack_of_room(self, size: int) -> OSError | None:
        """Return the error of a disk without room for so many bytes more.

        OpenCV does not say so.
        """
        disk = shutil.disk_usage(os.path.dirname(self._path))
        if not disk.total or disk.free >= size + _RESERVE:
            return None
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._path)

    def discard(self) -> None:
        """Remove the video."""
        self._release()
        remove_if_there(self._open_path)
        remove_if_there(self._path)


@cache
def converts_interlaced() -> bool:
    """Return whether this OpenCV converts interlaced frames, after a trial."""
    with fork_lock:
        capture = cv2.VideoCapture(os.path.join(SAMPLES, 'interlaced.mp4'), cv2.CAP_FFMPEG)
    read = [capture.read() for _ in range(3)]
    with fork_lock:
        capture.release()
    return all(done and decode_number(image) == number for number, (done, image) in enumerate(read))


class OpenCVChunkReader(VideoReader):
    """Reader by ``cv2.VideoCapture``.

    OpenCV seeks to wrong frames if the frame rate varies. So its reported times are compared with the packets' times,
    and a seek beyond the frame is repeated further back. OpenCV conceals damage without reporting it. Since FFmpeg 7.1
    it cannot convert interlaced frames, and returns the memory of an earlier image. PyAV detects interlaced frames
    where that is possible.

    Parameters
    ----------
    path : str
        Path of the video.
    color : bool
        Return images of shape (h, w, 3).
    seek : bool
        False: only decode forward.
    frames : int, optional
        Expected number of frames.
    pixels : int
        Maximum pixels of a frame; larger ones are considered damaged.
    """

    def __init__(
        self, path: str, color: bool, seek: bool = True, frames: int | None = None, pixels: int = NO_PIXEL_LIMIT
    ) -> None:
        self._path, self._color, self._seek, self._pixels = path, color, seek, pixels
        self._announced, self._counted = frames, False
        self._other: PyAVChunkReader | None = None
        self._image: Image | None = None
        self._offset: float | None = None
        self._times: DisplayTimes | None = display_times(path, frames, pixels)
        self._end: float = math.inf if self._times is None else len(self._times)
        self._missing: set[int] = set()
        self._capture: cv2.VideoCapture | None = None
        self._open()

    def _open(self, until: int = 0) -> cv2.VideoCapture:
        check_container(self._path)
        self.close()
        self._next, self._image = 0, None
        self._offset = None if self._times and self._times.guessed else 0.0
        try:
            url = container_url(self._path, until)
        except OSError as error:  # its writer has renamed it
            raise unreadable_video(self._path, error.strerror or error) from error
        with fork_lock:
            capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise FrameReadError(f'{self._path} cannot be read as video', path=self._path)
        if capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT) > self._pixels:
            raise FrameReadError(f'{self._path} states frames of more than {self._pixels} pixels', path=self._path)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        self._capture = capture
        self._check_opened(capture)
        return capture

    def _check_opened(self, capture: cv2.VideoCapture) -> None:
        """Check that OpenCV reads the right video track."""
        size = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if self._times and size != self._times.size:
            raise FrameReadError(
                f'{self._path}: OpenCV reads another track, not the video; {_USE_PYAV}', path=self._path
            )

    def _pyav(self) -> PyAVChunkReader:
        from .pyav_reader import PyAVChunkReader

        if self._other is None:
            self._other = PyAVChunkReader(self._path, self._color, self._seek, self._announced, pixels=self._pixels)
        return self._other

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._capture is not None:
            with fork_lock:
                self._capture.release()
            self._capture = None
        if self._other is not None:
            self._other.close()
            self._other = None

    def count(self) -> int:
        """Count the frames by packets, or by decoding without display times."""
        if self._end == math.inf:
            self._forward_to(sys.maxsize, self._open())
        return int(self._end)

    def read(self, index: int) -> Image:
        """Decode one frame."""
        capture = self._find(index)
        if capture is None and index >= self._end:
            raise FrameReadError(f'{self._path} has only {self._end} readable frames', path=self._path)
        done, image = (False, None) if capture is None else capture.retrieve()
        if not done or image is None:
            raise FrameReadError(f'{self._path}: the frame is missing or damaged', path=self._path)
        self._check_converted(index, image)
        return ensure_color(image, ensure_copy=False) if self._color else ensure_grayscale(image)

    def _check_converted(self, index: int, image: Image) -> None:
        """Check that OpenCV converted this frame, and returned no earlier image."""
        before, self._image = self._image, image[::_COMPARED].copy()
        may_be_old = before is None or np.array_equal(before, self._image)
        if may_be_old and self._pyav().is_interlaced(index) and not converts_interlaced():
            raise FrameReadError(
                f'{self._path}: this OpenCV cannot convert interlaced frames; {_USE_PYAV}', path=self._path
            )

    def _find(self, index: int) -> cv2.VideoCapture | None:
        """Grab a frame; return the capture, or None if the frame is missing."""
        if self._times is None and self._announced is not None:
            self._check_count(self._announced)
        if index >= self._end or index in self._missing:
            return None
        for capture in self._seek_candidates(index):
            if self._forward_to(index, capture):
                return capture
        self._missing.update(self._gap)
        return None

    def _check_count(self, frames: int) -> None:
        """Check that OpenCV skips no damaged frame, if frames can only be counted."""
        if not self._counted and (self.count() == frames or (self._end > frames and self._gives_each_packet())):
            self._counted = True
            self._open()
        if not self._counted:
            raise FrameReadError(
                f'{self._path}: OpenCV reads {self._end} of {frames} frames, and which are missing is unknown; '
                f'{_USE_PYAV}',
                path=self._path,
            )

    def _gives_each_packet(self) -> bool:
        """Return whether OpenCV returns a frame per packet of a growing video."""
        try:
            until = os.path.getsize(self._path)
            packets = packet_count(self._path, self._pixels, until)
        except OSError as error:
            raise unreadable_video(self._path, error.strerror or error) from error
        self._forward_to(sys.maxsize, self._open(until))
        return self._end == packets

    def _seek_candidates(self, index: int) -> Iterator[cv2.VideoCapture]:
        """Seek to starting points for decoding the frame, the nearest first."""
        capture = self._capture or self._open()
        seekable = self._seek and self._times is not None
        if index == self._next or (index > self._next and not seekable):
            yield capture
            if not seekable:
                return
        if self._offset is None and capture.grab():
            self._index_in(self._times, capture)
        for back in (0, 1, 16) if seekable else ():
            if back <= index:
                capture.set(cv2.CAP_PROP_POS_FRAMES, index - back)
                yield capture
        yield self._open()

    def _forward_to(self, index: int, capture: cv2.VideoCapture) -> bool:
        """Decode forward to the frame; False if it is in a gap of skipped frames."""
        patience = 1 if self._times is None else len(self._times)
        while patience:
            if not capture.grab():
                patience -= 1  # OpenCV reports the end and an undecodable frame in the same way
                continue
            shown = self._index_in(self._times, capture)
            if shown is not None:
                self._gap, self._next = range(self._next, shown), shown + 1
                if shown >= index:
                    return shown == index
        if self._times is None:
            self._end = self._next
        self._gap, self._next = range(self._next, int(self._end)), int(self._end)
        return False

    def _index_in(self, times: DisplayTimes | None, capture: cv2.VideoCapture) -> int | None:
        """Return the grabbed frame's index; None if no frame has OpenCV's time."""
        if times is None:
            return self._next
        reported = float(capture.get(cv2.CAP_PROP_POS_MSEC))
        if self._offset is None:  # the first frame
            self._offset = 0.0
            if times.index_of(reported) != 0:
                self._pyav().read(0)  # raises if OpenCV may have skipped it
                self._offset = reported - float(times.milliseconds[0])
        return times.index_of(reported - self._offset)
