"""The index cache: one memory-mapped file, so large stores open instantly.

The file has a header, one row per chunk, a checksum for each block of 8192 frame numbers or times, all frame numbers
(int64), all frame times (float64), in little-endian order, and the mark of its store. It is stale after any change of
the chunks' indexes in name, size or modification time. The checksum of the head is verified at opening, that of a block
before its use.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.regular_files import open_regular, read_regular
from ..constants import STORE_SAVED_INDEX_FILENAME
from ..errors import CorruptFileError, StoreIOError
from ..ondisk.chunk_index import Numbers, Times, read_chunk_index
from ..ondisk.files import join, open_atomic
from ..ondisk.index_stamps import FileStamp, mtime_resolution_ns, stamps
from ..remote.urls import is_url
from .owner import OWNER_BYTES, is_of_other_store, owner_mark

ChunkList = Sequence[tuple[int, str]]
"""Numbers of chunks, ascending, and index paths without extension."""

_MAGIC = b'imgstore index 2'
_HEADER = np.dtype(
    [
        ('magic', 'S16'),
        ('chunks', '<i8'),
        ('frames', '<i8'),
        ('ascend', '?', 2),
        ('spare', 'V2'),
        ('check', '<u4'),
        ('numbers', '<i8', 2),
        ('times', '<f8', 2),
    ]
)
_CHUNK = np.dtype([('number', '<i8'), ('form', '<i8'), ('size', '<i8'), ('mtime', '<i8'), ('count', '<i8')])
_SEEN = ['number', 'form', 'size', 'mtime']
_BLOCK, _CHECK = 8192, np.dtype('<u4')


@dataclass(frozen=True)
class SavedIndex:
    """Frame numbers and times of all chunks, with a summary.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
        Frame numbers.
    times : ndarray of float64, shape (n,)
        Frame times in seconds.
    starts : ndarray of int64
        Index of each chunk's first frame, then the number of frames.
    is_sorted : tuple of bool
        Whether numbers and times never decrease.
    ranges : tuple of two pairs
        Smallest and largest number and time.
    stamps : sequence of FileStamp
        Stamps of the chunks' index files.
    checks : ndarray of uint32, shape (2, blocks)
        CRC-32 of each block of numbers, and of times.
    """

    numbers: Numbers
    times: Times
    starts: npt.NDArray[np.int64]
    is_sorted: tuple[bool, bool]
    ranges: tuple[tuple[int, int], tuple[float, float]]
    stamps: Sequence[FileStamp] = ()
    checks: npt.NDArray[np.uint32] = field(default_factory=lambda: np.empty((2, 0), _CHECK))
    _sound: set[tuple[int, int]] = field(default_factory=set)

    def is_sound(self, column: int, own: slice) -> bool:
        """Return whether blocks of numbers (column 0) or times (1) are intact."""
        values, checks = (self.numbers, self.times)[column], self.checks[column]
        for block in range(own.start // _BLOCK, -(-own.stop // _BLOCK)):
            if (column, block) not in self._sound:
                if zlib.crc32(values[block * _BLOCK : (block + 1) * _BLOCK].data) != checks[block]:
                    return False
                self._sound.add((column, block))
        return True


MIN_CHUNKS_TO_CACHE = 20  # fewer chunk indexes are read as fast as a cache


def load(basedir: str, chunks: ChunkList) -> SavedIndex | None:
    """Load a store's index cache; None if it is missing, damaged or stale."""
    if is_url(basedir):
        return _load_remote(basedir, chunks)
    try:
        with open_regular(os.path.join(basedir, STORE_SAVED_INDEX_FILENAME)) as file:
            saved_at = os.fstat(file.fileno()).st_mtime_ns
            data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        seen = stamps(stem for _, stem in chunks)
        saved = _parse(data, _chunk_table(chunks, seen))
        return replace(saved, stamps=seen) if saved and _is_current(saved, chunks, seen, saved_at) else None
    except (OSError, ValueError, CorruptFileError):
        return None


def listed_chunks(basedir: str) -> list[int]:
    """Return the numbers of the chunks of a remote store that cannot be listed.

    Raises
    ------
    StoreIOError
        There is no saved index, or it is damaged.
    """
    url = join(basedir, STORE_SAVED_INDEX_FILENAME)
    try:
        data = np.frombuffer(read_regular(url), np.uint8)
        rows = _rows_in(data)
        if _parse(data, rows) is None:
            raise ValueError('it is cut off, or its checksum differs')
    except FileNotFoundError as error:
        raise StoreIOError(f'{basedir} has no saved index: {_ADVICE}', path=url, store=basedir) from error
    except ValueError as error:
        raise CorruptFileError(f'{url} is damaged: {error}; {_ADVICE}', path=url, store=basedir) from error
    if is_of_other_store(data, basedir):
        raise CorruptFileError(
            f'{url} is of another recording than the store around it, by the uuid in metadata.yaml; {_ADVICE}',
            path=url,
            store=basedir,
            reason='the saved index is of another recording',
        )
    return [int(number) for number in rows['number']]


def _rows_in(data: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Return the table of chunks of a saved index; ValueError without one."""
    if data[: len(_MAGIC)].tobytes() != _MAGIC:
        raise ValueError('it is empty, or no index that this version of imgstore saved')
    if len(data) < _HEADER.itemsize:
        raise ValueError('it is cut off')
    count = int(data[: _HEADER.itemsize].view(_HEADER)[0]['chunks'])
    content = data[_HEADER.itemsize :][: max(0, count) * _CHUNK.itemsize]
    if len(content) != count * _CHUNK.itemsize:
        raise ValueError('it is cut off')
    return content.view(_CHUNK)


_ADVICE = (
    "HTTP cannot list a folder, so the chunks come from that; run 'imgstore index' on the store where it is a folder, "
    f'and copy its {STORE_SAVED_INDEX_FILENAME} with it'
)


def _load_remote(basedir: str, chunks: ChunkList) -> SavedIndex | None:
    """Load the index cache of a remote store.

    It must be of the same store. Its rows must fit the sizes of the chunks' index files, and the times where the place
    keeps those of the originals.
    """
    try:
        data = np.frombuffer(read_regular(join(basedir, STORE_SAVED_INDEX_FILENAME)), np.uint8)
    except FileNotFoundError:
        return None
    try:
        rows = _rows_in(data)
        if rows['number'].tolist() != [number for number, _ in chunks] or is_of_other_store(data, basedir):
            return None
        seen = stamps(stem for _, stem in chunks)
        saved = _parse(data, rows)
    except (ValueError, CorruptFileError):
        return None
    return replace(saved, stamps=seen) if saved and all(map(_fits, rows, seen)) else None


def _fits(row: Any, look: FileStamp) -> bool:
    """Return whether a remote index file is the one of a row."""
    same = (row['form'], row['size']) == (look.form, look.size)
    return same and (not look.mtime or abs(int(row['mtime']) - look.mtime) < _ROUNDED)


_ROUNDED = 1000  # ns: times of fsspec are floats


def _parse(data: npt.NDArray[np.uint8], rows: npt.NDArray[Any]) -> SavedIndex | None:
    header = data[: _HEADER.itemsize].view(_HEADER)[0]
    frames, end_of_rows = int(header['frames']), _HEADER.itemsize + rows.nbytes
    end = end_of_rows + _size_of_checks(frames)
    if (
        header['magic'] != _MAGIC
        or header['chunks'] != len(rows)
        or len(data) - end - frames * 16 not in (0, OWNER_BYTES)
    ):
        return None
    if header['check'] != _check(header, data[_HEADER.itemsize : end]):
        return None
    saved = data[_HEADER.itemsize : end_of_rows].view(_CHUNK)
    checks = data[end_of_rows:end].view(_CHECK)[: 2 * _blocks(frames)].reshape(2, -1)
    starts = np.concatenate([[0], np.cumsum(saved['count'])])
    sound = starts[-1] == frames and np.all((saved['count'] >= 0) & (saved['count'] <= frames))  # no overflow
    if not sound or not np.array_equal(saved[_SEEN], rows[_SEEN]):
        return None
    numbers, times = (data[end + i * frames * 8 :][: frames * 8] for i in range(2))
    return SavedIndex(
        numbers.view(np.int64),
        times.view(np.float64),
        starts,
        tuple(header['ascend'].tolist()),
        (tuple(header['numbers'].tolist()), tuple(header['times'].tolist())),
        checks=checks,
    )


def _blocks(frames: int) -> int:
    return -(-frames // _BLOCK)


def _size_of_checks(frames: int) -> int:
    """Return the size of the checksums in bytes, a multiple of 8."""
    return 2 * _blocks(frames) * _CHECK.itemsize


def _check(header: npt.NDArray[Any], behind: npt.NDArray[np.uint8]) -> int:
    """Return the checksum of the file's head up to the columns, without itself."""
    unchecked = np.frombuffer(bytearray(header.tobytes()), _HEADER)
    unchecked['check'] = 0
    return zlib.crc32(behind.data, zlib.crc32(unchecked.tobytes()))


def _is_current(saved: SavedIndex, chunks: ChunkList, stamps: Sequence[FileStamp], saved_at: int) -> bool:
    """Return whether the cache fits chunks written shortly before it.

    Their modification times alone cannot show a change right after saving, so their content is compared.
    """
    for rank in (rank for rank, look in enumerate(stamps) if look.mtime > saved_at - mtime_resolution_ns(look.mtime)):
        own = slice(saved.starts[rank], saved.starts[rank + 1])
        numbers, times = read_chunk_index(chunks[rank][1])
        same = np.array_equal(numbers, saved.numbers[own]) and np.array_equal(times, saved.times[own], equal_nan=True)
        if not same:
            return False
    return True


def _chunk_table(chunks: ChunkList, stamps: Sequence[FileStamp]) -> npt.NDArray[Any]:
    """Return one row per chunk, without the frame counts."""
    rows = np.zeros(len(chunks), _CHUNK)
    rows['number'] = [number for number, _ in chunks]
    rows['form'], rows['size'], rows['mtime'] = np.array([look[:3] for look in stamps], np.int64).reshape(-1, 3).T
    return rows


def save(basedir: str, chunks: ChunkList, counts: Sequence[int]) -> None:
    """Save the index cache of a store, with one chunk at a time in memory.

    Parameters
    ----------
    basedir : str
        The store's folder.
    chunks : sequence of (int, str)
        Numbers of the chunks, ascending, and index paths without extension.
    counts : sequence of int
        Number of frames of each chunk.

    Raises
    ------
    CorruptFileError
        A chunk's index is damaged, or has another number of frames.
    StoreIOError
        The file cannot be written.
    """
    path = os.path.join(basedir, STORE_SAVED_INDEX_FILENAME)
    try:
        _save(path, chunks, counts)
    except CorruptFileError:
        raise
    except OSError as error:
        raise StoreIOError(f'{path}: the index could not be saved: {error}', path=path) from error


def _save(path: str, chunks: ChunkList, counts: Sequence[int]) -> None:
    rows = _chunk_table(chunks, stamps(stem for _, stem in chunks))
    rows['count'] = counts
    frames = int(rows['count'].sum())
    summary = _Summary(frames)
    with open_atomic(path) as file:
        at = _HEADER.itemsize + rows.nbytes + _size_of_checks(frames)
        for (_, stem), count in zip(chunks, counts, strict=True):
            numbers, times = read_chunk_index(stem)
            if len(numbers) != count:
                raise CorruptFileError(
                    f'{stem}: the chunk has {len(numbers)} frames, not {count} as before; reopen the store', path=stem
                )
            for column, values in enumerate((numbers, times)):
                file.seek(at + column * frames * 8)
                file.write(np.ascontiguousarray(values, values.dtype.newbyteorder('<')).data)
            summary.add(numbers, times)
            at += count * 8
        file.seek(at + frames * 8)
        file.write(owner_mark(os.path.dirname(path)))
        file.seek(0)
        file.write(summary.head(rows))


class _Summary:
    """Summary of all frames, from one pass over the chunks in order."""

    def __init__(self, frames: int) -> None:
        self._frames, self._seen = frames, 0
        self._checks = np.zeros((2, _blocks(frames)), _CHECK)
        self._is_sorted = [True, True]
        self._last: list[Any] = [np.iinfo(np.int64).min, -np.inf]
        self._ranges: list[list[Any]] = [[], []]

    def add(self, *columns: npt.NDArray[Any]) -> None:
        for i, values in enumerate(columns):
            self._sum_up(i, np.ascontiguousarray(values, values.dtype.newbyteorder('<')))
            if len(values):
                ascend = self._last[i] <= values[0] and np.all(values[:-1] <= values[1:])
                self._is_sorted[i] &= bool(ascend)
                self._last[i] = values[-1]
                both = [*self._ranges[i], np.fmin.reduce(values), np.fmax.reduce(values)]
                self._ranges[i] = [np.fmin.reduce(both), np.fmax.reduce(both)]

        self._seen += len(columns[0])

    def _sum_up(self, column: int, values: npt.NDArray[Any]) -> None:
        at = self._seen
        for start in range(-(at % _BLOCK), len(values), _BLOCK):
            block = (at + max(0, start)) // _BLOCK
            own = values[max(0, start) : start + _BLOCK]
            self._checks[column, block] = zlib.crc32(own.data, int(self._checks[column, block]))

    def head(self, rows: npt.NDArray[Any]) -> bytes:
        """Return the file's head, up to the columns."""
        header = np.zeros((), _HEADER)
        header['magic'], header['chunks'], header['frames'] = _MAGIC, len(rows), self._frames
        header['ascend'] = self._is_sorted
        header['numbers'], header['times'] = self._ranges[0] or [0, 0], self._ranges[1] or [0, 0]
        behind = rows.tobytes() + self._checks.tobytes()
        header['check'] = _check(header, np.frombuffer(behind, np.uint8))
        return header.tobytes() + behind
