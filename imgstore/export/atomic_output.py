"""Where an export goes: it is there once it is whole, and replaces nothing unless it may."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator

from ..errors import StoreExistsError, StoreIOError
from ..ondisk.files import StrPath, replace_atomic, text_path
from ..ondisk.replacing import put_in_place, room_beside

Progress = Callable[[], object]
"""Is called after each frame."""


def no_progress() -> None:
    """Count nothing."""


@contextlib.contextmanager
def new_file(path: StrPath, overwrite: bool) -> Iterator[str]:
    """Give the path to write a file to, which is at ``path`` once the block has ended without an error.

    Raises
    ------
    StoreExistsError
        There is a file already, and it may not be overwritten.
    StoreIOError
        The file cannot be written.
    """
    target = text_path(path, 'path')
    if os.path.isdir(target) or (os.path.exists(target) and not overwrite):
        raise StoreExistsError(f'{target!r} is there already', replaceable=not os.path.isdir(target), path=target)
    with _told(target), replace_atomic(target) as temporary:
        yield temporary


@contextlib.contextmanager
def new_folder(path: StrPath, overwrite: bool, is_ours: Callable[[str], bool]) -> Iterator[str]:
    """Give the path of a folder to fill, which is at ``path`` once the block has ended without an error.

    Parameters
    ----------
    path
        An empty folder may be there.
    overwrite
        Another one may be there, if `is_ours`.
    is_ours
        Whether nothing is in a folder that no export made.

    Raises
    ------
    StoreExistsError
        There is a folder that may not be replaced.
    StoreIOError
        The folder cannot be written.
    """
    target = text_path(path, 'path')
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
        raise StoreExistsError(f'{target!r} is there already', replaceable=os.path.isdir(target) and is_ours(target),
                               path=target)
    if not os.path.isdir(target) or not is_ours(target):
        raise StoreExistsError(f'{target!r} holds something else than an export, and is not replaced', path=target)


@contextlib.contextmanager
def _told(target: str) -> Iterator[None]:
    """Name the file in an error of the disk."""
    try:
        yield
    except StoreIOError:
        raise
    except OSError as error:
        raise StoreIOError(f'{target!r} cannot be written: {error}', path=target) from error
