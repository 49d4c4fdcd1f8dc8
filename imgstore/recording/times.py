"""Durations and times of day, as people write them."""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

from .._support.moments import parse_date
from ..errors import InvalidArgumentError

_UNITS = {'': 1.0, 's': 1.0, 'm': 60.0, 'min': 60.0, 'h': 3600.0, 'd': 86400.0}
_PART = re.compile(r'(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)', re.IGNORECASE)
_CLOCK = re.compile(r'([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?')
_DURATIONS = '90, 90s, 15m, 1.5h, 1h30m or 7d'


def seconds_of_text(text: str) -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    text : str
        Such as 90, 90s, 15m, 1.5h, 1h30m or 7d.

    Raises
    ------
    InvalidArgumentError
        It is no duration above 0.
    """
    parts = _PART.findall(text)
    is_known = all(unit.lower() in _UNITS for _, unit in parts)
    if not is_known or _PART.sub('', text).strip() or not parts or (len(parts) > 1 and not all(u for _, u in parts)):
        raise InvalidArgumentError(f'{text!r} is no duration; allowed: {_DURATIONS}', argument='duration')
    total = sum(float(value) * _UNITS[unit.lower()] for value, unit in parts)
    if not total:
        raise InvalidArgumentError(f'{text!r} is no duration above 0; allowed: {_DURATIONS}', argument='duration')
    return total


class Clock(NamedTuple):
    """A time of day, or a date and time.

    Attributes
    ----------
    of_day : datetime.time or None
        The next such time counts.
    date : datetime.datetime or None
        In the time zone of the computer, unless it has another one.
    """

    of_day: datetime.time | None
    date: datetime.datetime | None

    def seconds_from(self, now: datetime.datetime) -> float:
        """Return the seconds until then from a local time with its zone.

        Raises
        ------
        InvalidArgumentError
            The date is over.
        """
        if self.of_day is not None:
            moment = datetime.datetime.combine(now.date(), self.of_day).astimezone()
            if moment <= now:
                moment = datetime.datetime.combine(now.date() + datetime.timedelta(1), self.of_day).astimezone()
        else:
            assert self.date is not None
            moment = self.date.astimezone()
        left = (moment - now).total_seconds()
        if left <= 0:
            raise InvalidArgumentError(f'until is {moment}, which is over; now it is {now}', argument='until')
        return left


def clock_time(text: str) -> Clock:
    """Return a time of day such as 18:00, or a date and time.

    Raises
    ------
    InvalidArgumentError
        The text is neither.
    """
    found = _CLOCK.fullmatch(text.strip())
    if found:
        return Clock(datetime.time(int(found[1]), int(found[2]), int(found[3] or 0)), None)
    try:
        return Clock(None, parse_date(text.strip(), None))
    except (ValueError, OverflowError) as error:
        raise InvalidArgumentError(
            f'{text!r} is no time; allowed: a time of day such as 18:00, or 2026-03-01 18:00', argument='until'
        ) from error
