"""Tables of frame times as arrays of numpy."""

from __future__ import annotations

import io
import math
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.npy import read_header
from ..errors import InvalidArgumentError
from .times_table import Column, Table, Values

_Array = npt.NDArray[Any]

_CAMPY = 'frametimes.npy'
_OF_CAMPY = {2: ('frameNumber', 'timeStamp'), 3: ('frameNumber', 'cameraTime', 'timeStamp')}
"""Rows of campy's file: https://github.com/ksseverson57/campy."""


def parse_npy(path: str, data: bytes) -> Table:
    """Parse an npy file: a row of times, a table or a structured array.

    The shorter axis of a table has its columns, since campy writes 2 x n and others n x 2.

    Raises
    ------
    InvalidArgumentError
        The file is damaged, or not of this kind.
    """
    array = _load(path, data)
    if array.dtype.names:
        return Table(path, _fields(path, array))
    if array.dtype.kind not in 'iufMmUS':
        raise _not_allowed(path, array)
    if array.ndim == 1 or (array.ndim == 2 and 1 in array.shape):
        return Table(path, [Column(1, '', _values(array.reshape(-1)))])
    if array.ndim != 2:
        raise _not_allowed(path, array)
    return Table(path, _rows(path, array))


def _load(path: str, data: bytes) -> _Array:
    file = io.BytesIO(data)
    try:
        shape, _, dtype = read_header(file)
        if math.prod(shape) * dtype.itemsize > len(data) - file.tell():  # before memory is allocated
            raise ValueError('it is cut off')
        file.seek(0)
        array: _Array = np.load(file, allow_pickle=False)
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        raise InvalidArgumentError(f'{path!r} is not a readable npy file: {error}', path=path) from error
    if not array.size:
        raise InvalidArgumentError(f'{path!r} has no times', path=path)
    return array


def _not_allowed(path: str, array: _Array) -> InvalidArgumentError:
    return InvalidArgumentError(
        f'{path!r} holds an array of {array.dtype} of shape {array.shape}; give the times as (n,), or numbers and '
        'times as (2, n) or (n, 2)',
        path=path,
    )


def _fields(path: str, array: _Array) -> list[Column]:
    flat = array.reshape(-1)
    plain = [name for name in array.dtype.names or () if array.dtype[name].kind in 'iufMmUS']
    plain = [name for name in plain if not array.dtype[name].shape]
    if not plain:
        raise _not_allowed(path, array)
    return [Column(n, name, _values(flat[name])) for n, name in enumerate(plain, 1)]


def _rows(path: str, array: _Array) -> list[Column]:
    is_campy = os.path.basename(path) == _CAMPY and array.shape[0] in _OF_CAMPY
    if array.shape[0] == array.shape[1] and not is_campy:
        raise InvalidArgumentError(
            f'{path!r} holds {array.shape[0]} x {array.shape[1]} values, so that rows and columns look the same; '
            'save the times alone, as one row',
            path=path,
        )
    table = array if is_campy or array.shape[0] < array.shape[1] else array.T
    names = _OF_CAMPY[len(table)] if is_campy else [''] * len(table)
    unit = 's' if is_campy else None
    return [Column(n, name, _values(row), unit) for n, (name, row) in enumerate(zip(names, table, strict=True), 1)]


def _values(array: _Array) -> Values:
    """Return numbers, dates or text."""
    if array.dtype.kind == 'm':
        return array.astype('timedelta64[ns]').astype(np.int64)
    if array.dtype.kind in 'US':
        return [str(each).strip() for each in array.astype(str).tolist()]
    return np.ascontiguousarray(array)
