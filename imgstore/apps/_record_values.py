"""Parsers of durations, times and addresses for imgstore-record."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from ..errors import InvalidArgumentError
from ..recording.times import Clock, clock_time, seconds_of_text
from ..recording.zmq_control import check_address

_Value = TypeVar('_Value')


def duration(text: str) -> float:
    """Parse a duration, such as 90, 15m or 1h."""
    return _as_argument(seconds_of_text, text)


def time_of_day(text: str) -> Clock:
    """Parse a time of day such as 18:00, or a date and time."""
    return _as_argument(clock_time, text)


def zmq_address(text: str) -> str:
    """Parse the address of a socket of ZeroMQ."""
    _as_argument(check_address, text)
    return text


def _as_argument(parse: Callable[[str], _Value], text: str) -> _Value:
    try:
        return parse(text)
    except InvalidArgumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
