"""How many frames a second a recording has: what its user says, else its metadata, else the times of its frames.

Times answer two questions. What people are told, and what gaps are compared with, is 1 / `median_interval`: the rate
of the camera while it runs. What a video file says, so that other programs play it as long as it took, is `measured`:
the mean rate of frames that come in bursts.
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
"""Frames a second that a video can have here."""

_TRIGGERED_RATES = ('hwframerate', 'motifptpframerate')
_CAMERA_RATE, _CAMERA_KEEPS_RATE = 'acquisitionframerate', 'acquisitionframerateenable'
_MOST_DENOMINATOR = 1001
_EXACT, _MOST_ERROR = 2e-6, 1e-3
_TELEVISION = (24, 30, 48, 60, 120, 240)
"""Rates that are often a thousandth less."""

_SURE = 0.01
MANY_TIMES, _MOST_TIMES = 200, 10_000
"""Of so many frames the rate is measured, of earlier chunks too, and of up to so many where it is not sure."""
_USUAL = (0.45, 1.55)
"""Of the median interval, what is no pause, no lost frame and no frame that came twice; no multiple of a half, which
a coarse clock tells."""

_MOST_SHORT, _MOST_ODD = 0.05, 0.25
"""Shares of intervals that are shorter than that, and that are not so, of frames that come evenly."""

_BURSTS, _FEW, _MANY, _MOSTLY = 2, 3, 5, 0.8
_GAP = 3
"""How many times that a gap between bursts is; a shorter one may be of lost frames."""

_PAUSE, _MUCH = 5.0, 20
"""Seconds, and how many times as long as the others: no camera keeps frames back for longer."""

_Intervals = npt.NDArray[np.float64]


def median_interval(times: npt.ArrayLike) -> float | None:
    """Median of the seconds from each frame to the next.

    Parameters
    ----------
    times : array_like of float
        Of the frames, in the order of the store.

    Returns
    -------
    float or None
        Intervals of 0, negative ones and those from or to a time that is not finite are left out. None if none is left.
    """
    with np.errstate(all='ignore'):  # times may be any numbers
        return median_of_positive(np.diff(np.asarray(times, np.float64)))


def median_of_positive(intervals: npt.NDArray[np.float64]) -> float | None:
    """As `median_interval`, of the intervals themselves."""
    usable = intervals[(intervals > 0) & np.isfinite(intervals)]
    return float(np.median(usable)) if usable.size else None


def rate_from_metadata(metadata: Mapping[Any, Any], hardware_only: bool = False) -> float | None:
    """Rate that the user's metadata give under one of Motif's keys; None if they give none.

    Parameters
    ----------
    metadata : mapping
    hardware_only : bool
        Believe only a rate that hardware triggers kept, not that of the camera itself.
    """
    rates = [metadata.get(name) for name in _TRIGGERED_RATES]
    if metadata.get(_CAMERA_KEEPS_RATE) is True and not hardware_only:
        rates.append(metadata.get(_CAMERA_RATE))
    return next((rate for rate in map(_positive, rates) if rate), None)


@dataclass(frozen=True)
class Measure:
    """A rate that was measured.

    Attributes
    ----------
    rate : float
        Frames a second.
    error : float
        By what part of itself it may be wrong, as the clock is coarse or frames come unevenly.
    """

    rate: float
    error: float


def rate_of_times(times: Sequence[float]) -> float | None:
    """Mean rate of frames by their times in seconds, pauses and lost frames left out; None if they do not tell."""
    measure = measured(times)
    return None if measure is None else measure.rate


def measured(times: Sequence[float]) -> Measure | None:
    """Measure the rate of frames by their times in seconds; None if they do not tell.

    Frames that come in bursts, or whose clock is coarser than they are, have the mean rate of all. Of frames that come
    evenly, pauses and lost frames are left out.
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
    """Intervals with NaN instead of long ones among short ones, and of those by which a clock was set back."""
    short = intervals[(intervals >= 0) & (intervals <= _PAUSE)]
    if 2 * short.size < intervals.size:
        return intervals
    usual = short.mean()
    return np.where((intervals >= -usual) & (intervals <= max(_PAUSE, _MUCH * usual)), intervals, np.nan)


def _even(intervals: _Intervals) -> _Intervals | None:
    """The intervals of frames that come evenly: of those next to each other; None where they do not."""
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
    """Whether something comes again and again, so many times at least, after about as many frames."""
    places = np.flatnonzero(is_there)
    if len(places) < least:
        return False
    return _are_alike(np.diff(places).astype(np.float64), 1)


def _are_alike(values: _Intervals, least: float = 0) -> bool:
    """Whether most of some values differ by a quarter at most, or by what is given."""
    usual = np.median(values)
    return bool(np.mean(np.abs(values - usual) <= max(least, usual / 4)) >= _MOSTLY)


def _whole_bursts(intervals: _Intervals) -> tuple[_Intervals, bool]:
    """The intervals from the first frame of a burst to that of the last, between pauses; whether there are several."""
    least, whole = np.nanmean(intervals), []
    for part in np.split(intervals, np.flatnonzero(np.isnan(intervals))):
        begins = np.flatnonzero(part > least)
        whole += [part[begins[0] + 1:begins[-1] + 1]] if len(begins) >= _BURSTS else []
    return (np.concatenate(whole), True) if whole else (intervals[~np.isnan(intervals)], False)


def checked_rate(value: object) -> float | None:
    """Rate that the user gives as ``fps``, None being nothing; InvalidArgumentError tells what is allowed."""
    if value is None:
        return None
    is_number = isinstance(value, SupportsFloat) and not getattr(value, 'ndim', 0)
    rate = _possible(_positive(value)) if is_number else None
    if rate is None:
        text = 'the text ' if isinstance(value, (str, bytes)) else ''
        raise InvalidArgumentError(f'fps is {text}{value!r}; it must be a number from {SLOWEST} to {FASTEST:,.0f}, '
                                   'in frames a second', argument='fps')
    return rate


def kept_rate(value: object) -> float | None:
    """The ``fps`` that a store's metadata keeps; None where it is no possible rate."""
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
    """The rate of a recording, known beforehand or measured chunk by chunk.

    Parameters
    ----------
    given : float, optional
        What the user says.
    metadata : mapping
        The user's own.
    """

    def __init__(self, given: float | None = None, metadata: Mapping[Any, Any] | None = None) -> None:
        self._known = _possible(given or rate_from_metadata(metadata or {}))
        self._rate = None if self._known is None else as_fraction(self._known)
        self._times, self._is_sure = list[float](), False

    def of(self, times: Sequence[float]) -> Fraction | None:
        """Rate of a chunk whose frames have these times; that of the chunk before where they do not tell another."""
        if self._known is None:
            before = self._times[-max(1, MANY_TIMES - len(times)):] if self._is_sure else self._times
            self._times = [*before[-_MOST_TIMES:], *times]
            self._measure()
        return self._rate

    def _measure(self) -> None:
        """Take a measured rate if it is another than the one before, beyond what both may be wrong by."""
        measure = measured(self._times)
        if measure is None or _possible(measure.rate) is None:
            return
        if self._rate is None or abs(measure.rate / self._rate - 1) > 2 * measure.error:
            self._rate = as_fraction(measure.rate, measure.error)
        self._is_sure = measure.error <= _SURE


def _possible(rate: float | None) -> float | None:
    return rate if rate and SLOWEST <= rate <= FASTEST else None


def as_fraction(rate: float, error: float = 0) -> Fraction:
    """The simplest fraction that is nearly a rate: 29.97 is 30000/1001, and what may be wrong by ``error`` a usual one.

    Parameters
    ----------
    rate : float
        Frames a second.
    error : float
        By what part of itself it may be wrong.
    """
    bound, television = min(max(error, _EXACT), _MOST_ERROR), round(rate * 1.001)
    usual = {Fraction(round(rate)): bound,
             Fraction(television * 1000, 1001): bound if television in _TELEVISION else _EXACT}
    near = [(abs(fraction / Fraction(rate) - 1), fraction) for fraction in usual if fraction]
    near = [(distance, fraction) for distance, fraction in near if distance < usual[fraction]]
    if near:
        return min(near)[1]
    if rate < 1:
        return 1 / Fraction(1 / rate).limit_denominator(_MOST_DENOMINATOR)
    return Fraction(rate).limit_denominator(_MOST_DENOMINATOR)
