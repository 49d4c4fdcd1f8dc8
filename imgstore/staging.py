"""Replace several files of a store at once: all new ones are written to a hidden folder, whose rename makes them count.

From then on readers take a file of that folder for the one that it replaces, and whoever changes the store next moves
the rest of them to their places. So after a kill or a power cut at any moment all files are the old or all are the new.
"""

from __future__ import annotations

import os

from ._files import is_folder
from ._syncing import sync
from .chunk_files import is_chunk_file, remove_tree
from .constants import STAGED_FOLDER, STAGING_FOLDER


class Staging:
    """New files for a store that do not count yet.

    Parameters
    ----------
    basedir : str
        The store's folder. What was staged before and does not count is removed.
    """

    def __init__(self, basedir: str) -> None:
        self._basedir, self._folder = basedir, os.path.join(basedir, STAGING_FOLDER)
        discard(basedir)
        os.mkdir(self._folder)
        self._folders = {self._folder}

    def path(self, path: str) -> str:
        """Where to write the file that is to replace ``path``."""
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
        """Remove all files, which do not count."""
        discard(self._basedir)


def is_pending(basedir: str) -> bool:
    """Whether staged files count that have not got to their places."""
    return is_folder(os.path.join(basedir, STAGED_FOLDER))


def finish(basedir: str) -> None:
    """Move staged files that count to their places."""
    if not is_pending(basedir):
        return
    staged = os.path.join(basedir, STAGED_FOLDER)
    folders = {basedir}
    for path in _files_in(staged):
        name = os.path.relpath(path, staged)
        target = os.path.join(basedir, name)
        folder = os.path.dirname(target)
        if is_chunk_file(name) and os.path.isdir(folder) and not os.path.islink(folder):
            os.replace(path, target)
            folders.add(folder)
    for folder in sorted(folders, reverse=True):
        sync(folder)
    remove_tree(staged)
    sync(basedir)


def discard(basedir: str) -> None:
    """Remove what was staged and does not count."""
    remove_tree(os.path.join(basedir, STAGING_FOLDER))


def _files_in(folder: str) -> list[str]:
    found = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names]
    return sorted(path for path in found if os.path.isfile(path) and not os.path.islink(path))
