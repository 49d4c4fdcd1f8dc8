"""Samples of a recording and the gaps between them, in bounded time.

Samples without frames between them show every gap. Other frames between two samples are not read. If the numbers rise
by more than the frames between, some are lost. If the times rise by more than these frames take, there may be a pause.
Bisection finds the place of the largest, and the rule of `find_discontinuities` decides.
"""

from __future__ import annotations

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

MOST_SAMPLES = 2000
MOST_GAPS = 60


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

    @property
    def lost(self) -> npt.NDArray[np.float64]:
        """Seconds without a frame between samples; 0 if unknown."""
        lost = np.diff(self.times) - np.diff(self.places) * self.pace
        return np.asarray(np.nan_to_num(lost, posinf=0, neginf=0), np.float64)


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
        The gaps, in the order of the frames. Of stretches with frames between the samples, at most `MOST_GAPS` are
        searched for missing numbers, and as many for pauses.
    """
    with np.errstate(all='ignore'):  # times may be any numbers
        found = {gap.place: gap for gap in _between_neighbours(samples, period)}
        is_sparse, pace = np.diff(samples.places) > 1, samples.pace
        for rank in _largest(np.where(is_sparse, np.abs(samples.missing), 0)):
            gap = _bisect(frame, samples, rank, lambda one, other, steps: abs(other[0] - one[0] - steps))
            found[gap.place] = gap
        for rank in _largest(np.where(is_sparse & (samples.lost > (GAP_FACTOR - 1) * period), samples.lost, 0)):
            gap = _bisect(frame, samples, rank, lambda one, other, steps: other[1] - one[1] - steps * pace)
            if gap.seconds > GAP_FACTOR * period:
                found[gap.place] = gap
    return [found[place] for place in sorted(found)]


def _between_neighbours(samples: Samples, period: float) -> Iterator[Gap]:
    frames = list(zip(samples.numbers.tolist(), samples.times.tolist(), strict=True))
    for rank in find_discontinuities(samples.numbers, samples.times, period).tolist():
        place = int(samples.places[rank])
        if place == samples.places[rank - 1] + 1:
            yield Gap(place, frames[rank - 1], frames[rank])


def _largest(sizes: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> list[int]:
    order = np.argsort(-sizes, kind='stable')[:MOST_GAPS]
    return [rank for rank in order.tolist() if sizes[rank] > 0]


def _bisect(frame: FrameAt, samples: Samples, rank: int, size: Callable[[Frame, Frame, int], float]) -> Gap:
    low, high = int(samples.places[rank]), int(samples.places[rank + 1])
    before, after = frame(low), frame(high)
    while high - low > 1:
        middle = (low + high) // 2
        between = frame(middle)
        if size(before, between, middle - low) >= size(between, after, high - middle):
            high, after = middle, between
        else:
            low, before = middle, between
    return Gap(high, before, after)


def find_discontinuities(
    numbers: npt.NDArray[np.int64], times: npt.NDArray[np.float64], period: float
) -> npt.NDArray[np.intp]:
    """Return the ranks, among consecutive frames, of those after a gap."""
    with np.errstate(all='ignore'):  # times may be any numbers
        jumps = (np.diff(numbers) != 1) | (np.diff(times) > GAP_FACTOR * period)
    return np.flatnonzero(jumps) + 1
