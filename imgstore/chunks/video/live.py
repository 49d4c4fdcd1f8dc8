"""Reading a video that its writer may finish at any time: then it gets another name, and other times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...errors import FrameReadError
from ..base import Image, VideoReader

_Result = TypeVar('_Result')


class LiveVideoReader(VideoReader):
    """Reads a chunk's video under the name that it has now.

    What was read just before the video was finished may be another frame, so it is read again.

    Parameters
    ----------
    find : callable
        Gives the path of the video as it is now.
    make : callable
        Makes the reader of a path.
    """

    def __init__(self, find: Callable[[], str], make: Callable[[str], VideoReader]) -> None:
        self._find, self._make = find, make
        self._path = ''
        self._reader: VideoReader | None = None
        self._opened()

    def _opened(self) -> VideoReader:
        """A reader of the name that the video has now."""
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
        """Read until the video has kept its name meanwhile."""
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
        """Do the part of `read` that no other thread may do meanwhile."""
        return self._try(lambda reader: reader.read_deferred(index))

    def count(self) -> int:
        """Number of frames."""
        return self._try(lambda reader: reader.count())

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
