"""The listing of a store's chunks, with a writer's incomplete ones."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from .._support.warn import warn
from ..chunks import ChunkIO
from ..constants import EMPTIED_FOLDER, EXTRA_JSON
from ..errors import ChunkSkippedWarning, CorruptFileError, DamagedJournalWarning
from ..frame_rate import MANY_TIMES, FrameRate
from ..ondisk.checksums import Checksums, as_checksums
from ..ondisk.chunk_index import Numbers, Times, is_empty, read_chunk_index
from ..ondisk.extra_data_file import has_sound_extra_data, lacks_extra_data
from ..ondisk.index_stamps import mtime_resolution_ns
from ..ondisk.journal_reading import GrowingJournal, read_journal
from ..ondisk.layout import FoundChunks, Layout, index_path
from ..ondisk.metadata import StoreMetadata
from ..ondisk.staging import is_pending, is_renumbered


@dataclass(frozen=True)
class IncompleteChunk:
    """Frames of a chunk without an index, found in its journal and its media.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
        Frame numbers.
    times : ndarray of float64, shape (n,)
        Frame times in seconds.
    lost : ndarray of int64
        Numbers of later frames, found only in the journal.
    estimated : tuple of int
        Indexes of frames with estimated numbers and times, for lack of an intact journal entry.
    checksums : ndarray of uint64, shape (n,)
        Checksums of the frames, 0 where they are unknown.
    """

    numbers: Numbers
    times: Times
    lost: Numbers
    estimated: tuple[int, ...] = ()
    checksums: Checksums = field(default_factory=lambda: as_checksums(()))

    def __len__(self) -> int:
        return len(self.numbers)


def find_incomplete_chunks(
    layout: Layout,
    chunks: ChunkIO,
    journals: Iterable[int],
    known: Mapping[int, IncompleteChunk] | None = None,
    growing: Mapping[int, GrowingJournal] | None = None,
) -> dict[int, IncompleteChunk]:
    """Read the incomplete chunks, without changing files.

    Parameters
    ----------
    layout : Layout
        Paths of the store's files.
    chunks : ChunkIO
        Opens the chunks.
    journals : iterable of int
        Numbers of the chunks with a journal, now or a moment ago.
    known : mapping, optional
        Earlier results; their frames are not checked again.
    growing : mapping, optional
        Journals read before.
    """
    found = {
        number: _read(layout, chunks, number, len((known or {}).get(number, ())), (growing or {}).get(number))
        for number in journals
        if not _has_index(layout.index_stem(number))
    }  # its writer may have completed it
    return {number: chunk for number, chunk in found.items() if not _has_index(layout.index_stem(number))}


def rate_of_chunk(layout: Layout, metadata: StoreMetadata, number: int, times: Sequence[float]) -> Fraction | None:
    """Return the frame rate for a chunk's video, by metadata and frame times.

    Times of earlier chunks count, too.
    """
    rate = FrameRate(metadata.fps, metadata.user)
    for before in _times_before(layout, number):
        rate.of(before)
    return rate.of(times)


def _times_before(layout: Layout, number: int) -> Iterator[list[float]]:
    """Return frame times of earlier chunks in order, enough for the rate."""
    found: list[list[float]] = []
    with contextlib.suppress(CorruptFileError):
        while number > 0 and sum(map(len, found)) < MANY_TIMES > len(found):
            number -= 1
            found.append(read_chunk_index(layout.index_stem(number))[1].tolist())
    return reversed(found)


def journaled_chunks(layout: Layout, found: FoundChunks) -> list[int]:
    """List the chunks with a valid journal, even those lost in a power cut."""
    torn = (
        number
        for number in found.complete_journals
        if not (_has_index(layout.index_stem(number)) and has_sound_extra_data(layout.index_stem(number)))
    )
    return sorted({*found.journals, *torn})


def _has_index(stem: str) -> bool:
    """Return whether a chunk has an intact index.

    After a power cut the file may be empty, and the journal counts.
    """
    try:
        read_chunk_index(stem)
    except CorruptFileError:
        return False
    return True


def _read(layout: Layout, chunks: ChunkIO, number: int, known: int, growing: GrowingJournal | None) -> IncompleteChunk:
    path = layout.journal_to_read(number)
    journal = growing.read() if growing is not None and growing.path == path else read_journal(path)
    count, sums = len(journal.numbers), journal.checksums
    count = chunks.count_readable(number, count, known, journaled=sums) if count > known else known
    estimated = tuple(index for index in journal.estimated if index < count)
    return IncompleteChunk(
        journal.numbers[:count],
        journal.times[:count],
        journal.numbers[count:],
        estimated,
        sums[:count],
    )


def _folder_stamp(layout: Layout) -> tuple[int, ...] | None:
    """Return a stamp of the store's folder.

    It is the same while no file in it appears or vanishes. None if that may go unnoticed. Files in the chunks' folders
    do not count.
    """
    now = time.time_ns()
    try:
        status = os.stat(layout.basedir)
    except OSError:  # listing it raises the same
        return None
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    if changed > now - mtime_resolution_ns(changed) or os.path.lexists(os.path.join(layout.basedir, EMPTIED_FOLDER)):
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


class ChunkListing:
    """The chunks of a store open for reading.

    Parameters
    ----------
    layout : Layout
        Paths of the store's files.
    chunks : ChunkIO
        Opens the chunks.

    Attributes
    ----------
    known : list of (int, str), or None
        Numbers of the chunks, and index paths without extension; None before they are listed.
    incomplete : dict of int to IncompleteChunk
        The incomplete chunks.
    journals : dict of int to str
        Paths of the journals of incomplete chunks, and of complete chunks with later records.
    """

    def __init__(self, layout: Layout, chunks: ChunkIO) -> None:
        self._layout, self._chunks = layout, chunks
        self.known: list[tuple[int, str]] | None = None
        self.incomplete: dict[int, IncompleteChunk] = {}
        self.journals: dict[int, str] = {}
        self._warned: set[int] = set()
        self._staged: dict[int, tuple[Numbers, Times]] = {}
        self._growing: dict[int, GrowingJournal] = {}
        self._found, self._listed = FoundChunks([], [], {}), frozenset[int]()
        self._stamp: tuple[int, ...] | None = None

    def chunks(self) -> list[tuple[int, str]]:
        """List the chunks once, and warn of unreadable ones."""
        if self.known is None:
            self._stamp = _folder_stamp(self._layout)
            found = self._layout.find_chunks()
            for number, why in found.skipped.items():
                if not is_empty(self._layout.index_stem(number)):
                    warn(ChunkSkippedWarning(self._layout.basedir, number, why))
            self._list(found)
        return self.known or []

    def rescan(self) -> None:
        """List the chunks again.

        `known` stays the same list if the store's folder is unchanged. Journals are listed before and
        after, since a chunk completed meanwhile gets an index and loses its journal.
        """
        seen, self._stamp = self._stamp, _folder_stamp(self._layout)
        if seen is not None and seen == self._stamp and not self._has_new_index():
            self._list(self._found)
            return
        before, now = self._layout.find_journals(), self._layout.find_chunks()
        self._list(replace(now, journals=sorted({*before, *now.journals})))

    def _has_new_index(self) -> bool:
        """Return whether a chunk's folder has got its index."""
        return any(index_path(self._layout.index_stem(number)) for number in self._found.unindexed)

    def _list(self, found: FoundChunks) -> None:
        journaled = journaled_chunks(self._layout, found)
        self.journals = {number: self._layout.journal_to_read(number) for number in journaled}
        self._follow_journals()
        opened = find_incomplete_chunks(self._layout, self._chunks, journaled, self.incomplete, self._growing)
        self.incomplete = {
            number: chunk
            for number, chunk in opened.items()
            if len(chunk) or len(chunk.lost) or index_path(self._layout.index_stem(number)) is None
        }
        completed = set(journaled) - self.incomplete.keys()
        self._warn_of_estimates()
        listed = frozenset({*completed, *self.incomplete})
        if self.known is None or found is not self._found or listed != self._listed:
            self.known = self._layout.index_stems(sorted({*found.complete, *listed}))
        self._found, self._listed = found, listed
        self._staged = dict(self._read_staged())

    def _follow_journals(self) -> None:
        """Keep what was parsed of each journal."""
        self._growing = {
            number: old if (old := self._growing.get(number)) is not None and old.path == path else GrowingJournal(path)
            for number, path in self.journals.items()
        }

    def _warn_of_estimates(self) -> None:
        """Warn of estimated frames, once per chunk."""
        for number in self.incomplete.keys() - self._warned:
            if estimated := self.incomplete[number].estimated:
                self._warned.add(number)
                warn(DamagedJournalWarning(self._layout.journal(number), number, estimated, self._layout.basedir))

    def _read_staged(self) -> Iterator[tuple[int, tuple[Numbers, Times]]]:
        """Read the staged indexes of an unfinished reindex.

        They count in place of the chunks' own.
        """
        for number, stem in (self.known or []) if is_pending(self._layout.basedir) else []:
            path = index_path(stem)
            if path is not None and (staged := self._layout.staged(path)) != path and is_renumbered(staged, path):
                with contextlib.suppress(CorruptFileError):
                    yield number, read_chunk_index(os.path.splitext(staged)[0])

    def record_files(self, number: int) -> list[str]:
        """Return the paths of a chunk's extra data files, then of its journal."""
        journal, files = self.journals.get(number), self._layout.extra_data_files(number)
        stem = self._layout.index_stem(number)
        if journal is None:  # a missing file is damage
            return [stem + EXTRA_JSON, *files] if lacks_extra_data(stem) else files
        if not has_sound_extra_data(stem):  # lost in a power cut; the journal has the records
            files = [path for path in files if not path.endswith(EXTRA_JSON)]
        return [*files, journal]

    @property
    def open_frames(self) -> dict[int, tuple[Numbers, Times]]:
        """Frame numbers and times not yet in the chunks' own indexes."""
        return {**self._staged, **{number: (chunk.numbers, chunk.times) for number, chunk in self.incomplete.items()}}
