"""The frames of a store open for reading, and their chunks."""

from __future__ import annotations

import os

from .._support.validation import as_int, as_seconds
from ..chunks import ChunkIO
from ..constants import FRAME_NUMBER
from ..errors import FrameNotFoundError, StoreNotFoundError
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

    def find(self, what: str, value: object, nearest: bool, argument: str) -> int:
        """Return the first frame with a number or time, or the nearest.

        FrameNotFoundError if there is none.
        """
        key = as_int(value, argument) if what == FRAME_NUMBER else as_seconds(value, argument)
        index = self.index.find(what, key, nearest)
        if index is None:
            raise FrameNotFoundError(
                f'{_described(what, key, nearest)} not found in {self._store}{self._advice(what, key)}',
                store=self._store,
                frame_number=int(key) if what == FRAME_NUMBER else None,
            )
        return index

    def _advice(self, what: str, key: float) -> str:
        """Return the range of the store, and within it how to find the nearest frame."""
        known, is_number = self.index, what == FRAME_NUMBER
        if not known.frame_count:
            return ', which has no frames'
        least = known.frame_min if is_number else known.frame_time_min
        most = known.frame_max if is_number else known.frame_time_max
        text = f', which has frame {"numbers" if is_number else "times"} from {least} to {most}'
        if not least <= key <= most:
            return text
        if is_number:
            text += '; it may be a dropped frame'
        return f'{text}; for the nearest, use {_nearest_call(is_number, key)}'

    def chunk_length(self, chunk: int) -> int:
        """Return the number of frames of a chunk; 0 for a missing one."""
        return self.index.chunk_length(chunk)


def _described(what: str, key: float, nearest: bool) -> str:
    return f'frame #{key}' if what == FRAME_NUMBER else f'frame {"near" if nearest else "at"} time {key}'


def _nearest_call(is_number: bool, key: float) -> str:
    call = f'get_image({key}, exact_only=False)' if is_number else f'get_nearest_image({key})'
    return f'{call} or find({"number" if is_number else "time"}={key}, nearest=True)'
