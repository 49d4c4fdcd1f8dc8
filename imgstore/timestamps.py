"""Times as text, and the size of a gap."""

from __future__ import annotations

import datetime
import math

import numpy as np
import numpy.typing as npt

from ._support.moments import DECIMAL, moment_of_text, parse_timestamp
from .frame_rate import median_interval, median_of_positive
from .stores.base import ImgStore

__all__ = [
    'DECIMAL',
    'GAP_FACTOR',
    'Numbers',
    'Times',
    'format_time',
    'is_date',
    'parse_time',
    'parse_timestamp',
    'usual_interval',
]

Numbers = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]

GAP_FACTOR = 2.5
"""A gap is an interval longer than this many median intervals."""

_MANY_FRAMES, _STRETCHES, _INTERVALS = 1_000_000, 64, 128
"""Limit for reading all intervals. Above it, the number of stretches and of intervals in each."""

_A_YEAR = datetime.timedelta(days=365).total_seconds()


def usual_interval(store: ImgStore) -> float | None:
    """Return the median interval between frames.

    Every tool shows its inverse as the rate.

    Above a million frames, this is the median of 64 evenly spread stretches of 128 intervals.

    Parameters
    ----------
    store : store
        Open for reading.

    Returns
    -------
    float or None
        See `imgstore.frame_rate.median_interval`.
    """
    count = store.frame_count
    if count <= _MANY_FRAMES:
        return median_interval(store.frame_times)
    starts = np.linspace(0, count - 1 - _INTERVALS, _STRETCHES).astype(np.int64)
    return median_of_positive(np.concatenate([_intervals(store, start) for start in starts.tolist()]))


def _intervals(store: ImgStore, start: int) -> Times:
    frames = (store.index.frame(index) for index in range(start, start + _INTERVALS + 1))
    with np.errstate(all='ignore'):  # times may be any numbers
        return np.diff([math.nan if frame is None else frame[1] for frame in frames])


def is_date(seconds: float) -> bool:
    """Return whether a frame time is a date, not one since a video's start."""
    return bool(abs(seconds) >= _A_YEAR)


def format_time(zone: datetime.tzinfo, seconds: float) -> str:
    """Format a frame time as a date in the recording's time zone, or as seconds."""
    if not is_date(seconds):
        return f'{seconds:.3f} s'
    try:
        return datetime.datetime.fromtimestamp(seconds, zone).isoformat(' ', 'milliseconds')
    except (ValueError, OverflowError, OSError):  # inf, or millions of years away
        return f'{seconds} s'


def parse_time(store: ImgStore, text: str) -> float:
    """Parse a time in a recording, as a person writes it, into seconds.

    Parameters
    ----------
    store : store
        Open for reading. Dates are in its time zone, and clock times on the day of its first frame.
    text : str
        A date and time, a clock time such as '14:05:09', seconds from the first frame such as '12.5s' or '+12.5', or
        seconds as in the store.

    Raises
    ------
    InvalidArgumentError
        The text is none of these.

    Examples
    --------
    >>> from imgstore.timestamps import parse_time
    >>> parse_time(store, '0.5s')
    25.5
    """
    first = (store.index.frame(0) or (0, 0.0))[1]
    return moment_of_text(text, store.created[1], first).seconds
