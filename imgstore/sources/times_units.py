"""Conversion of columns of text or numbers to seconds and to frame numbers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.moments import DECIMAL, date_seconds
from ..errors import InvalidArgumentError
from .times_columns import other_unit_of_name, unit_of_name
from .times_table import Column, Table, as_integer, is_day, kind_of

UNITS = ('s', 'ms', 'us', 'ns', 'date', 'clock', 'flycapture')
"""Units of times in a file. 'clock' is a time of the day, 'flycapture' the counter that FlyCapture embeds."""

Seconds = npt.NDArray[np.float64]

_DECIMALS = {'s': 0, 'ms': 3, 'us': 6, 'ns': 9}
_EXACT = Context(prec=100)
_FASTEST, _SLOWEST = 2e-5, 0.5
"""Intervals between frames that leave no doubt about the unit, in seconds."""
_SINCE_1970 = (1e9, 4.1e9)  # seconds: the years 2001 to 2099
_OFFSET = re.compile(r'[T ].*(Z|[+-][\d:]+)$', re.IGNORECASE | re.ASCII)
_DAY = 86400.0
_WRAPS_AFTER = 128.0  # seconds of FlyCapture's counter


def to_seconds(table: Table, column: Column, unit: str | None, zone: datetime.tzinfo) -> tuple[Seconds, str]:
    """Convert a column to seconds.

    Parameters
    ----------
    table : Table
        The file.
    column : Column
        Column of the times.
    unit : str or None
        One of `UNITS`, or None to find out.
    zone : tzinfo
        Time zone of dates without an offset.

    Returns
    -------
    seconds : ndarray of float64, shape (n,)
        The nearest float to each time.
    unit : str
        The unit.

    Raises
    ------
    InvalidArgumentError
        A value is no time, or the unit is not clear.
    """
    unit = unit or _find_unit(table, column)
    seconds = _of_text(table, column, unit, zone) if isinstance(column.values, list) else _of_array(table, column, unit)
    if not np.isfinite(seconds).all():
        row = int(np.flatnonzero(~np.isfinite(seconds))[0])
        raise table.bad_value(row, _plain(column.values[row]), 'is not a time; every frame needs one')
    if unit == 'clock':
        seconds = seconds + _DAY * np.cumsum(np.diff(seconds, prepend=seconds[:1]) < -_DAY / 2)
    return seconds, unit


def _plain(value: Any) -> object:
    return value.item() if isinstance(value, (np.integer, np.floating)) else str(value)


# --- the unit


def _find_unit(table: Table, column: Column) -> str:
    _check_kind(table, column)
    if column.kind in ('date', 'clock'):
        return column.kind
    known = column.unit or unit_of_name(column.name)
    if known:
        return known
    _check_unit_of_name(table, column)
    sample = _sample(column)
    for unit, decimals in _DECIMALS.items():
        if _is_clear(sample, 10.0**-decimals, unit == 's' and not _are_integers(column)):
            return unit
    raise _unclear(table, column, sample)


def _check_unit_of_name(table: Table, column: Column) -> None:
    other = other_unit_of_name(column.name)
    if other is not None:
        raise table.error(
            f'has times in {other} in {column}, by its name; write them in {", ".join(_DECIMALS)} or as dates, or give '
            '--times-unit if the name is wrong'
        )


def _check_kind(table: Table, column: Column) -> None:
    """Refuse text, and times of the day next to dates that cannot be read."""
    if column.kind == 'text':
        row = next(row for row, text in enumerate(column.values) if kind_of(text) == 'text')
        raise table.bad_value(
            row, column.values[row], 'is neither a number nor a date in ISO 8601; every frame needs one'
        )
    before = table.columns[column.number - 2] if 1 < column.number <= len(table.columns) else column
    if column.kind == 'clock' and isinstance(before.values, list) and is_day(before.values[0]):
        raise table.error(
            f'has times of the day in {column}, and dates such as {before.values[0]!r} in {before}; write both in one '
            'column as 2026-03-01T12:00:05.2, or give --times-unit clock to take the times without their dates'
        )


def _sample(column: Column) -> Seconds:
    """Return the column as floats; nan for what is no number."""
    if isinstance(column.values, list):
        return np.array([float(text) if DECIMAL.fullmatch(text) else np.nan for text in column.values])
    return column.values.astype(np.float64)


def _are_integers(column: Column) -> bool:
    if isinstance(column.values, list):
        return all('.' not in text and 'e' not in text.lower() for text in column.values)
    return column.values.dtype.kind in 'iu'


def _interval(values: Seconds) -> float:
    with np.errstate(all='ignore'):
        steps = np.diff(values[np.isfinite(values)])
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 0.0


def _is_clear(values: Seconds, factor: float, are_fractions: bool) -> bool:
    """Return whether values times a factor are seconds that cameras have."""
    interval = _interval(values) * factor
    is_usual = _FASTEST <= interval < _SLOWEST
    finite = values[np.isfinite(values)] * factor
    is_date = len(finite) > 0 and bool(((finite >= _SINCE_1970[0]) & (finite < _SINCE_1970[1])).all())
    if len(finite) < 2:
        return are_fractions or is_date
    return is_usual and (are_fractions or is_date)


def _unclear(table: Table, column: Column, values: Seconds) -> InvalidArgumentError:
    interval = _interval(values)
    rates = [f'{unit} ({10**decimals / interval:.4g} frames/s)' for unit, decimals in _DECIMALS.items() if interval]
    choices = ', '.join(rates) or ', '.join(_DECIMALS)
    return table.error(f'does not show the unit of the times in {column}; give --times-unit: {choices}')


# --- values


def _of_text(table: Table, column: Column, unit: str, zone: datetime.tzinfo) -> Seconds:
    parse = _parser(unit, zone)
    seconds = np.empty(len(table))
    for row, text in enumerate(column.values):
        try:
            seconds[row] = parse(text)
        except (ValueError, OverflowError, ArithmeticError) as error:
            raise table.bad_value(row, text, f'is not a time in {_named(unit)}; every frame needs one') from error
    if unit == 'date':
        _check_offsets(table, column.values)
    return _unwrapped(seconds) if unit == 'flycapture' else seconds


def _check_offsets(table: Table, dates: Any) -> None:
    """Raise InvalidArgumentError if only some dates have an offset from UTC."""
    have = [_OFFSET.search(date) is not None for date in dates]
    if len(set(have)) > 1:
        row = have.index(not have[0])
        rule = (
            f'has {"no" if have[0] else "an"} offset from UTC, unlike the first date; write it in all dates or in none'
        )
        raise table.bad_value(row, dates[row], rule)


def _named(unit: str) -> str:
    return {'date': 'ISO 8601, such as 2026-03-01T12:00:05.2+01:00', 'clock': 'the form 14:05:09.5'}.get(unit, unit)


def _parser(unit: str, zone: datetime.tzinfo) -> Callable[[str], float]:
    if unit == 'date':
        return lambda text: date_seconds(text[:10].replace('/', '-') + text[10:], zone)
    if unit == 'clock':
        return _clock_seconds
    if unit == 'flycapture':
        return lambda text: _cycle_seconds(int(text))
    return _parser_of_numbers(_DECIMALS[unit])


def _parser_of_numbers(decimals: int) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not DECIMAL.fullmatch(text):
            raise ValueError(text)
        return float(Decimal(text).scaleb(-decimals, _EXACT)) if decimals else float(text)

    return parse


def _clock_seconds(text: str) -> float:
    found = re.fullmatch(r'(\d{1,2}):([0-5]\d):([0-5]\d(?:[.,]\d{1,25})?)', text)
    if found is None:
        raise ValueError(text)
    return float(int(found[1]) * 3600 + int(found[2]) * 60 + Decimal(found[3].replace(',', '.')))


def _cycle_seconds(ticks: int) -> float:
    """Convert the counter that FlyCapture embeds.

    It has 7 bits of seconds, 13 of cycles of 125 us, and 12 of the offset in a cycle, up to 3071.
    """
    if not 0 <= ticks < 2**32:
        raise ValueError(ticks)
    return (ticks >> 25) + ((ticks >> 12 & 0x1FFF) + (ticks & 0xFFF) / 3072) / 8000


def _unwrapped(seconds: Seconds) -> Seconds:
    falls = np.diff(seconds, prepend=seconds[:1]) < 0
    unwrapped: Seconds = seconds + _WRAPS_AFTER * np.cumsum(falls)
    return unwrapped


def _of_array(table: Table, column: Column, unit: str) -> Seconds:
    values: Any = column.values
    if unit == 'date' or values.dtype.kind == 'M':
        return _of_dates(table, column, unit)
    if unit == 'clock':
        raise table.error(f'holds numbers in {column}, not times of the day; give another --times-unit')
    if unit == 'flycapture':
        return _of_cycles(table, values)
    scale = 10 ** _DECIMALS[unit]
    if values.dtype.kind == 'f':
        return np.asarray(values.astype(np.float64) / scale)
    return np.array([value / scale for value in values.tolist()])  # the nearest float, also of huge integers


def _of_dates(table: Table, column: Column, unit: str) -> Seconds:
    values: Any = column.values
    if values.dtype.kind != 'M' or unit != 'date':
        kinds = ('dates', 'numbers') if values.dtype.kind == 'M' else ('numbers', 'dates')
        raise table.error(f'holds {kinds[0]} in {column}, not {kinds[1]}; give another --times-unit')
    nanoseconds = values.astype('datetime64[ns]')
    if (nanoseconds.astype(values.dtype) != values)[~np.isnat(values)].any():
        raise table.error(f'holds dates in {column} beyond the years 1678 to 2262')
    exact = np.array([value / 10**9 for value in nanoseconds.astype(np.int64).tolist()])
    return np.where(np.isnat(values), np.nan, exact)


def _of_cycles(table: Table, values: Any) -> Seconds:
    seconds = np.empty(len(values))
    for row, value in enumerate(values.tolist()):
        if not 0 <= value < 2**32 or value != int(value):
            raise table.bad_value(row, value, 'is not a time of FlyCapture, an integer of 32 bits')
        seconds[row] = _cycle_seconds(int(value))
    return _unwrapped(seconds)


def to_numbers(table: Table, column: Column) -> npt.NDArray[np.int64]:
    """Convert a column to frame numbers; InvalidArgumentError."""
    numbers = np.empty(len(table), np.int64)
    values = column.values if isinstance(column.values, list) else column.values.tolist()
    for row, value in enumerate(values):
        try:
            numbers[row] = _integer(value)
        except (ValueError, OverflowError) as error:
            rule = f'in {column} is not a frame number; choose another with --numbers-column, or none'
            raise table.bad_value(row, value if isinstance(value, (int, float)) else str(value), rule) from error
    return numbers


def _integer(value: Any) -> int:
    found = as_integer(value) if isinstance(value, str) else value
    if not isinstance(found, (int, float)) or found != found // 1:
        raise ValueError(value)
    return int(found)
