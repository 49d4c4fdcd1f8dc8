"""The journal of the open chunk, as long as there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from .._support.syncing import sync
from ..chunks import ChunkWriter, Encoded
from ..ondisk.checksums import UNKNOWN
from ..ondisk.journal import Journal
from ..ondisk.layout import Layout


class ChunkJournal:
    """Begins a journal for each chunk when it is needed.

    Parameters
    ----------
    layout : Layout
    is_kept : bool
        Whether there is one at all.
    syncs : bool
        Sync each entry to the disk.

    Attributes
    ----------
    lacking_records : int
        Number of records of extra data that did not get into it.
    """

    def __init__(self, layout: Layout, is_kept: bool, syncs: bool) -> None:
        self._layout, self._is_kept, self._syncs = layout, is_kept, syncs
        self._journal: Journal | None = None
        self.lacking_records = 0

    def __bool__(self) -> bool:
        return self._journal is not None

    def _of(self, chunk: int) -> Journal | None:
        """Return the journal, started if needed, or None if none is kept."""
        if self._journal is None and self._is_kept:
            self._journal = Journal(self._layout.journal(chunk))
            if self._syncs:
                sync(self._layout.basedir)
        return self._journal

    @contextlib.contextmanager
    def frames(self, chunk: int, frames: Iterable[tuple[int, float]], checksum: int = UNKNOWN) -> Iterator[None]:
        """Enter frames before they are in their chunk.

        ``checksum`` is that of a single frame.
        """
        journal = self._of(chunk)
        if journal is None:
            yield
            return
        try:
            with journal.frames(frames, checksum):
                if self._syncs:
                    journal.sync()
                yield
        except BaseException:
            if journal.is_empty:  # the chunk did not begin
                self.remove()
            raise

    def add_checksum(self, writer: ChunkWriter, prepared: Encoded) -> None:
        """Enter the checksum of a frame encoded by its writer."""
        index = len(writer.checksums) - 1 - writer.unsettled
        if self._journal is None or prepared.checksum != UNKNOWN or index < 0 or writer.checksums[index] == UNKNOWN:
            return
        with contextlib.suppress(OSError):  # only the checksum is lost
            self._journal.add_checksum(index, writer.checksums[index])

    def add_record(self, chunk: int, record: str) -> None:
        """Enter a record of extra data.

        It gets into the chunk's file later, so without a journal nothing is lost yet.
        """
        try:
            journal = self._of(chunk)
            if journal is not None:
                journal.add_record(record)
                if self._syncs:
                    journal.sync()
        except OSError:
            self.lacking_records += 1

    def close(self) -> None:
        """Close the file; another chunk gets another one."""
        self.lacking_records = 0
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def remove(self) -> None:
        """Remove the file."""
        self.lacking_records = 0
        if self._journal is not None:
            self._journal.remove()
            self._journal = None
