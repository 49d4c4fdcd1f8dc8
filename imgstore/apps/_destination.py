"""Where imgstore-save builds its store: at its path, or beside the store that it replaces."""

from __future__ import annotations

import os
import shutil
import sys
from types import TracebackType

from ..constants import STORE_LOCK_FILENAME, STORE_MD_FILENAME
from ..errors import InvalidArgumentError, StoreExistsError, StoreLockedError
from ..ondisk.chunk_files import find_chunk_files
from ..ondisk.layout import store_folder
from ..ondisk.lock import is_held
from ..ondisk.replacing import incomplete_name, replace_folder, room_beside


class Destination:
    """The place of a new store; use it in a ``with`` block.

    A store that is there already is replaced at the end of the block, once `complete` was called. Otherwise it stays as
    it is, and what was built is removed, or kept under a name of its own if it is live.

    Parameters
    ----------
    path : str
        Where the new store is to be.
    overwrite : bool
        A store that is there may be replaced.
    is_live : bool
        The frames cannot be had again.

    Attributes
    ----------
    folder : str
        Where to build it.

    Raises
    ------
    StoreExistsError
        There is a store already, and it may not be replaced.
    InvalidArgumentError
        There is a file of that name, or a folder with files and no store, or it is the root or the home folder.
    StoreLockedError
        A writer has it open.
    """

    def __init__(self, path: str, overwrite: bool, is_live: bool) -> None:
        self._given, self._is_live = path, is_live
        self._target = store_folder(path)
        self._is_complete = False
        if os.path.lexists(self._target) and not os.path.isdir(self._target):
            raise InvalidArgumentError(f'{path!r} is a file, and a store is a folder: give another name, or remove it',
                                       path=path)
        self._replaces = _holds_store(self._target)
        _refuse_others_folder(path, self._target, self._replaces)
        if self._replaces and not overwrite:
            raise StoreExistsError(f'{path!r} holds a store already', replaceable=True, path=path, store=path)
        if self._replaces and is_held(os.path.join(self._target, STORE_LOCK_FILENAME)):
            raise StoreLockedError(f'{path!r} is open in a writer', path=path, store=path)
        self._target = os.path.realpath(self._target) if self._replaces else self._target
        self.folder = room_beside(self._target, keep=True) if self._replaces else self._target

    def complete(self) -> None:
        """Note that the new store is as it should be."""
        self._is_complete = True

    def tell(self, frames: int, name: str) -> None:
        """Print how many frames are in the store."""
        is_like_file = bool(os.path.splitext(self._given)[1])
        what = f'the folder {self._given!r}, which is a store of format {name}' if is_like_file else f'{self._given!r}'
        self._told = f'{frames} frame{"s" * (frames != 1)} saved in {what}'
        if not self._replaces:
            print(self._told)

    def __enter__(self) -> Destination:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._replaces:
            return
        if self._is_complete and error is None:
            replace_folder(self.folder, self._target)
            print(self._told)
        elif self._is_live and os.path.exists(os.path.join(self.folder, STORE_MD_FILENAME)):
            kept = incomplete_name(self._target)
            os.rename(self.folder, kept)
            print(f'{self._told.partition(" in ")[0]} in {kept!r}; {self._given!r} is as it was')
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
            print(f'{self._given!r} is as it was', file=sys.stdout)


def _refuse_others_folder(given: str, folder: str, holds_store: bool) -> None:
    """A store would be mixed with what is in the folder: the root, a home, or a project. Hidden files are no matter."""
    homes = {os.path.realpath(place) for place in (os.sep, os.path.expanduser('~'))}
    is_used = not holds_store and os.path.isdir(folder) and any(not name.startswith('.') for name in os.listdir(folder))
    if is_used or os.path.realpath(folder) in homes:
        raise InvalidArgumentError(f'{given!r} is a folder with other files; give the name of a new folder', path=given)


def _holds_store(folder: str) -> bool:
    if not os.path.isdir(folder):
        return False
    return os.path.exists(os.path.join(folder, STORE_MD_FILENAME)) or bool(find_chunk_files(folder))
