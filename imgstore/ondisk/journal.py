"""Journal of the open chunk: the future content of index and records.

It is removed after their completion.

A line of text is followed by entries: kind (1 byte), length of the content (4 bytes), content, CRC-32 of all that (4
bytes), numbers little-endian. Kind 3 is a frame: its index in the chunk as uint64, its number as int64, its time as
float64. Kind 4 is the checksum of a frame: the frame's index and its checksum as uint64. It is the entry before the
frame, or a later one if the checksum is not known before. Kind 2 is a record of extra data, as JSON. Kind 1 is a
frame without its index, from older versions.

Older versions take an entry of kind 4 for a damaged one. They lose nothing by it, since the frame after it has its
index.

A damaged entry is skipped. The next one is found by its form and its checksum.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator

from .._support.syncing import open_no_link, write_all
from .checksums import UNKNOWN
from .files import remove_if_there

MAGIC, OLD_MAGIC = b'imgstore journal 2\n', b'imgstore journal 1\n'
HEAD, FRAME, CHECK = struct.Struct('<BI'), struct.Struct('<Qqd'), struct.Struct('<I')
FRAME_WITHOUT_INDEX = struct.Struct('<qd')
FRAME_CHECKSUM = struct.Struct('<QQ')
IS_OLD_FRAME, IS_RECORD, IS_FRAME, IS_CHECKSUM = 1, 2, 3, 4


class Journal:
    """Writer of a journal.

    When a call returns, the operating system has the entry.

    Parameters
    ----------
    path : str
        An existing file is replaced.
    """

    def __init__(self, path: str) -> None:
        self._path, self._size, self._frames = path, 0, 0
        self._file = open(path, 'wb', buffering=0, opener=open_no_link)  # noqa: SIM115 -- open until `remove`
        try:
            self._write(MAGIC)
        except OSError:
            self.remove()
            raise

    @contextlib.contextmanager
    def frames(self, numbers_and_times: Iterable[tuple[int, float]], checksum: int = UNKNOWN) -> Iterator[None]:
        """Enter frames before they are written, or one frame with its checksum.

        Undo that if the writing block raises.
        """
        size, count = self._size, self._frames
        entries = [_entry(IS_FRAME, FRAME.pack(index, *frame)) for index, frame in enumerate(numbers_and_times, count)]
        before = b'' if checksum == UNKNOWN else _entry(IS_CHECKSUM, FRAME_CHECKSUM.pack(count, checksum))
        self._write(before + b''.join(entries))
        self._frames += len(entries)
        try:
            yield
        except BaseException:
            self._cut(size)
            self._frames = count
            raise

    def add_checksum(self, index: int, checksum: int) -> None:
        """Enter the checksum of a frame that is in its chunk."""
        self._write(_entry(IS_CHECKSUM, FRAME_CHECKSUM.pack(index, checksum)))

    def add_record(self, record: str) -> None:
        """Enter a record of extra data."""
        self._write(_entry(IS_RECORD, record.encode()))

    def _write(self, data: bytes) -> None:
        size = self._size
        try:
            write_all(self._file.fileno(), [data])
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
        return self._size == len(MAGIC)

    def sync(self) -> None:
        """Wait until all entries are on disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file without removing it."""
        self._file.close()

    def remove(self) -> None:
        """Remove the file."""
        self.close()
        remove_if_there(self._path)


def _entry(kind: int, content: bytes) -> bytes:
    entry = HEAD.pack(kind, len(content)) + content
    return entry + CHECK.pack(zlib.crc32(entry))
