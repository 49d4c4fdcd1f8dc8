"""Samples of Motif's sensors (``.extra_data.h5``).

Sensors are datasets of channels by samples. The dataset ``camera`` has the latest frame of each sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._support.regular_files import copy_data
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_NUMBER_BEFORE_REINDEX
from ..errors import CorruptFileError, ImgStoreError
from .hdf5_client import BYTES_OF_AN_OBJECT, H5Content, Result, checked, replace_fields
from .hdf5_worker import split_names
from .remote_h5 import read_anywhere

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
Numbers = NDArray[np.int64]
Renumber = Callable[[Numbers, Numbers], Numbers]
"""Returns the new numbers of frames, by their numbers and their indices in the store (-1 if unknown)."""

Table: TypeAlias = 'pd.DataFrame | ImgStoreError'

_CAMERA = 'camera'
_SAMPLE_DELAY = 'sample_delay'
_DATASETS = 'datasets'
_COLUMN_NAMES = 'column_names'
_SAMPLERATE = 'samplerate'


def read_h5(path: str) -> pd.DataFrame:
    """Read one file, one row per sample.

    There is a column per channel and per field of the camera.

    Raises
    ------
    CorruptFileError
        The file is not HDF5, lacks a part, or its parts differ in length.
    StoreIOError
        The reading process could not be started.
    """
    table = next(read_tables([path]))
    if isinstance(table, ImgStoreError):
        raise table
    return table


def read_tables(paths: Sequence[str], seconds: float | None = None) -> Iterator[Table]:
    """Read many files as `read_h5`, in one process.

    Parameters
    ----------
    paths : sequence of str
        The files.
    seconds : float, optional
        Time limit in seconds for starting further files; one is always read.

    Yields
    ------
    pandas.DataFrame or CorruptFileError
        Table or error of each file in turn.

    Raises
    ------
    StoreIOError
        The reading process could not be started.
    """
    for content in _read_samples(paths, seconds):
        try:
            table: Table = checked(content, _table)
        except CorruptFileError as error:
            table = error
        yield table


def h5_attrs(path: str) -> dict[str, Any]:
    """Read the attributes in a file.

    Returns
    -------
    dict
        Attributes by name of dataset or group; ``_datasets`` lists the sensors' datasets.

    Raises
    ------
    CorruptFileError
        The file is not HDF5.
    StoreIOError
        The reading process could not be started.
    """
    return checked(next(read_anywhere([path], _DATASETS)), _attributes)


def samplerates(paths: Sequence[str]) -> Iterator[set[float]]:
    """Read the sample rates of the sensors in each file, in samples per second.

    Raises
    ------
    CorruptFileError
        A file is not HDF5, or a rate is not a number.
    StoreIOError
        The reading process could not be started.
    """
    for content in read_anywhere(paths, _DATASETS):
        yield checked(content, _samplerates)


def renumber_h5(path: str, target: str, renumber: Renumber) -> None:
    """Write the file to `target` with new frame numbers.

    The originals are in another field of the camera.

    Raises
    ------
    CorruptFileError
        The file is damaged, or its camera has no frame numbers.
    StoreIOError
        The writing process could not be started, or the disk is full.
    """
    before, camera = checked(next(_read_samples([path])), _columns)
    changed = _renumbered(camera, renumber)
    copy_data(path, target)
    replace_fields(path, target, _CAMERA, changed)
    after, _ = checked(next(_read_samples([target])), _columns)
    if not _are_same({**before, **changed}, after):  # unnoticed damage may have changed other parts
        raise CorruptFileError(f'{path} is damaged: with other frame numbers, the rest of it changes', path=path)


# --- content of a file


def _read_samples(paths: Sequence[str], seconds: float | None = None) -> Iterator[Result]:
    return read_anywhere(paths, _DATASETS, [_CAMERA, _SAMPLE_DELAY], [_COLUMN_NAMES], seconds)


def _table(content: H5Content) -> pd.DataFrame:
    import pandas as pd

    columns, camera = _columns(content)
    frame = pd.DataFrame({name: v if v.ndim == 1 else list(v) for name, v in columns.items()})
    return frame[_is_real(camera)].reset_index(drop=True)


def _attributes(content: H5Content) -> dict[str, Any]:
    return {'_datasets': content.listed, **content.attributes}


def _samplerates(content: H5Content) -> set[float]:
    rates = [content.attributes.get(name, {}).get(_SAMPLERATE) for name in content.listed]
    try:
        return {float(np.asarray(rate).item()) for rate in rates if rate is not None}
    except (TypeError, ValueError) as error:
        raise CorruptFileError(
            f'{content.path} is damaged: a {_SAMPLERATE} is not a number ({rates})', path=content.path
        ) from error


def _columns(content: H5Content) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return all columns, and the fields of the camera among them."""
    camera = _camera(content)
    columns = dict(_columns_of_sensors(content))
    columns.update(camera)
    if _SAMPLE_DELAY in content.datasets:
        columns[_SAMPLE_DELAY] = _values(content, _SAMPLE_DELAY)
    if len({len(values) for values in columns.values()}) != 1:
        raise CorruptFileError(f'{content.path} is damaged: its datasets differ in length', path=content.path)
    for values in columns.values():
        if values.ndim > 1 or values.dtype.kind not in 'biufc':  # pandas stores these as objects
            content.charge_memory(len(values) * BYTES_OF_AN_OBJECT)
    return columns, camera


def _values(content: H5Content, name: str) -> Array:
    fields = content.datasets[name]
    if '' not in fields:
        raise CorruptFileError(f'{content.path} is damaged: dataset {name!r} has fields {[*fields]}', path=content.path)
    return fields['']


def _camera(content: H5Content) -> dict[str, Array]:
    if _CAMERA not in content.datasets:
        raise CorruptFileError(f'{content.path} is damaged: it has no dataset {_CAMERA!r}', path=content.path)
    camera = content.datasets[_CAMERA]
    numbers = camera.get(FRAME_NUMBER)
    if numbers is None or numbers.ndim != 1 or numbers.dtype.kind not in 'iuf':
        raise CorruptFileError(
            f'{content.path} is damaged: dataset {_CAMERA!r} has no numbers {FRAME_NUMBER!r}', path=content.path
        )
    return camera


def _columns_of_sensors(content: H5Content) -> Iterator[tuple[str, Array]]:
    for dataset in dict.fromkeys(content.listed):
        channels = np.atleast_2d(_values(content, dataset))
        columns = split_names(content.attributes[dataset].get(_COLUMN_NAMES, ''))
        if len(columns) != len(channels):
            raise CorruptFileError(
                f'{content.path} is damaged: dataset {dataset!r} has {len(channels)} channels named {columns}',
                path=content.path,
            )
        yield from zip(columns, channels, strict=True)


def _is_real(camera: dict[str, Array]) -> NDArray[np.bool_]:
    real: NDArray[np.bool_] = camera[FRAME_NUMBER] >= 0
    if FRAME_NUMBER_BEFORE_REINDEX in camera:
        real |= camera[FRAME_NUMBER_BEFORE_REINDEX] >= 0
    return real


def _renumbered(camera: dict[str, Array], renumber: Renumber) -> dict[str, Array]:
    """Return the changed fields."""
    old = _whole(camera[FRAME_NUMBER])
    indices = _whole(camera[FRAME_INDEX]) if FRAME_INDEX in camera else np.full_like(old, -1)
    first = {} if FRAME_NUMBER_BEFORE_REINDEX in camera else {FRAME_NUMBER_BEFORE_REINDEX: old}
    return {FRAME_NUMBER: np.where(_is_real(camera), renumber(old, indices), old), **first}


def _whole(values: Array) -> Numbers:
    whole: Numbers = np.nan_to_num(values, nan=-1).astype(np.int64)
    return whole


def _are_same(some: dict[str, Array], others: dict[str, Array]) -> bool:
    """Return whether columns have the same names and the same values, bit by bit."""
    return some.keys() == others.keys() and all(
        values.dtype == others[name].dtype and np.array_equal(_bits(values), _bits(others[name]))
        for name, values in some.items()
    )


def _bits(values: Array) -> Array:
    return values if values.dtype.hasobject else np.ascontiguousarray(values).view(np.uint8)
