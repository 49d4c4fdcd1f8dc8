"""A store as an array of images: indexes, slices, iteration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from .._support.validation import as_int, as_int_min, not_allowed
from ..errors import FrameKeyTypeError, InvalidArgumentError
from ..index.frame_index import FrameIndex
from ..ondisk.chunk_index import Numbers, Times
from ..reading.frame_range import by_index, by_value
from ..reading.frame_stream import Frame, as_frame, as_pair
from ..reading.indexing import Indexes, select
from ..reading.reader import NumberedImage
from .frame_properties import FrameProperties

_MOST_BYTES = 4 * 2**30
"""Size of the largest array that `numpy.asarray` makes of a store."""


class _Stream(Protocol):
    keeps: object


_Kept = TypeVar('_Kept', bound=_Stream)
_COLUMNS = {'number': 0, 'time': 1}


class StoreArray(FrameProperties):
    """What a store has in common with an array of its images.

    None of it reads or moves the position of `ImgStore.get_next_image`. Any number of threads may use it at once.
    """

    def __getitem__(self, key: Any) -> Any:
        """Read images by index, slice, list, array or mask, as from an array.

        Parameters
        ----------
        key : int, slice, list, ndarray or tuple
            An int gives one image. A slice, a list or array of ints, or a mask gives an array of images. The other
            parts of a tuple crop each image, before it takes memory in the array.

        Returns
        -------
        ndarray
            The image, or the images in the order of the key.

        Raises
        ------
        FrameIndexError
            An index is outside, or the key is not allowed. An IndexError.
        FrameKeyTypeError
            The index is a bool or a float. A TypeError.
        FrameReadError
            A frame is missing or damaged. Or an image of an array has another shape or dtype than the store's.
        StoreClosedError
            The store is closed.
        StoreModeError
            The store is open for writing.

        Examples
        --------
        >>> store[-1].shape, store[1:4].shape, store[[4, 0]].shape
        ((48, 64), (3, 48, 64), (2, 48, 64))

        The frames after the second half of the recording began, and only the upper left corner of each:

        >>> store[store.frame_times > 25.5, :10, :20].shape
        (2, 10, 20)
        """
        return self._require_reader().get(key)

    def __iter__(self) -> Iterator[NumberedImage]:
        """Iterate over all frames, independent of the position.

        Yields
        ------
        img : ndarray
            The image.
        (frame_number, frame_time) : tuple of (int, float)
            Number of the frame, and its time in seconds.

        Examples
        --------
        >>> [(frame_number, img.max()) for img, (frame_number, frame_time) in store][:2]
        [(100, np.uint8(100)), (101, np.uint8(101))]
        """
        reader = self._require_reader()
        return self._keeping(reader.stream(reader.index, range(reader.frame_count), as_pair))

    def __reversed__(self) -> Iterator[NumberedImage]:
        """Iterate over all frames from the last to the first."""
        known = self._loaded_index()
        backwards = range(known.frame_count - 1, -1, -1)
        return self._keeping(self._require_reader().stream(known, backwards, as_pair))

    def __contains__(self, value: object) -> NoReturn:
        raise FrameKeyTypeError(
            "'in' is not defined for a store; use find(number=...), or compare with frame_numbers",
            store=self.filename,
        )

    def frames(self, start: Any = None, stop: Any = None, step: Any = 1, by: str = 'index') -> Iterator[Frame]:
        """Iterate over frames in the order of the store, independent of the position.

        Parameters
        ----------
        start : int, float, datetime, datetime64 or str, optional
            First index, smallest number or earliest time. Negative indexes count from the end.
        stop : int, float, datetime, datetime64 or str, optional
            Limit. This index, number or time is not included.
        step : int
            Take every n-th of these frames.
        by : {'index', 'number', 'time'}
            Meaning of ``start`` and ``stop``. Times are seconds, a datetime, a datetime64 in UTC, or text in
            ISO 8601. Without an offset, a datetime and text are in the recording's time zone.

        Yields
        ------
        Frame
            A tuple of image, number, time (seconds) and index. After a FrameReadError, iteration can go on with the
            next frame.

        Raises
        ------
        InvalidArgumentError
            An argument is not allowed.
        StoreClosedError
            The store is closed, also during the iteration.

        Examples
        --------
        >>> [frame.number for frame in store.frames(-2)]
        [105, 106]
        >>> [frame.index for frame in store.frames(101, 106, by='number')]
        [1, 2, 3]
        """
        step = as_int_min(step, 'step', 1)
        if by != 'index' and by not in _COLUMNS:
            raise not_allowed('by', by, "it must be 'index', 'number' or 'time'")
        limits = self._limit(start, 'start', by), self._limit(stop, 'stop', by)
        known = self._loaded_index()
        indexes: Indexes
        if by == 'index':
            indexes = by_index(known.frame_count, *limits, step)
        else:
            indexes = by_value(known, _COLUMNS[by], *limits, step)
        return self._keeping(self._require_reader().stream(known, indexes, as_frame))

    def frames_at(self, indexes: Any) -> Iterator[Frame]:
        """Iterate over chosen frames in the order given, and keep the position.

        Parameters
        ----------
        indexes : slice, list or ndarray
            Indexes of the frames, or a mask, as in ``store[indexes]``. Ascending indexes are read fastest.

        Yields
        ------
        Frame
            As `frames`.

        Raises
        ------
        FrameIndexError
            An index is outside, or the key is not allowed. An IndexError.
        StoreClosedError
            The store is closed, also during the iteration.

        Examples
        --------
        >>> [frame.number for frame in store.frames_at([0, 3, -1])]
        [100, 105, 106]
        """
        known = self._loaded_index()
        found = select(indexes, known.frame_count, 0).frames
        chosen = range(found, found + 1) if isinstance(found, int) else found
        return self._keeping(self._require_reader().stream(known, chosen, as_frame))

    def batches(
        self, size: Any, start: Any = None, stop: Any = None, step: Any = 1
    ) -> Iterator[tuple[npt.NDArray[Any], Numbers, Times]]:
        """Iterate over batches of frames, independent of the position.

        Parameters
        ----------
        size : int
            Frames per batch. The last batch may have fewer.
        start : int, optional
            Index of the first frame. Negative indexes count from the end.
        stop : int, optional
            Index after the last frame.
        step : int
            Take every n-th frame.

        Yields
        ------
        imgs : ndarray
            Images, shape (size, h, w) or (size, h, w, 3).
        frame_numbers : ndarray of int64
            Numbers of the frames.
        frame_times : ndarray of float64
            Times of the frames in seconds.

        Raises
        ------
        InvalidArgumentError
            An argument is not allowed.
        StoreClosedError
            The store is closed, also during the iteration.

        Examples
        --------
        >>> [imgs.mean(axis=(1, 2)).tolist() for imgs, numbers, times in store.batches(2)]
        [[100.0, 101.0], [102.0, 105.0], [106.0]]
        """
        size, step = as_int_min(size, 'size', 1), as_int_min(step, 'step', 1)
        limits = self._limit(start, 'start', 'index'), self._limit(stop, 'stop', 'index')
        known, reader = self._loaded_index(), self._require_reader()
        batches = reader.batches(known, by_index(known.frame_count, *limits, step), size)
        return self._keeping(batches)

    def _limit(self, value: Any, what: str, by: str) -> Any:
        if value is None:
            return None
        if by == 'time':
            return self._moment(value, what).seconds
        return as_int(value, what)

    def _loaded_index(self) -> FrameIndex:
        """Return the index with all damaged chunks skipped, so that no index changes."""
        known = self._require_reader().index
        known.load()
        return known

    def _keeping(self, frames: _Kept) -> _Kept:
        """Keep this store from being closed while an iteration is unfinished."""
        frames.keeps = self
        return frames

    # --- all of it

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array: number of frames, then `image_shape`.

        Examples
        --------
        >>> store.shape, store.ndim, store.size, store.nbytes
        ((5, 48, 64), 3, 15360, 15360)
        """
        return (self.frame_count, *self.image_shape)

    @property
    def ndim(self) -> int:
        """Number of axes of the array."""
        return 1 + len(self.image_shape)

    @property
    def size(self) -> int:
        """Number of values in all images."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Size of all images in bytes, as an array in memory."""
        return self.size * self.dtype.itemsize

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Read all images, for numpy.

        Raises
        ------
        InvalidArgumentError
            They take more than 4 GiB. Or ``copy`` is False.
        """
        reader = self._require_reader()
        wanted = self.dtype if dtype is None else np.dtype(dtype)
        if copy is False:
            raise InvalidArgumentError('an array of a store is always a copy; leave out copy=False', argument='copy')
        size = self.size * max(wanted.itemsize, self.dtype.itemsize)
        if size > _MOST_BYTES:
            raise InvalidArgumentError(
                f'{self.filename}: an array of all frames takes {size / 2**30:.1f} GiB, and numpy gets at most '
                f'{_MOST_BYTES // 2**30}; read slices such as store[:1000], or use to_dask',
                store=self.filename,
            )
        images: npt.NDArray[Any] = reader.get(slice(None))
        return images.astype(wanted, copy=False)
