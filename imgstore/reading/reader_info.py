"""Properties of a store open for reading, without reading images."""

from __future__ import annotations

import math
import os

from ..constants import STORE_LOCK_FILENAME
from ..errors import InvalidArgumentError
from ..formats import Format
from ..index.store_index import ImgStoreIndex
from ..ondisk.layout import Layout
from ..ondisk.lock import is_held
from ..ondisk.metadata import StoreMetadata
from ..remote.urls import is_url
from .chunk_listing import ChunkListing
from .known_frames import KnownFrames
from .position import Position


class ReaderInfo:
    """Frames and files of a store, and the latest frame read.

    Parameters
    ----------
    metadata : StoreMetadata
        Content of metadata.yaml.
    fmt : Format
        Format of the store.
    layout : Layout
        Paths of the store's files.
    known : KnownFrames
        Frames of the store.
    """

    mode = 'r'

    def __init__(self, metadata: StoreMetadata, fmt: Format, layout: Layout, known: KnownFrames) -> None:
        self.metadata, self.fmt, self.layout, self._store = metadata, fmt, layout, layout.basedir
        self._known, self._position = known, Position()

    @property
    def is_live(self) -> bool:
        """Whether a writer has the store open."""
        return not is_url(self._store) and is_held(os.path.join(self._store, STORE_LOCK_FILENAME))

    # --- frames

    @property
    def index(self) -> ImgStoreIndex:
        """Numbers and times of the known frames."""
        return self._known.index

    @index.setter
    def index(self, index: ImgStoreIndex) -> None:
        self._known.index = index

    @property
    def complete_index(self) -> ImgStoreIndex:
        """The same index; `check_complete` reports incomplete chunks."""
        return self.index

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self.index.frame_count

    @property
    def numbers_range(self) -> tuple[int | float, int | float]:
        """Smallest and largest frame number; nan in an empty store."""
        return self.index.frame_min, self.index.frame_max

    @property
    def times_range(self) -> tuple[float, float]:
        """Earliest and latest frame time in seconds; 0.0 in an empty store."""
        return self.index.frame_time_min, self.index.frame_time_max

    @property
    def latest(self) -> tuple[int | float, float]:
        """Number and time of the latest frame read; nan before the first."""
        index = self.index
        return index.frame(self._position.index_in(index)) or (math.nan, math.nan)

    # --- chunks

    @property
    def chunk_position(self) -> tuple[int, int]:
        """Chunk of the latest frame read, and the frame's index in it.

        -1 before the first frame.
        """
        return self._position.place or (self.index.to_chunk(0)[0] if self.frame_count else 0, -1)

    @property
    def chunks(self) -> list[int]:
        """Numbers of the chunks with frames."""
        return list(self.index.chunks)

    @property
    def listing(self) -> ChunkListing:
        """The listing of the chunks."""
        return self._known.listing

    @property
    def listed_chunks(self) -> list[tuple[int, str]] | None:
        """Numbers of all chunks, and index paths without extension.

        None before they are listed.
        """
        return self.listing.known

    def list_chunks(self) -> list[tuple[int, str]]:
        """List the chunks, once."""
        return self.listing.chunks()

    def check_complete(self) -> None:
        """Raise InvalidArgumentError if a chunk is incomplete."""
        if self.listing.incomplete:
            why = 'wait until its writer has closed it' if self.is_live else 'imgstore.repair completes it'
            chunk = min(self.listing.incomplete)
            raise InvalidArgumentError(
                f'{self._store}: chunk {chunk} is not complete; {why}', store=self._store, chunk=chunk
            )

    @property
    def has_extra_data(self) -> bool:
        """Whether there is extra data, in files or in journals."""
        from ..extra_data.records import read_records

        return any(self.layout.extra_data_files(number) for number, _ in self.list_chunks()) or any(
            map(read_records, self.listing.journals.values())
        )
