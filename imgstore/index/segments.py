"""Frame numbers and times of chunks: one by one as they are read, and of many in one piece, in which they are found."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CorruptFileError
from ..ondisk.chunk_index import FileStamp, Numbers, Times, count_frames, read_chunk_index, stamp, stamp_if_stable
from .sorted_lookup import SortedLookup, distance

FrameTimes = tuple[Numbers, Times]
ChunkOffsets = npt.NDArray[np.int64]

NO_FRAMES: FrameTimes = (np.empty(0, np.int64), np.empty(0, np.float64))


def concatenate(parts: Sequence[FrameTimes]) -> FrameTimes:
    """The frames of chunks, copied."""
    numbers, times = zip(NO_FRAMES, *parts, strict=True)
    return np.concatenate(numbers), np.concatenate(times)


class LazyChunkIndex:
    """Frame numbers and times of one chunk, read when first asked for.

    Parameters
    ----------
    number : int
    stem : str
        Path of its index less the extension.
    frames : tuple of two arrays, optional
        If they are not to be read.
    is_open : bool
        It is not complete.
    seen : FileStamp, optional
        Its index file, if what that tells is known from elsewhere.
    """

    def __init__(self, number: int, stem: str, frames: FrameTimes | None = None, is_open: bool = False,
                 seen: FileStamp | None = None) -> None:
        self.number, self.stem, self.is_open = number, stem, is_open
        self._frames, self._seen, self._was_read = frames, seen, seen is not None
        self.known_count = None if frames is None else len(frames[0])

    def _look(self) -> None:
        """Look at the file before it is read, so that a change meanwhile is noticed by the next look."""
        if not self._was_read:
            self._seen, self._was_read = stamp_if_stable(self.stem), True

    @property
    def count(self) -> int:
        """Number of frames."""
        if self.known_count is None:
            self._look()
            self.known_count = count_frames(self.stem)
        return self.known_count

    @property
    def frames(self) -> FrameTimes:
        """Their numbers and times."""
        if self._frames is None:
            self._look()
            self._frames = read_chunk_index(self.stem)
            self.known_count = len(self._frames[0])
        return self._frames

    @property
    def store(self) -> str:
        """The store's folder: that of the chunk's index, or the one around it if the chunk has a folder of its own."""
        folder, name = os.path.split(self.stem)
        return os.path.dirname(folder) if name == 'index' else folder

    def keep(self, frames: FrameTimes) -> None:
        """Have the same ones in another place."""
        self._frames = frames

    @property
    def is_unchanged(self) -> bool:
        """Whether its index is still the file that was read, if it was."""
        try:
            return not self._was_read or self._seen == stamp(self.stem)
        except CorruptFileError:
            return False


class IndexSegment:
    """Frames of several chunks in one piece.

    Parameters
    ----------
    frames : tuple of two arrays
        Numbers and times.
    starts : ndarray of int64
        Index of each chunk's first frame, and the number of frames at the end.
    is_sorted : pair of bool or None
        Whether numbers and times never go down, if that is known.
    ranges : sequence of two pairs, optional
        Smallest and largest number and time, if they are known.
    check : callable, optional
        Whether the numbers (0) or times (1) of some frames are as they were saved.
    """

    def __init__(self, frames: FrameTimes = NO_FRAMES, starts: ChunkOffsets | None = None,
                 is_sorted: tuple[bool | None, bool | None] = (None, None),
                 ranges: Sequence[tuple[Any, Any]] = (), check: Callable[[int, slice], bool] | None = None) -> None:
        self.frames, self._is_sorted, self._check = frames, is_sorted, check
        self.starts: ChunkOffsets = np.zeros(1, np.int64) if starts is None else starts
        self._ranges: dict[int, tuple[Any, Any]] = dict(enumerate(ranges))
        self._lookups: dict[int, SortedLookup] = {}

    @classmethod
    def of(cls, parts: Sequence[FrameTimes]) -> IndexSegment:
        """The frames of chunks, each as its numbers and times."""
        starts = np.concatenate([[0], np.cumsum([len(numbers) for numbers, _ in parts], dtype=np.int64)])
        return cls(concatenate(parts), starts)

    def __len__(self) -> int:
        return len(self.frames[0])

    @property
    def chunks(self) -> int:
        """How many chunks it has."""
        return len(self.starts) - 1

    def is_sound(self, own: slice, columns: Sequence[int] = (0, 1)) -> bool:
        """Whether those frames are as they were saved, if they are of a file."""
        return self._check is None or all(self._check(column, own) for column in columns)

    def own(self, rank: int) -> slice:
        """Where in it the frames of one of its chunks are."""
        return slice(*self.starts[rank:rank + 2].tolist())

    def of_chunk(self, rank: int) -> FrameTimes:
        """The frames of one of its chunks."""
        own = self.own(rank)
        return self.frames[0][own], self.frames[1][own]

    def frame(self, index: int) -> tuple[int, float]:
        """Number and time of a frame."""
        return int(self.frames[0][index]), float(self.frames[1][index])

    def first_chunks(self, chunks: int) -> IndexSegment:
        """The first so many chunks, not copied."""
        if chunks == self.chunks:
            return self
        end = int(self.starts[chunks])
        numbers, times = self._is_sorted
        return IndexSegment((self.frames[0][:end], self.frames[1][:end]), self.starts[:chunks + 1],
                            (numbers or None, times or None), check=self._check)

    def concat(self, more: IndexSegment) -> IndexSegment:
        """This one and another behind it, copied unless one of them is empty."""
        if not more.chunks or not self.chunks:
            return self if self.chunks else more
        starts = np.concatenate([self.starts, self.starts[-1] + more.starts[1:]])
        return IndexSegment(concatenate([self.frames, more.frames]), starts)

    def range(self, column: int) -> tuple[Any, Any]:
        """Smallest and largest number (0) or time (1), nan left out; there must be frames."""
        if column not in self._ranges:
            values = self.frames[column]
            self._ranges[column] = np.fmin.reduce(values).item(), np.fmax.reduce(values).item()
        return self._ranges[column]

    def _lookup(self, column: int) -> SortedLookup:
        if column not in self._lookups:
            self._lookups[column] = SortedLookup(self.frames[column], self._is_sorted[column])
        return self._lookups[column]

    def find(self, column: int, key: float) -> int | None:
        """Index of the first frame with that number or time; None if there is none."""
        return self._lookup(column).find(key)

    def nearest(self, column: int, key: float) -> tuple[float, int] | None:
        """How far the frame with the nearest number or time is from it, of two the earlier, and its index."""
        index = self._lookup(column).nearest(key)
        return None if index is None else (distance(self.frames[column][index].item(), key), index)
