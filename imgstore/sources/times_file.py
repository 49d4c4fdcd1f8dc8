"""Frame times and frame numbers of a video, from a file of another program."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._support.text import decode_text
from ..errors import InvalidArgumentError
from ..ondisk.files import StrPath
from ..ondisk.metadata import local_timezone
from .times_columns import choose_columns
from .times_npy import parse_npy
from .times_table import Table
from .times_text import parse_json, parse_text
from .times_units import UNITS, to_numbers, to_seconds

_NPY = b'\x93NUMPY'
_MAX_BYTES = 2**31
_OTHERS = {b'PK\x03\x04': 'a zip or npz file', b'\x89HDF': 'an HDF5 file', b'MATLAB': 'a file of MATLAB'}


@dataclass(frozen=True)
class FrameTimes:
    """Numbers and times of the frames of a video.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
        Frame numbers. From 0 if the file has none.
    times : ndarray of float64, shape (n,)
        Times in seconds.
    description : str
        Where they are in the file, and the unit.
    """

    numbers: npt.NDArray[np.int64]
    times: npt.NDArray[np.float64]
    description: str

    def __len__(self) -> int:
        return len(self.times)


def read_frame_times(
    path: StrPath,
    times_column: str | int | None = None,
    numbers_column: str | int | None = None,
    unit: str | None = None,
    zone: datetime.tzinfo | None = None,
) -> FrameTimes:
    """Read the frame times of a video from a csv, npy or JSON file.

    Parameters
    ----------
    path : str or PathLike
        The file. A csv may have any usual separator, a header, quotes, comments and blank lines.
    times_column : str or int, optional
        Name or number of the column with the times, from 1. Default: by the names, or else by the values.
    numbers_column : str or int, optional
        Likewise for the frame numbers. 'none': number the frames from 0.
    unit : {'s', 'ms', 'us', 'ns', 'date', 'clock', 'flycapture'}, optional
        Unit of the times. Default: by the column's name or by the values, if they leave no doubt.
    zone : tzinfo, optional
        Time zone of dates without an offset. Default: the local one.

    Returns
    -------
    FrameTimes
        A number and a time per frame.

    Raises
    ------
    InvalidArgumentError
        The file cannot be read, a value is no time, or column or unit are not clear.

    Examples
    --------
    >>> from imgstore.sources import read_frame_times
    >>> np.save('frametimes.npy', [[7, 8, 10], [0.0, 0.0333, 0.1]])
    >>> found = read_frame_times('frametimes.npy')
    >>> found.numbers.tolist(), found.times.tolist()
    ([7, 8, 10], [0.0, 0.0333, 0.1])
    """
    if unit is not None and unit not in UNITS:
        raise InvalidArgumentError(f'unit is {unit!r}; it must be one of {", ".join(UNITS)}', argument='unit')
    table = _table(os.fsdecode(path))
    columns = [None if each is None else str(each) for each in (times_column, numbers_column)]
    of_times, of_numbers = choose_columns(table, *columns)
    times, unit = to_seconds(table, of_times, unit, zone or local_timezone())
    numbers = np.arange(len(table)) if of_numbers is None else to_numbers(table, of_numbers)
    told = 'numbers from 0' if of_numbers is None else f'numbers in {of_numbers}'
    return FrameTimes(numbers, times, f'times in {of_times}, unit {unit}; {told}')


def _table(path: str) -> Table:
    data = _read(path)
    if data.startswith(_NPY):
        return parse_npy(path, data)
    for magic, what in _OTHERS.items():
        if data.startswith(magic):
            raise InvalidArgumentError(f'{path!r} is {what}; save the times as csv or npy', path=path)
    text = decode_text(data).removeprefix('\ufeff')
    if '\0' in text:
        raise InvalidArgumentError(f'{path!r} is neither text nor an npy file', path=path)
    return parse_json(path, text) if text.lstrip().startswith(('{', '[')) else parse_text(path, text)


def _read(path: str) -> bytes:
    try:
        with open(path, 'rb') as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidArgumentError(f'{path!r} cannot be read: {error.strerror}', path=path) from error
    if len(data) > _MAX_BYTES:
        raise InvalidArgumentError(f'{path!r} is larger than {_MAX_BYTES} bytes', path=path)
    return data
