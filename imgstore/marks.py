"""Marks: frames and ranges of frames, each with a label.

They are a CSV file, ``marks.csv``, in the folder of a store. It has a header and a line per mark, in UTF-8::

    start,end,label
    120,180,grooming
    400,,the lamp flickers

``start`` and ``end`` are frame numbers, and both frames belong to the mark. ``end`` is empty for a single frame.

Examples
--------
>>> from imgstore.marks import Mark, marks_path, read_marks, write_marks
>>> write_marks(marks_path('recording'), [Mark(101, 103, 'grooming'), Mark(104)])
>>> read_marks(marks_path('recording'))
[Mark(start=101, end=103, label='grooming'), Mark(start=104, end=None, label='')]
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._support.regular_files import read_regular
from ._support.text import decode_text, is_utf8
from ._support.validation import as_int, as_int_min
from .constants import STORE_MARKS_FILENAME
from .errors import InvalidArgumentError, StoreIOError
from .ondisk.files import StrPath, join, text_path, write_atomic
from .ondisk.layout import local_folder

MARKS_FILENAME = STORE_MARKS_FILENAME
"""Name of the file in the folder of a store."""

COLUMNS = ('start', 'end', 'label')
"""Columns of the file."""

_MAX_BYTES = 2**26
_SEPARATORS = (',', ';', '\t')  # a semicolon is that of spreadsheets in much of Europe
_NUMBER = re.compile(r'[+-]?\d{1,19}(?:\.0*)?', re.ASCII)  # pandas writes 180.0 if another end is missing
_LONGEST_SHOWN = 60  # letters of a wrong value


@dataclass(frozen=True)
class Mark:
    """A frame or a range of frames with a label.

    Attributes
    ----------
    start : int
        Number of the first frame.
    end : int or None
        Number of the last frame, which belongs to the range. None for a single frame.
    label : str
        Text.

    Raises
    ------
    InvalidArgumentError
        A value is not allowed, or the end is before the start.
    """

    start: int
    end: int | None = None
    label: str = ''

    def __post_init__(self) -> None:
        object.__setattr__(self, 'start', as_int(self.start, 'start'))
        if self.end is not None:
            object.__setattr__(self, 'end', as_int_min(self.end, 'end', self.start))
        label: object = self.label
        if not isinstance(label, str) or not is_utf8(label) or '\0' in label:
            raise InvalidArgumentError(f'label is {self.label!r}; it must be text', argument='label')

    @property
    def last(self) -> int:
        """Number of the last frame: `end`, or `start` of a single frame."""
        return self.start if self.end is None else self.end


def marks_path(store: StrPath) -> str:
    """Return the path of the marks of a store, given its folder.

    There may be no file yet.
    """
    return join(text_path(store, 'store'), MARKS_FILENAME)


def read_marks(path: StrPath) -> list[Mark]:
    """Read a file of marks.

    The columns may be in any order, and separated by commas, semicolons or tabs. ``end`` and ``label`` may be missing.
    Blank lines are skipped.

    Parameters
    ----------
    path : str or PathLike
        Path or URL of the file.

    Returns
    -------
    list of Mark
        The marks, in the order of the file.

    Raises
    ------
    InvalidArgumentError
        The file does not hold marks. The error names the line.
    StoreIOError
        The file does not exist or cannot be read.
    """
    place = text_path(path, 'path')
    try:
        data = read_regular(place, _MAX_BYTES)
    except OSError as error:
        raise StoreIOError(f'{place!r} cannot be read: {error.strerror or error}', path=place) from error
    return _parsed(place, decode_text(data).removeprefix('\ufeff'))


def _parsed(path: str, text: str) -> list[Mark]:
    first = text.lstrip().splitlines()[:1]
    separator = next((each for each in _SEPARATORS if first and each in first[0]), ',')
    rows = _rows(path, csv.reader(io.StringIO(text, newline=''), delimiter=separator, strict=True))
    line, names = next(rows, (1, []))
    header = [name.strip().lower() for name in names]
    if 'start' not in header or not set(header) <= set(COLUMNS) or len(set(header)) < len(header):
        raise _error(path, line, f'the header is {_shown(separator.join(names))}; it must be {",".join(COLUMNS)}')
    return [_mark(path, number, header, row) for number, row in rows]


def _rows(path: str, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the number of its line."""
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise _error(path, line, f'it is no line of a CSV file: {error}') from error


def _mark(path: str, line: int, header: list[str], row: list[str]) -> Mark:
    if len(row) != len(header):
        raise _error(path, line, f'there are {len(row)} values, but the header has {len(header)}; quote a label "a, b"')
    cells = dict(zip(header, row, strict=True))
    start, end = (_number(path, line, name, cells) for name in ('start', 'end'))
    if start is None:
        raise _error(path, line, 'start is empty; it must be a frame number')
    try:
        return Mark(start, end, cells.get('label', ''))
    except InvalidArgumentError as error:
        raise _error(path, line, str(error)) from error


def _number(path: str, line: int, name: str, cells: Mapping[str, str]) -> int | None:
    text = cells.get(name, '').strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise _error(path, line, f'{name} is {_shown(text)}; it must be a frame number such as 120')
    return int(text.partition('.')[0])


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f'{text[:_LONGEST_SHOWN]}…')


def _error(path: str, line: int, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(f'{path!r}, line {line}: {what}', path=path, reason=what)


def write_marks(path: StrPath, marks: Iterable[Mark]) -> None:
    """Write a file of marks, in the given order.

    An existing file of marks is replaced once the new one is complete.

    Parameters
    ----------
    path : str or PathLike
        Path of the file.
    marks : iterable of Mark
        The marks.

    Raises
    ------
    InvalidArgumentError
        The path is a URL, or the existing file holds something else, which stays as it is.
    StoreIOError
        The file cannot be written.
    """
    place = local_folder(text_path(path, 'path'), 'write')
    rows = [(mark.start, '' if mark.end is None else mark.end, mark.label) for mark in marks]
    if os.path.lexists(place):
        read_marks(place)
    try:
        write_atomic(place, _text(rows).encode())
    except OSError as error:
        raise StoreIOError(f'{place!r} cannot be written: {error.strerror or error}', path=place) from error


def _text(rows: list[tuple[int, int | str, str]]) -> str:
    has_return = any('\r' in label for _, _, label in rows)  # which Python would not quote
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n', quoting=csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()
