"""Our own saved index of all chunks: one file of arrays, mapped into memory, so that opening reads next to nothing.

The file is a header, a row a chunk, all frame numbers (int64), all frame times (float64), little-endian. It is believed
only while the chunks' own indexes have the names, sizes and modification times that it was made from.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ._files import written_whole
from ._regular_files import open_regular
from .chunk_index import Look, Numbers, Times, look_at, read_chunk_index, tick
from .errors import CorruptFileError

ChunkList = Sequence[tuple[int, str]]
"""Numbers of chunks, ascending, and paths of their indexes less the extension."""

_MAGIC = b'imgstore index 1'
_HEADER = np.dtype([('magic', 'S16'), ('chunks', '<i8'), ('frames', '<i8'), ('ascend', '?', 2), ('spare', 'V6'),
                    ('numbers', '<i8', 2), ('times', '<f8', 2)])
_CHUNK = np.dtype([('number', '<i8'), ('form', '<i8'), ('size', '<i8'), ('mtime', '<i8'), ('count', '<i8')])
_SEEN = ['number', 'form', 'size', 'mtime']


@dataclass(frozen=True)
class SavedIndex:
    """Frame numbers and times of all chunks, and what is known of them without looking.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    times : ndarray of float64, shape (n,)
    starts : ndarray of int64
        Index of each chunk's first frame, and the number of frames at the end.
    ascend : tuple of bool
        Whether numbers and times never go down.
    ranges : tuple of two pairs
        Smallest and largest number and time.
    looks : sequence of Look
        The chunks' indexes, which it fits.
    """

    numbers: Numbers
    times: Times
    starts: npt.NDArray[np.int64]
    ascend: tuple[bool, bool]
    ranges: tuple[tuple[int, int], tuple[float, float]]
    looks: Sequence[Look] = ()


WORTH_SAVING = 20  # chunks; the indexes of fewer are read as fast as a saved one


def load(path: str, chunks: ChunkList) -> SavedIndex | None:
    """What was saved of these chunks; None where nothing was that fits them as they are now."""
    try:
        with open_regular(path) as file:
            saved_at = os.fstat(file.fileno()).st_mtime_ns
            data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        looks = [look_at(stem) for _, stem in chunks]
        rows = _rows(chunks, looks)
        saved = _parse(data, rows)
        return replace(saved, looks=looks) if saved and _fits(saved, chunks, looks, saved_at) else None
    except (OSError, ValueError, CorruptFileError):
        return None


def _parse(data: npt.NDArray[np.uint8], rows: npt.NDArray[Any]) -> SavedIndex | None:
    header = data[:_HEADER.itemsize].view(_HEADER)[0]
    frames, end_of_rows = int(header['frames']), _HEADER.itemsize + rows.nbytes
    if header['magic'] != _MAGIC or header['chunks'] != len(rows) or len(data) != end_of_rows + frames * 16:
        return None
    saved = data[_HEADER.itemsize:end_of_rows].view(_CHUNK)
    starts = np.concatenate([[0], np.cumsum(saved['count'])])
    sound = starts[-1] == frames and np.all((saved['count'] >= 0) & (saved['count'] <= frames))  # or the sum ran over
    if not sound or not np.array_equal(saved[_SEEN], rows[_SEEN]):
        return None
    numbers, times = (data[end_of_rows + i * frames * 8:][:frames * 8] for i in range(2))
    return SavedIndex(numbers.view(np.int64), times.view(np.float64), starts, tuple(header['ascend'].tolist()),
                      (tuple(header['numbers'].tolist()), tuple(header['times'].tolist())))


def _fits(saved: SavedIndex, chunks: ChunkList, looks: Sequence[Look], saved_at: int) -> bool:
    """Whether chunks that were written just before the index was saved have not been changed right after that."""
    for rank in (rank for rank, look in enumerate(looks) if look.mtime > saved_at - tick(look.mtime)):
        own = slice(saved.starts[rank], saved.starts[rank + 1])
        numbers, times = read_chunk_index(chunks[rank][1])
        same = np.array_equal(numbers, saved.numbers[own]) and np.array_equal(times, saved.times[own], equal_nan=True)
        if not same:
            return False
    return True


def _rows(chunks: ChunkList, looks: Sequence[Look]) -> npt.NDArray[Any]:
    """A row a chunk, the count left out."""
    rows = np.zeros(len(chunks), _CHUNK)
    rows['number'] = [number for number, _ in chunks]
    rows['form'], rows['size'], rows['mtime'] = np.array([look[:3] for look in looks], np.int64).reshape(-1, 3).T
    return rows


def save(path: str, chunks: ChunkList, counts: Sequence[int]) -> None:
    """Save the index of chunks that have so many frames each, one of them in memory at a time.

    Raises
    ------
    CorruptFileError
        A chunk's index is damaged, or not of as many frames.
    OSError
        It cannot be written.
    """
    rows = _rows(chunks, [look_at(stem) for _, stem in chunks])
    rows['count'] = counts
    frames, summary = int(rows['count'].sum()), _Summary()
    with written_whole(path) as file:
        at = _HEADER.itemsize + rows.nbytes
        for (_, stem), count in zip(chunks, counts, strict=True):
            numbers, times = read_chunk_index(stem)
            if len(numbers) != count:
                raise CorruptFileError(f'{stem}: the chunk has {len(numbers)} frames and no longer {count}')
            for column, values in enumerate((numbers, times)):
                file.seek(at + column * frames * 8)
                file.write(np.ascontiguousarray(values, values.dtype.newbyteorder('<')).data)
            summary.add(numbers, times)
            at += count * 8
        file.seek(0)
        file.write(summary.header(len(rows), frames).tobytes() + rows.tobytes())


class _Summary:
    """What can be told of all frames when each chunk is seen once, in order."""

    def __init__(self) -> None:
        self._ascend = [True, True]
        self._last: list[Any] = [np.iinfo(np.int64).min, -np.inf]
        self._ranges: list[list[Any]] = [[], []]

    def add(self, *columns: npt.NDArray[Any]) -> None:
        for i, values in enumerate(columns):
            if len(values):
                ascend = self._last[i] <= values[0] and np.all(values[:-1] <= values[1:])
                self._ascend[i] &= bool(ascend)
                self._last[i] = values[-1]
                both = [*self._ranges[i], np.fmin.reduce(values), np.fmax.reduce(values)]
                self._ranges[i] = [np.fmin.reduce(both), np.fmax.reduce(both)]

    def header(self, chunks: int, frames: int) -> npt.NDArray[Any]:
        header = np.zeros((), _HEADER)
        header['magic'], header['chunks'], header['frames'] = _MAGIC, chunks, frames
        header['ascend'] = self._ascend
        header['numbers'], header['times'] = self._ranges[0] or [0, 0], self._ranges[1] or [0, 0]
        return header
