"""A recording in so many samples, and the gaps between them: work that is bounded however long the recording is.

What lies between two samples is known without being read: numbers that rose by more than the frames that are there
tell of lost ones, times that rose by more than these frames take tell of a pause. Where in between it happened is
found by bisection.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..frame_rate import median_of_positive
from ..timestamps import GAP_FACTOR

Frame = tuple[int, float]
FrameAt = Callable[[int], Frame]
"""Number and time of the frame at a place, 0 to n - 1, in the order of the axis."""

MOST_SAMPLES = 2000
MOST_GAPS = 60
_NOISE = 8.0
"""Times the usual deviation of a stretch of frames: what is more is no jitter of the clock."""


@dataclass(frozen=True)
class Gap:
    """What is missing before a frame.

    Attributes
    ----------
    place : int
        Of the first frame behind it.
    before, after : (int, float)
        Number and time of the frames on both sides.
    """

    place: int
    before: Frame
    after: Frame

    @property
    def missing(self) -> int:
        """How many numbers are left out; below 0 where the numbers go back or repeat."""
        return self.after[0] - self.before[0] - 1

    @property
    def seconds(self) -> float:
        """Time between the two frames."""
        return self.after[1] - self.before[1]


@dataclass(frozen=True)
class Samples:
    """Frames in equal distances, the first and the last among them."""

    places: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    times: npt.NDArray[np.float64]

    @property
    def pace(self) -> float:
        """Mean seconds from frame to frame of the usual stretch between two samples; nan where times tell nothing."""
        return median_of_positive(np.diff(self.times) / np.diff(self.places)) or math.nan

    @property
    def missing(self) -> npt.NDArray[np.int64]:
        """Between each sample and the next, numbers without a frame, less those that were given again."""
        return np.diff(self.numbers) - np.diff(self.places)

    @property
    def lost(self) -> npt.NDArray[np.float64]:
        """Between each sample and the next, seconds without a frame; nan where times tell nothing."""
        return np.asarray(np.diff(self.times) - np.diff(self.places) * self.pace, np.float64)


def sample_frames(frame: FrameAt, start: int, end: int, count: int) -> Samples:
    """Look at the frames from `start` up to but not including `end`, at no more than `count` of them."""
    places = np.unique(np.linspace(start, end - 1, max(2, count)).round().astype(np.int64)) if end > start else \
        np.empty(0, np.int64)
    frames = [frame(place) for place in places.tolist()]
    return Samples(places, np.array([number for number, _ in frames], np.int64),
                   np.array([time for _, time in frames], np.float64))


def find_gaps(frame: FrameAt, samples: Samples, period: float) -> list[Gap]:
    """Find the largest gap between each two samples where there is one, of not more than `MOST_GAPS` stretches.

    Parameters
    ----------
    frame : FrameAt
    samples : Samples
        Of the frames among which to look.
    period : float
        The median interval in seconds; nan: pauses are not looked for.

    Returns
    -------
    list of Gap
        In the order of the frames.
    """
    found: dict[int, Gap] = {}
    for rank in _largest(np.abs(samples.missing)):
        gap = _bisect(frame, samples, rank, lambda one, other, steps: abs(other[0] - one[0] - steps))
        found[gap.place] = gap
    if period == period:
        lost, pace = np.nan_to_num(samples.lost, posinf=0, neginf=0), samples.pace
        noise = _NOISE * float(np.median(np.abs(lost))) if len(lost) else 0
        for rank in _largest(np.where(lost > max((GAP_FACTOR - 1) * period, noise), lost, 0)):
            gap = _bisect(frame, samples, rank, lambda one, other, steps: other[1] - one[1] - steps * pace)
            if gap.seconds > GAP_FACTOR * period:
                found[gap.place] = gap
    return [found[place] for place in sorted(found)]


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


def find_discontinuities(numbers: npt.NDArray[np.int64], times: npt.NDArray[np.float64], period: float
                         ) -> npt.NDArray[np.intp]:
    """Ranks of the frames before which something is missing, among frames that follow one another."""
    with np.errstate(invalid='ignore'):
        jumps = (np.diff(numbers) != 1) | (np.diff(times) > GAP_FACTOR * period)
    return np.flatnonzero(jumps) + 1
