"""How one chunk is written and read, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from types import TracebackType
from typing import Any

import numpy.typing as npt

Image = npt.NDArray[Any]


class ChunkWriter(ABC):
    """Writes the frames of one chunk.

    What is on disk before `close` has returned may be hidden or incomplete; afterwards all frames that `write` took
    are there, in that order.
    """

    @abstractmethod
    def write(self, prepared: Any) -> None:
        """Store the chunk's next frame, as `imgstore.chunks.ChunkIO.encode` gave it; OSError if it could not be."""

    @abstractmethod
    def sync(self) -> None:
        """Wait until what was handed to the operating system is on the disk itself; OSError if that failed."""

    @abstractmethod
    def close(self, rate: Fraction | None = None) -> None:
        """Complete the chunk; OSError if that failed.

        Parameters
        ----------
        rate : Fraction, optional
            Frames a second, for a video to say.
        """

    @abstractmethod
    def discard(self) -> None:
        """Remove what was written."""


class VideoEncoder(ABC):
    """Encodes the frames of a store's videos, one after the other."""

    @abstractmethod
    def encode(self, image: Image) -> Any:
        """The part of the work that needs no other frame; for several threads at once, in any order."""

    @abstractmethod
    def writer(self, path: str) -> ChunkWriter:
        """A writer of one video, which takes what `encode` gives; FrameWriteError if it cannot be started."""


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

    def read_deferred(self, index: int) -> Callable[[], Image]:
        """Do the part of `read` that no other thread may do meanwhile, and give a function that does the rest.

        Any error, here or there, says just that `read` has to be asked.
        """
        image = self.read(index)
        return lambda: image

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
        """Number of frames that the video has, up to its last one: those that it is known to lack are counted."""
