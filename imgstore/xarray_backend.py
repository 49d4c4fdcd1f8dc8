"""Stores as datasets of xarray.

``xarray.open_dataset(path, engine='imgstore')`` finds this module by the package's entry point:
https://docs.xarray.dev/en/stable/internals/how-to-add-new-backend.html.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from .constants import STORE_MD_FILENAME
from .errors import MissingDependencyError
from .extra_data.exact import MOST_IN_A_FLOAT
from .options import ReadOptions
from .stores.factories import ImgStore, new_for_filename
from .stores.frame_table import free_names

try:
    import xarray as xr
    from xarray.backends import BackendArray, BackendEntrypoint
    from xarray.core import indexing
except ImportError as error:
    raise MissingDependencyError.for_extra('the engine for xarray needs xarray', 'xarray', 'xarray') from error

if TYPE_CHECKING:
    import pandas as pd

_FRAME, _AXES, _CHANNEL, _BGR = 'frame', ('y', 'x', 'channel'), 'channel', ['b', 'g', 'r']

_DECODERS = (
    'mask_and_scale',
    'decode_times',
    'decode_timedelta',
    'use_cftime',
    'concat_characters',
    'decode_coords',
)


class ImgStoreBackend(BackendEntrypoint):
    """Reader of stores for `xarray.open_dataset`.

    The variable ``image`` is lazy. Its coordinates are ``frame`` (number), ``time`` (datetime64[ns], UTC), ``y``,
    ``x`` and ``channel``. Three channels are 'b', 'g' and 'r', others are numbered. Further axes of images are
    ``axis_4``, ``axis_5`` and so on. ``chunks={}`` makes the blocks of `ImgStore.to_dask`. Keys of extra data with at
    most one value a frame are variables along ``frame``.
    """

    description = 'Image stores of imgstore'
    open_dataset_parameters: ClassVar[tuple[str, ...]] = (
        'filename_or_obj',
        'drop_variables',
        'extra_data',
        *_DECODERS,
        *(field.name for field in fields(ReadOptions) if field.name != 'index'),
    )

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        extra_data: bool = True,
        **options: Any,
    ) -> xr.Dataset:
        """Open a store.

        Parameters
        ----------
        filename_or_obj : str or PathLike
            The store's folder.
        drop_variables : str or iterable of str, optional
            Variables to leave out.
        extra_data : bool
            Include extra data.
        **options
            `ReadOptions`, such as ``cache_bytes``. xarray's options for decoding, such as ``decode_times``, are
            accepted and ignored: a store needs no such decoding.
        """
        store = new_for_filename(filename_or_obj, **{k: value for k, value in options.items() if k not in _DECODERS})
        try:
            dataset = _dataset(store, extra_data)
            dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
            dataset = dataset.drop_vars(dropped, errors='ignore')
        except BaseException:
            store.close()
            raise
        dataset.set_close(store.close)
        return dataset

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Return whether a path is a store."""
        try:
            path = os.fspath(filename_or_obj)
        except TypeError:
            return False
        return os.path.basename(path) == STORE_MD_FILENAME or os.path.isfile(os.path.join(path, STORE_MD_FILENAME))


def _dataset(store: ImgStore, extra_data: bool) -> xr.Dataset:
    axes = _axes(store.ndim)
    images = xr.Variable(axes, indexing.LazilyIndexedArray(_Images(store)))
    coordinates: dict[str, Any] = {_FRAME: store.frame_numbers, 'time': (_FRAME, store.datetimes)}
    coordinates.update((axis, np.arange(length)) for axis, length in zip(axes[1:], store.image_shape, strict=True))
    if store.ndim == 4 and store.image_shape[-1] == len(_BGR):
        coordinates[_CHANNEL] = _BGR
    images.encoding['preferred_chunks'] = _Blocks(store, axes)
    extra = _extra(store, {'image', *coordinates}) if extra_data else {}
    return xr.Dataset({'image': images, **extra}, coordinates, {'uuid': store.uuid or '', 'format': store.format})


def _axes(count: int) -> tuple[str, ...]:
    """Return the names of axes: frame, y, x, channel, then axis_4 and so on."""
    named = (_FRAME, *_AXES)
    return *named[:count], *(f'axis_{axis}' for axis in range(len(named), count))


class _Blocks(Mapping[str, tuple[int, ...]]):
    """Sizes of the blocks of `ImgStore.to_dask` along each axis.

    Finding them needs dask, and the keyframes of videos. So they are found when xarray asks for them.
    """

    def __init__(self, store: ImgStore, axes: tuple[str, ...]) -> None:
        self._store, self._axes = store, axes

    @cached_property
    def _sizes(self) -> dict[str, tuple[int, ...]]:
        return dict(zip(self._axes, self._store.to_dask().chunks, strict=True))

    def __getitem__(self, axis: str) -> tuple[int, ...]:
        return self._sizes[axis]

    def __iter__(self) -> Iterator[str]:
        return iter(self._axes)

    def __len__(self) -> int:
        return len(self._axes)

    def __deepcopy__(self, memo: object) -> Self:
        return self


def _extra(store: ImgStore, taken: set[str]) -> dict[str, Any]:
    """Return the extra data as variables.

    Names taken by others end in '_extra'.
    """
    own = store.records_by_frame()
    if own is None:
        return {}
    own = own.set_axis(free_names([str(column) for column in own.columns], taken), axis=1)
    values = {str(name): own[name].dropna() for name in own.columns}
    return {
        name: (_FRAME, _for_each_frame(column, len(store)))
        for name, column in values.items()
        if _is_one_a_frame(column)
    }


def _is_one_a_frame(column: pd.Series[Any]) -> bool:
    import pandas as pd

    return not column.index.has_duplicates and all(map(pd.api.types.is_scalar, column))


def _for_each_frame(column: pd.Series[Any], count: int) -> npt.NDArray[Any]:
    """Return values for all frames: nan, or '' among text, for those without one.

    An array of objects would be no good to dask, nor in files. Text keeps what no number can: values of several types,
    and integers that lose digits as float64, or need more than 64 bits.
    """
    column = _as_numpy(column)
    if column.dtype.kind in 'biu' and len(column) == count:
        return column.reindex(range(count)).to_numpy()
    if column.dtype.kind in 'bf' or (column.dtype.kind in 'iu' and _fits_a_float(column)) or column.empty:
        return column.astype(np.float64).reindex(range(count)).to_numpy()
    return column.map(str).astype(object).reindex(range(count), fill_value='').to_numpy(np.str_)


def _as_numpy(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column without missing values in the dtype of numpy for them."""
    import pandas as pd

    if pd.api.types.is_extension_array_dtype(column.dtype):
        dtype: Any = column.dtype.name.lower() if pd.api.types.is_integer_dtype(column.dtype) else object
        return column.astype(dtype)
    return column.astype(bool) if {*map(type, column)} == {bool} else column


def _fits_a_float(column: pd.Series[Any]) -> bool:
    return bool(column.between(-MOST_IN_A_FLOAT, MOST_IN_A_FLOAT).all())


class _Images(BackendArray):
    """The images of a store, for xarray's lazy indexing.

    Parameters
    ----------
    store : ImgStore
    """

    def __init__(self, store: ImgStore) -> None:
        self._store, self.shape, self.dtype = store, store.shape, store.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        if isinstance(key, (indexing.BasicIndexer, indexing.OuterIndexer)):
            return self._read(key.tuple)  # the adapter below fails on empty slices with a negative step
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        """Read by an int, a slice or an array for each axis.

        Images are cropped by ints and slices before they are stacked, by arrays afterwards.
        """
        crop = [part if isinstance(part, (int, np.integer, slice)) else slice(None) for part in key[1:]]
        images = self._store[(key[0], *crop)]
        axis = 0 if isinstance(key[0], (int, np.integer)) else 1
        for part in key[1:]:
            if isinstance(part, np.ndarray):
                images = np.take(images, part, axis)
            axis += not isinstance(part, (int, np.integer))
        return images
