"""Reading of regular files only, in bounded memory.

Reading a FIFO, a device or a socket in place of a store's file could block forever. A sparse file can have any size.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from typing import IO

from ..remote import files as remote
from ..remote.urls import is_url

MAX_BYTES = 2**31
"""Default size limit of a file read in one piece."""

_BLOCK = 2**20
_ZEROS = bytes(_BLOCK)
_BINARY = getattr(os, 'O_BINARY', 0)
_HAS_READV = hasattr(os, 'readv')  # not on Windows
_NOT_WAITING = getattr(os, 'O_NONBLOCK', 0)


def check_regular(path: str) -> None:
    """Raise OSError unless ``path`` is a regular file, or a link to one."""
    if is_url(path):
        remote.status(path)
        return
    _check(os.stat(path), path)


def open_regular(path: str, buffering: int = -1) -> IO[bytes]:
    """Open a regular file, or one at a URL, for reading.

    Raises OSError for anything else, without opening it.

    Parameters
    ----------
    path : str
        Path of the file.
    buffering : int
        As for `open`.
    """
    if is_url(path):
        return remote.open_file(path)
    check_regular(path)  # before opening, since that alone triggers some devices
    file: IO[bytes] = open(path, 'rb', buffering, opener=_open_at_once)  # noqa: SIM115 -- given on
    try:
        _check(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def open_descriptor(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading, and return descriptor and status.

    Raises OSError as `open_regular`. This takes half its time.
    """
    check_regular(path)
    descriptor = _open_at_once(path, os.O_RDONLY | _BINARY)
    try:
        status = os.fstat(descriptor)
        _check(status, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor, status


def read_into(descriptor: int, buffer: memoryview) -> int:
    """Fill a buffer, and return the bytes read; fewer if the file ends."""
    place = 0
    while place < len(buffer) and (got := _read_part(descriptor, buffer[place:])):
        place += got
    return place


def _read_part(descriptor: int, buffer: memoryview) -> int:
    if _HAS_READV:
        return os.readv(descriptor, [buffer])
    data = os.read(descriptor, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def read_regular(path: str, limit: int = MAX_BYTES) -> bytes:
    """Read a regular text file.

    Parameters
    ----------
    path : str
        Path of the file.
    limit : int
        Maximum size in bytes.

    Raises
    ------
    OSError
        The file is not regular, is too large, or has a long run of zeros, unlike any text.
    """
    if is_url(path):
        return remote.read_file(path, limit)
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f'it has {size} bytes; the limit is {limit}', path)
        data, ended = _read_until_zeros(file, limit)
    if not ended:
        raise OSError(errno.EINVAL, f'it has only zeros after byte {len(data)}', path)
    return data


def read_until_zeros(path: str, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file up to the limit or to a long run of zeros.

    Raises OSError as `open_regular`.
    """
    with open_regular(path) as file:
        return _read_until_zeros(file, limit)[0]


def data_bytes(path: str) -> int:
    """Return a regular file's size on disk in bytes, without holes."""
    if is_url(path):
        return remote.status(path).size
    status = os.stat(path)
    _check(status, path)
    blocks: int | None = getattr(status, 'st_blocks', None)  # missing on Windows
    return status.st_size if blocks is None else min(status.st_size, blocks * 512)


def file_size(path: str) -> int:
    """Return the size of a file in bytes."""
    return remote.status(path).size if is_url(path) else os.path.getsize(path)


def is_file(path: str) -> bool:
    """Return whether this is a regular file, or a link to one."""
    return remote.exists(path) if is_url(path) else os.path.isfile(path)


def end_of_data(path: str, max_hole: int) -> int:
    """Return the offset after which the file's holes exceed a limit.

    Its size if they never do so.

    Parameters
    ----------
    path : str
        Path of a regular file.
    max_hole : int
        Maximum bytes of all holes before the returned offset, since a reader has to read through them.
    """
    size = os.path.getsize(path)
    if size - data_bytes(path) <= max_hole or not hasattr(os, 'SEEK_HOLE'):
        return size
    with open_regular(path, buffering=0) as file:
        for hole, end in _holes(file.fileno(), size):
            max_hole -= end - hole
            if max_hole < 0:
                return hole
    return size


def copy_data(source: str, target: str) -> None:
    """Copy a regular file into a new one, with its holes as holes."""
    size = os.path.getsize(source)
    with open_regular(source) as old, open(target, 'wb') as new:
        end = 0
        for hole, next_data in _holes(old.fileno(), size) if hasattr(os, 'SEEK_HOLE') else [(size, size)]:
            old.seek(end)
            new.seek(end)
            for block in range(end, hole, _BLOCK):
                new.write(old.read(min(_BLOCK, hole - block)))
            end = next_data
        new.truncate(size)


def _holes(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    place = 0
    while place < size:
        hole = os.lseek(descriptor, place, os.SEEK_HOLE)
        try:
            place = os.lseek(descriptor, hole, os.SEEK_DATA)
        except OSError:  # no more data
            place = size
        yield hole, place


def _read_until_zeros(file: IO[bytes], limit: int) -> tuple[bytes, bool]:
    """Return the content, and whether it is complete."""
    first = file.read(min(_BLOCK, limit))
    if len(first) < _BLOCK:
        return first, True
    content, block = io.BytesIO(), first
    while block and block != _ZEROS:
        content.write(block)
        block = file.read(min(_BLOCK, limit - content.tell()))
    return content.getvalue(), not block


def _check(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, 'it is not a regular file', path)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | _NOT_WAITING)
