"""How one chunk is written and read, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Any, ClassVar

import numpy.typing as npt

Image = npt.NDArray[Any]


class ChunkWriter(ABC):
    """Writes the frames of one chunk.

    Frames are written under consecutive indexes from 0. What is on disk before `close` has returned may be hidden
    or incomplete; afterwards all frames that `write` took are there.
    """

    concurrent: ClassVar[bool] = False
    """Whether several threads may be in `write` at once, in any order of indexes."""

    @abstractmethod
    def write(self, image: Image, index: int) -> None:
        """Store an image as the chunk's frame ``index``; OSError if it could not be."""

    @abstractmethod
    def close(self, kept: Sequence[int]) -> None:
        """Complete the chunk, whose frames are from now on those of ``kept``, in that order; OSError if that failed.

        Parameters
        ----------
        kept : sequence of int
            Every index that `write` stored, ascending. Where all went well they are 0, 1, 2, …
        """

    @abstractmethod
    def discard(self) -> None:
        """Remove what was written."""


class ChunkReader(ABC):
    """Reads the frames of one chunk by their index."""

    @abstractmethod
    def read(self, index: int) -> Image:
        """The chunk's frame ``index``, as a new array.

        Raises
        ------
        FrameReadError
            It is missing or damaged. The next call is right again.
        """

    @abstractmethod
    def close(self) -> None:
        """Free what the reader holds open."""

    def __enter__(self) -> ChunkReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class VideoReader(ChunkReader):
    """Reads the frames of one video file."""

    @abstractmethod
    def count(self) -> int:
        """Number of frames that the video has."""
