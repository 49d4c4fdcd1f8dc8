"""Reading a video during writing.

Its writer may finish it at any time, with a new name and new times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ...errors import FrameReadError
from ..base import Image, VideoReader
from .container_rate import timing_bytes

_Result = TypeVar('_Result')


class LiveVideoReader(VideoReader):
    """Reader of a chunk's video under its current name.

    A frame read while the video was being finished may be a wrong one, so it is read again.

    Parameters
    ----------
    find : callable
        Returns the current path of the video.
    make : callable
        Creates the reader for a path.
    """

    def __init__(self, find: Callable[[], str], make: Callable[[str], VideoReader]) -> None:
        self._find, self._make = find, make
        self._path, self._timing = '', b''
        self._reader: VideoReader | None = None
        self._opened()

    def _opened(self) -> VideoReader:
        """Return a reader for the current name of the video."""
        while self._reader is None or self._find() != self._path:
            self.close()
            self._path = self._find()
            self._timing = timing_bytes(self._path)
            try:
                self._reader = self._make(self._path)
            except FrameReadError:
                if self._is_current():
                    raise
        return self._reader

    def _is_current(self) -> bool:
        """Return whether the open video still has its name and times.

        Close it otherwise.
        """
        is_current = self._find() == self._path and timing_bytes(self._path) == self._timing
        if not is_current:
            self.close()
        return is_current

    def _try(self, read: Callable[[VideoReader], _Result]) -> _Result:
        """Read, and repeat if the video was renamed or got another rate meanwhile."""
        while True:
            reader = self._opened()
            try:
                result = read(reader)
            except FrameReadError:
                if self._is_current():
                    raise
            else:
                if self._is_current():
                    return result

    def read(self, index: int) -> Image:
        """Decode one frame."""
        return self._try(lambda reader: reader.read(index))

    def read_deferred(self, index: int) -> Callable[[], Image]:
        """Run the serial part of `read`."""
        return self._try(lambda reader: reader.read_deferred(index))

    def count(self) -> int:
        """Count the frames."""
        return self._try(lambda reader: reader.count())

    def groups_of(self, indexes: Sequence[int]) -> list[list[int]]:
        """Split indexes by keyframes."""
        return self._try(lambda reader: reader.groups_of(indexes))

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
