"""Properties of the frames of a store, or of several stores together."""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from .._support.moments import Moment, as_moment
from .._support.validation import as_seconds
from ..constants import FRAME_TIME
from ..errors import InvalidArgumentError
from ..index.frame_index import FrameIndex
from ..ondisk.chunk_index import Numbers, Times
from ..ondisk.metadata import zone_or_none
from .frame_source import FrameSource
from .info import FrameInfo

if TYPE_CHECKING:
    import pandas as pd

_Scalar = TypeVar('_Scalar', bound=np.generic)


def read_only(values: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """Return a read-only view."""
    view = values.view()
    view.flags.writeable = False
    return view


class FrameProperties(ABC):
    """Properties, taken from the frames' reader or writer."""

    @abstractmethod
    def _require_reader(self) -> FrameSource:
        """Return the reader; StoreModeError while the store is written."""

    @property
    @abstractmethod
    def _impl(self) -> FrameInfo:
        """Reader or writer, for properties known in a forked child, too."""

    @abstractmethod
    def _require_impl(self) -> FrameInfo:
        """Return the reader or the writer. Raise in a forked child of the writer."""

    def _moment(self, value: Any, what: str) -> Moment:
        """Convert a user's time of a frame; InvalidArgumentError."""
        reader = self._require_reader()
        first = reader.index.frame(0)
        return as_moment(value, what, reader.metadata.timezone, first[1] if first else 0.0)

    @property
    @abstractmethod
    def filename(self) -> str:
        """The folder, as an absolute path."""

    @property
    @abstractmethod
    def format(self) -> str:
        """Name of the format."""

    @abstractmethod
    def _read_records(self, ignore_corrupt: bool, exact: bool) -> pd.DataFrame | None:
        """Read all records of extra data."""

    # --- frame metadata

    def get_frame_metadata(self) -> dict[str, list[Any]]:
        """Return the numbers and times of all frames, in the order of writing.

        Returns
        -------
        dict
            'frame_number': list of int. 'frame_time': list of float in seconds.

        Examples
        --------
        >>> store.get_frame_metadata()['frame_number']
        [100, 101, 102, 105, 106]
        """
        return self._require_reader().index.get_all_metadata()

    @property
    def index(self) -> FrameIndex:
        """Numbers and times of the frames known now. `refresh` creates a new index."""
        return self._require_impl().index

    @property
    def frame_numbers(self) -> Numbers:
        """Numbers of all frames, a read-only array of int64, shape (n,).

        Examples
        --------
        The frames after which numbers are missing:

        >>> numbers = store.frame_numbers
        >>> numbers[:-1][np.diff(numbers) > 1].tolist()
        [102]
        """
        return read_only(self.index.frame_numbers)

    @property
    def frame_times(self) -> Times:
        """Times of all frames in seconds, a read-only array of float64.

        Examples
        --------
        >>> np.diff(store.frame_times).tolist()
        [0.25, 0.25, 0.75, 0.25]
        """
        return read_only(self.index.frame_times)

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self._require_impl().frame_count

    def __len__(self) -> int:
        return self.frame_count

    @property
    def frame_min(self) -> int | float:
        """Smallest frame number, or nan in an empty store."""
        return self._require_impl().numbers_range[0]

    @property
    def frame_max(self) -> int | float:
        """Largest frame number, or nan in an empty store."""
        return self._require_impl().numbers_range[1]

    @property
    def frame_time_min(self) -> float:
        """Earliest frame time in seconds, or 0.0 in an empty store."""
        return self._require_impl().times_range[0]

    @property
    def frame_time_max(self) -> float:
        """Latest frame time in seconds, or 0.0 in an empty store."""
        return self._require_impl().times_range[1]

    @property
    def duration(self) -> float:
        """Seconds from the earliest frame time to the latest."""
        earliest, latest = self._require_impl().times_range
        return latest - earliest

    @property
    def frame_number(self) -> int | float:
        """Number of the latest frame read or written, or nan at first."""
        return self._impl.latest[0]

    @property
    def frame_time(self) -> float:
        """Time in seconds of the latest frame read or written, or nan at first."""
        return self._impl.latest[1]

    # --- what the images are

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images returned by reading: (h, w) or (h, w, 3)."""
        return self._impl.image_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the images' values, a numpy dtype."""
        return np.dtype(self._impl.metadata.imgdtype)

    def convert_frame_time_to_datetime(self, frame_time: float, tz: Any = None) -> datetime.datetime:
        """Convert a frame time to an aware datetime.

        Parameters
        ----------
        frame_time : float
            Time in seconds since 1970.
        tz : tzinfo or str, optional
            Time zone of the result. Default: the recording's time zone.

        Raises
        ------
        InvalidArgumentError
            The time is outside the range of datetime, or the time zone is unknown.

        Examples
        --------
        >>> store.convert_frame_time_to_datetime(25.5, 'UTC').isoformat()
        '1970-01-01T00:00:25.500000+00:00'
        """
        zone = self._impl.metadata.timezone if tz is None else tz if not isinstance(tz, str) else zone_or_none(tz)
        if not isinstance(zone, datetime.tzinfo):
            raise InvalidArgumentError(f'tz is {tz!r}; it must be a time zone or the name of one', argument='tz')
        try:
            return datetime.datetime.fromtimestamp(as_seconds(frame_time, FRAME_TIME), zone)
        except (ValueError, OverflowError, OSError) as error:
            raise InvalidArgumentError(
                f'frame_time {frame_time!r} cannot be converted to a datetime: {error}', argument='frame_time'
            ) from error
