"""Numbers and times of a store's frames as arrays, and times as people read and write them."""

from __future__ import annotations

import datetime

import numpy as np
import numpy.typing as npt

from .base import _ImgStore
from .errors import InvalidArgumentError

Numbers = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]

_A_YEAR = datetime.timedelta(days=365).total_seconds()


def frame_arrays(store: _ImgStore) -> tuple[Numbers, Times]:
    """Numbers and times of all frames of a store that is read, in the order of writing; not to be changed."""
    index = store._index
    return index.frame_numbers, index.frame_times


def is_date(seconds: float) -> bool:
    """Whether a frame's time seems to be of the calendar; of a film, times are counted from its start."""
    return bool(abs(seconds) >= _A_YEAR)


def time_text(zone: datetime.tzinfo, seconds: float) -> str:
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
