"""Read regular files only, and in bounded memory.

A FIFO, a device or a socket in place of a store's file would be waited for, or would never end. A sparse file claims
any size.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from typing import IO

MAX_BYTES = 2**31
"""Of a file that is read at once, where its reader knows no smaller limit."""

_BLOCK = 2**20
_ZEROS = bytes(_BLOCK)
_NOT_WAITING = getattr(os, 'O_NONBLOCK', 0)


def check_regular(path: str) -> None:
    """Raise OSError if ``path`` is anything else than a regular file, or a link to one."""
    _check(os.stat(path), path)


def open_regular(path: str, buffering: int = -1) -> IO[bytes]:
    """Open a regular file for reading; OSError for anything else, which is not opened or waited for.

    Parameters
    ----------
    path : str
    buffering : int
        As of `open`.
    """
    check_regular(path)  # before it is opened, as that alone makes some devices do something
    file: IO[bytes] = open(path, 'rb', buffering, opener=_open_at_once)  # noqa: SIM115 -- given on
    try:
        _check(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: str, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file that holds text or a part of it; OSError if it cannot be one.

    Parameters
    ----------
    path : str
    limit : int
        Bytes that such a file has at most.

    Raises
    ------
    OSError
        It is no regular file, is larger, or has a long run of zeros, as no text has.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f'it has {size} bytes, and may have {limit} at most', path)
        data, ended = _read_until_zeros(file, limit)
    if not ended:
        raise OSError(errno.EINVAL, f'it has nothing but zeros from byte {len(data)} on', path)
    return data


def read_until_zeros(path: str, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file up to the limit or a long run of zeros, whichever comes first; OSError as `open_regular`."""
    with open_regular(path) as file:
        return _read_until_zeros(file, limit)[0]


def data_bytes(path: str) -> int:
    """Bytes of a regular file that take room on the disk, so that a sparse file is as large as what was written."""
    status = os.stat(path)
    _check(status, path)
    blocks: int | None = getattr(status, 'st_blocks', None)  # Windows does not tell
    return status.st_size if blocks is None else min(status.st_size, blocks * 512)


def end_of_data(path: str, max_hole: int) -> int:
    """Where a file has more than ``max_hole`` bytes of holes behind it, its size if it has fewer.

    Parameters
    ----------
    path : str
        Of a regular file.
    max_hole : int
        Bytes that all holes before the end may have, which a reader has to go through.
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
        except OSError:  # there is no more data
            place = size
        yield hole, place


def _read_until_zeros(file: IO[bytes], limit: int) -> tuple[bytes, bool]:
    """The content, and whether it is all of it."""
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
