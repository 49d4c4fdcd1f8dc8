"""The samples of the Motif recorder's sensors: ``.extra_data.h5``, read and renumbered.

Sensors are datasets of channels by samples. The dataset ``camera`` says for each sample which frame was the latest.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .constants import FRAME_INDEX, FRAME_NUMBER, FRAME_NUMBER_BEFORE_REINDEX
from .errors import CorruptFileError

if TYPE_CHECKING:
    import h5py
    import pandas as pd

Numbers = NDArray[np.int64]
Renumber = Callable[[Numbers, Numbers], Numbers]
"""Gives the new numbers of frames, by their numbers and their indices in the store (-1 where unknown)."""

_CAMERA = 'camera'
_SAMPLE_DELAY = 'sample_delay'
_DATASETS = 'datasets'
_COLUMN_NAMES = 'column_names'
_SAMPLERATE = 'samplerate'

# A dataset may claim any size; it is believed up to this, and beyond it as far as HDF5 can compress
_UNQUESTIONED_SIZE = 2**26
_MAX_RATIO = 2**11


def read_h5(path: str) -> pd.DataFrame:
    """Read one file: a row for each sample, a column for each channel and each field of the camera.

    Raises
    ------
    CorruptFileError
        The file is no HDF5, or lacks a part, or its parts differ in length.
    """
    import pandas as pd

    with _open(path) as file:
        camera = _load_camera(file)
        columns = dict(_columns_of_sensors(file))
        columns.update((name, camera[name]) for name in camera.dtype.names or ())
        if _SAMPLE_DELAY in file:
            columns[_SAMPLE_DELAY] = _load(file, _SAMPLE_DELAY)
        if {len(values) for values in columns.values()} != {len(camera)}:
            raise CorruptFileError(f'{path} is damaged: its datasets differ in length')
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
    """
    with _open(path) as file:
        attributes = {
            name: {key: _plain(value) for key, value in file[name].attrs.items()} for name in _own_names(file)
        }
        return {'_datasets': _names(file.attrs, _DATASETS), **attributes}


def samplerates(path: str) -> set[float]:
    """Read the rates of the sensors' samples, in samples a second.

    Raises
    ------
    CorruptFileError
        The file is no HDF5, or a rate is no number.
    """
    attributes = h5_attrs(path)
    rates = [attributes.get(name, {}).get(_SAMPLERATE) for name in attributes['_datasets']]
    try:
        return {float(np.asarray(rate).item()) for rate in rates if rate is not None}
    except (TypeError, ValueError) as error:
        raise CorruptFileError(f'{path} is damaged: a {_SAMPLERATE} is no number ({rates})') from error


def renumber_h5(path: str, target: str, renumber: Renumber) -> None:
    """Write the file to `target` with other frame numbers, the first ones in a further field of the camera.

    Raises
    ------
    CorruptFileError
        The file is no HDF5, or its camera has no frame numbers.
    """
    import h5py

    with _open(path) as file:
        camera = _renumbered_camera(_load_camera(file), renumber)
        attributes, chunks = dict(file[_CAMERA].attrs), file[_CAMERA].chunks
    shutil.copyfile(path, target)
    with h5py.File(target, 'r+') as file:
        del file[_CAMERA]
        file.create_dataset(_CAMERA, data=camera, chunks=chunks).attrs.update(attributes)


@contextmanager
def _open(path: str) -> Iterator[h5py.File]:
    import h5py

    try:
        with h5py.File(path, 'r') as file:
            yield file
    except CorruptFileError:
        raise
    except Exception as error:  # nothing says what h5py raises for a damaged file
        raise CorruptFileError(f'{path} cannot be read as HDF5 of extra data: {error}') from error


def _own_names(file: h5py.File) -> list[str]:
    """Names of what the file itself holds, not of what it links to elsewhere."""
    import h5py

    return [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]


def _load(file: h5py.File, name: str) -> NDArray[Any]:
    import h5py

    dataset = file[name] if name in _own_names(file) else None
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None or dataset.external or dataset.is_virtual:
        raise CorruptFileError(f'{file.filename} is damaged: it has no dataset {name!r}')
    if dataset.nbytes > max(_UNQUESTIONED_SIZE, dataset.id.get_storage_size() * _MAX_RATIO):
        raise CorruptFileError(f'{file.filename} is damaged: dataset {name!r} claims {dataset.nbytes} bytes')
    return _native(np.atleast_1d(dataset[()]))


def _load_camera(file: h5py.File) -> NDArray[Any]:
    camera = _load(file, _CAMERA)
    has_numbers = FRAME_NUMBER in (camera.dtype.names or ()) and camera.dtype[FRAME_NUMBER].kind in 'iuf'
    if camera.ndim != 1 or not has_numbers:
        raise CorruptFileError(f'{file.filename} is damaged: dataset {_CAMERA!r} has no numbers {FRAME_NUMBER!r}')
    return camera


def _columns_of_sensors(file: h5py.File) -> Iterator[tuple[str, NDArray[Any]]]:
    for dataset in _names(file.attrs, _DATASETS):
        channels = np.atleast_2d(_load(file, dataset))
        columns = _names(file[dataset].attrs, _COLUMN_NAMES)
        if len(columns) != len(channels):
            raise CorruptFileError(
                f'{file.filename} is damaged: dataset {dataset!r} has {len(channels)} channels named {columns}'
            )
        yield from zip(columns, channels, strict=True)


def _is_real(camera: NDArray[Any]) -> NDArray[np.bool_]:
    real: NDArray[np.bool_] = camera[FRAME_NUMBER] >= 0
    if FRAME_NUMBER_BEFORE_REINDEX in (camera.dtype.names or ()):
        real |= camera[FRAME_NUMBER_BEFORE_REINDEX] >= 0
    return real


def _renumbered_camera(camera: NDArray[Any], renumber: Renumber) -> NDArray[Any]:
    fields = {name: camera.dtype[name] for name in camera.dtype.names or ()}
    old = _whole(camera[FRAME_NUMBER])
    indices = _whole(camera[FRAME_INDEX]) if FRAME_INDEX in fields else np.full_like(old, -1)
    types = {**fields, FRAME_NUMBER: old.dtype}
    types.setdefault(FRAME_NUMBER_BEFORE_REINDEX, old.dtype)
    renumbered = np.empty(len(camera), list(types.items()))
    renumbered[FRAME_NUMBER_BEFORE_REINDEX] = old
    for name in fields:
        renumbered[name] = camera[name]
    renumbered[FRAME_NUMBER] = np.where(_is_real(camera), renumber(old, indices), old)
    return renumbered


def _whole(values: NDArray[Any]) -> Numbers:
    whole: Numbers = np.nan_to_num(values, nan=-1).astype(np.int64)
    return whole


def _names(attributes: h5py.AttributeManager, key: str) -> list[str]:
    """Split a comma-separated list; [] where there is none."""
    text = str(_plain(attributes.get(key, '')))
    return [name.strip() for name in text.split(',') if name.strip()]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode('utf-8', 'replace')
    return value.item() if isinstance(value, np.generic) else value


def _native(values: NDArray[Any]) -> NDArray[Any]:
    """Give the values in this machine's byte order, which pandas needs."""
    return values.astype(values.dtype.newbyteorder('='), copy=False)
