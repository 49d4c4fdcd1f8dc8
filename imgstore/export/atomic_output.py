"""Atomic output of an export.

Its files appear once they are complete, and overwrite nothing unless allowed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator

from ..errors import StoreExistsError, StoreIOError
from ..ondisk.files import StrPath, replace_atomic, text_path
from ..ondisk.layout import local_folder
from ..ondisk.replacing import put_in_place, room_beside

Progress = Callable[[], object]
"""Called after each frame."""


def no_progress() -> None:
    """Do nothing after a frame."""


@contextlib.contextmanager
def new_file(path: StrPath, overwrite: bool) -> Iterator[str]:
    """Give a temporary path for a new file, moved to ``path`` after success.

    Raises
    ------
    InvalidArgumentError
        The path is a URL.
    StoreExistsError
        The file exists and may not be overwritten.
    StoreIOError
        The file cannot be written.
    """
    target = local_folder(text_path(path, 'path'), 'write')
    if os.path.isdir(target) or (os.path.exists(target) and not overwrite):
        is_folder = os.path.isdir(target)
        what = 'is a folder; give the name of a file' if is_folder else 'already exists'
        raise StoreExistsError(f'{target!r} {what}', replaceable=not is_folder, path=target)
    with _told(target), replace_atomic(target) as temporary:
        yield temporary


@contextlib.contextmanager
def new_folder(path: StrPath, overwrite: bool, is_ours: Callable[[str], bool]) -> Iterator[str]:
    """Give a temporary path for a new folder, moved to ``path`` after success.

    Parameters
    ----------
    path
        Path of the folder. An empty folder may exist there.
    overwrite
        Replace an existing export.
    is_ours
        Whether all files in a folder come from an export.

    Raises
    ------
    InvalidArgumentError
        The path is a URL.
    StoreExistsError
        A folder exists and may not be replaced.
    StoreIOError
        The folder cannot be written.
    """
    target = local_folder(text_path(path, 'path'), 'write')
    _refuse_folder(target, overwrite, is_ours)
    with _told(target):
        temporary = room_beside(target)
    try:
        with _told(target):
            os.makedirs(temporary)
            yield temporary
            if os.path.isdir(target):
                put_in_place(temporary, target)
            else:
                os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refuse_folder(target: str, overwrite: bool, is_ours: Callable[[str], bool]) -> None:
    if not os.path.lexists(target) or (os.path.isdir(target) and not os.listdir(target)):
        return
    if not overwrite:
        is_export = os.path.isdir(target) and is_ours(target)
        what = 'already exists' if is_export else 'already exists and is no export; give another name'
        raise StoreExistsError(f'{target!r} {what}', replaceable=is_export, path=target)
    if not os.path.isdir(target) or not is_ours(target):
        raise StoreExistsError(f'{target!r} holds other files than an export; give another name', path=target)


@contextlib.contextmanager
def _told(target: str) -> Iterator[None]:
    """Name the file in an error of the disk.

    The disk's own text does not always do so.
    """
    try:
        yield
    except StoreIOError:
        raise
    except OSError as error:
        raise StoreIOError(f'{target!r} cannot be written: {error}', path=target) from error
