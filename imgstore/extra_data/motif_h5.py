"""The samples of the Motif recorder's sensors: ``.extra_data.h5``, read and renumbered.

Sensors are datasets of channels by samples. The dataset ``camera`` says for each sample which frame was the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._support.regular_files import copy_data
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_NUMBER_BEFORE_REINDEX
from ..errors import CorruptFileError
from .hdf5_client import BYTES_OF_AN_OBJECT, H5File, HDF5Worker

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
Numbers = NDArray[np.int64]
Renumber = Callable[[Numbers, Numbers], Numbers]
"""Gives the new numbers of frames, by their numbers and their indices in the store (-1 where unknown)."""

_CAMERA = 'camera'
_SAMPLE_DELAY = 'sample_delay'
_DATASETS = 'datasets'
_COLUMN_NAMES = 'column_names'
_SAMPLERATE = 'samplerate'


def read_h5(path: str, files: HDF5Worker | None = None) -> pd.DataFrame:
    """Read one file: a row for each sample, a column for each channel and each field of the camera.

    Parameters
    ----------
    path : str
    files : HDF5Worker, optional
        What reads it, for those who read several.

    Raises
    ------
    CorruptFileError
        The file is no HDF5, or lacks a part, or its parts differ in length.
    StoreIOError
        The process that reads it could not be started.
    """
    if files is None:
        with HDF5Worker() as files:
            return read_h5(path, files)
    import pandas as pd

    with files.file(path) as file:
        columns, camera = _columns(file)
        frame = pd.DataFrame({name: v if v.ndim == 1 else list(v) for name, v in columns.items()})
        return frame[_is_real(camera)].reset_index(drop=True)


def h5_attrs(path: str) -> dict[str, Any]:
    """Read the attributes in a file.

    Returns
    -------
    dict
        The names of the sensors' datasets under ``_datasets``; under each name in the file, its attributes.

    Raises
    ------
    CorruptFileError
        The file is no HDF5.
    StoreIOError
        The process that reads it could not be started.
    """
    with HDF5Worker() as files:
        return _attributes(path, files)


def samplerates(path: str, files: HDF5Worker) -> set[float]:
    """Read the rates of the sensors' samples, in samples a second.

    Raises
    ------
    CorruptFileError
        The file is no HDF5, or a rate is no number.
    StoreIOError
        The process that reads it could not be started.
    """
    attributes = _attributes(path, files)
    rates = [attributes.get(name, {}).get(_SAMPLERATE) for name in attributes['_datasets']]
    try:
        return {float(np.asarray(rate).item()) for rate in rates if rate is not None}
    except (TypeError, ValueError) as error:
        raise CorruptFileError(f'{path} is damaged: a {_SAMPLERATE} is no number ({rates})', path=path) from error


def renumber_h5(path: str, target: str, renumber: Renumber) -> None:
    """Write the file to `target` with other frame numbers, the first ones in a further field of the camera.

    Raises
    ------
    CorruptFileError
        The file is damaged, or its camera has no frame numbers.
    StoreIOError
        The process that reads and writes it could not be started, or the disk is full.
    """
    with HDF5Worker() as files:
        with files.file(path) as file:
            before, camera = _columns(file)
        changed = _renumbered(camera, renumber)
        copy_data(path, target)
        with files.file(path) as file:
            file.replace(target, _CAMERA, changed)
        with files.file(target) as file:
            after, _ = _columns(file)
        if not _are_same({**before, **changed}, after):  # what damage nobody noticed did to the parts beside
            raise CorruptFileError(f'{path} is damaged: with other frame numbers, the rest of it changes', path=path)


# --- what is in a file


def _attributes(path: str, files: HDF5Worker) -> dict[str, Any]:
    with files.file(path) as file:
        attributes = {name: file.attributes(name) for name in file.names}
        return {'_datasets': _names(file, '', _DATASETS), **attributes}


def _columns(file: H5File) -> tuple[dict[str, Array], dict[str, Array]]:
    """All columns, each as long as the others; and those that are fields of the camera."""
    camera = _load_camera(file)
    columns = dict(_columns_of_sensors(file))
    columns.update(camera)
    if _SAMPLE_DELAY in file.names:
        columns[_SAMPLE_DELAY] = _load(file, _SAMPLE_DELAY)
    if len({len(values) for values in columns.values()}) != 1:
        raise CorruptFileError(f'{file.path} is damaged: its datasets differ in length', path=file.path)
    for values in columns.values():
        if values.ndim > 1 or values.dtype.kind not in 'biufc':  # whose cells pandas makes objects of
            file.charge_memory(len(values) * BYTES_OF_AN_OBJECT)
    return columns, camera


def _load(file: H5File, name: str) -> Array:
    fields = file.load(name)
    if '' not in fields:
        raise CorruptFileError(f'{file.path} is damaged: dataset {name!r} has fields {list(fields)}', path=file.path)
    return fields['']


def _load_camera(file: H5File) -> dict[str, Array]:
    camera = file.load(_CAMERA)
    numbers = camera.get(FRAME_NUMBER)
    if numbers is None or numbers.ndim != 1 or numbers.dtype.kind not in 'iuf':
        raise CorruptFileError(f'{file.path} is damaged: dataset {_CAMERA!r} has no numbers {FRAME_NUMBER!r}',
                               path=file.path)
    return camera


def _columns_of_sensors(file: H5File) -> Iterator[tuple[str, Array]]:
    for dataset in dict.fromkeys(_names(file, '', _DATASETS)):
        channels = np.atleast_2d(_load(file, dataset))
        columns = _names(file, dataset, _COLUMN_NAMES)
        if len(columns) != len(channels):
            raise CorruptFileError(
                f'{file.path} is damaged: dataset {dataset!r} has {len(channels)} channels named {columns}',
                path=file.path,
            )
        yield from zip(columns, channels, strict=True)


def _is_real(camera: dict[str, Array]) -> NDArray[np.bool_]:
    real: NDArray[np.bool_] = camera[FRAME_NUMBER] >= 0
    if FRAME_NUMBER_BEFORE_REINDEX in camera:
        real |= camera[FRAME_NUMBER_BEFORE_REINDEX] >= 0
    return real


def _renumbered(camera: dict[str, Array], renumber: Renumber) -> dict[str, Array]:
    """The fields that change."""
    old = _whole(camera[FRAME_NUMBER])
    indices = _whole(camera[FRAME_INDEX]) if FRAME_INDEX in camera else np.full_like(old, -1)
    first = {} if FRAME_NUMBER_BEFORE_REINDEX in camera else {FRAME_NUMBER_BEFORE_REINDEX: old}
    return {FRAME_NUMBER: np.where(_is_real(camera), renumber(old, indices), old), **first}


def _whole(values: Array) -> Numbers:
    whole: Numbers = np.nan_to_num(values, nan=-1).astype(np.int64)
    return whole


def _names(file: H5File, of: str, key: str) -> list[str]:
    """Split a comma-separated list; [] where there is none."""
    text = str(file.attributes(of, [key]).get(key, ''))
    return [name.strip() for name in text.split(',') if name.strip()]


def _are_same(some: dict[str, Array], others: dict[str, Array]) -> bool:
    """Whether columns have the same names and the same values, bit by bit."""
    return some.keys() == others.keys() and all(
        values.dtype == others[name].dtype and np.array_equal(_bits(values), _bits(others[name]))
        for name, values in some.items())


def _bits(values: Array) -> Array:
    return values if values.dtype.hasobject else np.ascontiguousarray(values).view(np.uint8)
