"""Replacing a store's folder by a new one that was built beside it.

Killed at any moment, the old store or the new one is at its path, never neither.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any

from .._support.syncing import sync
from ..constants import (
    STORE_INDEX_FILENAME,
    STORE_LOCK_FILENAME,
    STORE_MD_FILENAME,
    STORE_SAVED_INDEX_FILENAME,
    UNFINISHED_CHANGES,
)
from ..errors import StoreIOError, StoreLockedError
from .chunk_files import find_chunk_files, remove_tree
from .files import finish_replacement, parked, partial_path
from .lock import is_held

_OF_THE_STORE = (STORE_INDEX_FILENAME, STORE_LOCK_FILENAME, STORE_MD_FILENAME, STORE_SAVED_INDEX_FILENAME)
_MANY = 64  # files, from which on one sync of everything is faster than one for each
_AT_CWD, _EXCHANGE, _SWAP = -100, 2, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def room_beside(target: str, keep: bool = False) -> str:
    """Give the path of the hidden folder in which the replacement of ``target`` is built; nothing is there yet.

    Parameters
    ----------
    target : str
        The folder that is to be replaced.
    keep : bool
        What a killed run left in the hidden folder is moved to `incomplete_name`. Otherwise it is removed.

    Raises
    ------
    StoreLockedError
        Another process is building a replacement.
    StoreIOError
        ``target`` is the root of a file system, which cannot be renamed.
    """
    if os.path.ismount(target):
        raise StoreIOError(f'{target!r} is the root of a file system and cannot be replaced; give a folder in it',
                           path=target)
    room = partial_path(target)
    finish_replacement(target)
    if is_held(os.path.join(room, STORE_LOCK_FILENAME)):
        raise StoreLockedError(f'{target!r}: another process builds its replacement in {room!r}', path=target,
                               store=target)
    if keep and os.path.isdir(room):
        os.rename(room, incomplete_name(target))
    for leftover in (room, parked(target)):
        with contextlib.suppress(OSError):
            remove_tree(leftover)
    return room


def incomplete_name(target: str) -> str:
    """Give a path beside ``target`` under which nothing exists, for a replacement that was not completed."""
    names = itertools.chain([f'{target}.incomplete'], (f'{target}.incomplete-{n}' for n in itertools.count(2)))
    return next(name for name in names if not os.path.lexists(name))


def replace_folder(new: str, target: str) -> None:
    """Put the finished folder ``new`` in the place of ``target``, and remove what was there.

    In this order: the user's own files in ``target`` are linked into ``new``; all of ``new`` is synced to the disk; the
    two folders change places, in one step where the system can (Linux, macOS, most local file systems); the parent
    folder is synced; the old store is removed. So ``target`` is the complete old or the complete new store after a kill
    or a power cut at any moment. Without that one step there are two renames, and between them ``target`` is missing:
    whoever opens the store next completes the second rename (`imgstore.ondisk.files.finish_replacement`).

    Parameters
    ----------
    new : str
        As `room_beside` gave it; no writer has it open.
    target : str
        The store's folder; it may be missing.

    Raises
    ------
    StoreIOError
        It failed; the old store is still there, or the new one is already.
    """
    try:
        if os.path.isdir(target):
            _link_user_files(target, new)
            shutil.copymode(target, new)
        put_in_place(new, target)
    except OSError as error:
        raise StoreIOError(f'{target!r} cannot be replaced: {error}', path=target) from error


def put_in_place(new: str, target: str) -> None:
    """As `replace_folder`, of folders of any kind, whatever is in ``target``; OSError where it fails."""
    _sync_tree(new)
    old = _change_places(new, target)
    sync(os.path.dirname(target))
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _change_places(new: str, target: str) -> str | None:
    """Give the path under which the old folder is then, or None if there was none."""
    if not os.path.isdir(target):
        os.rename(new, target)
        return None
    old = parked(target)
    if _exchange(new, target):
        os.rename(new, old)  # so that nobody takes it for a replacement that was not completed
        return old
    os.rename(target, old)
    try:
        os.rename(new, target)
    except BaseException:
        os.rename(old, target)
        raise
    return old


def _exchange(one: str, other: str) -> bool:
    """Swap two folders in one step; False where the system or the file system cannot."""
    library: Any = ctypes.CDLL(None, use_errno=True) if os.name == 'posix' else None
    paths = os.fsencode(one), os.fsencode(other)
    if hasattr(library, 'renameat2'):
        failed = library.renameat2(_AT_CWD, paths[0], _AT_CWD, paths[1], _EXCHANGE)
    elif sys.platform == 'darwin' and hasattr(library, 'renamex_np'):
        failed = library.renamex_np(*paths, _SWAP)
    else:
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), one, None, other)


# --- the user's own files


def _link_user_files(old: str, new: str) -> None:
    for path in _user_paths(old):
        place = os.path.join(new, os.path.relpath(path, old))
        if os.path.lexists(place):
            continue
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.islink(path):
            os.symlink(os.readlink(path), place)
        elif os.path.isdir(path):
            os.mkdir(place)
        else:
            _link(path, place)


def _link(path: str, place: str) -> None:
    try:
        os.link(path, place)
    except OSError:  # a file system without links
        shutil.copy2(path, place)


def _user_paths(folder: str) -> Iterator[str]:
    """Files, links and empty folders that are not the store's."""
    own = {*find_chunk_files(folder), *(os.path.join(folder, name) for name in _OF_THE_STORE)}
    chunks = {os.path.dirname(path) for path in own}
    for base, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if base != folder or name not in UNFINISHED_CHANGES]
        links = [name for name in folders if os.path.islink(os.path.join(base, name))]
        for name in (*files, *links):
            path = os.path.join(base, name)
            if path not in own and path not in chunks:
                yield path
        if not folders and not files and base not in chunks:
            yield base


def _sync_tree(folder: str) -> None:
    """Sync all files and folders to the disk, folders after what they list."""
    paths = [os.path.join(base, name) for base, _, files in os.walk(folder, topdown=False) for name in (*files, '')]
    if len(paths) > _MANY and hasattr(os, 'sync'):
        os.sync()
        return
    for path in paths:
        if not os.path.islink(path):
            sync(path)
