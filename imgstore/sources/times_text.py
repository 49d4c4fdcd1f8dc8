"""Tables of frame times as text: CSV and its relatives, and JSON."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

from .._support.text import count_of
from ..errors import InvalidArgumentError
from .times_table import Column, Table, kind_of

_SEPARATORS = ('\t', ';', '|', ',', ' ')
"""In the order in which they are tried; a space stands for any number of them."""

_SAMPLE = 100  # lines that show the separator
_MISSING = ('nan', 'inf', '-inf', 'na', 'none', 'null', 'nat')
_COMMENT = ('#', '%', '//')
_DECIMAL_COMMA = re.compile(r'[+-]?\d+,\d+(e[+-]?\d+)?', re.IGNORECASE | re.ASCII)
_DAY_AND_CLOCK = re.compile(r'(\d{4}[-/]\d\d[-/]\d\d) +(\d\d:)', re.ASCII)
_TIMECODES = re.compile(r'#\s*time(code|stamp) format v2', re.IGNORECASE)
_SPECIFIED = re.compile(r'"?sep=(.)"?', re.IGNORECASE)

_Lines = list[tuple[int, str]]


def parse_text(path: str, text: str) -> Table:
    """Parse lines of values.

    Blank lines and comments are skipped. The separator is a tab, ; | , or spaces. A header is optional.

    Raises
    ------
    InvalidArgumentError
        There are no values, or the lines differ in their number of values.
    """
    lines = [(n, line) for n, line in enumerate(re.split('\r\n|\r|\n', text), 1) if line.strip()]
    specified = _SPECIFIED.fullmatch(lines[0][1].strip()) if lines else None
    lines = lines[1:] if specified else lines
    comments = [line.strip() for _, line in lines if line.lstrip().startswith(_COMMENT)]
    lines = [(n, line) for n, line in lines if not line.lstrip().startswith(_COMMENT)]
    if not lines:
        raise InvalidArgumentError(f'{path!r} has no times', path=path)
    separator = specified[1] if specified else _find_separator([line for _, line in lines[: _SAMPLE + 1]])
    return _Parser(path, separator).table(lines, comments)


def _find_separator(lines: list[str]) -> str:
    """Return the separator, ' ' for any spaces, or '' for one value per line."""
    body = lines[1:] or lines
    if all(kind_of(line.strip().strip('"')) != 'text' for line in body):
        return ''
    for separator in _SEPARATORS:
        counts = {len(_split(line, separator)) for line in body}
        if len(counts) == 1 and counts != {1}:
            return separator
    usual = [each for each in _SEPARATORS[:-1] if 2 * sum(each in line for line in body) > len(body)]
    return usual[0] if usual else ''


def _split(line: str, separator: str) -> list[str]:
    if not separator:
        return [line.strip().strip('"')]
    if separator == ' ':
        return [cell.strip('"') for cell in _DAY_AND_CLOCK.sub(r'\1T\2', line).split()]
    cells = next(csv.reader([line], delimiter=separator)) if '"' in line else line.split(separator)
    return [cell.strip() for cell in cells]


class _Parser:
    """Parser of one text file."""

    def __init__(self, path: str, separator: str) -> None:
        self._path, self._separator = path, separator

    def table(self, lines: _Lines, comments: list[str]) -> Table:
        rows = [self._cells(line) for _, line in lines]
        names, first = self._header(rows, comments)
        numbers, rows = [number for number, _ in lines[first:]], rows[first:]
        if not rows:
            raise InvalidArgumentError(f'{self._path!r} has a header, but no times', path=self._path)
        self._check_widths(rows, numbers)
        names = self._fitted(names, rows, numbers[0])
        unit = 'ms' if any(map(_TIMECODES.match, comments)) else None
        columns = [list(column) for column in zip(*rows, strict=True)]
        return Table(
            self._path,
            [Column(n, name, column, unit) for n, (name, column) in enumerate(zip(names, columns, strict=True), 1)],
            numbers,
        )

    def _cells(self, line: str) -> list[str]:
        cells = _split(line, self._separator)
        if self._separator == ',' or ',' not in line:
            return cells
        return [cell.replace(',', '.') if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]

    def _header(self, rows: list[list[str]], comments: list[str]) -> tuple[list[str], int]:
        """Return the columns' names and the index of the first row of values."""
        kinds = [kind_of(cell) for cell in rows[0]]
        if all(kind == 'text' for kind in kinds):
            return ([], 0) if len(rows[0]) == 1 and _is_bad_value(rows[0][0]) else (rows[0], 1)
        commented = [re.sub(r'^(#|%|//)+\s*', '', comment) for comment in comments]
        found = [cells for cells in map(self._cells, commented) if len(cells) == len(rows[0])]
        return (found[-1] if found else []), 0

    def _check_widths(self, rows: list[list[str]], numbers: list[int]) -> None:
        usual = max(map(len, rows[:_SAMPLE]))
        for row, number in zip(rows, numbers, strict=True):
            if len(row) != usual:
                values = f'{len(row)} value{"s" * (len(row) != 1)}'
                raise InvalidArgumentError(
                    f'{self._path!r}, line {number} has {values}, but other lines have {usual}', path=self._path
                )

    def _fitted(self, names: list[str], rows: list[list[str]], line: int) -> list[str]:
        """Return a name per column; in R, the first column may have none.

        A decimal comma would shift the columns, so a comma-separated line may have no value without a name.
        """
        width = len(rows[0])
        if len(names) == width - 1 and not any(row[-1] for row in rows):
            return [*names, '']
        if len(names) == width - 1 and self._separator != ',':
            return ['', *names]
        if names and len(names) < width:
            commas = ' Write decimal commas as points, or separate the values by semicolons'
            raise InvalidArgumentError(
                f'{self._path!r}, line {line} has {width} values, but the header has {count_of(len(names), "name")}; '
                f'it needs one per column.{commas if self._separator == "," else ""}',
                path=self._path,
            )
        return names if len(names) == width else [''] * width


def _is_bad_value(text: str) -> bool:
    """Return whether a text is a missing value or values, rather than a name."""
    return all(kind_of(part) != 'text' or part.lower() in _MISSING for part in re.split('[,;|\t ]+', text))


def parse_json(path: str, text: str) -> Table:
    """Parse an object with lists of values, a list of values or one of objects.

    Raises
    ------
    InvalidArgumentError
        It is none of these.
    """
    try:
        data = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f'{path!r} is not valid JSON: {error}', path=path) from error
    lists = _lists(data)
    length = max(map(len, lists.values()), default=0)
    if not length:
        raise InvalidArgumentError(f'{path!r} has no list of times', path=path)
    columns = [(name, values) for name, values in lists.items() if len(values) == length]
    return Table(path, [Column(n, name, values) for n, (name, values) in enumerate(columns, 1)])


def _lists(data: Any) -> dict[str, list[str]]:
    """Return the lists of plain values by name."""
    if isinstance(data, list) and data and all(isinstance(each, dict) for each in data):
        names = [name for name in data[0] if all(isinstance(each.get(name), str) for each in data)]
        return {name: [each[name] for each in data] for name in names}
    found = data.items() if isinstance(data, dict) else [('', data)]
    return {
        name: ['null' if each is None else str(each) for each in values]
        for name, values in found
        if isinstance(values, list) and not any(isinstance(each, (dict, list)) for each in values)
    }
