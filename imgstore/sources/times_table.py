"""Columns of a file of frame times, and what their values look like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.moments import DECIMAL
from ..errors import InvalidArgumentError

Values = list[str] | npt.NDArray[Any]

_DATE = re.compile(
    r'\d{4}(-\d\d-\d\d|/\d\d/\d\d|\d{4})[Tt ]\d\d(:?\d\d(:?\d\d([.,]\d{1,25})?)?)?(Z|[+-]\d\d(:?\d\d(:?\d\d)?)?)?',
    re.ASCII | re.IGNORECASE,
)
_DAY = re.compile(r'\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}', re.ASCII)
_CLOCK = re.compile(r'\d{1,2}:\d\d:\d\d([.,]\d{1,25})?', re.ASCII)
_INTEGER = re.compile(r'[+-]?\d{1,25}(\.0{0,25})?', re.ASCII)
_LARGEST = 2**63
_SAMPLE = 100  # values that show the kind of a column


@dataclass(frozen=True)
class Column:
    """A column of a file of frame times.

    Attributes
    ----------
    number : int
        Number of the column, from 1.
    name : str
        Name of the column, or '' without one.
    values : list of str or ndarray, length n
        A value per frame.
    unit : str or None
        Unit of the times, if the program that wrote the file is known.
    """

    number: int
    name: str
    values: Values
    unit: str | None = None

    def __str__(self) -> str:
        return f'column {self.name!r}' if self.name else f'column {self.number}'

    @property
    def kind(self) -> str:
        """'number', 'date', 'clock' or 'text'."""
        if not isinstance(self.values, list):
            return 'date' if self.values.dtype.kind == 'M' else 'number'
        return Counter(map(kind_of, self.values[:_SAMPLE])).most_common(1)[0][0]

    @property
    def is_counter(self) -> bool:
        """Whether the values are ascending integers, most of them one apart."""
        values = self._integers()
        if values is None:
            return False
        steps = np.diff(values)
        return bool((steps > 0).all() and 2 * int((steps == 1).sum()) >= len(steps))

    def _integers(self) -> npt.NDArray[np.float64] | None:
        if isinstance(self.values, list):
            if len(self.values) == 1 and not self.values[0].isdecimal():  # 0.0 is a time rather than a number
                return None
            integers = list(map(as_integer, self.values))
            return None if None in integers else np.array(integers, np.float64)
        if self.values.dtype.kind not in 'iuf' or not np.isfinite(self.values).all():
            return None
        whole = self.values.astype(np.float64)
        return whole if bool((whole == np.floor(whole)).all()) else None


@dataclass(frozen=True)
class Table:
    """Content of a file of frame times.

    Attributes
    ----------
    path : str
        Path of the file.
    columns : list of Column
        The columns, of the same length.
    lines : sequence of int or None
        Line number of each row of a text file.
    """

    path: str
    columns: list[Column]
    lines: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def bad_value(self, row: int, value: object, rule: str) -> InvalidArgumentError:
        """Create the error for a value."""
        where = f'index {row}' if self.lines is None else f'line {self.lines[row]}'
        return InvalidArgumentError(f'{self.path!r}, {where}: {value!r} {rule}', path=self.path)

    def error(self, what: str) -> InvalidArgumentError:
        """Create an error about the file."""
        return InvalidArgumentError(f'{self.path!r} {what}', path=self.path)


def kind_of(text: str) -> str:
    """Return 'number', 'date', 'clock' or 'text'."""
    if DECIMAL.fullmatch(text):
        return 'number'
    if _DATE.fullmatch(text):
        return 'date'
    return 'clock' if _CLOCK.fullmatch(text) else 'text'


def is_day(text: str) -> bool:
    """Return whether a text is a date without a time, in any order."""
    return _DAY.fullmatch(text) is not None


def as_integer(text: str) -> int | None:
    """Convert an integer, such as 12, 12.0 or 1.2e1; None for other texts."""
    if _INTEGER.fullmatch(text):
        return int(text.partition('.')[0])
    number = Decimal(text) if DECIMAL.fullmatch(text) else Decimal('inf')
    return int(number) if abs(number) < _LARGEST and number == number.to_integral_value() else None
