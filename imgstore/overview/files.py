"""Size of a store's files, and which of them are partly written."""

from __future__ import annotations

import os

from ..ondisk.files import is_partial
from ..remote import files as remote


def size_or_none(folder: str) -> tuple[int | None, int | None]:
    """Return size in bytes and number of all files.

    None at a URL that cannot be listed.
    """
    is_unknown = remote.is_url(folder) and not remote.can_list(folder)
    return (None, None) if is_unknown else size_of(folder)


def size_of(folder: str) -> tuple[int, int]:
    """Return size in bytes and number of all files below a folder.

    Both are 0 at a URL that cannot be listed.
    """
    if remote.is_url(folder):
        return remote.size_below(folder)
    size = files = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner_size, inner_files = size_of(entry.path)
                size, files = size + inner_size, files + inner_files
            else:
                size, files = size + _file_size(entry), files + 1
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
