"""Renumber a store so that the frames before the one numbered 0 count down from -1."""

from __future__ import annotations

import os

import numpy as np

from ._files import Layout, aside, remove_if_there
from .chunk_index import Numbers, renumber_chunk_index
from .constants import STORE_INDEX_FILENAME, STORE_SAVED_INDEX_FILENAME
from .errors import ImgStoreError, InvalidArgumentError, StoreIOError
from .extra_data import renumber_extra_data
from .index import ImgStoreIndex


def reindex(layout: Layout, chunks: list[tuple[int, str]]) -> ImgStoreIndex:
    """Renumber chunk indexes and extra data; all new files are written before the first old one is replaced.

    Returns
    -------
    ImgStoreIndex
        Of the store as it is now.

    Raises
    ------
    InvalidArgumentError
        There is not exactly one frame numbered 0; nothing was changed.
    CorruptFileError
        A file of extra data is damaged; nothing was changed.
    StoreIOError
        The new files could not be written; nothing was changed.
    """
    index = ImgStoreIndex.new_from_chunks(chunks)
    old = index.frame_numbers
    parts, new = index.parts(), renumbered(old, layout.basedir)
    replaced: list[str] = []
    try:
        for chunk, stem, own in parts:
            replaced.append(renumber_chunk_index(stem, new[own]))
            replaced += [renumber_extra_data(path, old, new, own) for path in layout.extra_data_files(chunk)]
    except BaseException as error:
        for path in replaced:
            remove_if_there(aside(path))
        if isinstance(error, OSError) and not isinstance(error, ImgStoreError):
            raise StoreIOError(f'{layout.basedir} could not be reindexed: {error}') from error
        raise
    for path in replaced:
        os.replace(aside(path), path)
    index = ImgStoreIndex.new_from_chunks((chunk, stem) for chunk, stem, _ in parts)
    if os.path.exists(os.path.join(layout.basedir, STORE_SAVED_INDEX_FILENAME)):
        index.save_beside(layout.basedir)
    sqlite = os.path.join(layout.basedir, STORE_INDEX_FILENAME)
    if os.path.exists(sqlite):
        index.to_file(sqlite)
    return index


def renumbered(numbers: Numbers, store: str) -> Numbers:
    """Frame numbers of a store, in its order, with those before the one 0 counting down from -1."""
    zeros = np.flatnonzero(numbers == 0)
    if len(zeros) != 1:
        raise InvalidArgumentError(f'{store}: {len(zeros)} frames are numbered 0; to reindex there must be exactly one')
    new = numbers.copy()
    new[:zeros[0]] = np.arange(-zeros[0], 0)
    return new
