"""How many frames a second a recording has: what its user says, else its metadata, else the times of its frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, SupportsFloat

import numpy as np

from .errors import InvalidArgumentError

SLOWEST, FASTEST = 0.0001, 1_000_000.0
"""Frames a second that a video can have here."""

_TRIGGERED_RATES = ('hwframerate', 'motifptpframerate')
_CAMERA_RATE, _CAMERA_KEEPS_RATE = 'acquisitionframerate', 'acquisitionframerateenable'
_MOST_DENOMINATOR = 1001
_USUAL = (0.5, 1.5)
"""Of the median interval, what is no pause, no lost frame and no frame that came twice."""


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


def rate_of_times(times: Sequence[float]) -> float | None:
    """Mean rate of frames by their times in seconds, pauses and lost frames left out; None if they do not tell."""
    with np.errstate(all='ignore'):  # times may be any numbers
        intervals = np.diff(np.asarray(times, np.float64))
        intervals = intervals[np.isfinite(intervals)]
        if not intervals.size:
            return None
        least, most = np.median(intervals) * np.array(_USUAL)
        between = intervals[(intervals >= least) & (intervals <= most)] if least > 0 else intervals
        interval = float((between if between.size else intervals).mean())
    return _positive(1 / interval) if interval > 0 else None


def checked_rate(value: object) -> float | None:
    """Rate that the user gives as ``fps``, None being nothing; InvalidArgumentError tells what is allowed."""
    if value is None:
        return None
    is_number = isinstance(value, SupportsFloat) and not isinstance(value, (str, bytes, bool, np.bool_))
    rate = _positive(value) if is_number and not getattr(value, 'ndim', 0) else None
    if rate is None or not SLOWEST <= rate <= FASTEST:
        raise InvalidArgumentError(f'fps is {value!r}; it must be a number of frames a second '
                                   f'from {SLOWEST:g} to {FASTEST:g}')
    return rate


def _positive(value: Any) -> float | None:
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
        self._latest = self._known

    def of(self, times: Sequence[float]) -> Fraction | None:
        """Rate of a chunk whose frames have these times; that of the chunk before where they do not tell."""
        if self._known is None:
            self._latest = _possible(rate_of_times(times)) or self._latest
        return None if self._latest is None else as_fraction(self._latest)


def _possible(rate: float | None) -> float | None:
    return rate if rate and SLOWEST <= rate <= FASTEST else None


def as_fraction(rate: float) -> Fraction:
    """The simplest fraction that is nearly a rate: 29.97 is 30000/1001."""
    ntsc = Fraction(round(rate * 1.001) * 1000, 1001)
    if ntsc and abs(ntsc - Fraction(rate)) < Fraction(rate) * Fraction(2, 10**6):
        return ntsc
    if rate < 1:
        return 1 / Fraction(1 / rate).limit_denominator(_MOST_DENOMINATOR)
    return Fraction(rate).limit_denominator(_MOST_DENOMINATOR)
