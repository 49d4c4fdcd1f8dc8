"""Interfaces for writing and reading one chunk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy.typing as npt

from .._support.cpu import THREADS
from ..ondisk.checksums import UNKNOWN, LateChecksum

Image = npt.NDArray[Any]

SHORT_GROUP = 16
"""Most frames decoded from one keyframe in a video read from several keyframes at once."""

MOST_RUNS = THREADS + 2
"""Most groups of frames decoded before they are requested: one to take frames from, the others to decode."""

MOST_IN_RUNS = MOST_RUNS * SHORT_GROUP
"""Most frames in these groups."""


class Encoded(NamedTuple):
    """A frame ready to be written.

    Attributes
    ----------
    content : object
        What a `ChunkWriter` takes.
    checksum : int
        Checksum of the bytes to be stored; 0 if it is not known yet.
    late : LateChecksum, optional
        Checksum to be computed during or after the writing.
    """

    content: Any
    checksum: int = UNKNOWN
    late: LateChecksum | None = None


class ChunkWriter(ABC):
    """Writer of the frames of one chunk.

    Before `close` has returned, the files may be hidden or incomplete. Afterwards all written frames are there, in the
    order of `write`.
    """

    unsettled = 0
    """Number of the last frames that another file has, in another form, until they are in this one."""

    def __init__(self) -> None:
        self.checksums: list[int] = []
        """Checksum of each written frame, 0 where it is unknown."""

    def write(self, frame: Encoded) -> None:
        """Store the chunk's next frame, a result of `imgstore.chunks.ChunkIO.encode`.

        Raises OSError.
        """
        checksum = self.store(frame.content)
        self.checksums.append(frame.late.value() if frame.late else frame.checksum or checksum)

    @abstractmethod
    def store(self, content: Any) -> int:
        """Store the content of the chunk's next frame; OSError if that failed.

        Returns
        -------
        checksum : int
            Checksum of the stored bytes; 0 if the writer does not compute it.
        """

    @abstractmethod
    def sync(self) -> None:
        """Sync all written frames to the disk; OSError if that failed."""

    @abstractmethod
    def close(self, rate: Fraction | None = None) -> None:
        """Complete the chunk; OSError if that failed.

        Parameters
        ----------
        rate : Fraction, optional
            Frames per second, for the video's header.
        """

    def leave(self) -> None:  # noqa: B027 -- folders of images need nothing
        """Close the files as they are, after an error of `store` or `close`.

        A repair completes them.
        """

    def keep(self) -> None:  # noqa: B027
        """Give the files their final names all the same, after an error of `close`."""

    @abstractmethod
    def discard(self) -> None:
        """Remove all written files."""


class VideoEncoder(ABC):
    """Encoder of the frames of a store's videos.

    Attributes
    ----------
    gives_packets : bool
        Whether a result of `encode` is the packet as it is stored.
    """

    gives_packets = False

    @abstractmethod
    def encode(self, image: Image) -> Any:
        """Do the part of encoding independent of other frames.

        Thread-safe, in any order.
        """

    @abstractmethod
    def writer(self, path: str) -> ChunkWriter:
        """Create a writer of one video for results of `encode`.

        Raises FrameWriteError if that fails.
        """


class ChunkReader(ABC):
    """Reader of the frames of one chunk by index."""

    @abstractmethod
    def read(self, index: int) -> Image:
        """Read the chunk's frame ``index`` as a new array.

        Raises
        ------
        FrameReadError
            The frame is missing or damaged. Later calls are not affected.
        """

    def read_deferred(self, index: int) -> Callable[[], Image]:
        """Run the serial part of `read`; return a callable for the thread-safe rest.

        After an error in either part, call `read`.
        """
        image = self.read(index)
        return lambda: image

    def next_keyframe(self, index: int) -> int | None:
        """Return the first keyframe from an index on, or the end; None if unknown.

        Thread-safe. It is unknown while a video is being written.
        """
        return None

    def groups_of(self, indexes: Sequence[int]) -> list[list[int]]:
        """Split ascending indexes by the keyframe they are decoded from."""
        return [list(indexes)]

    def another(self) -> ChunkReader | None:
        """Return a reader of the same chunk for another thread.

        None if it has to be opened like this one.
        """
        return None

    @abstractmethod
    def close(self) -> None:
        """Close the reader's files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class VideoReader(ChunkReader):
    """Reader of the frames of one video file."""

    @abstractmethod
    def count(self) -> int:
        """Count the frames up to the last one, including those known to be missing."""
