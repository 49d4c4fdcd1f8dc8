"""Numbers and times of frames and what was recorded beside them, as a table for other programs; timecodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import numpy as np

from .._files import StrPath
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import InvalidArgumentError, MissingDependencyError
from ..frame_times import Times
from .selection import Frames
from .target import new_file

if TYPE_CHECKING:
    import pandas as pd

TABLES = ('frames', 'extra', 'joined')
"""What is in a table: a row a frame; a row a record of extra data; both, frames without a record among them."""


def table_of(frames: Frames, table: str = 'joined') -> pd.DataFrame:
    """Make a table of frames.

    Parameters
    ----------
    frames : Frames
        Of `select`.
    table : {'frames', 'extra', 'joined'}
        'frames': ``frame_index``, ``frame_number`` and ``frame_time`` of each. 'extra': the records of extra data
        that belong to them. 'joined': each frame with each of its records, and once if it has none.

    Raises
    ------
    InvalidArgumentError
        There is no such table, or no extra data for it.
    """
    import pandas as pd

    if table not in TABLES:
        raise InvalidArgumentError(f'table {table!r} is none of {", ".join(TABLES)}')
    of_frames = pd.DataFrame({FRAME_INDEX: frames.indices.astype(np.int64), FRAME_NUMBER: np.asarray(frames.numbers),
                              FRAME_TIME: np.asarray(frames.times)})
    if table == 'frames':
        return of_frames
    records = records_of(frames)
    if table == 'extra':
        return records
    key = FRAME_INDEX if FRAME_INDEX in records else FRAME_NUMBER
    own = [name for name in records.columns if name not in (FRAME_INDEX, FRAME_NUMBER, FRAME_TIME)]
    return of_frames.merge(records[[key, *own]], on=key, how='left')


def records_of(frames: Frames) -> pd.DataFrame:
    """The records of extra data that belong to frames; InvalidArgumentError where the store has none."""
    records = frames.store.get_extra_data()
    if records is None:
        raise InvalidArgumentError(f'there is no extra data in {frames.store.filename!r}')
    by_index = FRAME_INDEX in records
    wanted = records[FRAME_INDEX if by_index else FRAME_NUMBER].isin(frames.indices if by_index else frames.numbers)
    return records[wanted].reset_index(drop=True)


def export_csv(frames: Frames, path: StrPath, table: str = 'joined', *, overwrite: bool = False) -> None:
    """Write a table of frames as CSV in UTF-8; parameters and errors are those of `table_of` and `export_npz`."""
    content = table_of(frames, table)
    with new_file(path, overwrite) as place:
        content.to_csv(place, index=False)


def export_parquet(frames: Frames, path: StrPath, table: str = 'joined', *, overwrite: bool = False) -> None:
    """Write a table of frames as Parquet, as `export_csv` does; needs pyarrow.

    Raises
    ------
    MissingDependencyError
        pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError('an export to parquet needs pyarrow: pip install imgstore[parquet]') from error
    content = table_of(frames, table)
    with new_file(path, overwrite) as place:
        try:
            found = pyarrow.Table.from_pandas(content, preserve_index=False)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
            raise InvalidArgumentError(f'parquet cannot hold this extra data, csv can: {error}') from error
        pyarrow.parquet.write_table(found, place)


def write_timecodes(times: Times, file: TextIO) -> Times:
    """Write times in Matroska's timecode format v2.

    Parameters
    ----------
    times : ndarray of float64
        In seconds.
    file : text file
        Gets a line a frame, milliseconds from the first one.

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
    """Write the times of frames as `write_timecodes` does, into a file."""
    with new_file(path, overwrite) as place, open(place, 'w', encoding='ascii') as file:
        write_timecodes(frames.times, file)
