"""The frame rate of a recording: given, in its metadata, or measured.

There are two rates by frame times. 1 / `median_interval` is the rate of the running camera, shown to the user and
compared with gaps. `measured` is the mean rate, also of bursts, stored in video files so that other programs play them
at the right speed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt

from .errors import InvalidArgumentError

SLOWEST, FASTEST = 0.0001, 1_000_000.0
"""Allowed frames per second of a video."""

_TRIGGERED_RATES = ('hwframerate', 'motifptpframerate')
_CAMERA_RATE, _CAMERA_KEEPS_RATE = 'acquisitionframerate', 'acquisitionframerateenable'
_MOST_DENOMINATOR = 1001
_EXACT, _MOST_ERROR = 2e-6, 1e-3
_TELEVISION = (24, 30, 48, 60, 120, 240)
"""Rates often reduced by a thousandth."""

_SURE = 0.01
MANY_TIMES, _MOST_TIMES = 200, 10_000
"""Number of frames for measuring the rate, across chunks, and the maximum while it is uncertain."""
_USUAL = (0.45, 1.55)
"""Usual intervals in medians: no pause, no lost frame, no repeated frame. Multiples of a half are avoided, since coarse
clocks produce them."""

_MOST_SHORT, _MOST_ODD = 0.05, 0.25
"""Maximum shares of shorter and of unusual intervals at an even pace."""

_BURSTS, _FEW, _MANY, _MOSTLY = 2, 3, 5, 0.8
_GAP = 3
"""Minimum gap between bursts, in largest usual intervals; shorter ones may be lost frames."""

_PAUSE, _MUCH = 5.0, 20
"""Minimum pause in seconds, and in mean intervals: no camera holds frames back for longer."""

_Intervals = npt.NDArray[np.float64]


def median_interval(times: npt.ArrayLike) -> float | None:
    """Return the median interval between frames.

    Parameters
    ----------
    times : array_like of float
        Times of the frames in seconds, in the order of the store.

    Returns
    -------
    float or None
        Median of the positive, finite intervals in seconds; None if there are none.

    Examples
    --------
    >>> from imgstore.frame_rate import median_interval
    >>> median_interval(store.frame_times)
    0.25
    """
    with np.errstate(all='ignore'):  # times may be any numbers
        return median_of_positive(np.diff(np.asarray(times, np.float64)))


def median_of_positive(intervals: npt.NDArray[np.float64]) -> float | None:
    """Return the median of the positive, finite intervals.

    None if there are none.
    """
    usable = intervals[(intervals > 0) & np.isfinite(intervals)]
    return float(np.median(usable)) if usable.size else None


def rate_from_metadata(metadata: Mapping[Any, Any], hardware_only: bool = False) -> float | None:
    """Return the rate in a store's metadata under one of Motif's keys.

    None if there is none.

    Parameters
    ----------
    metadata : mapping
        The user's metadata.
    hardware_only : bool
        Use only the rate of hardware triggers, not that of the camera itself.
    """
    rates = [metadata.get(name) for name in _TRIGGERED_RATES]
    if metadata.get(_CAMERA_KEEPS_RATE) is True and not hardware_only:
        rates.append(metadata.get(_CAMERA_RATE))
    return next((rate for rate in map(_positive, rates) if rate), None)


@dataclass(frozen=True)
class Measure:
    """A measured rate.

    Attributes
    ----------
    rate : float
        Frames per second.
    error : float
        Maximum relative error, due to a coarse clock or an uneven pace.
    """

    rate: float
    error: float


def rate_of_times(times: Sequence[float]) -> float | None:
    """Return the mean rate by frame times in seconds; None if unknown.

    Pauses and lost frames do not count.
    """
    measure = measured(times)
    return None if measure is None else measure.rate


def measured(times: Sequence[float]) -> Measure | None:
    """Measure the rate by frame times in seconds; None if unknown.

    At an even pace, pauses and lost frames do not count. For bursts, and with a coarse clock, it is the mean rate.
    """
    with np.errstate(all='ignore'):  # times may be any numbers
        intervals = np.diff(np.asarray(times, np.float64))
        intervals = intervals[np.isfinite(intervals)]
        if not intervals.size:
            return None
        intervals = _without_pauses(intervals)
        used = _even(intervals[~np.isnan(intervals)])
        is_well_known = used is not None
        if used is None:
            used, is_well_known = _whole_bursts(intervals)
        rate = _positive(used.size / float(used.sum())) if used.sum() > 0 else None
        error = float(np.ptp(used) / used.sum()) if used.size >= _FEW else 1.0
    return None if rate is None else Measure(rate, min(error, _FEW / used.size if is_well_known else 1.0))


def _without_pauses(intervals: _Intervals) -> _Intervals:
    """Replace pauses and backward jumps of the clock by NaN."""
    short = intervals[(intervals >= 0) & (intervals <= _PAUSE)]
    if 2 * short.size < intervals.size:
        return intervals
    usual = short.mean()
    return np.where((intervals >= -usual) & (intervals <= max(_PAUSE, _MUCH * usual)), intervals, np.nan)


def _even(intervals: _Intervals) -> _Intervals | None:
    """Return the intervals between neighbours; None at an uneven pace."""
    least, most = np.median(intervals) * np.array(_USUAL)
    is_usual = (intervals >= least) & (intervals <= most)
    shares = np.mean(intervals < least), np.mean(~is_usual)
    if least <= 0 or shares[0] > _MOST_SHORT or shares[1] > _MOST_ODD:
        return None
    gaps = (intervals > _GAP * most) & (intervals > intervals.mean())
    if _recurs(~is_usual, _MANY) or (_recurs(gaps, _BURSTS) and _are_alike(intervals[gaps])):
        return None
    even: _Intervals = intervals[is_usual]
    return even


def _recurs(is_there: npt.NDArray[np.bool_], least: int) -> bool:
    """Return whether something recurs, at similar distances in frames.

    It must do so at least so many times.
    """
    places = np.flatnonzero(is_there)
    if len(places) < least:
        return False
    return _are_alike(np.diff(places).astype(np.float64), 1)


def _are_alike(values: _Intervals, least: float = 0) -> bool:
    """Return whether most values are near their median.

    They differ from it by at most a quarter, or by `least`.
    """
    usual = np.median(values)
    return bool(np.mean(np.abs(values - usual) <= max(least, usual / 4)) >= _MOSTLY)


def _whole_bursts(intervals: _Intervals) -> tuple[_Intervals, bool]:
    """Return the intervals of complete bursts, and whether there are several."""
    least, whole = np.nanmean(intervals), []
    for part in np.split(intervals, np.flatnonzero(np.isnan(intervals))):
        begins = np.flatnonzero(part > least)
        whole += [part[begins[0] + 1 : begins[-1] + 1]] if len(begins) >= _BURSTS else []
    return (np.concatenate(whole), True) if whole else (intervals[~np.isnan(intervals)], False)


def checked_rate(value: object) -> float | None:
    """Return the rate passed as ``fps``, or None.

    InvalidArgumentError says what is allowed.
    """
    if value is None:
        return None
    is_number = isinstance(value, SupportsFloat) and not getattr(value, 'ndim', 0)
    rate = _possible(_positive(value)) if is_number else None
    if rate is None:
        text = 'the text ' if isinstance(value, (str, bytes)) else ''
        raise InvalidArgumentError(
            f'fps is {text}{value!r}; it must be a number from {SLOWEST} to {FASTEST:,.0f}, in frames per second',
            argument='fps',
        )
    return rate


def kept_rate(value: object) -> float | None:
    """Return the ``fps`` in a store's metadata; None if it is not a valid rate."""
    return _possible(_positive(value)) if isinstance(value, (int, float)) else None


def _positive(value: Any) -> float | None:
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        rate = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return rate if rate > 0 and math.isfinite(rate) else None


class FrameRate:
    """The rate of a recording, known in advance or measured chunk by chunk.

    Parameters
    ----------
    given : float, optional
        Frames per second, passed by the user.
    metadata : mapping, optional
        The user's metadata.
    """

    def __init__(self, given: float | None = None, metadata: Mapping[Any, Any] | None = None) -> None:
        self._known = _possible(given or rate_from_metadata(metadata or {}))
        self._rate = None if self._known is None else as_fraction(self._known)
        self._times, self._is_sure = list[float](), False

    @property
    def known(self) -> Fraction | None:
        """The rate known in advance."""
        return None if self._known is None else as_fraction(self._known)

    def of(self, times: Sequence[float]) -> Fraction | None:
        """Return the rate of a chunk by its frame times, or that of the chunk before."""
        if self._known is None:
            before = self._times[-max(1, MANY_TIMES - len(times)) :] if self._is_sure else self._times
            self._times = [*before[-_MOST_TIMES:], *times]
            self._measure()
        return self._rate

    def _measure(self) -> None:
        """Measure the rate; replace the last one if their errors exclude it."""
        measure = measured(self._times)
        if measure is None or _possible(measure.rate) is None:
            return
        if self._rate is None or abs(measure.rate / self._rate - 1) > 2 * measure.error:
            self._rate = as_fraction(measure.rate, measure.error)
        self._is_sure = measure.error <= _SURE


def _possible(rate: float | None) -> float | None:
    return rate if rate and SLOWEST <= rate <= FASTEST else None


def as_fraction(rate: float, error: float = 0) -> Fraction:
    """Return the simplest fraction near a rate, such as 30000/1001 for 29.97.

    Within its error, a common rate is preferred.

    Parameters
    ----------
    rate : float
        Frames per second.
    error : float
        Maximum relative error.
    """
    bound, television = min(max(error, _EXACT), _MOST_ERROR), round(rate * 1.001)
    usual = {
        Fraction(television * 1000, 1001): bound if television in _TELEVISION else _EXACT,
        Fraction(round(rate)): bound,  # last, as it is both at 1000 frames/s
    }
    near = [(abs(fraction / Fraction(rate) - 1), fraction) for fraction in usual if fraction]
    near = [(distance, fraction) for distance, fraction in near if distance < usual[fraction]]
    if near:
        return min(near)[1]
    if rate < 1:
        return 1 / Fraction(1 / rate).limit_denominator(_MOST_DENOMINATOR)
    return Fraction(rate).limit_denominator(_MOST_DENOMINATOR)
