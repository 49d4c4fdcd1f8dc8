"""The index files of chunks, read on demand; damaged ones are skipped."""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import takewhile
from typing import NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt

from .._support.warn import warn
from ..errors import ChunkSkippedWarning, CorruptFileError
from ..ondisk.chunk_index import count_frames, read_chunk_index
from ..ondisk.index_stamps import FileStamp, stamp, stamp_if_stable
from ..remote.urls import is_url, name_in_url, parent_url
from .frame_arrays import FrameTimes

ChunkOffsets = npt.NDArray[np.int64]

_Answer = TypeVar('_Answer')


class LazyChunkIndex:
    """Frame numbers and times of one chunk, read on demand.

    Parameters
    ----------
    number : int
        Number of the chunk.
    stem : str
        Path of the chunk's index without extension.
    frames : tuple of two arrays, optional
        Numbers and times, if known.
    is_open : bool
        Whether the chunk is incomplete.
    seen : FileStamp, optional
        Stamp of the index file, if its content is known already.
    """

    def __init__(
        self,
        number: int,
        stem: str,
        frames: FrameTimes | None = None,
        is_open: bool = False,
        seen: FileStamp | None = None,
    ) -> None:
        self.number, self.stem, self.is_open = number, stem, is_open
        self._frames, self._seen, self._was_read = frames, seen, seen is not None
        self._count = None if frames is None else len(frames[0])

    def _look(self) -> None:
        """Take the file's stamp before reading it, to notice changes during the read."""
        if not self._was_read:
            self._seen, self._was_read = stamp_if_stable(self.stem), True

    def count(self) -> int:
        """Count the frames; CorruptFileError if the headers of the index are damaged."""
        if self._count is None:
            self._look()
            self._count = count_frames(self.stem)
        return self._count

    def frames(self) -> FrameTimes:
        """Return the numbers and times; CorruptFileError if the index is damaged."""
        if self._frames is None:
            self._look()
            self.keep(read_chunk_index(self.stem))
        assert self._frames is not None
        return self._frames

    def keep(self, frames: FrameTimes) -> None:
        """Keep numbers and times, perhaps views of a larger array."""
        self._frames, self._count = frames, len(frames[0])

    @property
    def store(self) -> str:
        """The store's folder.

        It is the folder of the chunk's index, or its parent if chunks are folders.
        """
        if is_url(self.stem):
            folder = parent_url(self.stem)
            return parent_url(folder) if name_in_url(self.stem) == 'index' else folder
        folder, name = os.path.split(self.stem)
        return os.path.dirname(folder) if name == 'index' else folder

    @property
    def is_unchanged(self) -> bool:
        """Whether the index file is unchanged since it was read."""
        try:
            return not self._was_read or self._seen == stamp(self.stem)
        except CorruptFileError:
            return False


class _Place(NamedTuple):
    """A chunk, and the indexes of its first frame and after its last."""

    chunk: LazyChunkIndex
    start: int
    end: int


class LazyChunks:
    """Consecutive chunks and the offsets of their frames.

    Damaged chunks are skipped with one warning.

    Parameters
    ----------
    chunks : iterable of LazyChunkIndex
        The chunks in order.
    starts : ndarray of int64, optional
        Index of each chunk's first frame, then the number of frames, if known.

    Attributes
    ----------
    generation : object
        Replaced at each change of the offsets.
    """

    def __init__(self, chunks: Iterable[LazyChunkIndex], starts: ChunkOffsets | None = None) -> None:
        self._chunks = list(chunks)
        self._set_starts(starts)

    def __iter__(self) -> Iterator[LazyChunkIndex]:
        return iter(self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)

    def __getitem__(self, rank: int) -> LazyChunkIndex:
        return self._chunks[rank]

    def get(self, number: int) -> LazyChunkIndex | None:
        """Return the chunk with a number; None if it is missing."""
        rank = self._rank(number)
        is_there = rank < len(self) and self[rank].number == number
        return self[rank] if is_there else None

    def _rank(self, number: int) -> int:
        """Return the position of the chunk with a number, or of the next one."""
        return bisect.bisect_left(self._chunks, number, key=lambda chunk: chunk.number)

    def count_same(self, others: Iterable[LazyChunkIndex]) -> int:
        """Count the chunks at the start common to both."""
        pairs = zip(self._chunks, others, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], pairs))

    def open_at_the_end(self) -> list[LazyChunkIndex]:
        """Return the last chunks, as far as they are incomplete."""
        return list(takewhile(lambda chunk: chunk.is_open, reversed(self._chunks)))[::-1]

    def first(self, count: int) -> LazyChunks:
        """Return the first ``count`` chunks with their offsets."""
        return LazyChunks(self._chunks[:count], None if self._starts is None else self._starts[: count + 1])

    # --- offsets of frames

    @property
    def starts(self) -> ChunkOffsets:
        """Index of each chunk's first frame, then the number of frames."""
        if self._starts is None:
            self._set_starts(offsets(self._read_all(LazyChunkIndex.count)))
        assert self._starts is not None
        return self._starts

    @cached_property
    def _bounds(self) -> list[int]:
        """`starts` as a list, in which a search takes a tenth of the time."""
        return cast(list[int], self.starts.tolist())

    def _set_starts(self, starts: ChunkOffsets | None) -> None:
        self.__dict__.pop('_bounds', None)
        self._starts, self._frame_count = starts, None if starts is None else int(starts[-1])
        self._latest: _Place | None = None
        self.generation = object()

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return int(self.starts[-1]) if self._frame_count is None else self._frame_count

    def place(self, index: int) -> tuple[LazyChunkIndex, int]:
        """Return the chunk of a frame, and the frame's index in it."""
        if self._latest is None or not self._latest.start <= index < self._latest.end:
            bounds = self._bounds
            rank = bisect.bisect_right(bounds, index) - 1
            self._latest = _Place(self._chunks[rank], bounds[rank], bounds[rank + 1])
        return self._latest.chunk, index - self._latest.start

    def range_of(self, number: int) -> tuple[int, int] | None:
        """Return a chunk's first index and the index after its last.

        None if it is after all chunks.

        Both are the same for a missing chunk.
        """
        starts, rank = self.starts, self._rank(number)
        if rank == len(self):
            return None
        is_there = self[rank].number == number
        return int(starts[rank]), int(starts[rank + is_there])

    def _range(self, chunk: LazyChunkIndex) -> tuple[int, int] | None:
        """Return the range as `range_of`, at once for the chunk of the latest frame."""
        if self._latest is not None and self._latest.chunk is chunk:
            return self._latest.start, self._latest.end
        return self.range_of(chunk.number)

    def ranges(self) -> Iterator[tuple[LazyChunkIndex, int, int]]:
        """Return each chunk with the indexes of its first frame and after its last."""
        bounds = self._bounds
        return zip(self._chunks, bounds[:-1], bounds[1:], strict=True)

    # --- reading

    def _read(self, chunk: LazyChunkIndex, read: Callable[[LazyChunkIndex], _Answer]) -> _Answer | None:
        try:
            return read(chunk)
        except CorruptFileError as error:
            warn(ChunkSkippedWarning(chunk.store, chunk.number, error))
            self._chunks.remove(chunk)
            self._set_starts(None)
            return None

    def _read_all(self, read: Callable[[LazyChunkIndex], _Answer]) -> list[_Answer]:
        """Read from each chunk; only the intact ones remain."""
        return [answer for chunk in list(self._chunks) if (answer := self._read(chunk, read)) is not None]

    def frames(self, chunk: LazyChunkIndex) -> FrameTimes | None:
        """Read the index of one chunk; None for a damaged one, skipped from now on.

        This resets the offsets if the file has changed since its frames were counted.
        """
        frames = self._read(chunk, LazyChunkIndex.frames)
        own = None if self._starts is None else self._range(chunk)
        if frames is not None and own is not None and len(frames[0]) != own[1] - own[0]:
            self._set_starts(None)
        return frames

    def all_frames(self) -> list[FrameTimes]:
        """Read the indexes of all chunks, and set the offsets by them."""
        parts = self._read_all(LazyChunkIndex.frames)
        self._set_starts(offsets([len(numbers) for numbers, _ in parts]))
        return parts

    def keep(self, frames: FrameTimes) -> None:
        """Give each chunk a view of its frames, so that no frame is in memory twice."""
        for chunk, start, end in self.ranges():
            chunk.keep((frames[0][start:end], frames[1][start:end]))


def offsets(counts: Sequence[int] | npt.NDArray[np.int64]) -> ChunkOffsets:
    """Return the index of each chunk's first frame, then the number of frames."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
