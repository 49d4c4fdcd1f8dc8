"""Reading a video during writing.

Its writer may finish it at any time, with a new name and new times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ...errors import FrameReadError
from ..base import Image, VideoReader

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
        self._path = ''
        self._reader: VideoReader | None = None
        self._opened()

    def _opened(self) -> VideoReader:
        """Return a reader for the current name of the video."""
        while self._reader is None or self._find() != self._path:
            self.close()
            path = self._find()
            try:
                self._path, self._reader = path, self._make(path)
            except FrameReadError:
                if self._find() == path:
                    raise
        return self._reader

    def _try(self, read: Callable[[VideoReader], _Result]) -> _Result:
        """Read, and repeat if the video was renamed meanwhile."""
        while True:
            reader = self._opened()
            try:
                result = read(reader)
            except FrameReadError:
                if self._find() == self._path:
                    raise
            else:
                if self._find() == self._path:
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
