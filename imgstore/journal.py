"""The journal of the chunk that is open: what its index and records will have, removed when those are complete.

A line of text is followed by entries: kind (1 byte), length of the content (4 bytes), content, CRC-32 of all that
(4 bytes), numbers little-endian. Kind 1 is a frame, its number as int64 and its time as float64; kind 2 is a record of
extra data, as JSON. What a killed writer left behind its last whole entry is no entry.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ._files import remove_if_there
from .chunk_index import Numbers, Times

_MAGIC = b'imgstore journal 1\n'
_HEAD, _FRAME, _CHECK = struct.Struct('<BI'), struct.Struct('<qd'), struct.Struct('<I')
_IS_FRAME, _IS_RECORD = 1, 2


class Journal:
    """Writes a journal; an entry is with the operating system when the call returns.

    Parameters
    ----------
    path : str
        A file that was there is replaced.
    """

    def __init__(self, path: str) -> None:
        self._path, self._size = path, 0
        self._file = open(path, 'wb', buffering=0)  # noqa: SIM115 -- open until `remove`
        try:
            self._write(_MAGIC)
        except OSError:
            self.remove()
            raise

    @contextlib.contextmanager
    def frames(self, numbers_and_times: Iterable[tuple[int, float]]) -> Iterator[None]:
        """Enter frames before they are written; taken back if the block, which writes them, ends with an error."""
        size = self._size
        self._write(b''.join(_entry(_IS_FRAME, _FRAME.pack(*frame)) for frame in numbers_and_times))
        try:
            yield
        except BaseException:
            self._cut(size)
            raise

    def add_record(self, record: str) -> None:
        """Enter a record of extra data."""
        self._write(_entry(_IS_RECORD, record.encode()))

    def _write(self, data: bytes) -> None:
        size = self._size
        try:
            if self._file.write(data) != len(data):
                raise OSError(f'{self._path}: there is no room for it')
        except OSError:
            self._cut(size)
            raise
        self._size = size + len(data)

    def _cut(self, size: int) -> None:
        if not self._file.closed:
            with contextlib.suppress(OSError):
                self._file.truncate(size)
                self._file.seek(size)
            self._size = size

    @property
    def is_empty(self) -> bool:
        """Whether there is no entry."""
        return self._size == len(_MAGIC)

    def sync(self) -> None:
        """Wait until all of it is on the disk itself."""
        os.fsync(self._file.fileno())

    def let_go(self) -> None:
        """Close the file and leave it."""
        self._file.close()

    def remove(self) -> None:
        """Remove the file."""
        self.let_go()
        remove_if_there(self._path)


def _entry(kind: int, content: bytes) -> bytes:
    entry = _HEAD.pack(kind, len(content)) + content
    return entry + _CHECK.pack(zlib.crc32(entry))


@dataclass(frozen=True)
class Journaled:
    """What a journal tells of a chunk.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    times : ndarray of float64, shape (n,)
        In seconds.
    records : list of str
        JSON objects.
    """

    numbers: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    times: Times = field(default_factory=lambda: np.empty(0, np.float64))
    records: list[str] = field(default_factory=list)


def read_journal(path: str) -> Journaled:
    """Read the whole entries of a journal; of a file that is gone, or is none, there are none."""
    try:
        with open(path, 'rb') as file:
            data = file.read()
    except OSError:
        return Journaled()
    frames, records = [], []
    for kind, content in _entries(data):
        if kind == _IS_FRAME:
            frames.append(_FRAME.unpack(content))
        else:
            records.append(content.decode())
    return Journaled(np.array([number for number, _ in frames], np.int64),
                     np.array([time for _, time in frames], np.float64), records)


def _entries(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each entry, up to the first that is not whole."""
    if not data.startswith(_MAGIC):
        return
    start = len(_MAGIC)
    while start + _HEAD.size <= len(data):
        kind, length = _HEAD.unpack_from(data, start)
        end = start + _HEAD.size + length
        if end + _CHECK.size > len(data) or _CHECK.unpack_from(data, end)[0] != zlib.crc32(data[start:end]):
            return
        content = data[start + _HEAD.size:end]
        if not _is_sound(kind, content):
            return
        yield kind, content
        start = end + _CHECK.size


def _is_sound(kind: int, content: bytes) -> bool:
    if kind == _IS_RECORD:
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode().startswith('{')
    return kind == _IS_FRAME and len(content) == _FRAME.size
