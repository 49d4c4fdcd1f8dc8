"""Replacing a store's folder by a new one built beside it.

After a kill at any moment, the old store or the new one is at its path.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import shutil
import sys
from collections.abc import Collection, Iterator
from typing import Any

from .._support.syncing import sync
from ..constants import (
    STORE_INDEX_FILENAME,
    STORE_LOCK_FILENAME,
    STORE_MARKS_FILENAME,
    STORE_MD_FILENAME,
    STORE_SAVED_INDEX_FILENAME,
    UNFINISHED_CHANGES,
)
from ..errors import StoreIOError, StoreLockedError
from .chunk_files import find_chunk_files, remove_tree
from .files import finish_replacement, parked, partial_path
from .lock import is_held

_OF_THE_STORE = (STORE_INDEX_FILENAME, STORE_LOCK_FILENAME, STORE_MD_FILENAME, STORE_SAVED_INDEX_FILENAME)
_MANY = 64  # files; from here on one sync of everything is faster
_AT_CWD, _EXCHANGE, _SWAP = -100, 2, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def room_beside(target: str, keep: bool = False) -> str:
    """Return the hidden path for building the replacement of ``target``.

    Nothing exists there.

    Parameters
    ----------
    target : str
        Folder to replace.
    keep : bool
        Move leftovers of a killed run to `incomplete_name`, instead of removing them.

    Raises
    ------
    StoreLockedError
        Another process is building a replacement.
    StoreIOError
        ``target`` is the root of a file system and cannot be renamed.
    """
    if os.path.ismount(target):
        raise StoreIOError(
            f'{target!r} is the root of a file system and cannot be replaced; give a folder in it', path=target
        )
    room = partial_path(target)
    finish_replacement(target)
    if is_held(os.path.join(room, STORE_LOCK_FILENAME)):
        raise StoreLockedError(
            f'{target!r}: another process builds its replacement in {room!r}', path=target, store=target
        )
    if keep and os.path.isdir(room):
        os.rename(room, incomplete_name(target))
    for leftover in (room, parked(target)):
        with contextlib.suppress(OSError):
            remove_tree(leftover)
    return room


def incomplete_name(target: str) -> str:
    """Return an unused path beside ``target``, for an incomplete replacement."""
    names = itertools.chain([f'{target}.incomplete'], (f'{target}.incomplete-{n}' for n in itertools.count(2)))
    return next(name for name in names if not os.path.lexists(name))


def replace_folder(new: str, target: str, with_marks: bool = False) -> None:
    """Replace the folder ``target`` by the finished folder ``new``.

    First, the user's own files in ``target`` are linked into ``new``, and ``new`` is synced. Then the two folders are
    exchanged. The parent folder is synced, and the old store is removed. So after a kill or a power cut at any moment,
    ``target`` is the complete old or new store.

    Linux, macOS and most local file systems exchange folders in one step. Elsewhere there are two renames, and
    ``target`` is missing between them. The next program to open the store then completes the second one
    (`imgstore.ondisk.files.finish_replacement`).

    Parameters
    ----------
    new : str
        Path from `room_beside`; no writer has it open.
    target : str
        Folder of the store; it may be missing.
    with_marks : bool
        Remove the old store's marks, too.

    Raises
    ------
    StoreIOError
        The replacement failed. The old store or the new one is at ``target``.
    """
    try:
        if os.path.isdir(target):
            _link_user_files(target, new, [STORE_MARKS_FILENAME] if with_marks else [])
            shutil.copymode(target, new)
        put_in_place(new, target)
    except OSError as error:
        raise StoreIOError(f'{target!r} cannot be replaced: {error}', path=target) from error


def put_in_place(new: str, target: str) -> None:
    """Replace a folder of any kind as `replace_folder` does.

    Raise OSError on failure.
    """
    _sync_tree(new)
    old = _change_places(new, target)
    sync(os.path.dirname(target))
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _change_places(new: str, target: str) -> str | None:
    """Exchange the folders and return the old one's new path, if any."""
    if not os.path.isdir(target):
        os.rename(new, target)
        return None
    old = parked(target)
    if _exchange(new, target):
        os.rename(new, old)  # so that it does not look like an incomplete replacement
        return old
    os.rename(target, old)
    try:
        os.rename(new, target)
    except BaseException:
        os.rename(old, target)
        raise
    return old


def _exchange(one: str, other: str) -> bool:
    """Swap two folders in one step; return False if the system cannot."""
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


def _link_user_files(old: str, new: str, without: Collection[str]) -> None:
    for path in _user_paths(old):
        name = os.path.relpath(path, old)
        place = os.path.join(new, name)
        if name in without or os.path.lexists(place):
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
    """Yield files, links and empty folders of the user."""
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
    """Sync all files and folders to disk, folders after their content."""
    paths = [os.path.join(base, name) for base, _, files in os.walk(folder, topdown=False) for name in (*files, '')]
    if len(paths) > _MANY and hasattr(os, 'sync'):
        os.sync()
        return
    for path in paths:
        if not os.path.islink(path):
            sync(path)
