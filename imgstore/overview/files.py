"""Size of a store's files, and which of them are empty or partly written."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..ondisk.files import is_partial
from ..remote import files as remote


class FolderSize(NamedTuple):
    """Size of a folder's files.

    Attributes
    ----------
    size : int or None
        Bytes of all files. None at a URL that cannot be listed.
    files : int or None
        Number of files, likewise.
    empty : list of str
        Paths of the empty files on this machine.
    """

    size: int | None
    files: int | None
    empty: list[str]


def folder_size(folder: str) -> FolderSize:
    """Return number and size of all files below a folder."""
    if remote.is_url(folder):
        size, files = remote.size_below(folder) if remote.can_list(folder) else (None, None)
        return FolderSize(size, files, [])
    empty: list[str] = []
    return FolderSize(*_size_of(folder, empty), empty)


def _size_of(folder: str, empty: list[str]) -> tuple[int, int]:
    size = files = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner_size, inner_files = _size_of(entry.path, empty)
                size, files = size + inner_size, files + inner_files
                continue
            own = _file_size(entry)
            size, files = size + own, files + 1
            if not own:
                empty.append(entry.path)
    return size, files


def _file_size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:  # a link to nothing, or a file that a writer has removed since
        return 0


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder; links in a circle are none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def unclosed_files(folder: str) -> tuple[str, ...]:
    """Return the partial files in the store's folder and in its last chunk's."""
    if remote.is_url(folder):
        names = [name for name, _ in remote.list_folder(folder)] if remote.can_list(folder) else []
        return tuple(sorted(filter(is_partial, names)))
    with os.scandir(folder) as entries:
        chunks = [entry.name for entry in entries if entry.name.isdecimal() and is_folder(entry)]
    names = [*os.listdir(folder)]
    if chunks:
        last = max(chunks, key=int)
        names += [os.path.join(last, name) for name in os.listdir(os.path.join(folder, last))]
    return tuple(sorted(name for name in names if is_partial(os.path.basename(name))))
