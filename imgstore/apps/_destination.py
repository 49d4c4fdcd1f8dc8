"""Folder where imgstore-save builds its store.

It is the given path, or one beside the store to replace.
"""

from __future__ import annotations

import os
import shutil
from types import TracebackType
from typing import Any

from .._support.text import count_of
from ..constants import STORE_LOCK_FILENAME, STORE_MD_FILENAME
from ..errors import InvalidArgumentError, StoreExistsError, StoreLockedError
from ..ondisk.chunk_files import find_chunk_files
from ..ondisk.layout import store_folder
from ..ondisk.lock import is_held
from ..ondisk.replacing import incomplete_name, replace_folder, room_beside
from ..writing.replaced_marks import has_marks
from ._report import Report


class Destination:
    """Destination of a new store. Use it in a ``with`` block.

    An existing store is replaced at the end of the block, but only after `complete`. Otherwise it stays unchanged. The
    new files are then removed, or kept under another name if the source is live.

    Parameters
    ----------
    path : str
        Path of the new store.
    overwrite : bool
        Allow replacing an existing store.
    is_live : bool
        The frames cannot be recorded again.
    report : Report, optional
        Gets the result. Default: one that prints it.

    Attributes
    ----------
    folder : str
        Where to build the store.

    Raises
    ------
    StoreExistsError
        A store exists and may not be replaced.
    InvalidArgumentError
        The path is a file, a folder with other files, the root or the home folder.
    StoreLockedError
        A writer has the existing store open.
    """

    def __init__(self, path: str, overwrite: bool, is_live: bool, report: Report | None = None) -> None:
        self._given, self._is_live, self._report = path, is_live, report or Report()
        self._target = store_folder(path)
        self._is_complete, self._is_empty = False, False
        self._facts: dict[str, Any] = {}
        self._is_new = not os.path.lexists(self._target)
        if os.path.lexists(self._target) and not os.path.isdir(self._target):
            raise InvalidArgumentError(
                f'{path!r} is a file, but a store is a folder: give another name, or remove it', path=path
            )
        self._replaces = _holds_store(self._target)
        _refuse_others_folder(path, self._target, self._replaces)
        if self._replaces and not overwrite:
            raise StoreExistsError(f'{path!r} already holds a store', replaceable=True, path=path, store=path)
        if self._replaces and is_held(os.path.join(self._target, STORE_LOCK_FILENAME)):
            raise StoreLockedError(f'{path!r} is open in another writer; close it first', path=path, store=path)
        self._target = os.path.realpath(self._target) if self._replaces else self._target
        self.folder = room_beside(self._target, keep=True) if self._replaces else self._target

    def complete(self) -> None:
        """Mark the new store as complete."""
        self._is_complete = True

    def tell(self, frames: int, name: str) -> None:
        """Print the number of saved frames."""
        self._is_empty = not frames
        is_like_file = bool(os.path.splitext(self._given)[1])
        what = f'the folder {self._given!r}, a store of format {name}' if is_like_file else f'{self._given!r}'
        self._told = f'{count_of(frames, "frame")} saved in {what}'
        self._facts = {'format': name, 'frames': frames}
        if not self._replaces:
            self._tell(self._told, self._target)

    def _tell(self, text: str, path: str | None) -> None:
        self._report.tell(text, path=path, **self._facts)

    def __enter__(self) -> Destination:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._replaces:
            if error is not None and self._is_empty and self._is_new:
                shutil.rmtree(self.folder, ignore_errors=True)
            return
        if self._is_complete and error is None:
            replace_folder(self.folder, self._target, has_marks(self._target))
            self._tell(self._told, self._target)
        elif self._is_live and os.path.exists(os.path.join(self.folder, STORE_MD_FILENAME)):
            kept = incomplete_name(self._target)
            os.rename(self.folder, kept)
            self._tell(f'{self._told.partition(" in ")[0]} in {kept!r}; {self._given!r} is unchanged', kept)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._report.tell(f'{self._given!r} is unchanged', path=None, frames=0, format=None)


def _refuse_others_folder(given: str, folder: str, holds_store: bool) -> None:
    """Refuse the root, the home folder and folders with other visible files."""
    homes = {os.path.realpath(place) for place in (os.sep, os.path.expanduser('~'))}
    is_used = not holds_store and os.path.isdir(folder) and any(not name.startswith('.') for name in os.listdir(folder))
    if is_used or os.path.realpath(folder) in homes:
        raise InvalidArgumentError(f'{given!r} is a folder with other files; give the name of a new folder', path=given)


def _holds_store(folder: str) -> bool:
    if not os.path.isdir(folder):
        return False
    return os.path.exists(os.path.join(folder, STORE_MD_FILENAME)) or bool(find_chunk_files(folder))
