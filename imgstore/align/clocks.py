"""Clocks of recordings compared: offset and drift over matched frames."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .matching import Numbers, Times, mutual_nearest, nearest

_FIRST = 64
"""Frames of the first window in `fit_by_time`."""
_MOST_DRIFT = 0.01
"""Limit for the clocks of `fit_by_time`: real ones drift by less than 1000 ppm."""
_ROUNDS = 2
_SAMPLE = 10_000
"""Most frames of a first fit, which a last round over all frames makes exact."""
_GOLDEN = (5**0.5 - 1) / 2
_PER_DEVIATION = 1.4826
"""Standard deviations per median of absolute deviations, for a normal distribution."""
_OUTLIER = 4.0
"""Standard deviations from which a frame is an outlier."""
_AS_WELL, _AS_MANY = 1.5, 0.98
"""Ratios of residuals and of matched frames at which another clock fits as well."""
_MICROSECOND = 1e-6
"""Rounding of times since 1970, and more."""


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
    is_ambiguous : bool
        Whether a clock that is one frame interval ahead or back would fit as well. So it is by time if the intervals
        are regular: then the offset may be wrong by any number of frames. By number it never is.
    """

    offset: float
    drift_ppm: float
    residual: float
    start: float
    frame_count: int
    outlier_count: int
    is_ambiguous: bool = False

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


def own_clock(times: Times) -> ClockFit:
    """Return the clock of the first recording, compared with itself."""
    finite = times[np.isfinite(times)]
    if not len(finite):
        return UNKNOWN
    start, end = float(finite.min()), float(finite.max())
    return ClockFit(0.0, 0.0 if end > start else math.nan, 0.0, start, len(finite), 0)


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
    if not finite.all():
        reference, own = reference[finite], own[finite]
    if not len(reference):
        return UNKNOWN
    start = float(reference.min())
    since, ahead = reference - start, own - reference
    sample = _spread(len(since))
    line = _first_line(since[sample], ahead[sample])
    for _ in range(_ROUNDS):
        line, _ = _refined(since[sample], ahead[sample], line)
    (offset, drift), used = _refined(since, ahead, line)
    rest = (ahead - offset - drift * since)[used]
    residual = math.sqrt(float(np.mean(rest * rest)))
    drift_ppm = drift * 1e6 if float(np.ptp(since)) else math.nan
    return ClockFit(offset, drift_ppm, residual, start, len(since), int(len(since) - used.sum()))


def _spread(count: int) -> Numbers:
    """Return positions spread evenly over all, at most `_SAMPLE`.

    Golden steps within equal parts meet each remainder alike. So outliers at every nth frame stay as rare as they are.
    """
    if count <= _SAMPLE:
        return np.arange(count)
    parts = np.arange(_SAMPLE)
    return ((parts + parts * _GOLDEN % 1) * (count / _SAMPLE)).astype(np.int64)


def _refined(x: Times, y: Times, line: tuple[float, float]) -> tuple[tuple[float, float], npt.NDArray[np.bool_]]:
    """Return the line of least squares over the inliers of a line, and these."""
    used = _inliers(y - line[0] - line[1] * x)
    return (_least_squares(x, y, line) if used.all() else _least_squares(x[used], y[used], line)), used


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
    return np.asarray(distance <= max(_OUTLIER * usual, _MICROSECOND))


def _least_squares(x: Times, y: Times, otherwise: tuple[float, float]) -> tuple[float, float]:
    if not len(x):
        return otherwise
    middle, height = float(x.mean()), float(y.mean())
    run = x - middle
    spread = float((run * run).sum())  # np.dot would wake the threads of BLAS, which takes longer
    slope = float((run * (y - height)).sum()) / spread if spread else 0.0
    return height - slope * middle, slope


def fit_by_time(reference: Times, own: Times, tolerance: float) -> ClockFit:
    """Fit a clock over frames that are nearest in time.

    The first frames give a first fit, which matches twice as many, and so on. So the clocks may drift apart by many
    frames, as long as they differ by less than the tolerance where both recordings began. Of many frames a sample is
    matched, until the last fit over all.

    Parameters
    ----------
    reference, own : ndarray of float64
        Times in seconds, ascending, each once.
    tolerance : float
        Maximum distance in seconds of matched frames.
    """
    clock = UNKNOWN
    for positions in _windows(reference, own, tolerance):
        clock = _plausible(_fit_sample(reference, own, positions, clock, tolerance), clock)
    if not clock.frame_count:
        return clock
    here, there = mutual_nearest(reference, clock.to_reference(own), tolerance)
    clock = _plausible(fit_clock(reference[here], own[there]), clock)
    return replace(clock, is_ambiguous=_is_ambiguous(reference, own, clock, tolerance))


def _plausible(fitted: ClockFit, before: ClockFit) -> ClockFit:
    return fitted if fitted.frame_count and not abs(fitted.drift_ppm) > _MOST_DRIFT * 1e6 else before


def _windows(reference: Times, own: Times, tolerance: float) -> Iterator[Numbers]:
    """Yield positions in growing parts from the common begin, all twice."""
    if not len(reference) or not len(own):
        return
    begin = int(np.searchsorted(reference, own[0] - tolerance))
    length, most = _FIRST, len(reference) - begin
    while length < most:
        yield begin + _spread(length)
        length *= 2
    if most:
        yield begin + _spread(most)
        yield begin + _spread(most)


def _fit_sample(reference: Times, own: Times, here: Numbers, clock: ClockFit, tolerance: float) -> ClockFit:
    """Match the reference's frames at these positions by a clock, and fit it."""
    there = nearest(clock.from_reference(reference[here]), own)
    back = clock.to_reference(own[there])
    is_pair = (nearest(back, reference) == here) & (np.abs(reference[here] - back) <= tolerance + _MICROSECOND)
    return fit_clock(reference[here[is_pair]], own[there[is_pair]])


def _is_ambiguous(reference: Times, own: Times, clock: ClockFit, tolerance: float) -> bool:
    """Return whether a clock fits as well that differs by the shorter interval."""
    if min(len(reference), len(own)) < 2:
        return False
    step, sample = min(map(_usual_interval, (reference, own))), _spread(len(reference))
    best, *others = (
        _fit_sample(reference, own, sample, replace(clock, offset=clock.offset + shift), tolerance)
        for shift in (0.0, -step, step)
    )
    most = _AS_WELL * best.residual + _MICROSECOND
    return any(other.frame_count >= _AS_MANY * best.frame_count and other.residual <= most for other in others)


def _usual_interval(times: Times) -> float:
    at = _spread(len(times) - 1)
    return float(np.median(times[at + 1] - times[at]))
