"""Samples of a recording and the gaps between them, in bounded time.

Samples without frames between them show every gap. Other frames between two samples are not read. If the numbers rise
by more than the frames between, some are lost. If the times rise by more than these frames take, there may be a pause.
Bisection finds the place of the largest, and the rule of `find_discontinuities` decides. Both sides of it are searched
in the same way.
"""

from __future__ import annotations

import functools
import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..frame_rate import median_of_positive
from ..timestamps import GAP_FACTOR

Frame = tuple[int, float]
FrameAt = Callable[[int], Frame]
"""Returns number and time of the frame at a place, 0 to n - 1, in the order of the axis."""

Place = tuple[int, Frame]
Stretch = tuple[Place, Place]
Size = Callable[[Frame, Frame, int], float]
"""Returns the size of what is missing between two frames that are so many places apart."""

MOST_SAMPLES = 2000
MOST_GAPS = 600
"""Limit of the search for gaps of each kind, in stretches of frames that are not read."""


@dataclass(frozen=True)
class Gap:
    """A gap before a frame.

    Attributes
    ----------
    place : int
        Position of the first frame after the gap, on the axis.
    before : (int, float)
        Number and time of the frame before the gap.
    after : (int, float)
        Number and time of the frame after the gap.
    """

    place: int
    before: Frame
    after: Frame

    @property
    def missing(self) -> int:
        """Number of missing frame numbers; below 0 if numbers go back or repeat."""
        return self.after[0] - self.before[0] - 1

    @property
    def seconds(self) -> float:
        """Time between the two frames."""
        return self.after[1] - self.before[1]


@dataclass(frozen=True)
class Samples:
    """Frames at equal distances, including the first and the last."""

    places: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    times: npt.NDArray[np.float64]

    @property
    def pace(self) -> float:
        """Mean seconds between frames of the usual stretch.

        nan if unknown.
        """
        return median_of_positive(np.diff(self.times) / np.diff(self.places)) or math.nan

    @property
    def missing(self) -> npt.NDArray[np.int64]:
        """Missing numbers between each sample and the next, less repeated ones."""
        return np.diff(self.numbers) - np.diff(self.places)


def sample_frames(frame: FrameAt, start: int, end: int, count: int) -> Samples:
    """Read at most `count` of the frames from `start` to before `end`."""
    places = (
        np.unique(np.linspace(start, end - 1, max(2, count)).round().astype(np.int64))
        if end > start
        else np.empty(0, np.int64)
    )
    frames = [frame(place) for place in places.tolist()]
    return Samples(
        places, np.array([number for number, _ in frames], np.int64), np.array([time for _, time in frames], np.float64)
    )


def find_gaps(frame: FrameAt, samples: Samples, period: float) -> list[Gap]:
    """Find the gaps between samples.

    Find every gap between neighbouring frames, and only the largest in other stretches.

    Parameters
    ----------
    frame : FrameAt
    samples : Samples
        Samples of the frames to search.
    period : float
        Median interval in seconds; nan to ignore pauses.

    Returns
    -------
    list of Gap
        The gaps, in the order of the frames. In stretches with frames between the samples, at most `MOST_GAPS` are
        searched for by missing numbers, and as many pauses, the largest first.
    """
    with np.errstate(all='ignore'):  # times may be any numbers
        found = {gap.place: gap for gap in _between_neighbours(samples, period)}
        pace = samples.pace
        for gap in _search(frame, _stretches(samples), _missing, 0):
            found[gap.place] = gap
        for gap in _search(frame, _stretches(samples), functools.partial(_lost, pace), (GAP_FACTOR - 1) * period):
            if gap.seconds > GAP_FACTOR * period:
                found[gap.place] = gap
    return [found[place] for place in sorted(found)]


def _between_neighbours(samples: Samples, period: float) -> Iterator[Gap]:
    frames = list(zip(samples.numbers.tolist(), samples.times.tolist(), strict=True))
    for rank in find_discontinuities(samples.numbers, samples.times, period).tolist():
        place = int(samples.places[rank])
        if place == samples.places[rank - 1] + 1:
            yield Gap(place, frames[rank - 1], frames[rank])


def _missing(one: Frame, other: Frame, steps: int) -> float:
    return abs(other[0] - one[0] - steps)


def _lost(pace: float, one: Frame, other: Frame, steps: int) -> float:
    return other[1] - one[1] - steps * pace


def _stretches(samples: Samples) -> Iterator[Stretch]:
    """Yield the stretches with frames that are not read."""
    frames = list(zip(samples.numbers.tolist(), samples.times.tolist(), strict=True))
    places = samples.places.tolist()
    for rank in np.flatnonzero(np.diff(samples.places) > 1).tolist():
        yield (places[rank], frames[rank]), (places[rank + 1], frames[rank + 1])


def _search(frame: FrameAt, stretches: Iterator[Stretch], size: Size, least: float) -> Iterator[Gap]:
    """Yield the largest gap of each stretch, then those on both sides of it.

    The largest stretch comes first.
    """
    waiting: list[tuple[float, Stretch]] = []

    def add(stretch: Stretch) -> None:
        (low, before), (high, after) = stretch
        found = size(before, after, high - low)
        if least < found < math.inf:
            heapq.heappush(waiting, (-found, stretch))

    for stretch in stretches:
        add(stretch)
    for _ in range(MOST_GAPS):
        if not waiting:
            return
        low, high = heapq.heappop(waiting)[1]
        gap = _bisect(frame, low, high, size)
        yield gap
        if gap.place - 1 > low[0]:
            add((low, (gap.place - 1, gap.before)))
        if gap.place < high[0]:
            add(((gap.place, gap.after), high))


def _bisect(frame: FrameAt, low: Place, high: Place, size: Size) -> Gap:
    (first, before), (last, after) = low, high
    while last - first > 1:
        middle = (first + last) // 2
        between = frame(middle)
        if size(before, between, middle - first) >= size(between, after, last - middle):
            last, after = middle, between
        else:
            first, before = middle, between
    return Gap(last, before, after)


def find_discontinuities(
    numbers: npt.NDArray[np.int64], times: npt.NDArray[np.float64], period: float
) -> npt.NDArray[np.intp]:
    """Return the ranks, among consecutive frames, of those after a gap."""
    with np.errstate(all='ignore'):  # times may be any numbers
        jumps = (np.diff(numbers) != 1) | (np.diff(times) > GAP_FACTOR * period)
    return np.flatnonzero(jumps) + 1
