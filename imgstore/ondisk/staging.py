"""Replacing several files of a store at once.

New files go to a hidden folder, and its rename makes them count.

From then on readers take each file of that folder for the one it replaces. The next program that changes the store
moves the rest to their places. So after a kill or a power cut at any moment all files are old or all are new.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from .._support.syncing import sync
from ..constants import EMPTIED_FOLDER, STAGED_FOLDER, STAGING_FOLDER, UNFINISHED_CHANGES
from ..errors import CorruptFileError
from .chunk_files import is_chunk_file, remove_tree
from .chunk_index import read_chunk_index, read_first_numbers
from .files import is_folder
from .layout import INDEX_EXTENSIONS, index_path, is_emptied, may_replace


class Staging:
    """New files for a store that do not count yet.

    Parameters
    ----------
    basedir : str
        Folder of the store. Files staged earlier that do not count are removed.
    """

    def __init__(self, basedir: str) -> None:
        self._basedir, self._folder = basedir, os.path.join(basedir, STAGING_FOLDER)
        discard(basedir)
        os.mkdir(self._folder)
        self._folders = {self._folder}

    def path(self, path: str) -> str:
        """Return where to write the replacement of ``path``."""
        place = os.path.join(self._folder, os.path.relpath(path, self._basedir))
        folder = os.path.dirname(place)
        if folder not in self._folders:
            os.mkdir(folder)
            self._folders.add(folder)
        return place

    def commit(self) -> None:
        """Make all files count, and move them to their places."""
        for folder in sorted(self._folders, reverse=True):
            for name in os.listdir(folder):
                if not os.path.isdir(path := os.path.join(folder, name)):
                    sync(path)
            sync(folder)
        staged = os.path.join(self._basedir, STAGED_FOLDER)
        if not is_pending(self._basedir):
            remove_tree(staged)  # whatever it is
        os.rename(self._folder, staged)
        sync(self._basedir)
        finish(self._basedir)

    def discard(self) -> None:
        """Remove all files, since they do not count."""
        discard(self._basedir)


def is_pending(basedir: str) -> bool:
    """Return whether staged files count but are not in their places."""
    return any(_pending(basedir))


def finish(basedir: str) -> None:
    """Move the staged files that count to their places."""
    folders = set()
    for path, target in _pending(basedir):
        os.replace(path, target)
        folders.add(os.path.dirname(target))
    for folder in sorted(folders, reverse=True):
        sync(folder)
    if folders:
        remove_tree(os.path.join(basedir, STAGED_FOLDER))
        sync(basedir)


def discard(basedir: str) -> None:
    """Remove staged files that do not count."""
    remove_tree(os.path.join(basedir, STAGING_FOLDER))


def uncounted(basedir: str) -> list[str]:
    """Return the names of change folders in which nothing counts."""
    counted = {STAGED_FOLDER: is_pending(basedir), EMPTIED_FOLDER: is_emptied(basedir)}
    return [name for name in UNFINISHED_CHANGES if not counted.get(name)]


def _pending(basedir: str) -> Iterator[tuple[str, str]]:
    """Yield the staged files that count, with their targets."""
    staged = os.path.join(basedir, STAGED_FOLDER)
    for path in _files_in(staged) if is_folder(staged) else []:
        name = os.path.relpath(path, staged)
        target = os.path.join(basedir, name)
        if (
            is_chunk_file(name)
            and not os.path.islink(os.path.dirname(target))
            and may_replace(path, target)
            and (not path.endswith(INDEX_EXTENSIONS) or is_renumbered(path, target))
        ):
            yield path, target


def is_renumbered(staged: str, path: str) -> bool:
    """Return whether an index has the same frames under other numbers."""
    new, old = (os.path.splitext(index)[0] for index in (staged, path))
    if index_path(new) != staged or index_path(old) != path:
        return False
    try:
        (_, new_times), (_, old_times) = read_chunk_index(new), read_chunk_index(old)
        return read_first_numbers(new) is not None and np.array_equal(new_times, old_times, equal_nan=True)
    except CorruptFileError:
        return False


def _files_in(folder: str) -> list[str]:
    """List the files below a folder, indexes first.

    They have the checksums of old and new extra data.
    """
    found = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names]
    files = (path for path in found if os.path.isfile(path) and not os.path.islink(path))
    return sorted(files, key=lambda path: (not path.endswith(INDEX_EXTENSIONS), path))
