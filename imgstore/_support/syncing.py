"""Wait until files and folders are on the disk itself."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import sys

_MANY = 64  # files, from which on one sync of everything is faster than one for each

def open_no_link(path: str, flags: int) -> int:
    """Open a file to write it, as ``opener`` of `open`; a link or a FIFO in its place is removed and never followed."""
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            os.unlink(path)
    return os.open(path, flags | getattr(os, 'O_NOFOLLOW', 0), 0o666)


def sync(path: str) -> None:
    """Wait until a file, or what a folder lists, is on the disk itself."""
    if os.path.isdir(path):
        _sync_folder(path)
        return
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: str) -> None:
    """Windows and some network file systems have no such thing; a folder may be one that may not be listed."""
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
    """Wait until all files of a folder, and the folder, are on the disk itself; many at once where the system can."""
    names = os.listdir(folder)
    if len(names) > _MANY and sync_file_system(folder):
        return
    for name in names:
        if os.path.isfile(path := os.path.join(folder, name)):
            sync(path)
    sync(folder)


def sync_file_system(folder: str) -> bool:
    """Linux's syncfs(2), one wait instead of one a file; False where there is none."""
    if sys.platform != 'linux':
        return False
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), 'syncfs', None)
    if syncfs is None:
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor):
            raise OSError(ctypes.get_errno(), f'{folder} could not be put on the disk')
    finally:
        os.close(descriptor)
    return True
