"""Frames without their images: find them, and tables of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._support.moments import Moment, as_datetimes
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import InvalidArgumentError
from ..index.frame_index import FrameIndex
from .frame_properties import FrameProperties, read_only
from .frame_source import FrameSource

if TYPE_CHECKING:
    import pandas as pd


class FrameTable(FrameProperties):
    """Methods to find frames, and tables of frames, without reading images."""

    @property
    def datetimes(self) -> npt.NDArray[np.datetime64]:
        """Times of all frames in UTC, a read-only array of datetime64[ns].

        They are rounded. A time that is not finite, or beyond the years 1678 to 2262, is NaT.

        Examples
        --------
        >>> store.datetimes[-1]
        np.datetime64('1970-01-01T00:00:26.500000000')
        """
        return read_only(as_datetimes(self.index.frame_times))

    def find(self, *, number: Any = None, time: Any = None, nearest: bool = False) -> int:
        """Find a frame by its number or by its time, without changing the position.

        Parameters
        ----------
        number : int
            Number of the frame. If several frames have it, the first one is found.
        time : float, datetime, datetime64 or str
            Time of the frame instead of a number: seconds, a datetime, a datetime64 in UTC, or text: a date in
            ISO 8601, a clock time such as '14:05:09', or '12.5s' from the first frame. Without an offset, a datetime
            and text are in the recording's time zone. A date finds a frame whose time is rounded to it: to nanoseconds
            for datetime64, otherwise to microseconds.
        nearest : bool
            Find the frame with the nearest number or time. Ties go to the earlier frame.

        Returns
        -------
        int
            Index of the frame, from 0 in the order of writing.

        Raises
        ------
        FrameNotFoundError
            There is no such frame.
        InvalidArgumentError
            You passed both number and time, or neither, or a value that is no number or time.
        StoreModeError
            The store is open for writing.

        Examples
        --------
        >>> store.find(number=105)
        3
        >>> store.find(time=26.0, nearest=True)
        3
        >>> store.find(time='1970-01-01T00:00:25.25Z')
        1
        """
        if (number is None) == (time is None):
            given = 'neither was given' if number is None else f'got number={number!r} and time={time!r}'
            raise InvalidArgumentError(f'pass either number or time; {given}', argument='number')
        reader = self._require_reader()
        if number is None:
            return _find_time(reader, self._moment(time, 'time'), nearest)
        return reader.find(FRAME_NUMBER, number, nearest, 'number')

    def to_pandas(self, extra_data: bool = False) -> pd.DataFrame:
        """Make a table of all frames.

        Parameters
        ----------
        extra_data : bool
            Add the columns of the extra data. A frame with several records has the last one. Integers are ``Int64``
            where some frames have none, so they keep all digits.

        Returns
        -------
        pandas.DataFrame
            One row per frame with the columns index, number, time (seconds), datetime (in the recording's time zone)
            and chunk. A column of extra data with one of these names ends in ``_extra``.

        Raises
        ------
        CorruptFileError
            A file of extra data is damaged.
        StoreModeError
            The store is open for writing.

        Examples
        --------
        >>> table = store.to_pandas(extra_data=True)
        >>> table.loc[table['temperature'] > 22, ['index', 'number', 'time']].values.tolist()
        [[3.0, 105.0, 26.25], [4.0, 106.0, 26.5]]
        """
        import pandas as pd

        reader = self._require_reader()
        reader.check_open()
        known = reader.index
        times = known.frame_times
        dates = pd.DatetimeIndex(as_datetimes(times), tz='UTC').tz_convert(reader.metadata.timezone)
        table = pd.DataFrame(
            {
                'index': np.arange(len(times)),
                'number': known.frame_numbers,
                'time': times,
                'datetime': dates,
                'chunk': _chunk_of_each(known),
            }
        )
        self._add_columns(table)
        own = self.records_by_frame() if extra_data else None
        return table if own is None else _with_records(table, own)

    def _add_columns(self, table: pd.DataFrame) -> None:
        """Add further columns to the table of frames."""

    def records_by_frame(self) -> pd.DataFrame | None:
        """Read the extra data of known frames, with exact integers.

        Returns
        -------
        pandas.DataFrame or None
            One row per record, with the frame's index as its index. None if there are no records.

        Raises
        ------
        CorruptFileError
            A file is damaged.
        """
        records = self._read_records(ignore_corrupt=False, exact=True)
        return None if records is None else _records_by_index(records, len(self))


def _chunk_of_each(known: FrameIndex) -> npt.NDArray[np.int64]:
    """Return the chunk of each frame."""
    ranges = known.chunk_ranges()
    numbers = np.array([number for number, _, _ in ranges], np.int64)
    return np.repeat(numbers, np.array([own.stop - own.start for _, _, own in ranges], np.int64))


def _find_time(reader: FrameSource, moment: Moment, nearest: bool) -> int:
    if moment.per_second and not nearest:
        index = reader.index.find(FRAME_TIME, moment.seconds, nearest=True)
        frame = None if index is None else reader.index.frame(index)
        if index is not None and frame is not None and moment.is_of(frame[1]):
            return index
    return reader.find(FRAME_TIME, moment.seconds, nearest, 'time')


def _with_records(table: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Add the last record of each frame; integers stay integers."""
    from ..extra_data.exact import nullable

    own = own.set_axis(free_names(list(own.columns), set(table.columns)), axis=1)
    own = own[~own.index.duplicated(keep='last')]
    if len(own) < len(table):
        integers = own.select_dtypes(['int64', 'uint64'])
        own = own.astype({name: nullable(dtype) for name, dtype in integers.dtypes.items()})
    return table.join(own)


def _records_by_index(records: pd.DataFrame, frame_count: int) -> pd.DataFrame:
    """Return the records of known frames, with the frames' indexes as index."""
    import pandas as pd

    if FRAME_INDEX not in records:
        return pd.DataFrame()
    indexes = pd.to_numeric(records[FRAME_INDEX], errors='coerce').to_numpy(np.float64, na_value=np.nan)
    known = (indexes >= 0) & (indexes < frame_count) & (indexes == np.rint(indexes))
    own: pd.DataFrame = records[known].drop(columns=[FRAME_INDEX, FRAME_NUMBER, FRAME_TIME], errors='ignore')
    own.index = pd.Index(indexes[known].astype(np.int64))
    return own


def free_names(names: list[Any], taken: set[Any]) -> list[Any]:
    """Append '_extra' to names that are taken."""
    free: list[Any] = []
    for name in names:
        other = name
        while other in taken or (other != name and other in names):
            other = f'{other}_extra'
        free.append(other)
    return free
