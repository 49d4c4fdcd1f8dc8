"""Conversion of users' numbers to Python's int and float."""

from __future__ import annotations

import contextlib
import math
import operator
import sys
from collections.abc import Iterable
from typing import SupportsFloat, SupportsIndex, cast

from ..errors import InvalidArgumentError

_INT64 = range(-(2**63), 2**63)


def not_allowed(what: str, value: object, rule: str) -> InvalidArgumentError:
    """Create the error for an argument or an item, such as ``numbers[3]``."""
    return InvalidArgumentError(f'{what} is {value!r}; {rule}', argument=what.partition('[')[0])


def as_int(value: object, what: str) -> int:
    """Convert to int.

    Raises InvalidArgumentError for nan, None, 1.5, bools, dates and values beyond int64.
    """
    if type(value) is int and value in _INT64:
        return value
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
    """Return whether a value is convertible, but not a number.

    These are bool, date, duration, complex and array.
    """
    kind = getattr(getattr(value, 'dtype', None), 'kind', 'i')
    if isinstance(value, bool) or _is_masked(value):
        return True
    return kind not in ('i', 'u', 'f') or bool(getattr(value, 'ndim', 0))


def _is_masked(value: object) -> bool:
    """Return whether a value is numpy's masked one, without importing it."""
    masked_arrays = sys.modules.get('numpy.ma')
    # another thread may be importing the module, so it may not have the value yet
    return masked_arrays is not None and value is getattr(masked_arrays, 'masked', masked_arrays)


def as_int_min(value: object, what: str, least: int) -> int:
    """Convert to an int of at least ``least``; InvalidArgumentError."""
    number = as_int(value, what)
    if number < least:
        raise not_allowed(what, number, f'it must be {least} or more')
    return number


def as_int_between(value: object, what: str, least: int, most: int, whom: str) -> int:
    """Convert to an int from ``least`` to ``most``.

    The error says that the value is for ``whom``.
    """
    with contextlib.suppress(InvalidArgumentError):
        number = as_int(value, what)
        if least <= number <= most:
            return number
    raise not_allowed(what, value, f'for {whom} it must be an integer from {least} to {most}')


def _whole_float(value: object, what: str) -> int:
    number = _as_float(value)
    if number is None or not math.isfinite(number) or number != int(number):
        raise not_allowed(what, value, 'it must be an integer')
    return int(number)


def as_seconds(value: object, what: str) -> float:
    """Convert a time in seconds to float.

    Raises InvalidArgumentError if it is not a number.
    """
    number = _as_float(value)
    if number is None:
        raise not_allowed(what, value, 'it must be a number of seconds')
    return number


def as_finite_seconds(value: object, what: str) -> float:
    """Convert a time in seconds to a finite float; InvalidArgumentError."""
    number = as_seconds(value, what)
    if not math.isfinite(number):
        raise not_allowed(what, value, 'it must be a finite number of seconds')
    return number


def _as_float(value: object) -> float | None:
    """Convert a number to float; None for anything else, such as text and arrays."""
    if type(value) is float:
        return value
    if isinstance(value, SupportsFloat) and not isinstance(value, (str, bytes)) and not _is_no_number(value):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)
            return None if math.isinf(number) and value != number else number  # Decimal has a larger range
    return None


def as_runs(numbers: Iterable[int]) -> str:
    """Return frame numbers as text, with runs abbreviated."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ', '.join(' to '.join(f'#{number}' for number in run) for run in runs)
