"""Arrays of a plain npz file, read without `zipfile`.

`zipfile` takes four times as long.
A plain file has uncompressed members and nothing else, as numpy and this package write it:
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT. A file with anything unusual is left to `zipfile`. So is a
damaged one, for an error that names the damage.
"""

from __future__ import annotations

import errno
import io
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from .._support.npy import read_header
from .._support.regular_files import open_descriptor

_END, _ENTRY, _LOCAL = struct.Struct('<4s4H2LH'), struct.Struct('<4s4B4HL2L5H2L'), struct.Struct('<4s2B4HL2L2H')
_TAIL, _HEAD = 1024, 512  # bytes with the table of members, and with the headers of one
_NAME_IN_UTF8 = 0x800
_NEWEST_VERSION = 63  # of the zip format, known to `zipfile`
_SMALL = 4096  # bytes of a member
_UNUSUAL = 'it is not plain, or damaged'

LACKS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors from a temporary lack of resources; a file is not damaged by them."""

_Answer = TypeVar('_Answer')


class Member(NamedTuple):
    """A member of the file: its place, and what the table states."""

    name: bytes
    offset: int
    end: int
    size: int
    check: int


class _Array(NamedTuple):
    """An array's place and type."""

    start: int
    rows: int
    dtype: np.dtype[Any]
    header: bytes


def count_rows(path: str, keys: Sequence[str], max_bytes: int) -> list[int] | None:
    """Count the rows of some arrays by their headers.

    None for a file that is not plain. OSError from a temporary lack of resources.
    """
    return _each(path, keys, max_bytes, _count)


def read_arrays(path: str, keys: Sequence[str], max_bytes: int) -> list[npt.NDArray[Any]] | None:
    """Read some arrays and verify their checksums.

    None for a file that is not plain. OSError from a temporary lack of resources.
    """
    return _each(path, keys, max_bytes, _read)


def has_member(path: str, key: str, max_bytes: int) -> bool | None:
    """Return whether a file has an array; None for a file that is not plain."""
    if not hasattr(os, 'pread'):
        return None
    try:
        file, status = open_descriptor(path)
        try:
            return f'{key}.npy'.encode() in _members(file, min(status.st_size, max_bytes))
        finally:
            os.close(file)
    except (OSError, ValueError, struct.error):
        return None


def _each(
    path: str, keys: Sequence[str], max_bytes: int, read: Callable[[int, Member], _Answer]
) -> list[_Answer] | None:
    if not hasattr(os, 'pread'):
        return None
    try:
        file, status = open_descriptor(path)
        try:
            members = _members(file, status.st_size) if status.st_size <= max_bytes else {}
            return [read(file, members[f'{key}.npy'.encode()]) for key in keys]
        finally:
            os.close(file)
    except Exception as error:  # numpy's header parser has many kinds of errors
        if isinstance(error, OSError) and error.errno in LACKS:
            raise
        return None


def _members(file: int, size: int) -> dict[bytes, Member]:
    """Return the members by name, from the table at the file's end."""
    tail = os.pread(file, _TAIL, max(0, size - _TAIL))
    mark, disk, first_disk, here, count, length, start, comment = _END.unpack(tail[-_END.size :])
    place = len(tail) - _END.size - length
    is_plain = (mark, disk, first_disk, here, comment) == (b'PK\5\6', 0, 0, count, 0)
    if not is_plain or place < 0 or start + length + _END.size != size:
        raise ValueError(_UNUSUAL)
    members, end = [], start
    entries = list(_entries(tail[place : place + length], count))
    for name, offset, content, check in sorted(entries, key=lambda entry: -entry[1]):
        members.append(Member(name, offset, end, content, check))
        end = offset
    found = {member.name: member for member in members}
    if len(found) != count:
        raise ValueError(_UNUSUAL)
    return found


def _entries(table: bytes, count: int) -> list[tuple[bytes, int, int, int]]:
    """Return name, offset, size and checksum of each member."""
    entries, place = [], 0
    for _ in range(count):
        mark, _, _, version, _, flags, method, _, _, check, packed, size, named, *beside, _, _, offset = (
            _ENTRY.unpack_from(table, place)
        )
        is_plain = mark == b'PK\1\2' and version <= _NEWEST_VERSION and flags in (0, _NAME_IN_UTF8) and packed == size
        if not is_plain or method or any(beside):
            raise ValueError(_UNUSUAL)
        place += _ENTRY.size + named
        entries.append((table[place - named : place], offset, size, check))
    if place != len(table):
        raise ValueError(_UNUSUAL)
    return entries


def _located(file: int, member: Member) -> _Array:
    """Read the headers of a member, up to its data."""
    head = os.pread(file, _HEAD, member.offset)
    mark, *_, named, extra = _LOCAL.unpack_from(head)
    begin = _LOCAL.size + named + extra
    if mark != b'PK\3\4' or head[_LOCAL.size : _LOCAL.size + named] != member.name:
        raise ValueError(_UNUSUAL)
    header = head[begin : begin + 10 + int.from_bytes(head[begin + 8 : begin + 10], 'little')]
    rows, dtype = _parsed(header)
    begin += member.offset
    if member.size != len(header) + rows * dtype.itemsize or begin + member.size > member.end:
        raise ValueError(_UNUSUAL)
    return _Array(begin + len(header), rows, dtype, header)


@lru_cache
def _parsed(header: bytes) -> tuple[int, np.dtype[Any]]:
    """Parse a header, cached, since most chunks have the same."""
    stream = io.BytesIO(header)
    (rows,), _, dtype = read_header(stream)
    if rows < 0 or dtype.kind not in 'iuf' or stream.tell() != len(header):
        raise ValueError(_UNUSUAL)
    return rows, dtype


def _count(file: int, member: Member) -> int:
    """Count the rows; verify the checksum of a small member, like `zipfile`."""
    return len(_read(file, member)) if member.size <= _SMALL else _located(file, member).rows


def _read(file: int, member: Member) -> npt.NDArray[Any]:
    array = _located(file, member)
    data = os.pread(file, array.rows * array.dtype.itemsize, array.start)
    if zlib.crc32(data, zlib.crc32(array.header)) != member.check:
        raise ValueError(_UNUSUAL)
    return np.frombuffer(data, array.dtype, array.rows)
