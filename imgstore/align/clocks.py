"""Clocks of recordings compared: offset and drift over matched frames."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .matching import Times, mutual_nearest

_FIRST = 64
"""Frames of the first window in `fit_by_time`."""
_MOST_DRIFT = 0.01
"""Limit for the clocks of `fit_by_time`: real ones drift by less than 1000 ppm."""
_ROUNDS = 3
_PER_DEVIATION = 1.4826
"""Standard deviations per median of absolute deviations, for a normal distribution."""
_OUTLIER = 4.0
"""Standard deviations from which a frame is an outlier."""


@dataclass(frozen=True)
class ClockFit:
    """A recording's clock compared with that of the first recording.

    A frame at the time t of the first recording has the time ``t + offset + drift_ppm / 1e6 * (t - start)``.

    Attributes
    ----------
    offset : float
        Seconds by which the clock is ahead at ``start``. nan without matched frames.
    drift_ppm : float
        Drift in parts per million: microseconds that the clock gains per second. nan with fewer than two matched
        frames.
    residual : float
        Root mean square in seconds of what the fit leaves, without outliers.
    start : float
        Time of the first matched frame in seconds, by the clock of the first recording.
    frame_count : int
        Number of matched frames of the fit.
    outlier_count : int
        Number of these that were left out as outliers.
    """

    offset: float
    drift_ppm: float
    residual: float
    start: float
    frame_count: int
    outlier_count: int

    def to_reference(self, times: npt.ArrayLike) -> Times:
        """Convert times of this clock to times of the first recording's clock.

        Parameters
        ----------
        times : array_like of float
            Times in seconds.

        Returns
        -------
        ndarray of float64
            Unchanged if the clocks could not be compared.
        """
        own = np.array(times, np.float64)
        if not self.frame_count:
            return own
        since: Times = own - self.start - self.offset
        return self.start + since / (1 + self._drift)

    def from_reference(self, times: npt.ArrayLike) -> Times:
        """Convert times of the first recording's clock to times of this clock.

        The argument and the result are those of `to_reference`.
        """
        reference = np.array(times, np.float64)
        if not self.frame_count:
            return reference
        ahead: Times = self.offset + self._drift * (reference - self.start)
        return reference + ahead

    @property
    def _drift(self) -> float:
        return 0.0 if math.isnan(self.drift_ppm) else self.drift_ppm / 1e6


UNKNOWN = ClockFit(math.nan, math.nan, math.nan, math.nan, 0, 0)
"""The clock of a recording without matched frames."""


def fit_clock(reference: Times, own: Times) -> ClockFit:
    """Fit a line robustly to the times of matched frames.

    Times that are not finite are ignored. Up to a quarter of the frames may have arbitrary times.

    Parameters
    ----------
    reference : ndarray of float64
        Times of the frames in the first recording.
    own : ndarray of float64
        Times of the same frames in the other recording.
    """
    finite = np.isfinite(reference) & np.isfinite(own)
    reference, own = reference[finite], own[finite]
    if not len(reference):
        return UNKNOWN
    start = float(reference.min())
    since, ahead = reference - start, own - reference
    offset, drift = _first_line(since, ahead)
    used = np.ones(len(since), bool)
    for _ in range(_ROUNDS):
        used = _inliers(ahead - offset - drift * since)
        offset, drift = _least_squares(since[used], ahead[used], (offset, drift))
    rest = (ahead - offset - drift * since)[used]
    residual = math.sqrt(float(np.mean(rest * rest)))
    drift_ppm = drift * 1e6 if float(np.ptp(since)) else math.nan
    return ClockFit(offset, drift_ppm, residual, start, len(since), int(len(since) - used.sum()))


def _first_line(x: Times, y: Times) -> tuple[float, float]:
    """Return offset and slope from medians: that of slopes over half the frames.

    Theil's incomplete method takes time in proportion to the number of frames.
    """
    order = np.argsort(x, kind='stable')
    x, y = x[order], y[order]
    half = (len(x) + 1) // 2
    run, rise = x[half:] - x[: len(x) - half], y[half:] - y[: len(x) - half]
    slope = float(np.median(rise[run > 0] / run[run > 0])) if bool((run > 0).any()) else 0.0
    return float(np.median(y - slope * x)), slope


def _inliers(rest: Times) -> npt.NDArray[np.bool_]:
    """Return which deviations are usual; most always are."""
    distance = np.abs(rest - np.median(rest))
    usual = _PER_DEVIATION * float(np.median(distance))
    return np.asarray(distance <= max(_OUTLIER * usual, 1e-6))  # a microsecond: rounding of times since 1970


def _least_squares(x: Times, y: Times, otherwise: tuple[float, float]) -> tuple[float, float]:
    if not len(x):
        return otherwise
    middle, height = float(x.mean()), float(y.mean())
    spread = float(np.dot(x - middle, x - middle))
    slope = float(np.dot(x - middle, y - height)) / spread if spread else 0.0
    return height - slope * middle, slope


def fit_by_time(reference: Times, own: Times, tolerance: float) -> ClockFit:
    """Fit a clock over frames that are nearest in time.

    The first frames give a first fit, which matches twice as many, and so on. So the clocks may drift apart by many
    frames, as long as they differ by less than the tolerance where both recordings began.

    Parameters
    ----------
    reference, own : ndarray of float64
        Times in seconds, ascending, each once.
    tolerance : float
        Maximum distance in seconds of matched frames.
    """
    clock = UNKNOWN
    for window in _windows(reference, own, tolerance):
        part = reference[window]
        first, end = np.searchsorted(own, clock.from_reference(part[[0, -1]] + [-tolerance, tolerance]))
        near = own[first : end + 1]
        here, there = mutual_nearest(part, clock.to_reference(near), tolerance)
        fitted = fit_clock(part[here], near[there])
        if fitted.frame_count and not abs(fitted.drift_ppm) > _MOST_DRIFT * 1e6:
            clock = fitted
    return clock


def _windows(reference: Times, own: Times, tolerance: float) -> Iterator[slice]:
    """Yield growing parts from where both recordings began, all of it twice."""
    if not len(reference) or not len(own):
        return
    begin = int(np.searchsorted(reference, own[0] - tolerance))
    length, most = _FIRST, len(reference) - begin
    while length < most:
        yield slice(begin, begin + length)
        length *= 2
    if most:
        yield slice(begin, None)
        yield slice(begin, None)
