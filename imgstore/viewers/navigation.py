"""Navigation in a recording: numbers, times, usual interval and gaps."""

from __future__ import annotations

import bisect
import math
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..constants import FRAME_NUMBER, FRAME_TIME
from ..stores.base import ImgStore
from ..timestamps import usual_interval
from . import gaps

_SEARCH_SECONDS = 0.25


class Navigator:
    """Thread-safe navigation in an open store, also a growing one.

    Parameters
    ----------
    store : store
    """

    def __init__(self, store: ImgStore) -> None:
        self._store = store
        self._period: tuple[int, float] | None = None

    def frame(self, index: int) -> gaps.Frame:
        """Return number and time of a frame; (0, nan) if its chunk is damaged."""
        return self._store.index.frame(index) or (0, math.nan)

    @property
    def period(self) -> float:
        """Return the median interval in seconds; nan if unknown."""
        known, count = self._period, self._store.frame_count
        if known is None or not known[0] <= count < 2 * known[0]:  # a few more frames do not change it
            known = self._period = count, usual_interval(self._store) or math.nan
        return known[1]

    def chunk_starts(self, low: int, high: int) -> list[tuple[int, int]]:
        """Return number and first index of chunks from after `low` to `high`."""
        return [(number, start) for number, start, _ in self._store.chunk_ranges() if low < start <= high]

    def next_gap(self, index: int, direction: int) -> tuple[int | None, int | None]:
        """Find the next (direction 1) or previous (-1) frame after a gap.

        Returns
        -------
        found : int or None
            Index of the frame.
        searched : int or None
            Index to continue a bounded search from. None at an end.
        """
        parts, until = self._store.index.chunk_ranges(), time.monotonic() + _SEARCH_SECONDS
        starts = [own.start for _, _, own in parts]
        while 0 <= (rank := _rank(starts, index, direction)) < len(parts):
            found = self._jumps(parts[rank])
            found = found[found > index] if direction > 0 else found[found < index]
            if len(found):
                return int(found[0 if direction > 0 else -1]), index
            own = parts[rank][2]
            index = own.stop - 1 if direction > 0 else own.start
            if time.monotonic() > until:
                break
        ended = index >= self._store.frame_count - 1 if direction > 0 else index <= 0
        return None, None if ended else index

    def _jumps(self, part: tuple[int, str, slice]) -> npt.NDArray[np.int64]:
        """Return the indexes of a chunk's frames after a gap."""
        frames, start = self._store.index.get_chunk_metadata(part[0]), part[2].start
        numbers, times = frames[FRAME_NUMBER], frames[FRAME_TIME]
        if start > 0:
            before = self.frame(start - 1)
            numbers, times, start = [before[0], *numbers], [before[1], *times], start - 1
        jumps = gaps.find_discontinuities(np.array(numbers, np.int64), np.array(times, np.float64), self.period)
        return np.asarray(jumps + start, np.int64)


def _rank(starts: Sequence[int], index: int, direction: int) -> int:
    """Return the chunk of the next (direction 1) or previous frame."""
    return bisect.bisect_right(starts, index + direction) - 1 if index + direction >= 0 else -1
