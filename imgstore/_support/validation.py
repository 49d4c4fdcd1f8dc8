"""Numbers as users give them, Python's and numpy's alike, made Python's own."""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Iterable
from typing import SupportsFloat, SupportsIndex, cast

import numpy as np

from ..errors import InvalidArgumentError

_INT64 = range(-2**63, 2**63)


def not_allowed(what: str, value: object, rule: str) -> InvalidArgumentError:
    """Make the error for an argument, or for an item of one such as ``frame_numbers[3] for 'a.mp4'``."""
    return InvalidArgumentError(f'{what} is {value!r}; {rule}', argument=what.partition('[')[0])


def as_int(value: object, what: str) -> int:
    """A whole number of any type; InvalidArgumentError for nan, None, 1.5, bools, dates and what int64 cannot hold."""
    number = None if _is_no_number(value) else _index(value)
    if number is None:
        number = _whole_float(value, what)
    if number not in _INT64:
        raise not_allowed(what, value, f'it must be from {_INT64[0]} to {_INT64[-1]}')
    return number


def _index(value: object) -> int | None:
    try:
        return operator.index(cast(SupportsIndex, value))
    except TypeError:
        return None


def _is_no_number(value: object) -> bool:
    """Whether Python would make a number of what is none: a bool, a date, a duration, a complex value, an array."""
    kind = getattr(getattr(value, 'dtype', None), 'kind', 'i')
    if isinstance(value, bool) or value is np.ma.masked:
        return True
    return kind not in ('i', 'u', 'f') or bool(getattr(value, 'ndim', 0))


def as_int_min(value: object, what: str, least: int) -> int:
    """A whole number that is not smaller than ``least``; InvalidArgumentError."""
    number = as_int(value, what)
    if number < least:
        raise not_allowed(what, number, f'it must be {least} or more')
    return number


def as_int_between(value: object, what: str, least: int, most: int, whom: str) -> int:
    """A whole number from ``least`` to ``most``; InvalidArgumentError says ``whom`` it is for."""
    with contextlib.suppress(InvalidArgumentError):
        number = as_int(value, what)
        if least <= number <= most:
            return number
    raise not_allowed(what, value, f'for {whom} it must be a whole number from {least} to {most}')


def _whole_float(value: object, what: str) -> int:
    number = _as_float(value)
    if number is None or not math.isfinite(number) or number != int(number):
        raise not_allowed(what, value, 'it must be a whole number')
    return int(number)


def as_seconds(value: object, what: str) -> float:
    """A time in seconds of any type of number; InvalidArgumentError for what is none."""
    number = _as_float(value)
    if number is None:
        raise not_allowed(what, value, 'it must be a number of seconds')
    return number


def as_finite_seconds(value: object, what: str) -> float:
    """A time in seconds as `as_seconds` takes it, neither nan nor infinite; InvalidArgumentError."""
    number = as_seconds(value, what)
    if not math.isfinite(number):
        raise not_allowed(what, value, 'it must be a finite number of seconds')
    return number


def _as_float(value: object) -> float | None:
    """Any number as a float; None for what is no number, text and arrays with a dimension among them."""
    if isinstance(value, SupportsFloat) and not isinstance(value, (str, bytes)) and not _is_no_number(value):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)
            return None if math.isinf(number) and value != number else number  # Decimal and longdouble go further
    return None


def as_runs(numbers: Iterable[int]) -> str:
    """Frame numbers as text, runs of them in short."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ', '.join(' to '.join(f'#{number}' for number in run) for run in runs)
