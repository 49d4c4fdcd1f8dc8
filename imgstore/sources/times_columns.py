"""Choice of the columns with frame times and frame numbers."""

from __future__ import annotations

import re

from ..errors import InvalidArgumentError
from .times_table import Column, Table

NO_NUMBERS = 'none'
"""Given as the column of the numbers, numbers the frames from 0."""

UNIT_NAMES = {
    's': ('s', 'sec', 'secs', 'second', 'seconds'),
    'ms': ('ms', 'msec', 'msecs', 'millis', 'millisecond', 'milliseconds'),
    'us': ('us', 'µs', 'μs', 'usec', 'usecs', 'micros', 'microsecond', 'microseconds'),
    'ns': ('ns', 'nsec', 'nsecs', 'nanos', 'nanosecond', 'nanoseconds'),
}
"""Words for each unit in the name of a column."""

_UNIT_WORDS = {word: unit for unit, words in UNIT_NAMES.items() for word in words}
_OTHER_UNITS = {
    'minutes': ('min', 'mins', 'minute', 'minutes'),
    'hours': ('h', 'hr', 'hrs', 'hour', 'hours'),
    'days': ('days',),
}
_OTHER_WORDS = {word: unit for unit, words in _OTHER_UNITS.items() for word in words}
_WORD = re.compile(r'[A-Z]+(?![a-zµμ])|[A-Z]?[a-zµμ]+|\d+')

_TIMES = ('time', 'times', 'timestamp', 'timestamps', 'frametime', 'frametimes', 'ts', 't', '')
_TIMES_END = ('time', 'times', 'timestamp', 'timestamps')
_NO_TIMES = ('exposure', 'process', 'latency')
_NUMBERS = ('framenumber', 'framenumbers', 'frameno', 'framenum', 'framenr', 'frameid')
_COUNTERS = ('frame', 'frames', 'number', 'counter', 'framecounter', 'framecount')
_INDEXES = ('frameindex', 'frameidx', 'index', 'idx')


def unit_of_name(name: str) -> str | None:
    """Return the unit in a column's name, such as 'ms' in 'Time Stamp (ms)'."""
    found = {_UNIT_WORDS[word] for word in _words(name) if word in _UNIT_WORDS}
    if _joined(name) == 'frametime' and not found:
        return 's'  # our own name, in every table of imgstore
    return found.pop() if len(found) == 1 else None


def other_unit_of_name(name: str) -> str | None:
    """Return the unsupported unit in a column's name, as in 'time (min)'."""
    return _OTHER_WORDS.get((_words(name) or [''])[-1])


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _joined(name: str) -> str:
    """Return a name in small letters without its unit, spaces and signs."""
    return ''.join(word for word in _words(name) if word not in _UNIT_WORDS or (word == 's' and len(name) == 1))


def choose_columns(table: Table, times: str | None, numbers: str | None) -> tuple[Column, Column | None]:
    """Choose the columns of the times and of the numbers.

    Parameters
    ----------
    table : Table
        The file.
    times, numbers : str or None
        Name or number of a column. None: by the names, or without names by the values. 'none' as the numbers: no
        column.

    Raises
    ------
    InvalidArgumentError
        No column, or several fit.
    """
    own = None if times is None else _named(table, times)
    of_numbers = None if numbers in (None, NO_NUMBERS) else _named(table, str(numbers))
    rest = [column for column in table.columns if column is not of_numbers]
    by_name = own or _only(table, rest, _times_by_name(rest), 'times')
    chosen = by_name or _times_by_values(table, rest)
    if of_numbers is not None or numbers == NO_NUMBERS:
        return chosen, of_numbers
    others = [column for column in table.columns if column is not chosen]
    found = _numbers_by_name(others)
    if not found and (by_name is None or not any(column.name for column in table.columns)):
        found = [column for column in others if column.is_counter]
    return chosen, _only(table, others, found, 'numbers')


def _named(table: Table, asked: str) -> Column:
    """Return a column by its name, or else by its number from 1."""
    for found in (
        [column for column in table.columns if column.name == asked],
        [column for column in table.columns if column.name.strip().lower() == asked.strip().lower()],
        [column for column in table.columns if asked.isdecimal() and column.number == int(asked)],
    ):
        if len(found) > 1:
            raise table.error(f'has {len(found)} columns {asked!r}; give the number of one, from 1')
        if found:
            return found[0]
    raise table.error(f'has no column {asked!r}; it has {_listed(table.columns)}')


def _only(table: Table, rest: list[Column], found: list[Column], what: str) -> Column | None:
    if len(found) > 1:
        raise _ambiguous(table, found, what)
    return found[0] if found else None


def _ambiguous(table: Table, found: list[Column], what: str) -> InvalidArgumentError:
    none = f', or --{what}-column {NO_NUMBERS}' if what == 'numbers' else ''
    return table.error(
        f'has several columns that may be the {what}: {_listed(found)}; choose one with --{what}-column, by name or '
        f'by number from 1{none}'
    )


def _listed(columns: list[Column]) -> str:
    return ', '.join(f'{column.number} ({column.name!r})' if column.name else str(column.number) for column in columns)


def _times_by_name(columns: list[Column]) -> list[Column]:
    named = [column for column in columns if column.name and not any(no in column.name.lower() for no in _NO_TIMES)]
    best = [column for column in named if _last_part(column) in _TIMES]
    return best or [column for column in named if _last_part(column).endswith(_TIMES_END)]


def _last_part(column: Column) -> str:
    """Return the name after the last dot; Bonsai writes Value.Timestamp."""
    return _joined(column.name.rpartition('.')[2]) if column.name.strip() else 'unnamed'


def _times_by_values(table: Table, columns: list[Column]) -> Column:
    dates = [column for column in columns if column.kind in ('date', 'clock')]
    if len(table.columns) == 1 or len(columns) == 1:
        return columns[0]
    found = dates or [column for column in columns if column.kind == 'number' and not column.is_counter]
    if len(found) == 1:
        return found[0]
    raise _ambiguous(table, found or columns, 'times')


def _numbers_by_name(columns: list[Column]) -> list[Column]:
    for names in (_NUMBERS, _COUNTERS, _INDEXES):
        found = [column for column in columns if column.name and _last_part(column) in names]
        if not found and names is not _COUNTERS:
            found = [column for column in columns if column.name and _last_part(column).endswith(names[:6])]
        if names is _INDEXES:
            found = [column for column in found if 'buffer' not in column.name.lower()]
        if found:
            return found
    return []
