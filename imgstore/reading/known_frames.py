"""The frames of a store open for reading, and their chunks."""

from __future__ import annotations

import os

import numpy as np

from ..chunks import ChunkIO
from ..constants import STORE_SAVED_INDEX_FILENAME
from ..errors import FrameReadError, StoreNotFoundError
from ..index.frame_arrays import FrameTimes
from ..index.store_index import ImgStoreIndex
from ..ondisk.checksums import ChunkChecksums
from ..ondisk.chunk_index import Numbers, Times
from ..ondisk.layout import Layout
from ..ondisk.remote_layout import RemoteLayout
from ..remote.urls import is_url
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
        self._store, self._chunks, self.listing = layout.basedir, chunks, listing(layout, chunks)
        self.index = index or self._new_index()

    def _new_index(self) -> ImgStoreIndex:
        listed = self.listing.chunks()
        if self.listing.open_frames:
            return ImgStoreIndex().updated(listed, self.listing.open_frames)
        return ImgStoreIndex.open_cached(self._store, listed)

    def refresh(self) -> set[int]:
        """Update the index, and return the chunks that changed."""
        were_incomplete, before = set(self.listing.incomplete), self.listing.known
        try:
            self.listing.rescan()
        except FileNotFoundError as error:
            if os.path.isdir(self._store):
                raise
            raise StoreNotFoundError(
                f'{self._store!r} does not exist any more', path=self._store, store=self._store
            ) from error
        listed, index = self.listing.chunks(), self.index
        self.index = index.updated(listed, self.listing.open_frames, are_same=listed is before)
        replaced = self.index.changed_chunks(index) - were_incomplete
        if replaced:
            self._chunks.forget_frames()
        return were_incomplete | replaced

    def check_frames(self, chunk: int, numbers: Numbers, times: Times, index: ImgStoreIndex | None = None) -> None:
        """Check that the index of a chunk, as it is on disk, is the one in memory.

        Later frames may have been added.

        Raises
        ------
        FrameReadError
            The chunk was replaced: images read from now on belong to other numbers.
        """
        if chunk in self.listing.open_frames:
            return  # known from a journal, or from the staged index of an unfinished reindex
        check_same_frames(self._store, chunk, (index or self.index).chunk_frames(chunk), (numbers, times))

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


def check_same_frames(store: str, chunk: int, known: FrameTimes, now: FrameTimes) -> None:
    """Raise FrameReadError unless a chunk still begins with the known frames."""
    count = len(known[0])
    if np.array_equal(now[0][:count], known[0]) and np.array_equal(now[1][:count], known[1], equal_nan=True):
        return
    saved = f', and copy its {STORE_SAVED_INDEX_FILENAME} with it' if is_url(store) else ''
    raise FrameReadError(
        f'the recording {store} was replaced or renumbered after its index was read: chunk {chunk} has other frame '
        f"numbers or times; open it again; if that does not help, run 'imgstore index' on its folder{saved}",
        path=store,
        store=store,
        chunk=chunk,
        reason='the recording was replaced or renumbered; open it again',
    )


def checksums_of(store: str, index: ImgStoreIndex, chunk: int, stem: str) -> ChunkChecksums:
    """Return the checksums of a chunk with the frames of an index.

    Parameters
    ----------
    store : str
        The store's folder.
    index : ImgStoreIndex
        Index of the frames.
    chunk : int
        Number of the chunk.
    stem : str
        Path of the chunk's own index without the extension.
    """
    known = index.chunk_frames(chunk)
    return ChunkChecksums(stem, check=lambda *now: check_same_frames(store, chunk, known, now))
