"""Arrays of frame numbers and times, in memory or mapped, with a search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..ondisk.chunk_index import Numbers, Times
from .cache_file import SavedIndex
from .sorted_lookup import SortedLookup, distance

FrameTimes = tuple[Numbers, Times]

NO_FRAMES: FrameTimes = (np.empty(0, np.int64), np.empty(0, np.float64))


def concatenate(parts: Iterable[FrameTimes]) -> FrameTimes:
    """Copy the frames of several parts into one."""
    numbers, times = zip(NO_FRAMES, *parts, strict=True)
    return np.concatenate(numbers), np.concatenate(times)


class FrameArrays:
    """Contiguous arrays of frame numbers (column 0) and times (column 1).

    Parameters
    ----------
    frames : tuple of two arrays
        Numbers and times.
    saved : SavedIndex, optional
        The index cache, if they are mapped from one.
    is_sorted : pair of bool or None
        Whether numbers and times never decrease, if known.
    ranges : sequence of two pairs, optional
        Smallest and largest number and time, if known.
    """

    def __init__(
        self,
        frames: FrameTimes,
        saved: SavedIndex | None = None,
        is_sorted: tuple[bool | None, bool | None] = (None, None),
        ranges: Sequence[tuple[Any, Any]] = (),
    ) -> None:
        self.frames, self.saved, self._is_sorted = frames, saved, is_sorted
        self.known_ranges: dict[int, tuple[Any, Any]] = dict(enumerate(ranges))
        self._lookups: dict[int, SortedLookup] = {}

    @classmethod
    def mapped(cls, saved: SavedIndex) -> FrameArrays:
        """Use the arrays of an index cache, read and checked on demand."""
        return cls((saved.numbers, saved.times), saved, saved.is_sorted, saved.ranges)

    def __len__(self) -> int:
        return len(self.frames[0])

    def is_sound(self, columns: Sequence[int], own: slice | None = None) -> bool:
        """Return whether frames, by default all, have correct checksums.

        True if not mapped.
        """
        own = own or slice(0, len(self))
        return self.saved is None or all(self.saved.is_sound(column, own) for column in columns)

    def first(self, count: int) -> FrameArrays:
        """Return the first ``count`` frames without a copy."""
        if count == len(self):
            return self
        numbers, times = self._is_sorted
        return FrameArrays(self.part(slice(0, count)), self.saved, (numbers or None, times or None))

    def part(self, own: slice) -> FrameTimes:
        """Return the numbers and times of some frames without a copy."""
        return self.frames[0][own], self.frames[1][own]

    def frame(self, index: int) -> tuple[int, float]:
        """Return the number and time of a frame."""
        return int(self.frames[0][index]), float(self.frames[1][index])

    def range(self, column: int) -> tuple[Any, Any] | None:
        """Return the smallest and the largest value, ignoring nan.

        None without frames.
        """
        values = self.frames[column]
        if column not in self.known_ranges and len(values):
            self.known_ranges[column] = np.fmin.reduce(values).item(), np.fmax.reduce(values).item()
        return self.known_ranges.get(column)

    def _lookup(self, column: int) -> SortedLookup:
        if column not in self._lookups:
            self._lookups[column] = SortedLookup(self.frames[column], self._is_sorted[column])
        return self._lookups[column]

    def find(self, column: int, key: float) -> int | None:
        """Find the first frame with a value; None if there is none."""
        return self._lookup(column).find(key)

    def nearest(self, column: int, key: float) -> tuple[float, int] | None:
        """Find the frame with the nearest value; return distance and index.

        Ties go to the earlier.
        """
        index = self._lookup(column).nearest(key)
        return None if index is None else (distance(self.frames[column][index].item(), key), index)
