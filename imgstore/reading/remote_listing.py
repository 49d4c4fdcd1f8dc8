"""The listing of a remote store's chunks."""

from __future__ import annotations

from .._support.warn import warn
from ..errors import ChunkSkippedWarning
from ..index import cache_file
from ..ondisk.layout import FoundChunks
from ..remote import files as remote
from .chunk_listing import ChunkListing


class RemoteListing(ChunkListing):
    """The chunks of a store at a URL.

    Where folders cannot be listed, the saved index lists the chunks. Incomplete chunks are not read.
    """

    def chunks(self) -> list[tuple[int, str]]:
        """List the chunks once, and warn of unreadable ones."""
        if self.known is None:
            self._list(self._find())
        return self.known or []

    def rescan(self) -> None:
        """List the chunks again; `known` stays the same list if they are the same."""
        remote.forget(self._layout.basedir)
        before = self.known
        self._list(self._find())
        if self.known == before:
            self.known = before

    def _find(self) -> FoundChunks:
        basedir = self._layout.basedir
        if not remote.can_list(basedir):
            return FoundChunks(cache_file.listed_chunks(basedir), [], {})
        found = self._layout.find_chunks()
        for number in found.skipped.keys() - self._warned:
            self._warned.add(number)
            warn(ChunkSkippedWarning(basedir, number, found.skipped[number]))
        return found

    def _list(self, found: FoundChunks) -> None:
        self.known = self._layout.index_stems(found.complete)

    def record_files(self, number: int) -> list[str]:
        """Return the URLs of a chunk's extra data files."""
        return self._layout.extra_data_files(number)
