"""Frames of several recordings in one table, and their images."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from .._support.text import count_of
from .._support.validation import as_int_min
from ..errors import FrameIndexError, FrameReadError
from ..reading.frame_stream import Frame
from ..reading.indexing import select
from .clocks import ClockFit
from .matching import Numbers, Times

if TYPE_CHECKING:
    import pandas as pd

Image: TypeAlias = npt.NDArray[Any]
Batch: TypeAlias = tuple[list[Image], Numbers, Times]


class Recording(Protocol):
    """What an alignment needs of a store."""

    @property
    def filename(self) -> str:
        """Folder of the store."""

    @property
    def mode(self) -> str:
        """'r' or 'w'."""

    @property
    def frame_numbers(self) -> Numbers:
        """Numbers of all frames."""

    @property
    def frame_times(self) -> Times:
        """Times of all frames in seconds."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the images' values."""

    def frames_at(self, indexes: Any) -> Iterator[Frame]:
        """Iterate over chosen frames."""

    def __getitem__(self, key: Any) -> Any: ...


class AlignedFrames(NamedTuple):
    """Frames of the same moment, one of each recording.

    None stands for a missing frame.

    Attributes
    ----------
    images : list of ndarray or None
        The images.
    numbers : list of int or None
        Numbers of the frames.
    times : list of float
        Times of the frames in seconds, each by the clock of its recording. nan for a missing frame.
    indexes : list of int or None
        Indexes of the frames in their stores.
    """

    images: list[Image | None]
    numbers: list[int | None]
    times: list[float]
    indexes: list[int | None]


@dataclass(frozen=True, eq=False, repr=False)
class Alignment:
    """Frames of the same moment in several recordings: a table, and their images.

    `align` makes one. The arrays are read-only, with a row per moment and a column per store. The images are read by
    iteration, by ``alignment[3]`` and by `batches`. A slice, a mask or an array of ints gives an alignment of these
    rows.

    Attributes
    ----------
    stores : tuple of ImgStore or MultiStore
        The stores. They must stay open to read images.
    indexes : ndarray of int64, shape (n, k)
        Indexes of the frames in their stores, -1 for missing frames.
    numbers : ndarray of int64, shape (n, k)
        Frame numbers. -1 for missing frames, but a frame may have this number, too.
    times : ndarray of float64, shape (n, k)
        Frame times in seconds, each by the clock of its recording. nan for missing frames.
    by : {'number', 'time'}
        What was matched.
    tolerance : float or None
        Maximum distance in seconds of frames matched by time.
    clocks : tuple of ClockFit, or None
        Each clock compared with the first one, if they were fitted.

    Examples
    --------
    See `align`.
    """

    stores: tuple[Recording, ...]
    indexes: Numbers
    numbers: Numbers
    times: Times
    by: str
    tolerance: float | None = None
    clocks: tuple[ClockFit, ...] | None = None

    def __repr__(self) -> str:
        within = '' if self.tolerance is None else f' within {self.tolerance:.6g} s'
        return (
            f'<Alignment of {count_of(len(self.stores), "store")} by {self.by}{within}, {count_of(len(self), "row")}, '
            f'{int((self.indexes >= 0).all(axis=1).sum())} of them complete>'
        )

    def __len__(self) -> int:
        return len(self.indexes)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, and number of stores."""
        return len(self), len(self.stores)

    # --- images

    def __getitem__(self, key: Any) -> Any:
        """Read the frames of one row, or choose rows.

        Parameters
        ----------
        key : int, slice, list or ndarray
            An int reads one row. A slice, a mask, or a list or array of ints chooses rows without reading.

        Returns
        -------
        AlignedFrames or Alignment

        Raises
        ------
        FrameIndexError
            An index is outside, or the key is not allowed. An IndexError.
        FrameReadError
            A frame is missing or damaged.
        """
        if isinstance(key, (bool, np.bool_)) or not hasattr(key, '__index__') or getattr(key, 'ndim', None):
            return self._rows(key)
        row = operator.index(key)
        if not -len(self) <= row < len(self):
            raise self._outside(row)
        return next(iter(self._rows([row])))

    def _rows(self, key: Any) -> Alignment:
        if key is None or isinstance(key, tuple):
            raise FrameIndexError(f'the key is {key!r:.50}; choose rows, and crop the images after reading')
        chosen: Any = self._chosen(key)
        rows = slice(None) if isinstance(key, slice) and key == slice(None) else np.asarray(chosen, np.intp)
        indexes, numbers, times = (read_only(values[rows]) for values in (self.indexes, self.numbers, self.times))
        return replace(self, indexes=indexes, numbers=numbers, times=times)

    def _chosen(self, key: Any) -> Any:
        mask = np.asarray(key) if isinstance(key, (list, np.ndarray)) else np.empty(0)
        if mask.dtype.kind == 'b' and mask.ndim == 1 and len(mask) != len(self):
            raise FrameIndexError(f'the mask has {len(mask)} values; the alignment has {len(self)} rows')
        try:
            return select(key, len(self), 0).frames
        except FrameIndexError as error:
            if error.frame_index is None:
                raise
            raise self._outside(error.frame_index) from None

    def _outside(self, row: int) -> FrameIndexError:
        return FrameIndexError(f'row {row} is outside the alignment of {len(self)} rows', frame_index=row)

    def __iter__(self) -> Iterator[AlignedFrames]:
        """Read the frames row by row.

        After a FrameReadError, iteration can go on with the next row.

        Yields
        ------
        AlignedFrames
            A tuple of images, numbers, times and indexes, each a list with an item per store.
        """
        return _Rows(self)

    def batches(self, size: Any) -> Iterator[Batch]:
        """Read the frames of several rows at once.

        Parameters
        ----------
        size : int
            Rows per batch. The last batch may have fewer.

        Yields
        ------
        imgs : list of ndarray
            An array of images per store, shape (size, h, w) or (size, h, w, 3). Missing frames are black.
        frame_numbers : ndarray of int64, shape (size, k)
            Numbers of the frames, -1 where missing.
        frame_times : ndarray of float64, shape (size, k)
            Times of the frames in seconds, nan where missing.

        Raises
        ------
        InvalidArgumentError
            The size is not allowed.
        FrameReadError
            A frame is missing or damaged. Or its image has another shape or dtype than the store's.
        """
        return self._batches(as_int_min(size, 'size', 1))

    def _batches(self, size: int) -> Iterator[Batch]:
        rows = iter(self)
        for start in range(0, len(self), size):
            own = slice(start, min(start + size, len(self)))
            yield self._batch(rows, own), self.numbers[own].copy(), self.times[own].copy()

    def _batch(self, rows: Iterator[AlignedFrames], own: slice) -> list[Image]:
        count = own.stop - own.start
        arrays = [np.zeros((count, *store.image_shape), store.dtype) for store in self.stores]
        for at in range(count):
            frames = next(rows)
            for store, array, image, index in zip(self.stores, arrays, frames.images, frames.indexes, strict=True):
                if image is not None:
                    fits = (image.shape, image.dtype) == (array.shape[1:], array.dtype)
                    array[at] = image if fits else store[[index]][0]  # which raises the error
        return arrays

    # --- tables

    def to_pandas(self) -> pd.DataFrame:
        """Make a table of all rows.

        Returns
        -------
        pandas.DataFrame
            For the store at position i the columns ``index_i`` and ``number_i`` (Int64, NA where missing), and
            ``time_i`` (seconds, nan where missing). With fitted clocks also ``reference_time_i``, by the clock of the
            first store.
        """
        import pandas as pd

        columns: dict[str, Any] = {}
        for at in range(len(self.stores)):
            is_missing = self.indexes[:, at] < 0
            columns[f'index_{at}'] = pd.arrays.IntegerArray(self.indexes[:, at].copy(), is_missing)
            columns[f'number_{at}'] = pd.arrays.IntegerArray(self.numbers[:, at].copy(), is_missing.copy())
            columns[f'time_{at}'] = self.times[:, at].copy()
            if self.clocks is not None:
                columns[f'reference_time_{at}'] = self.clocks[at].to_reference(self.times[:, at])
        return pd.DataFrame(columns)


def read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a read-only array of its own."""
    values = values if values.base is None else values.copy()
    values.flags.writeable = False
    return values


class _Rows(Iterator[AlignedFrames]):
    """Iteration over an alignment, with one iteration over each store."""

    def __init__(self, alignment: Alignment) -> None:
        self._alignment, self._row = alignment, 0
        columns = zip(alignment.stores, alignment.indexes.T, strict=True)
        self._streams = [_frames_of(store, column[column >= 0]) for store, column in columns]

    def __next__(self) -> AlignedFrames:
        row, table = self._row, self._alignment
        if row == len(table):
            raise StopIteration
        self._row += 1
        indexes = table.indexes[row].tolist()
        frames, errors = list[Frame | None](), list[FrameReadError]()
        for index, stream in zip(indexes, self._streams, strict=True):
            try:
                frames.append(next(stream) if index >= 0 else None)
            except FrameReadError as error:  # the others go on, so that all stay in step
                errors.append(error)
        if errors:
            raise errors[0]
        self._check(row, frames)
        return _as_row(frames)

    def _check(self, row: int, frames: Sequence[Frame | None]) -> None:
        """Raise FrameReadError if a store has other frames than it had."""
        table = self._alignment
        for store, frame, number in zip(table.stores, frames, table.numbers[row].tolist(), strict=True):
            if frame is not None and frame.number != number:
                raise FrameReadError(
                    f'{store.filename}: the frame at index {frame.index} was #{number} when the stores were aligned, '
                    f'and is #{frame.number} now; align them again',
                    store=store.filename,
                    frame_index=frame.index,
                    frame_number=number,
                )


def _frames_of(store: Recording, indexes: Numbers) -> Iterator[Frame]:
    try:
        return store.frames_at(indexes)
    except FrameIndexError as error:
        raise FrameReadError(
            f'{store.filename}: the store has fewer frames than when the stores were aligned; align them again',
            store=store.filename,
            frame_index=error.frame_index,
        ) from error


def _as_row(frames: Sequence[Frame | None]) -> AlignedFrames:
    return AlignedFrames(
        [frame and frame.image for frame in frames],
        [frame and frame.number for frame in frames],
        [np.nan if frame is None else frame.time for frame in frames],
        [frame and frame.index for frame in frames],
    )
