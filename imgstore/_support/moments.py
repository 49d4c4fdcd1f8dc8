"""Points in time: seconds, dates, and both as text."""

from __future__ import annotations

import datetime
import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from .validation import as_seconds, not_allowed

DECIMAL = re.compile(r'[+-]?([0-9]{1,25}(\.[0-9]{0,25})?|\.[0-9]{1,25})(e[+-]?[0-9]{1,3})?', re.IGNORECASE)
"""A number as people write it, of limited length."""

_BELOW_MICROSECONDS = re.compile(r'[.,]\d{6}(\d+)')

_NS = 10**9
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MOST_SECONDS = 9223372036.0
"""Limit of datetime64[ns], in the year 2262."""


class Moment(NamedTuple):
    """A point in time."""

    seconds: float
    """Seconds since 1970, nan for none."""
    per_second: int
    """Steps per second of a date, which is rounded to them; 0 for exact seconds."""

    def is_of(self, seconds: float) -> bool:
        """Return whether a frame time is this moment, by the steps of a date."""
        if not self.per_second or not abs(seconds) < _MOST_SECONDS:
            return seconds == self.seconds
        return _steps(seconds, self.per_second) == _steps(self.seconds, self.per_second)


def _steps(seconds: float, per_second: int) -> int:
    whole = int(np.floor(seconds))
    return whole * per_second + round((seconds - whole) * per_second)


def as_moment(value: Any, what: str, zone: datetime.tzinfo, first: float) -> Moment:
    """Convert a user's time.

    Parameters
    ----------
    value : float, datetime, datetime64 or str
        Seconds, a date, or either as text for `moment_of_text`. A datetime64 is in UTC.
    what : str
        Name of the argument, for the error.
    zone : tzinfo
        Time zone of a date without an offset.
    first : float
        Time of the recording's first frame in seconds.

    Raises
    ------
    InvalidArgumentError
        The value is no time.
    """
    if isinstance(value, datetime.datetime):
        return _of_datetime(value, zone)
    if getattr(getattr(value, 'dtype', None), 'kind', '') == 'M' and not getattr(value, 'ndim', 0):
        return Moment(_seconds(np.datetime64(value)), _NS)
    try:
        if isinstance(value, str):
            return moment_of_text(value, zone, first)
        return Moment(as_seconds(value, what), 0)
    except InvalidArgumentError:
        rule = f'it must be seconds, a datetime, a datetime64, or text such as {_TEXTS}'
        raise not_allowed(what, value, rule) from None


def _of_datetime(value: datetime.datetime, zone: datetime.tzinfo) -> Moment:
    if value != value:  # NaT of pandas
        return Moment(float('nan'), 0)
    aware = value if value.utcoffset() is not None else value.replace(tzinfo=zone)
    exact = getattr(aware, 'to_datetime64', None)  # of pandas, in ns
    return Moment(aware.timestamp(), 10**6) if exact is None else Moment(_seconds(exact()), _NS)


def _seconds(value: np.datetime64) -> float:
    """Convert to seconds; nan for NaT."""
    if np.isnat(value):
        return float('nan')
    whole = value.astype('datetime64[s]')
    rest = (value - whole).astype('timedelta64[ns]')
    return (int(whole.astype(np.int64)) * _NS + int(rest.astype(np.int64))) / _NS


def as_datetimes(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.datetime64]:
    """Convert seconds to datetime64[ns], rounded; NaT where that is impossible."""
    valid = np.abs(seconds) < _MOST_SECONDS  # not so for nan
    whole = np.floor(np.where(valid, seconds, 0.0))
    steps = np.rint((np.where(valid, seconds, 0.0) - whole) * _NS)
    result: npt.NDArray[np.datetime64] = (whole.astype(np.int64) * _NS + steps.astype(np.int64)).view('datetime64[ns]')
    result[~valid] = np.datetime64('NaT', 'ns')
    return result


_TEXTS = '2024-05-31 14:05:09.5, 14:05:09, 12.5s from the start, or seconds'
_SECONDS_SIGN = re.compile(r'(?<=[0-9.]) ?s$')
_CLOCK = re.compile(r'\d{1,2}:')


def moment_of_text(text: str, zone: datetime.tzinfo, first: float) -> Moment:
    """Parse a time in a recording, as a person writes it.

    Parameters
    ----------
    text : str
        A date and time, a clock time such as '14:05:09', seconds from the first frame such as '12.5s' or '+12.5', or
        seconds since 1970.
    zone : tzinfo
        Time zone of a date without an offset, and of a clock time.
    first : float
        Time of the first frame in seconds. A clock time is on its day.

    Raises
    ------
    InvalidArgumentError
        The text is none of these.
    """
    text = text.strip()
    number = _SECONDS_SIGN.sub('', text)
    if DECIMAL.fullmatch(number):
        since = number != text or number.startswith('+')
        return Moment(first + float(number), 10**6) if since else Moment(float(number), 0)
    try:
        if _CLOCK.match(text):
            text = f'{datetime.datetime.fromtimestamp(first, zone).date()} {text:0>{_width(text)}}'
        return Moment(date_seconds(text, zone), 10**6)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidArgumentError(f'{text!r} is not a time; use {_TEXTS}') from error


def _width(clock: str) -> int:
    """Return the length of a clock time with two digits for the hour."""
    return len(clock) + (clock[1] == ':')


def parse_timestamp(zone: datetime.tzinfo, text: str) -> float:
    """Parse seconds, or a date and time, into seconds.

    Parameters
    ----------
    zone : tzinfo
        Time zone of a date without an offset.
    text : str
        Such as '1700000000.5', '2026-03-01 12:00:05.2' or '2026-03-01T12:00:05+01:00'.

    Raises
    ------
    InvalidArgumentError
        The text is neither.
    """
    text = text.strip()
    try:
        return float(text) if DECIMAL.fullmatch(text) else date_seconds(text, zone)
    except (ValueError, OverflowError) as error:
        allowed = 'give seconds or a date such as 2026-03-01 12:00:05'
        raise InvalidArgumentError(f'{text!r} is not a time: {allowed}') from error


def date_seconds(text: str, zone: datetime.tzinfo) -> float:
    """Convert an ISO 8601 date and time to seconds, to the ns.

    Raise ValueError or OverflowError.
    """
    date = parse_date(text, zone)
    finer = _BELOW_MICROSECONDS.search(text)
    nanoseconds = int(finer[1].ljust(3, '0')[:3]) if finer else 0
    since = date - _EPOCH  # exact, unlike the float of timestamp()
    return ((since.days * 86400 + since.seconds) * _NS + since.microseconds * 1000 + nanoseconds) / _NS


def parse_date(text: str, zone: datetime.tzinfo | None) -> datetime.datetime:
    """Parse an ISO 8601 date and time, in `zone` if it has none.

    Raise ValueError.
    """
    if not re.search('[-:Tt]', text):
        raise ValueError(text)  # Python 3.11 takes any row of digits for a date
    date = datetime.datetime.fromisoformat(text.upper())
    return date if date.tzinfo else date.replace(tzinfo=zone)
