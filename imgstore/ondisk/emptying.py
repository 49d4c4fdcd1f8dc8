"""Removal of all frames of a store at once, with new metadata.

The new metadata is written to a hidden folder, and renaming the folder makes it count. From then on readers see no
chunks, and the next program that changes the store removes their remaining files. So after a kill or a power cut the
store is the old one or the new, empty one.
"""

from __future__ import annotations

import os

from .._support.regular_files import read_regular
from .._support.syncing import sync
from ..constants import (
    EMPTIED_CHUNKS,
    EMPTIED_FOLDER,
    EMPTIED_MARKS,
    EMPTYING_FOLDER,
    STORE_MARKS_FILENAME,
    STORE_MD_FILENAME,
    STORE_MD_KEY,
    UNFINISHED_CHANGES,
)
from ..errors import CorruptFileError
from .chunk_files import find_chunk_numbers, remove_chunks, remove_tree
from .files import remove_if_there
from .layout import is_emptied


def empty_store(basedir: str, metadata: bytes, with_marks: bool = False) -> None:
    """Make a store empty for all readers.

    `finish_emptying` then removes its old files.

    Parameters
    ----------
    basedir : str
        Folder of the store; its lock is held.
    metadata : bytes
        The new content of metadata.yaml.
    with_marks : bool
        Remove the marks, too.

    Raises
    ------
    CorruptFileError
        ``metadata`` does not belong to a store. Nothing was changed.
    """
    if STORE_MD_KEY.encode() not in metadata:
        path = os.path.join(basedir, STORE_MD_FILENAME)
        raise CorruptFileError(f'{path} is not the metadata of a store', path=path)
    finish_emptying(basedir)
    folder = os.path.join(basedir, EMPTYING_FOLDER)
    remove_tree(folder)
    os.mkdir(folder)
    try:
        _write(os.path.join(folder, STORE_MD_FILENAME), metadata)
        _write(os.path.join(folder, EMPTIED_CHUNKS), ' '.join(map(str, find_chunk_numbers(basedir))).encode())
        if with_marks:
            _write(os.path.join(folder, EMPTIED_MARKS), b'')
        sync(folder)
        remove_tree(os.path.join(basedir, EMPTIED_FOLDER))  # whatever it is, it does not count
        os.rename(folder, os.path.join(basedir, EMPTIED_FOLDER))
    except BaseException:
        remove_tree(folder)
        raise
    sync(basedir)


def _write(path: str, data: bytes) -> None:
    with open(path, 'xb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _old_chunks(emptied: str) -> set[int]:
    """Return the chunks to remove.

    A chunk removed in part can no longer be recognised as one.
    """
    return {int(number) for number in read_regular(os.path.join(emptied, EMPTIED_CHUNKS)).split()}


def finish_emptying(basedir: str) -> None:
    """Remove the remaining old files of an emptied store."""
    if not is_emptied(basedir):
        return
    emptied = os.path.join(basedir, EMPTIED_FOLDER)
    remove_chunks(basedir, _old_chunks(emptied))
    if os.path.exists(os.path.join(emptied, EMPTIED_MARKS)):
        remove_if_there(os.path.join(basedir, STORE_MARKS_FILENAME))
    for name in UNFINISHED_CHANGES:
        if name != EMPTIED_FOLDER:
            remove_tree(os.path.join(basedir, name))
    sync(basedir)
    os.replace(os.path.join(emptied, STORE_MD_FILENAME), os.path.join(basedir, STORE_MD_FILENAME))
    sync(basedir)
    remove_tree(emptied)
    sync(basedir)
