"""Stamps of chunks' index files: a change is noticed without reading."""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import CorruptFileError
from ..remote import files as remote
from ..remote.urls import is_url
from .layout import INDEX_EXTENSIONS, with_extension


class FileStamp(NamedTuple):
    """Properties of a chunk's index file, compared to detect changes."""

    form: int
    size: int
    mtime: int
    ctime: int
    inode: int


def stamp(stem: str) -> FileStamp:
    """Return the stamp of a chunk's index file.

    Raise CorruptFileError without one.
    """
    for form, extension in enumerate(INDEX_EXTENSIONS):
        with contextlib.suppress(FileNotFoundError):
            if is_url(stem):
                return _remote_stamp(form, remote.status(with_extension(stem, extension)))
            return _stamp(form, os.stat(stem + extension))
    raise CorruptFileError(f'{stem}: the chunk has no index', path=stem, reason='it has no index')


def stamps(stems: Iterable[str]) -> list[FileStamp]:
    """Return the stamps of many chunks' index files.

    Raise CorruptFileError if one is missing.
    """
    stems = list(stems)
    if stems and is_url(stems[0]):
        remote.ask_all([with_extension(stem, INDEX_EXTENSIONS[0]) for stem in stems])
        return [stamp(stem) for stem in stems]
    with contextlib.suppress(FileNotFoundError):
        return [_stamp(0, os.stat(stem + INDEX_EXTENSIONS[0])) for stem in stems]
    return [stamp(stem) for stem in stems]


def _stamp(form: int, status: os.stat_result) -> FileStamp:
    return FileStamp(form, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _remote_stamp(form: int, status: remote.RemoteStatus) -> FileStamp:
    """Return a stamp with the server's own mark in place of the inode."""
    return FileStamp(form, status.size, status.mtime_ns or 0, 0, zlib.crc32(status.tag.encode()))


def stamp_if_stable(stem: str) -> FileStamp | None:
    """Return the stamp.

    None if the file may still change unnoticed, or is missing.
    """
    now = time.time_ns()
    try:
        look = stamp(stem)
    except CorruptFileError:
        return None
    is_stable = all(changed <= now - mtime_resolution_ns(changed) for changed in (look.mtime, look.ctime))
    return look if is_stable else None


_TICK, _COARSE_TICK = 50_000_000, 2_000_000_000


def mtime_resolution_ns(mtime: int) -> int:
    """Return the nanoseconds in which a change may not alter the file's time.

    On file systems without fractions these are more.
    """
    return _TICK if mtime % 1_000_000_000 else _COARSE_TICK
