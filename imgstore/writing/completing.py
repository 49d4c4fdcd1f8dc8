"""Syncing of complete chunks in the background; it ends their journals."""

from __future__ import annotations

import contextlib
import os
import threading

from .._support.forking import BackgroundThread
from .._support.syncing import open_no_link, sync_file_system
from ..errors import FrameWriteError
from ..ondisk.chunk_files import sync_chunk
from ..ondisk.files import partial_path, remove_if_there
from ..ondisk.layout import Layout

_MOST_WAITING = 16  # chunks; many small ones are synced together


class Completer:
    """Syncs complete chunks in its own thread.

    Until then their journals stay under another name.

    Files appear and vanish only in calls of its methods. No two threads may call them at once.

    Parameters
    ----------
    layout : Layout
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._waiting: list[int] = []
        self._done: list[int] = []
        self._busy = False
        self._changed = threading.Condition()
        self.error: OSError | None = None
        """Why a chunk could not be synced."""

    def announce(self, number: int) -> None:
        """Announce by an empty journal that a chunk's new files are not synced yet.

        The journal is renamed like the files: btrfs may keep new names of renamed files but lose the names of new
        files.
        """
        journal, new = self._layout.complete_journal(number), partial_path(self._layout.index_stem(number) + '.npz')
        with contextlib.suppress(OSError):
            open(new, 'wb', opener=open_no_link).close()
            os.replace(new, journal)

    def put(self, number: int) -> None:
        """Take a chunk with complete media and index; wait only while many others do."""
        with contextlib.suppress(OSError):  # it had no journal, or must keep it
            os.replace(self._layout.journal(number), self._layout.complete_journal(number))
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < _MOST_WAITING)
            self._waiting.append(number)
            was_busy, self._busy = self._busy, True
        self._remove_journals()
        if was_busy:
            return
        try:
            BackgroundThread(self._work, 'sync').start()
        except RuntimeError:  # no thread can be started
            self._work()

    def wait(self) -> None:
        """Wait until all chunks are synced."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)
        self._remove_journals()

    def check(self) -> None:
        """Raise FrameWriteError if a chunk could not be synced. Its journal stays."""
        if self.error is not None:
            folder = self._layout.basedir
            raise FrameWriteError(
                f'{folder}: complete chunks may not be on the disk yet: {self.error}; their journals are kept',
                store=folder,
            ) from self.error

    def _remove_journals(self) -> None:
        with self._changed:
            done, self._done = self._done, []
        for number in done:
            remove_if_there(self._layout.complete_journal(number))

    def _work(self) -> None:
        while numbers := self._next():
            try:
                self._sync(numbers)
            except OSError as error:
                self.error = error
            else:
                with self._changed:
                    self._done += numbers

    def _next(self) -> list[int]:
        with self._changed:
            numbers, self._waiting = self._waiting, []
            self._busy = bool(numbers)
            self._changed.notify_all()
            return numbers

    def _sync(self, numbers: list[int]) -> None:
        if len(numbers) > 1 and sync_file_system(self._layout.basedir):
            return
        for number in numbers:
            sync_chunk(self._layout, number)
