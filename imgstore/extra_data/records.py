"""Extra data: reading each kind of file, combining them, renumbering them.

There are three kinds: the user's records (``.extra.json``), records of the Motif recorder (``.extra_data.json``) and
samples of its sensors (``.extra_data.h5``). Motif reserves rows in advance. Unused ones have a negative frame number
and are skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from .._support.json import dumps
from .._support.text import decode_text, without_surrogates
from .._support.warn import warn
from ..constants import (
    COMPLETE_JOURNAL,
    EXTRA_JSON,
    FRAME_INDEX,
    FRAME_NUMBER,
    FRAME_NUMBER_BEFORE_REINDEX,
    FRAME_TIME,
    JOURNAL,
    MOTIF_EXTRA_H5,
    MOTIF_EXTRA_JSON,
)
from ..errors import CorruptFileError, ExtraDataSkippedWarning, ImgStoreError, InvalidArgumentError
from ..ondisk.extra_data_file import read_extra_data_file
from ..ondisk.files import partial_path, remove_if_there
from ..ondisk.journal_reading import read_journal
from .exact import exact_column
from .motif_h5 import Numbers, Renumber, Table, read_tables, renumber_h5, samplerates

if TYPE_CHECKING:
    import pandas as pd

_SENSOR_TIME = 'sensor_time'
_SURROGATE = re.compile(r'\\u[dD][89a-fA-F]|[\ud800-\udfff]')

_UNQUESTIONED_CELLS, _CELLS_A_VALUE = 2**22, 256
"""Maximum size of the table of all records: in cells, or in cells per value. Each key takes a column."""

_Record = dict[str, Any]


def read_extra_data(
    paths: Sequence[str],
    ignore_corrupt: bool = False,
    tables: Iterator[Table] | None = None,
    store: str | None = None,
    chunks: Mapping[str, int] | None = None,
    exact: bool = False,
    verify: bool = True,
) -> pd.DataFrame | None:
    """Read the extra data of a store.

    Parameters
    ----------
    paths : sequence of str
        The files in the order of their chunks, a chunk's journal after its other files.
    ignore_corrupt : bool
        Skip damaged files with one warning.
    tables : iterator, optional
        Tables of the HDF5 files, if read already.
    store : str, optional
        The store's folder, for errors.
    chunks : mapping of str to int, optional
        Chunks of the files, for errors.
    exact : bool
        Integers keep all digits, also if some records have none: see `exact_column`.
    verify : bool
        Compare the store's own files with their checksums.

    Returns
    -------
    pandas.DataFrame or None
        One row per record, numbered from 0, with columns in order of appearance. None if there are no records.

    Raises
    ------
    CorruptFileError
        A file is damaged.
    """
    contents: list[tuple[str, Any]] = []
    errors: list[CorruptFileError] = []
    tables = read_tables(h5_files(paths)) if tables is None else tables
    for path in paths:
        try:
            contents.append(_read_behind(contents, path, tables, verify))
        except CorruptFileError as error:
            error.store, error.chunk = store, (chunks or {}).get(path)
            errors.append(error)
    if errors and not ignore_corrupt:
        raise errors[0]
    if errors:
        warn(ExtraDataSkippedWarning(errors))
    groups = groupby(contents, itemgetter(0))
    frame = _concatenate([_combine(kind, [content for _, content in group], exact) for kind, group in groups])
    if exact and len(frame):
        frame = frame.apply(exact_column)
    return frame if len(frame) else None


def read_motif_json(path: str) -> pd.DataFrame:
    """Read one ``.extra_data.json``, sorted by frame, then by the sensor's time.

    Raises
    ------
    CorruptFileError
        The file is not a JSON array of objects.
    """
    return _frame_of_motif([read_records(path)]).reset_index(drop=True)


def samplerate(paths: Sequence[str]) -> float | None:
    """Return the sample rate of the sensors, from the first file with one.

    Parameters
    ----------
    paths : sequence of str
        Extra data files of any kind.

    Returns
    -------
    float or None
        Samples per second; None if no file has a rate.

    Raises
    ------
    InvalidArgumentError
        The sensors of a file have different rates.
    CorruptFileError
        A file is damaged.
    """
    files = h5_files(paths)
    for some in (files[:1], files[1:]):  # usually the first one has a rate
        for path, rates in zip(some, samplerates(some), strict=True):
            if len(rates) > 1:
                raise InvalidArgumentError(f'{path} has data with several sample rates: {sorted(rates)}', path=path)
            if rates:
                return rates.pop()
    return None


def h5_files(paths: Iterable[str]) -> list[str]:
    """Return the HDF5 files among extra data files."""
    return [path for path in paths if path.endswith(MOTIF_EXTRA_H5)]


def renumber_extra_data(
    path: str, old: Numbers, new: Numbers, own: slice, first: Numbers | None = None, target: str | None = None
) -> str:
    """Write an extra data file with new frame numbers as `partial_path`.

    The old file is unchanged.

    The original number of a record is kept as ``_frame_number_before_reindex``. Records without a number and reserved
    rows stay the same.

    Parameters
    ----------
    path : str
        An extra data file of any kind.
    old : numpy.ndarray of int64
        Old numbers of all frames of the store, in its order.
    new : numpy.ndarray of int64
        New numbers of all frames of the store, in its order.
    own : slice
        Frames of the file's chunk. A record belongs to the frame at its ``frame_index`` if their numbers match,
        otherwise to the frame of the chunk with its number.
    first : numpy.ndarray of int64, optional
        Original numbers of all frames, before any renumbering. Some records may still have them.
    target : str, optional
        Path of the new file. Default: `partial_path`.

    Returns
    -------
    path : str
        Path of the file to replace with the new one.

    Raises
    ------
    CorruptFileError
        The file is damaged.
    """
    target = partial_path(path) if target is None else target
    write = renumber_h5 if path.endswith(MOTIF_EXTRA_H5) else _renumber_json
    try:
        write(path, target, _renumbering(old, new, own, old if first is None else first))
    except BaseException:
        remove_if_there(target)
        raise
    return path


def has_other_numbers(path: str, old: Numbers, new: Numbers, own: slice, first: Numbers) -> bool:
    """Return whether `renumber_extra_data` would change a number in a JSON file.

    Raises CorruptFileError.
    """
    _, numbers, indices = _numbered(path, read_records(path))
    return not np.array_equal(_renumbering(old, new, own, first)(numbers, indices), numbers)


def _renumbering(old: Numbers, new: Numbers, own: slice, first: Numbers) -> Renumber:
    def renumber(numbers: Numbers, indices: Numbers) -> Numbers:
        known = (indices >= 0) & (indices < len(old))
        theirs = indices[known]
        known[known] = (old[theirs] == numbers[known]) | (first[theirs] == numbers[known])
        renumbered = _renumber_by_number(numbers, old[own], new[own])
        renumbered[known] = new[indices[known]]
        return renumbered

    return renumber


def _renumber_by_number(numbers: Numbers, old: Numbers, new: Numbers) -> Numbers:
    order = np.argsort(old, kind='stable')
    places = np.searchsorted(old, numbers, sorter=order)
    found = places < len(old)
    found[found] = old[order[places[found]]] == numbers[found]
    renumbered = numbers.copy()
    renumbered[found] = new[order[places[found]]]
    return renumbered


def _read_behind(contents: list[tuple[str, Any]], path: str, tables: Iterator[Table], verify: bool) -> tuple[str, Any]:
    """Return kind and content of a file.

    For a journal, these are the records missing from the file before it.
    """
    if path.endswith(MOTIF_EXTRA_H5):
        table = next(tables)
        if isinstance(table, ImgStoreError):
            raise table
        return MOTIF_EXTRA_H5, table
    if not path.endswith((JOURNAL, COMPLETE_JOURNAL)):
        return MOTIF_EXTRA_JSON if path.endswith(MOTIF_EXTRA_JSON) else EXTRA_JSON, read_records(path, verify=verify)
    return EXTRA_JSON, records_missing_from(path, contents[-1][1] if contents and contents[-1][0] == EXTRA_JSON else [])


def records_missing_from(journal: str, complete: list[_Record]) -> list[_Record]:
    """Return the records of a chunk's journal unless its own file ends with them.

    Raises CorruptFileError.
    """
    records = read_records(journal)
    return [] if records == complete[-len(records) :] else records


def _combine(kind: str, contents: list[Any], exact: bool) -> pd.DataFrame:
    """Make one table from files of one kind; of objects if it must be exact.

    For JSON, the dtype of a column depends on all records.
    """
    dtype = object if exact else None
    if kind == MOTIF_EXTRA_JSON:
        return _frame_of_motif(contents, dtype)
    if kind == EXTRA_JSON:
        return _table(list(chain.from_iterable(contents)), dtype)
    return _concatenate([content.astype(object) for content in contents] if exact else contents)


def _table(records: list[_Record], dtype: type | None = None) -> pd.DataFrame:
    """Return the records as rows of a table."""
    import pandas as pd

    _check_keys(records)
    return pd.DataFrame(records, dtype=dtype)


def _check_keys(records: list[_Record], path: str | None = None) -> None:
    """Raise CorruptFileError for too many different keys.

    Their table would fill the memory.
    """
    cells = len(records) * len(set().union(*records))
    if cells > max(_UNQUESTIONED_CELLS, _CELLS_A_VALUE * sum(map(len, records))):
        raise CorruptFileError(
            f'{path or "extra data"} is damaged: its {len(records)} records have too many different keys', path=path
        )


def _concatenate(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    frames = [frame for frame in frames if len(frame)]
    if len(frames) < 2:
        return frames[0].reset_index(drop=True) if frames else pd.DataFrame()
    columns = dict.fromkeys(chain.from_iterable(frames))
    # empty columns are dropped first, since they affect dtypes differently in pandas 2 and 3
    frame = pd.concat([frame.dropna(axis='columns', how='all') for frame in frames], ignore_index=True)
    return frame.reindex(columns=list(columns))


# --- JSON


def record_as_json(data: str, number: float, time: float, index: int) -> str:
    """Return a record, JSON of a mapping, with its frame's own values."""
    own = dumps({FRAME_TIME: time, FRAME_NUMBER: number, FRAME_INDEX: index})
    return own if data == '{}' else f'{data[:-1]}, {own[1:]}'


def records_file(records: Iterable[str]) -> bytes:
    """Return the content of a file with these records."""
    return f'[{", ".join(records)}]'.encode()


def read_records(path: str, as_text: bool = True, verify: bool = True) -> list[_Record]:
    """Read the records in a JSON file or in a journal; CorruptFileError.

    With ``as_text``, lone surrogates are written as escapes, since pandas cannot hold them.
    """
    try:
        content = decode_text(_json_in(path, verify))
        records = json.loads(content)
    except CorruptFileError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptFileError(f'{path} cannot be read as JSON: {error}', path=path) from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise CorruptFileError(f'{path} is damaged: it must be a JSON array of objects', path=path)
    _check_keys(records, path)
    return without_surrogates(records) if as_text and _SURROGATE.search(content) else records


def _json_in(path: str, verify: bool) -> bytes:
    if path.endswith((JOURNAL, COMPLETE_JOURNAL)):
        return f'[{", ".join(read_journal(path).records)}]'.encode()
    return read_extra_data_file(path, verify)


def _frame_of_motif(files: list[list[_Record]], dtype: type | None = None) -> pd.DataFrame:
    records = list(chain.from_iterable(files))
    places = [(i, *_time_order(record)) for i, file in enumerate(files) for record in file]
    order = sorted(range(len(records)), key=places.__getitem__)
    return _table(records, dtype).iloc[[i for i in order if not is_reserved(records[i])]]


def _time_order(record: _Record) -> list[float]:
    values = (record.get(FRAME_INDEX), record.get(_SENSOR_TIME))
    return [value if isinstance(value, (int, float)) and value == value else float('inf') for value in values]


def is_reserved(record: _Record) -> bool:
    """Return whether a record is one of Motif's unused reserved rows.

    These have a negative frame number.
    """
    number = record.get(FRAME_NUMBER)
    return isinstance(number, (int, float)) and number < 0 and record.get(FRAME_NUMBER_BEFORE_REINDEX) is None


def _renumber_json(path: str, target: str, renumber: Renumber) -> None:
    records = read_records(path, as_text=False)
    numbered, old, indices = _numbered(path, records)
    new = renumber(old, indices)
    for record, before, number in zip(numbered, old.tolist(), new.tolist(), strict=True):
        if record.get(FRAME_NUMBER_BEFORE_REINDEX) is None:
            record[FRAME_NUMBER_BEFORE_REINDEX] = before
        record[FRAME_NUMBER] = number
    with open(target, 'w', encoding='utf-8') as file:
        json.dump(records, file)


def _numbered(path: str, records: list[_Record]) -> tuple[list[_Record], Numbers, Numbers]:
    """Return numbered records, their numbers, and indexes (-1 if missing)."""
    reserves = path.endswith(MOTIF_EXTRA_JSON)
    numbered = [
        record
        for record in records
        if _whole(record.get(FRAME_NUMBER)) is not None and not (reserves and is_reserved(record))
    ]
    numbers = np.array([_whole(record[FRAME_NUMBER]) for record in numbered], np.int64)
    indices = [_whole(record.get(FRAME_INDEX)) for record in numbered]
    return numbered, numbers, np.array([-1 if index is None else index for index in indices], np.int64)


def _whole(value: object) -> int | None:
    """Return a JSON value as an integer; None if it is not one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63 and value == int(value):
        return int(value)
    return None
