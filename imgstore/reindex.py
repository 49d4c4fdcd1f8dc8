"""Renumber a store so that the frames before the one numbered 0 count down from -1."""

from __future__ import annotations

import os

import numpy as np

from ._files import Layout, aside, remove_if_there
from .chunk_index import Numbers, renumber_chunk_index
from .constants import STORE_INDEX_FILENAME
from .errors import InvalidArgumentError
from .extra_data import renumber_extra_data
from .index import ImgStoreIndex


def reindex(layout: Layout, chunks: list[tuple[int, str]]) -> None:
    """Renumber chunk indexes and extra data; all new files are written before the first old one is replaced.

    Raises
    ------
    InvalidArgumentError
        There is not exactly one frame numbered 0; nothing was changed.
    """
    index = ImgStoreIndex.new_from_chunks(chunks)
    numbers = renumbered(index.frame_numbers, layout.basedir)
    replaced: list[str] = []
    try:
        for chunk, stem, frames in index.parts():
            replaced.append(renumber_chunk_index(stem, numbers[frames]))
            replaced += [renumber_extra_data(path, numbers) for path in layout.extra_data_files(chunk)]
    except BaseException:
        for path in replaced:
            remove_if_there(aside(path))
        raise
    for path in replaced:
        os.replace(aside(path), path)
    saved = os.path.join(layout.basedir, STORE_INDEX_FILENAME)
    if os.path.exists(saved):
        ImgStoreIndex.new_from_chunks(chunks).to_file(saved)


def renumbered(numbers: Numbers, store: str) -> Numbers:
    """Frame numbers of a store, in its order, with those before the one 0 counting down from -1."""
    zeros = np.flatnonzero(numbers == 0)
    if len(zeros) != 1:
        raise InvalidArgumentError(f'{store}: {len(zeros)} frames are numbered 0; to reindex there must be exactly one')
    new = numbers.copy()
    new[:zeros[0]] = np.arange(-zeros[0], 0)
    return new
