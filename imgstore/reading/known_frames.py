"""The frames of a store open for reading, and their chunks."""

from __future__ import annotations

import os

from ..chunks import ChunkIO
from ..errors import StoreNotFoundError
from ..index.store_index import ImgStoreIndex
from ..ondisk.layout import Layout
from ..ondisk.remote_layout import RemoteLayout
from .chunk_listing import ChunkListing
from .position import FrameLocation, Place, locate, places
from .remote_listing import RemoteListing


class KnownFrames:
    """The chunks of a store, and the index of their frames.

    Parameters
    ----------
    layout : Layout
        Paths of the store's files.
    chunks : ChunkIO
        Opens the chunks.
    index : ImgStoreIndex, optional
        Index of the frames. Default: read from the chunks.

    Attributes
    ----------
    listing : ChunkListing
        The chunks.
    index : ImgStoreIndex
        Index of the frames; may be replaced.
    """

    def __init__(self, layout: Layout, chunks: ChunkIO, index: ImgStoreIndex | None) -> None:
        listing = RemoteListing if isinstance(layout, RemoteLayout) else ChunkListing
        self._store, self.listing = layout.basedir, listing(layout, chunks)
        self.index = index or self._new_index()

    def _new_index(self) -> ImgStoreIndex:
        listed = self.listing.chunks()
        if self.listing.open_frames:
            return ImgStoreIndex().updated(listed, self.listing.open_frames)
        return ImgStoreIndex.open_cached(self._store, listed)

    def refresh(self) -> set[int]:
        """Update the index, and return the chunks that were incomplete before."""
        were_incomplete, before = set(self.listing.incomplete), self.listing.known
        try:
            self.listing.rescan()
        except FileNotFoundError as error:
            if os.path.isdir(self._store):
                raise
            raise StoreNotFoundError(
                f'{self._store!r} does not exist any more', path=self._store, store=self._store
            ) from error
        listed = self.listing.chunks()
        self.index = self.index.updated(listed, self.listing.open_frames, are_same=listed is before)
        return were_incomplete

    def locate(self, index: int) -> FrameLocation | None:
        """Find the frame with an index in the store; None if there is none."""
        return locate(self.index, index)

    def places(self, frame: FrameLocation, indices: range) -> list[Place]:
        """Return the places of frames by indexes, without missing ones.

        The indexes start with that of ``frame``, with a step of 1 or -1.
        """
        return places(self.index, frame, indices)

    def chunk_length(self, chunk: int) -> int:
        """Return the number of frames of a chunk; 0 for a missing one."""
        return self.index.chunk_length(chunk)
