"""Numbers and times of a store's frames as arrays, and times as people read and write them."""

from __future__ import annotations

import datetime
import re

import numpy as np
import numpy.typing as npt

from .errors import InvalidArgumentError
from .stores.base import ImgStore

Numbers = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]

DECIMAL = re.compile(r'[+-]?([0-9]{1,25}(\.[0-9]{0,25})?|\.[0-9]{1,25})(e[+-]?[0-9]{1,3})?', re.IGNORECASE)
"""A number as people write it, and not of any length."""

_A_YEAR = datetime.timedelta(days=365).total_seconds()


def frame_arrays(store: ImgStore) -> tuple[Numbers, Times]:
    """Numbers and times of all frames of a store that is read, in the order of writing; not to be changed."""
    index = store.index
    return index.frame_numbers, index.frame_times


def is_date(seconds: float) -> bool:
    """Whether a frame's time seems to be of the calendar; of a film, times are counted from its start."""
    return bool(abs(seconds) >= _A_YEAR)


def format_time(zone: datetime.tzinfo, seconds: float) -> str:
    """A frame's time as people read it: a date in the recording's time zone, or seconds."""
    if not is_date(seconds):
        return f'{seconds:.3f} s'
    try:
        return datetime.datetime.fromtimestamp(seconds, zone).isoformat(' ', 'milliseconds')
    except (ValueError, OverflowError, OSError):  # inf, or millions of years away
        return f'{seconds} s'


def time_from_text(zone: datetime.tzinfo, text: str) -> float:
    """Give the seconds that a user means, who writes seconds or a date.

    Parameters
    ----------
    zone : tzinfo
        Of a date without an offset.
    text : str
        Such as '1700000000.5', '2026-03-01 12:00:05.2' or '2026-03-01T12:00:05+01:00'.

    Raises
    ------
    InvalidArgumentError
        It is neither.
    """
    import dateutil.parser

    try:
        return float(text)
    except ValueError:
        pass
    try:
        date = dateutil.parser.isoparse(text.strip().replace(' ', 'T', 1))
    except ValueError as error:
        allowed = 'give seconds or a date such as 2026-03-01 12:00:05'
        raise InvalidArgumentError(f'{text!r} is no time: {allowed}') from error
    return (date if date.tzinfo else date.replace(tzinfo=zone)).timestamp()


def parse_time(store: ImgStore, text: str) -> float:
    """Seconds of a moment in a recording that a person looks for.

    Parameters
    ----------
    store : store
        Open for reading. Dates are in its time zone, a clock time is on the day when it began.
    text : str
        A date and time, a clock time such as '14:05:09', seconds from the first frame such as '12.5s' or '+12.5', or
        seconds as the store has them.

    Raises
    ------
    InvalidArgumentError
        It is none of these.
    """
    text = text.strip()
    first = (store.index.frame(0) or (0, 0.0))[1]
    since = re.sub(r'(?<=[0-9.]) ?s$', '', text)
    if DECIMAL.fullmatch(since):
        return first + float(since) if since != text or since.startswith('+') else float(since)
    try:
        return _date(text, store.convert_frame_time_to_datetime(first)).timestamp()
    except (ValueError, OverflowError) as error:
        raise InvalidArgumentError(
            f'{text!r} is no time; write 2024-05-31 14:05:09.5, 14:05:09, 12.5s from the start, or seconds') from error


def _date(text: str, began: datetime.datetime) -> datetime.datetime:
    if not re.search('[-:]', text):
        raise ValueError(text)  # which of the shorter forms Python reads depends on its version
    if re.match(r'\d{1,2}:', text):
        text = f'{began.date()} {text.zfill(len(text) + (text[1] == ":"))}'
    told = datetime.datetime.fromisoformat(_padded(text))
    return told if told.tzinfo else told.replace(tzinfo=began.tzinfo)


def _padded(text: str) -> str:
    """The fraction of a second in six digits and the zone in figures, as Python 3.10 wants them."""
    text = re.sub(r'[Zz]$', '+00:00', text)
    return re.sub(r'(:\d\d)\.(\d{1,9})', lambda found: f'{found[1]}.{found[2][:6]:0<6}', text)
