"""A remote file for reading anywhere in it, by blocks."""

from __future__ import annotations

import io
import os
from typing import Protocol

from .sources import Source
from .status import RemoteStatus

_ASKS_SIZE = 0x10000  # FFmpeg's AVSEEK_SIZE
_MOST_AHEAD = 16  # blocks


class BlockPlace(Protocol):
    """A place of files that are read by blocks."""

    block_bytes: int

    @property
    def source(self) -> Source:
        """Where the files come from."""

    def forget(self) -> None:
        """Forget what may have changed."""

    def learn(self, name: str) -> None:
        """Learn the status of a file, if there is one."""

    def status(self, name: str) -> RemoteStatus:
        """Return the status of a file."""

    def known_block(self, name: str, status: RemoteStatus, number: int) -> bytes | None:
        """Return a block of a file, if it is in the cache."""

    def fetch_blocks(self, name: str, status: RemoteStatus, number: int, count: int) -> bytes:
        """Fetch blocks in a row, and return the first one."""


class RemoteFile(io.RawIOBase):
    """A file of a place, as a binary file of Python.

    Reading on in sequence fetches more blocks at a time, twice as many after every other request.

    Parameters
    ----------
    place : BlockPlace
        Where it is.
    name : str
        Its name there.
    url : str
        Its URL.
    end : int
        The file ends at this offset; 0: at its own end.
    """

    def __init__(self, place: BlockPlace, name: str, url: str, end: int = 0) -> None:
        super().__init__()
        self._place, self._file, self.name = place, name, url
        self._status = place.status(name)
        self._end = min(end or self._status.size, self._status.size)
        self._position, self._next, self._run = 0, -1, 0

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self._end

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position; nothing is read yet."""
        if whence & _ASKS_SIZE:
            return self._end
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence & 3]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer, as far as the file goes."""
        view, done = memoryview(buffer).cast('B'), 0
        while done < len(view) and (part := self._part(len(view) - done)):
            view[done : done + len(part)] = part
            done += len(part)
        return done

    def _part(self, most: int) -> memoryview:
        """Read on, up to the end of a block."""
        most = min(most, self._end - self._position)
        if most <= 0:
            return memoryview(b'')
        number, start = divmod(self._position, self._place.block_bytes)
        data = memoryview(self._block(number))[start : start + most]
        self._position += len(data)
        return data

    def _block(self, number: int) -> bytes:
        data = self._place.known_block(self._file, self._status, number)
        if data is None:
            self._run = self._run + 1 if number == self._next else 0
            count = min(2 ** (self._run // 2), _MOST_AHEAD)
            self._next = number + count
            data = self._place.fetch_blocks(self._file, self._status, number, count)
        return data
