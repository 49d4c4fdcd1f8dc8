"""The state of a store's files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from .._support.regular_files import is_file
from ..constants import STORE_LOCK_FILENAME, STORE_SAVED_INDEX_FILENAME
from ..errors import ChunkSkippedWarning
from ..ondisk.files import join
from ..ondisk.lock import lock_state
from ..remote.urls import is_url
from ..stores.base import ImgStore
from .files import unclosed_files
from .media import check_media


@dataclass(frozen=True)
class Health:
    """State of a store's files.

    Attributes
    ----------
    lock : {'none', 'held', 'left'}
        'none': no writer has the store open. 'held': one has. 'left': the writer died and left its lock.
    unclosed : tuple of str
        Files a writer opened and did not close, as paths in the store.
    skipped_chunks : tuple of str
        Unreadable chunks or files, each with the reason.
    missing_chunks : tuple of int
        Missing chunk numbers below the largest.
    saved_index : {'none', 'fits', 'outdated'}
        Whether the store has an index cache, and whether it fits the chunks.
    damaged_files : tuple of str
        Damaged videos and images, and chunks without all their images, each with what is wrong. They are found by
        names, sizes and the structure of videos. `imgstore.verify` finds all damage.
    missing_images : int
        Number of frames in the index without an image.
    checked_chunks : int
        Number of chunks with files checked in this way: complete ones, but none at a URL.
    """

    lock: str
    unclosed: tuple[str, ...]
    skipped_chunks: tuple[str, ...]
    missing_chunks: tuple[int, ...]
    saved_index: str
    damaged_files: tuple[str, ...] = ()
    missing_images: int = 0
    checked_chunks: int = 0

    @property
    def good(self) -> bool:
        """Whether all files are in order. An open writer is no fault."""
        crashed = self.lock == 'left' or (self.unclosed and self.lock == 'none')
        return not (crashed or self.skipped_chunks or self.missing_chunks or self.damaged_files)


def store_health(store: ImgStore, messages: list[Warning | str], empty_files: Sequence[str]) -> Health:
    """Examine the files of an open store.

    Parameters
    ----------
    store : store
        Open for reading.
    messages : list of Warning or str
        Warnings of its opening.
    empty_files : sequence of str
        Paths of its empty files.
    """
    folder, chunks = store.filename, list(store.chunk_paths())
    missing = sorted(set(range(max(chunks, default=0))) - set(chunks))
    if not is_file(join(folder, STORE_SAVED_INDEX_FILENAME)):
        saved = 'none'
    else:
        saved = 'fits' if store.index.saved is not None else 'outdated'
    lock = 'none' if is_url(folder) else lock_state(os.path.join(folder, STORE_LOCK_FILENAME))
    if lock == 'held':  # the current chunk of the writer has no index yet
        messages = [each for each in messages if not _is_skipped(each, max(chunks, default=-1) + 1)]
    media = check_media(store, empty_files)
    return Health(
        lock,
        unclosed_files(folder),
        tuple(map(str, messages)),
        tuple(missing),
        saved,
        media.damaged,
        media.missing_images,
        media.checked_chunks,
    )


def _is_skipped(warning: Warning | str, chunk: int) -> bool:
    return isinstance(warning, ChunkSkippedWarning) and warning.chunk == chunk
