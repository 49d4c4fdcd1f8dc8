"""Our own saved index of all chunks: one file of plain arrays that is mapped into memory, so that opening costs no read.

The file is a header, a row a chunk, all frame numbers (int64), all frame times (float64), in this machine's byte order.
It is believed only while the chunks' own indexes have the names, sizes and modification times that it was made from.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._files import index_path, written_whole
from .chunk_index import Numbers, Times, read_chunk_index
from .constants import STORE_SAVED_INDEX_FILENAME
from .errors import CorruptFileError

_MAGIC = b'imgstore index 1'
_HEADER = np.dtype([('magic', 'S16'), ('byte_order', '<u4'), ('chunks', '<i8'), ('frames', '<i8'),
                    ('numbers_ascend', '?'), ('times_ascend', '?'),
                    ('number_min', '<i8'), ('number_max', '<i8'), ('time_min', '<f8'), ('time_max', '<f8')], align=True)
_CHUNK = np.dtype([('number', '<i8'), ('size', '<i8'), ('mtime_ns', '<i8'), ('count', '<i8')])
_NATIVE = np.array(1, np.uint32).view('<u4')[()]

ChunkList = Sequence[tuple[int, str]]
"""Numbers of chunks and paths of their indexes less the extension, in order."""


@dataclass(frozen=True)
class SavedIndex:
    """Frame numbers and times of all chunks, and what is known of them without looking.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    times : ndarray of float64, shape (n,)
    counts : ndarray of int64
        Frames of each chunk.
    numbers_ascend, times_ascend : bool
        Whether they never go down.
    number_range, time_range : tuple
        Smallest and largest.
    """

    numbers: Numbers
    times: Times
    counts: npt.NDArray[np.int64]
    numbers_ascend: bool
    times_ascend: bool
    number_range: tuple[int, int]
    time_range: tuple[float, float]


def saved_index_path(basedir: str) -> str:
    """Where a store keeps it."""
    return os.path.join(basedir, STORE_SAVED_INDEX_FILENAME)


def load_saved_index(basedir: str, chunks: ChunkList) -> SavedIndex | None:
    """The saved index of a store; None where there is none that fits the chunks."""
    try:
        data = np.memmap(saved_index_path(basedir), np.uint8, 'r')
    except (OSError, ValueError):
        return None
    with contextlib.suppress(OSError, ValueError):
        return _parse(data, _chunk_rows(chunks))
    return None


def _parse(data: npt.NDArray[np.uint8], rows: npt.NDArray[Any]) -> SavedIndex | None:
    header = data[:_HEADER.itemsize].view(_HEADER)[0]
    frames = int(header['frames'])
    end_of_rows = _HEADER.itemsize + rows.nbytes
    fits = (header['magic'] == _MAGIC and header['byte_order'] == _NATIVE and header['chunks'] == len(rows)
            and len(data) == end_of_rows + frames * 16)
    if not fits:
        return None
    saved = data[_HEADER.itemsize:end_of_rows].view(_CHUNK)
    same = all(np.array_equal(saved[key], rows[key]) for key in ('number', 'size', 'mtime_ns'))
    if not same or saved['count'].sum() != frames or np.any(saved['count'] < 0):
        return None
    middle = end_of_rows + frames * 8
    return SavedIndex(
        data[end_of_rows:middle].view(np.int64), data[middle:].view(np.float64), saved['count'].astype(np.int64),
        bool(header['numbers_ascend']), bool(header['times_ascend']),
        (int(header['number_min']), int(header['number_max'])), (float(header['time_min']), float(header['time_max'])))


def _chunk_rows(chunks: ChunkList) -> npt.NDArray[Any]:
    rows = np.zeros(len(chunks), _CHUNK)
    for row, (number, stem) in zip(rows, chunks, strict=True):
        path = index_path(stem)
        if path is None:
            raise CorruptFileError(f'{stem}: the chunk has no index')
        status = os.stat(path)
        row['number'], row['size'], row['mtime_ns'] = number, status.st_size, status.st_mtime_ns
    return rows


def save_index(basedir: str, chunks: ChunkList) -> None:
    """Write the saved index of complete chunks, one chunk in memory at a time; CorruptFileError, OSError."""
    rows = _chunk_rows(chunks)
    for row, (_, stem) in zip(rows, chunks, strict=True):
        row['count'] = len(read_chunk_index(stem)[0])
    frames = int(rows['count'].sum())
    with written_whole(saved_index_path(basedir)) as file:
        start = _HEADER.itemsize + rows.nbytes
        summary = _Summary()
        for first, (_, stem) in zip(np.cumsum(rows['count']) - rows['count'], chunks, strict=True):
            numbers, times = read_chunk_index(stem)
            summary.add(numbers, times)
            for offset, values in ((start, numbers), (start + frames * 8, times)):
                file.seek(offset + int(first) * 8)
                file.write(values.data)
        file.seek(0)
        file.write(summary.header(len(rows), frames).tobytes())
        file.write(rows.tobytes())


class _Summary:
    """What can be told of all frames after each chunk was seen once."""

    def __init__(self) -> None:
        self._ascend = [True, True]
        self._last: list[Any] = [None, None]
        self._low: list[Any] = [0, np.nan]
        self._high: list[Any] = [0, np.nan]

    def add(self, numbers: Numbers, times: Times) -> None:
        for i, values in enumerate((numbers, times)):
            if not len(values):
                continue
            follows = self._last[i] is None or self._last[i] <= values[0]
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
            self._low[i] = low if self._last[i] is None else np.fmin(self._low[i], low)
            self._high[i] = high if self._last[i] is None else np.fmax(self._high[i], high)
            self._ascend[i] = bool(self._ascend[i] and follows and np.all(values[:-1] <= values[1:]))
            self._last[i] = values[-1]

    def header(self, chunks: int, frames: int) -> npt.NDArray[Any]:
        header = np.zeros((), _HEADER)
        header['magic'], header['byte_order'], header['chunks'], header['frames'] = _MAGIC, _NATIVE, chunks, frames
        header['numbers_ascend'], header['times_ascend'] = self._ascend
        header['number_min'], header['time_min'] = self._low
        header['number_max'], header['time_max'] = self._high
        return header
