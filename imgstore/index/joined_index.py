"""The index of several stores that follow each other."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..constants import FRAME_MD, FRAME_NUMBER
from ..errors import InvalidArgumentError
from ..ondisk.chunk_index import Numbers, Times
from .sorted_lookup import distance
from .store_index import ImgStoreIndex


class JoinedIndex:
    """Numbers and times of the frames of several stores, one after the other.

    Parameters
    ----------
    parts : sequence of ImgStoreIndex
        The indexes of the stores. All chunks' indexes are read.
    shifts : sequence of int
        Added to the frame numbers of each part.
    names : sequence of str
        Folders of the stores, for errors.
    """

    def __init__(self, parts: Sequence[ImgStoreIndex], shifts: Sequence[int], names: Sequence[str]) -> None:
        self.parts, self.shifts, self._names = list(parts), list(shifts), list(names)
        for part in self.parts:
            part.load()
        self.starts = [0, *itertools.accumulate(part.frame_count for part in self.parts)]
        self._frames: tuple[Numbers, Times] | None = None

    def load(self) -> None:
        """Do nothing: all chunks' indexes were read."""

    # --- frames

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self.starts[-1]

    def _merged(self) -> tuple[Numbers, Times]:
        if self._frames is None:
            counts = np.diff(self.starts).tolist()
            numbers = [part.frame_numbers[:count] + shift for part, shift, count in self._with_shifts(counts)]
            times = [part.frame_times[:count] for part, _, count in self._with_shifts(counts)]
            self._frames = np.concatenate(numbers), np.concatenate(times)
        return self._frames

    def _with_shifts(self, counts: Sequence[int]) -> list[tuple[ImgStoreIndex, int, int]]:
        return list(zip(self.parts, self.shifts, counts, strict=True))

    @property
    def frame_numbers(self) -> Numbers:
        """Numbers of all frames: int64, shape (frame_count,). Do not change them."""
        return self._merged()[0]

    @property
    def frame_times(self) -> Times:
        """Times of all frames in seconds: float64. Do not change them."""
        return self._merged()[1]

    def get_all_metadata(self) -> dict[str, list[Any]]:
        """Return the numbers and times of all frames, in order."""
        return {key: values.tolist() for key, values in zip(FRAME_MD, self._merged(), strict=True)}

    def locate(self, index: int) -> tuple[int, int] | None:
        """Return the part of a frame, and its index there; None if there is none."""
        if not 0 <= index < self.frame_count:
            return None
        part = bisect.bisect_right(self.starts, index) - 1
        return part, index - self.starts[part]

    def frame(self, index: int) -> tuple[int, float] | None:
        """Return the number and time of a frame; None if there is none."""
        place = self.locate(index)
        if place is None:
            return None
        part, own = place
        frame = self.parts[part].frame(own)
        return None if frame is None else (frame[0] + self.shifts[part], frame[1])

    def chunk_ranges(self) -> list[tuple[int, str, slice]]:
        """Return each chunk's number in its store, index path, and slice."""
        return [
            (number, stem, slice(own.start + start, own.stop + start))
            for part, start in zip(self.parts, self.starts, strict=False)
            for number, stem, own in part.chunk_ranges()
        ]

    def ranges(self, column: str) -> tuple[float, float] | None:
        """Return the smallest and the largest number or time; None without frames."""
        found = [
            (getattr(part, f'{column}_min') + shift, getattr(part, f'{column}_max') + shift)
            for part, shift in zip(self.parts, self.shifts if column == 'frame' else [0] * len(self.parts), strict=True)
            if part.frame_count
        ]
        if not found:
            return None
        smallest, largest = zip(*found, strict=True)
        return np.fmin.reduce(smallest).item(), np.fmax.reduce(largest).item()

    # --- looking up

    def find(self, what: str, value: Any, nearest: bool = False) -> int | None:
        """Return the first frame with a number or time, or the nearest.

        None if there is none. InvalidArgumentError for a number that frames of several parts have.
        """
        found = [hit for part in range(len(self.parts)) if (hit := self._find_in(part, what, value, nearest))]
        if not found:
            return None
        least = min(found)
        same = [part for away, _, part, number in found if (away, number) == (least[0], least[3])]
        if what == FRAME_NUMBER and len(same) > 1:
            raise InvalidArgumentError(
                f'frame #{least[3]} is in several parts: {self._names[same[0]]} and {self._names[same[1]]}; find it by '
                f'time or index, or open the MultiStore with renumber=True',
                frame_number=int(least[3]),
                argument='number',
            )
        return least[1]

    def _find_in(self, part: int, what: str, value: Any, nearest: bool) -> tuple[float, int, int, float] | None:
        """Return distance, index, part and value of the frame of one part."""
        shift = self.shifts[part] if what == FRAME_NUMBER else 0
        own = self.parts[part].find(what, value - shift, nearest)
        if own is None or own >= self.starts[part + 1] - self.starts[part]:
            return None
        frame = self.parts[part].frame(own)
        assert frame is not None
        key = frame[FRAME_MD.index(what)] + shift
        return distance(key, value), own + self.starts[part], part, key
