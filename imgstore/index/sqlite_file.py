"""The SQLite index of imgstore 0.4: a database of all frames."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._support.regular_files import check_regular, data_bytes
from ..errors import CorruptFileError, StoreIOError
from ..ondisk.chunk_index import Numbers, Times
from ..ondisk.files import replace_atomic

if TYPE_CHECKING:
    import sqlite3

ChunkFrames = tuple[int, str, Numbers, Times]
"""Number of a chunk, its index path without extension, its frames' numbers and times."""

VERSION = '1'

_SCHEMA = """
CREATE TABLE chunks (chunk INTEGER, chunk_path TEXT);
CREATE TABLE frames (chunk INTEGER, frame_idx INTEGER, frame_number INTEGER, frame_time REAL);
CREATE TABLE index_information (name TEXT, value TEXT);
CREATE TABLE summary (name TEXT, value REAL);
"""


def save(path: str, chunks: Iterable[ChunkFrames], summary: dict[str, float]) -> None:
    """Write a database, and replace an older one; StoreIOError if that fails."""
    import sqlite3

    try:
        with replace_atomic(path) as temporary:
            _write(temporary, chunks, summary)
    except (sqlite3.Error, OSError) as error:
        raise StoreIOError(f'{path}: the index could not be saved: {error}', path=path) from error


def _write(path: str, chunks: Iterable[ChunkFrames], summary: dict[str, float]) -> None:
    import sqlite3

    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(_SCHEMA)
        for chunk, stem, *frames in chunks:
            numbers, times = (values.tolist() for values in frames)
            database.execute('INSERT INTO chunks VALUES (?, ?)', (chunk, stem))
            database.executemany(
                'INSERT INTO frames VALUES (?, ?, ?, ?)',
                zip([chunk] * len(numbers), range(len(numbers)), numbers, times, strict=True),
            )
        database.execute('INSERT INTO index_information VALUES (?, ?)', ('version', VERSION))
        database.executemany('INSERT INTO summary VALUES (?, ?)', summary.items())
        database.execute('CREATE INDEX chunk_index ON frames (chunk, frame_idx)')
        database.commit()


def read(path: str) -> list[ChunkFrames]:
    """Read the chunks of a database.

    Raises CorruptFileError if it is missing or damaged.
    """
    import sqlite3

    if not os.path.isfile(path):
        raise CorruptFileError(f'{path}: there is no such index file; save_index writes one', path=path)
    try:
        check_regular(path)
        with contextlib.closing(sqlite3.connect(f'{Path(path).as_uri()}?mode=ro', uri=True)) as database:
            return _read(path, database)
    except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
        raise CorruptFileError(f'{path} is not a valid SQLite index: {error}', path=path) from error


_STEPS_A_BYTE, _STEPS = 4, 100_000
"""Maximum steps of SQLite per byte of the database (at least 9 bytes per frame), and for an empty one."""


def _guard(path: str, database: sqlite3.Connection) -> None:
    """Limit the steps of SQLite, and reject tables of computed rows.

    Pages with circular references never end. A view, a computed column or a long default could fill the memory in a
    few steps.
    """
    database.execute('PRAGMA trusted_schema = OFF')
    steps = _STEPS + _STEPS_A_BYTE * data_bytes(path)
    database.set_progress_handler(lambda: 1, min(steps, 2**31 - 1))
    tables = dict(database.execute('SELECT name, type FROM sqlite_master WHERE rootpage > 0'))
    for name in ('frames', 'chunks', 'index_information'):
        columns = database.execute('SELECT hidden, dflt_value FROM pragma_table_xinfo(?)', (name,))
        if tables.get(name) != 'table' or any(hidden or default is not None for hidden, default in columns):
            raise ValueError(f'it has no table {name} of plain columns')


def _read(path: str, database: sqlite3.Connection) -> list[ChunkFrames]:
    _guard(path, database)
    found = database.execute("SELECT value FROM index_information WHERE name = 'version'").fetchone()
    if found is None or str(found[0]) != VERSION:
        raise ValueError(f'its version is {found and found[0]!r}; it must be {VERSION!r}')
    paths = dict(database.execute('SELECT chunk, chunk_path FROM chunks').fetchall())
    rows = database.execute('SELECT chunk, frame_idx, frame_number, frame_time FROM frames ORDER BY chunk, frame_idx')
    return _chunks_of_rows(paths, rows.fetchall())


def _chunks_of_rows(paths: dict[int, str], rows: list[tuple[int, int, int, float | None]]) -> list[ChunkFrames]:
    of_chunk, within, numbers, times = zip(*rows, strict=True) if rows else ((), (), (), ())
    owner, all_numbers, known = _whole(of_chunk), _whole(numbers), np.sort(_whole(tuple(paths)))
    all_times = np.array([np.nan if time is None else time for time in times], np.float64)
    starts, ends = np.searchsorted(owner, known), np.searchsorted(owner, known, 'right')
    if not np.array_equal(within, np.concatenate([[0], *map(np.arange, ends - starts)])[1:]):
        raise ValueError('frames are missing')
    return [
        (n, str(paths[n]), all_numbers[start:end], all_times[start:end])
        for n, start, end in zip(known.tolist(), starts, ends, strict=True)
    ]


def _whole(values: Sequence[Any]) -> Numbers:
    array = np.array(values)
    if array.size and array.dtype.kind != 'i':
        raise ValueError('the number of a chunk or a frame is not an integer')
    return array.astype(np.int64)
