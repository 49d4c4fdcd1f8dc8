"""Renumbering of a store: frames before number 0 count down from -1."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._support.regular_files import read_regular
from .._support.text import count_of
from ..constants import EXTRA_JSON, STORE_INDEX_FILENAME, STORE_SAVED_INDEX_FILENAME
from ..errors import ImgStoreError, InvalidArgumentError, StoreIOError
from ..extra_data.records import has_other_numbers, renumber_extra_data
from ..index.store_index import ImgStoreIndex
from ..ondisk.checksums import Checksums
from ..ondisk.chunk_index import Numbers, read_first_numbers, rewrite_frame_numbers
from ..ondisk.extra_data_file import checksums_of, extra_data_checksums
from ..ondisk.layout import Layout, index_path
from ..ondisk.lock import locked
from ..ondisk.staging import Staging, finish, is_pending


@dataclass(frozen=True)
class ReindexReport:
    """Result of `reindex`, or with ``dry_run`` its plan.

    Attributes
    ----------
    path : str
        The store's folder.
    dry_run : bool
        Whether nothing was changed.
    changed : int
        Number of frames with another number.
    first : int
        Number of the store's first frame after the change.
    last : int
        Number of the store's last frame after the change.
    files : list of str
        The replaced chunk indexes and files of extra data.
    """

    path: str
    dry_run: bool
    changed: int
    first: int
    last: int
    files: list[str]

    def __bool__(self) -> bool:
        return bool(self.files)

    def __str__(self) -> str:
        if not self:
            return f'{self.path}: nothing to renumber, frames are numbered from {self.first} to {self.last}'
        did = 'would be renumbered' if self.dry_run else 'renumbered'
        return (
            f'{self.path}: {count_of(self.changed, "frame")} {did}, from {self.first} to {self.last}, '
            f'in {count_of(len(self.files), "file")}'
        )


def reindex(
    layout: Layout, chunks: list[tuple[int, str]], dry_run: bool = False
) -> tuple[ReindexReport, ImgStoreIndex]:
    """Renumber chunk indexes and extra data, all or nothing.

    After a kill at any moment, all files are old or all are new.

    Parameters
    ----------
    layout : Layout
    chunks : list of (int, str)
        Numbers of the chunks, and paths of their indexes without the extension.
    dry_run : bool
        Change nothing, only report.

    Returns
    -------
    ReindexReport
        False in a condition if there was nothing to do. Then nothing was changed.
    ImgStoreIndex
        Index of the store after the change.

    Raises
    ------
    InvalidArgumentError
        There is not exactly one frame numbered 0, or a chunk's folder is a link. Nothing was changed.
    CorruptFileError
        A file of extra data is damaged. Nothing was changed.
    StoreLockedError
        A writer has the store open. Nothing was changed.
    StoreIOError
        The new files could not be written. Nothing was changed.
    """
    with _said_of(layout):
        if is_pending(layout.basedir) and not dry_run:
            with locked(layout.basedir):
                finish(layout.basedir)
        change = _Change(layout, chunks)
        if change.report(dry_run) and not dry_run:
            with locked(layout.basedir):
                change.make()
            return change.report(dry_run), renewed_index(layout, chunks)
        return change.report(dry_run), change.index


@contextlib.contextmanager
def _said_of(layout: Layout) -> Iterator[None]:
    try:
        yield
    except ImgStoreError:
        raise
    except OSError as error:
        raise StoreIOError(f'{layout.basedir} could not be reindexed: {error}', store=layout.basedir) from error


class _Change:
    """The files to replace."""

    def __init__(self, layout: Layout, chunks: list[tuple[int, str]]) -> None:
        self._layout = layout
        self.index = ImgStoreIndex.new_from_chunks(chunks)
        self._old = self.index.frame_numbers
        self._parts = self.index.chunk_ranges()
        self._new = renumber_from_zero(self._old, layout.basedir)
        self._is_new = np.array_equal(self._old, self._new)
        self._first = self._first_numbers()
        self._files = list(self._find())
        self._check_links()

    def _first_numbers(self) -> Numbers:
        """Return the frame numbers from before any renumbering, even a killed one."""
        first = self._old.copy()
        for _, stem, own in self._parts:
            found = read_first_numbers(stem)
            if found is not None and len(found) == own.stop - own.start:
                first[own] = found
        return first

    def _find(self) -> Iterator[str]:
        """Find the files to replace: all, or only those with stale records."""
        for chunk, stem, own in self._parts:
            index, extra = index_path(stem), self._layout.extra_data_files(chunk)
            if self._is_new:
                extra = [path for path in extra if path.endswith(EXTRA_JSON) and self._is_stale(path, own)]
            if not self._is_new or (extra and extra_data_checksums(stem)):
                yield from [index] if index else []
            yield from extra

    def _is_stale(self, path: str, own: slice) -> bool:
        return has_other_numbers(path, self._old, self._new, own, self._first)

    def _check_links(self) -> None:
        linked = [chunk for chunk, _, _ in self._parts if self._layout.is_linked(chunk)]
        if linked and self._files:
            raise InvalidArgumentError(
                f'{self._layout.chunk(linked[0])} is a link, and its target may belong to '
                f'another store; put a copy there to reindex',
                store=self._layout.basedir,
                chunk=linked[0],
            )

    def report(self, dry_run: bool) -> ReindexReport:
        first, last = self._new[[0, -1]].tolist()
        return ReindexReport(
            self._layout.basedir, dry_run, int(np.sum(self._old != self._new)), first, last, self._files
        )

    def make(self) -> None:
        """Replace the files."""
        staging, files = Staging(self._layout.basedir), set(self._files)
        try:
            for chunk, stem, own in self._parts:
                for path in files.intersection(self._layout.extra_data_files(chunk)):
                    renumber_extra_data(path, self._old, self._new, own, self._first, staging.path(path))
                if (index := index_path(stem)) in files:
                    checksums = _renewed_checksums(stem, staging.path(stem + EXTRA_JSON))
                    rewrite_frame_numbers(stem, self._new[own], staging.path(index), checksums)
        except BaseException:
            staging.discard()
            raise
        staging.commit()


def _renewed_checksums(stem: str, new: str) -> Checksums | None:
    """Return checksums for old and new extra data; None if the old have none."""
    is_renewed = extra_data_checksums(stem) and os.path.exists(new)
    return checksums_of(stem, read_regular(new)) if is_renewed else None


def renewed_index(layout: Layout, chunks: list[tuple[int, str]]) -> ImgStoreIndex:
    """Make the index of the store. Save it again if a cache existed."""
    index = ImgStoreIndex.new_from_chunks(chunks)
    if os.path.exists(os.path.join(layout.basedir, STORE_SAVED_INDEX_FILENAME)):
        index.save_cache(layout.basedir)
    sqlite = os.path.join(layout.basedir, STORE_INDEX_FILENAME)
    if os.path.exists(sqlite):
        index.to_file(sqlite)
    return index


def renumber_from_zero(numbers: Numbers, store: str) -> Numbers:
    """Return frame numbers with those before the 0 counted down from -1."""
    zeros = np.flatnonzero(numbers == 0)
    if len(zeros) != 1:
        raise InvalidArgumentError(
            f'{store}: {len(zeros)} frames are numbered 0; to reindex there must be exactly one', store=store
        )
    new = numbers.copy()
    new[: zeros[0]] = np.arange(-zeros[0], 0)
    return new
