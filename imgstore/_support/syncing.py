"""Syncing files and folders to the disk."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import sys
from collections.abc import Sequence

_MANY = 64  # from this many files, one sync of the file system is faster


def open_no_link(path: str, flags: int) -> int:
    """Open a file for writing, as ``opener`` of `open`.

    Remove a link or a FIFO in its place.
    """
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            os.unlink(path)
    return os.open(path, flags | getattr(os, 'O_NOFOLLOW', 0), 0o666)


def create_no_link(path: str) -> int:
    """Open a file for writing as by `open_no_link`.

    A new file takes a single call of the system.
    """
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, 'O_BINARY', 0)
    try:
        return os.open(path, flags | os.O_EXCL, 0o666)
    except FileExistsError:
        return open_no_link(path, flags | os.O_TRUNC)


def write_all(descriptor: int, parts: Sequence[bytes | memoryview]) -> None:
    """Write all bytes of some parts, each with a call of its own; OSError.

    On Linux 6.18 and ext4, one `writev` by each of several threads takes three times as much CPU time.
    """
    for part in parts:
        rest = memoryview(part).cast('B')
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def sync(path: str) -> None:
    """Sync a file, or the entries of a folder, to the disk."""
    if os.path.isdir(path):
        _sync_folder(path)
        return
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: str) -> None:
    """Sync a folder's entries, if the system can and the folder is readable."""
    if os.name == 'nt':
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sync_folder_and_files(folder: str) -> None:
    """Sync a folder and all its files to the disk.

    Many at once where the system supports it.
    """
    names = os.listdir(folder)
    if len(names) > _MANY and sync_file_system(folder):
        return
    for name in names:
        if os.path.isfile(path := os.path.join(folder, name)):
            sync(path)
    sync(folder)


def sync_file_system(folder: str) -> bool:
    """Sync the file system of a folder by Linux's syncfs(2); False without it."""
    if sys.platform != 'linux':
        return False
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), 'syncfs', None)
    if syncfs is None:
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor):
            raise OSError(ctypes.get_errno(), f'{folder} could not be synced to the disk')
    finally:
        os.close(descriptor)
    return True
