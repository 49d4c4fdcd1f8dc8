"""Tables of frames and extra data for other programs, and timecodes."""

from __future__ import annotations

import csv
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Literal, TextIO

import numpy as np

from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import InvalidArgumentError, MissingDependencyError
from ..ondisk.files import StrPath
from ..timestamps import Times
from .atomic_output import new_file
from .selection import Frames

if TYPE_CHECKING:
    import pandas as pd

_FRAME_KEYS = (FRAME_INDEX, FRAME_NUMBER, FRAME_TIME)
_FORMULA = re.compile(r'[\s\0-\x1f\u200b-\u200f\u2060\ufeff]*[=+\-@]')
_SEPARATOR = re.compile(r'([;\t\r\n])')
"""Where a spreadsheet may split a cell, besides the comma (cells with commas are quoted)."""

TABLES = ('frames', 'extra', 'joined')
"""Kinds of tables: a row per frame, a row per record of extra data, or both joined with all frames."""


def build_table(frames: Frames, table: str = 'joined') -> pd.DataFrame:
    """Make a table of frames.

    Parameters
    ----------
    frames : Frames
        The frames, from `select`.
    table : {'joined', 'frames', 'extra'}
        'joined': a row per frame and record, and one row per frame without records. 'frames': ``frame_index``,
        ``frame_number`` and ``frame_time`` (seconds) of each frame. 'extra': the records of extra data of these frames.

    Returns
    -------
    pandas.DataFrame
        The table.

    Raises
    ------
    InvalidArgumentError
        There is no such table, or no extra data.

    Examples
    --------
    >>> from imgstore.export import build_table, select
    >>> build_table(select(store, to_index=2))['temperature'].tolist()
    [20, 21]
    """
    import pandas as pd

    if table not in TABLES:
        raise InvalidArgumentError(f'table is {table!r}; it must be one of {", ".join(TABLES)}', argument='table')
    of_frames = pd.DataFrame(
        {
            FRAME_INDEX: frames.indices.astype(np.int64),
            FRAME_NUMBER: np.asarray(frames.numbers),
            FRAME_TIME: np.asarray(frames.times),
        }
    )
    if table == 'frames':
        return of_frames
    records = records_of(frames)
    return records if table == 'extra' else _joined(of_frames, records)


def _joined(of_frames: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Join frames and records. Records without a known frame come last."""
    own = [name for name in records.columns if name not in _FRAME_KEYS]
    for key in (FRAME_INDEX, FRAME_NUMBER):
        if _whole(records, key).notna().all():
            return of_frames.merge(records[own].assign(**{key: _whole(records, key)}), on=key, how='left')
    return _joined_by_either(of_frames, records, own)


def _joined_by_either(of_frames: pd.DataFrame, records: pd.DataFrame, own: list[str]) -> pd.DataFrame:
    """Join as `_joined`, if not all records have the same key."""
    import pandas as pd

    numbers = dict.fromkeys((FRAME_INDEX, FRAME_NUMBER), 'Int64')  # with missing values
    rows = of_frames.astype(numbers)
    places, lost = np.full(len(records), -1), np.ones(len(records), bool)
    for key in numbers:
        values = _whole(records, key).to_numpy()
        found = lost & np.isfinite(values)
        firsts = of_frames.drop_duplicates(key).reset_index().set_index(key)['index']
        places[found] = firsts.reindex(values[found].astype(np.int64)).fillna(-1).to_numpy(np.int64)
        lost &= ~found
    with_frames = pd.concat(
        [rows.iloc[places[places >= 0]].reset_index(drop=True), records.loc[places >= 0, own].reset_index(drop=True)],
        axis='columns',
    )
    bare = rows[~rows.index.isin(places)]
    joined = pd.concat([with_frames, bare], ignore_index=True).sort_values(FRAME_INDEX, kind='stable')
    table: pd.DataFrame = pd.concat([joined, records.loc[lost, own]], ignore_index=True)
    return table


def records_of(frames: Frames) -> pd.DataFrame:
    """Return the records of extra data of these frames.

    Records without a frame belong to all frames of the store together, not to a part of them. A store without extra
    data raises InvalidArgumentError.
    """
    records = frames.store.get_extra_data()
    if records is None:
        raise InvalidArgumentError(f'there is no extra data in {frames.store.filename!r}', store=frames.store.filename)
    wanted, unknown = np.zeros(len(records), bool), np.ones(len(records), bool)
    for key, chosen in ((FRAME_INDEX, frames.indices), (FRAME_NUMBER, frames.numbers)):
        values = _whole(records, key)
        wanted |= unknown & values.isin(chosen).to_numpy()
        unknown &= values.isna().to_numpy()
    if len(frames) == len(frames.store):
        wanted |= unknown
    return records[wanted].reset_index(drop=True)


def _whole(records: pd.DataFrame, key: str) -> pd.Series[Any]:
    """Return the integers of a column, with missing values for the rest."""
    import pandas as pd

    if key not in records:
        return pd.Series(np.nan, records.index)
    values = pd.to_numeric(records[key], errors='coerce')
    return values.where(values == values.round())


def export_csv(
    frames: Frames, path: StrPath, table: str = 'joined', *, overwrite: bool = False, escape_formulas: bool = False
) -> int:
    """Write a table of frames as CSV in UTF-8.

    Other parameters and errors are those of `build_table` and `export_npz`.

    Parameters
    ----------
    escape_formulas : bool
        Put ``'`` before text that a spreadsheet may compute. Such text is no number and begins with ``=``, ``+``, ``-``
        or ``@``, also in wide form or after blanks. Text after a tab, a line break or a ``;`` is escaped as well, since
        these may separate cells.

    Returns
    -------
    int
        Number of rows.

    Examples
    --------
    >>> from imgstore.export import export_csv, select
    >>> export_csv(select(store), 'frames.csv')
    5
    """
    content = build_table(frames, table)
    if escape_formulas:
        content = _without_formulas(content)
    with new_file(path, overwrite) as place:
        content.to_csv(place, index=False, encoding='utf-8', errors='backslashreplace', quoting=_quoting(content))
    return len(content)


def _quoting(content: pd.DataFrame) -> Literal[0, 2]:
    """Choose the quoting.

    All text is quoted if a cell has a carriage return, since Python would not quote that.
    """
    texts = (content.iloc[:, place] for place, dtype in enumerate(content.dtypes) if dtype.kind not in 'biufcmM')
    has_return = any(isinstance(value, str) and '\r' in value for column in texts for value in column)
    return csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL


def _without_formulas(content: pd.DataFrame) -> pd.DataFrame:
    cells: pd.DataFrame = content.astype(object).apply(lambda column: column.map(_harmless))
    return cells.rename(columns=_harmless)


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    safe = ''.join(f"'{part}" if _is_formula(part) else part for part in _SEPARATOR.split(value))
    return f"'{safe}" if value.startswith(('\t', '\r', '\n')) else safe


def _is_formula(text: str) -> bool:
    if not _FORMULA.match(unicodedata.normalize('NFKC', text)):  # NFKC turns wide signs into plain ones
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def export_parquet(frames: Frames, path: StrPath, table: str = 'joined', *, overwrite: bool = False) -> int:
    """Write a table of frames as Parquet, with the parameters of `export_csv`.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    MissingDependencyError
        pyarrow is not installed.

    Examples
    --------
    >>> from imgstore.export import export_parquet, select
    >>> export_parquet(select(store), 'frames.parquet')
    5
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError.for_extra('an export to parquet needs pyarrow', 'pyarrow', 'parquet') from error
    content = build_table(frames, table)
    with new_file(path, overwrite) as place:
        try:
            found = pyarrow.Table.from_pandas(content, preserve_index=False)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
            raise InvalidArgumentError(f'parquet cannot hold this extra data; export it as csv: {error}') from error
        with open(place, 'wb') as file:  # pyarrow rejects file names outside UTF-8
            pyarrow.parquet.write_table(found, file)
    return len(content)


def write_timecodes(times: Times, file: TextIO) -> Times:
    """Write times in Matroska's timecode format v2.

    Parameters
    ----------
    times : ndarray of float64
        Frame times in seconds.
    file : text file
        Gets one line per frame, in milliseconds from the first frame.

    Returns
    -------
    ndarray of float64
        Seconds from the first frame.
    """
    from_first: Times = times - times[:1]
    file.write('# timecode format v2\n')
    file.writelines(f'{milliseconds:.3f}\n' for milliseconds in (from_first * 1000).tolist())
    return from_first


def export_timecodes(frames: Frames, path: StrPath, *, overwrite: bool = False) -> None:
    """Write the frame times into a file, as `write_timecodes` does.

    Examples
    --------
    >>> from imgstore.export import export_timecodes, select
    >>> export_timecodes(select(store), 'timecodes.txt')
    """
    with new_file(path, overwrite) as place, open(place, 'w', encoding='ascii') as file:
        write_timecodes(frames.times, file)
