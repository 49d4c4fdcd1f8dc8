"""What is asked of a reader and of a writer alike."""

from __future__ import annotations

from typing import Protocol

from ..formats import Format
from ..index.store_index import ImgStoreIndex
from ..ondisk.layout import Layout
from ..ondisk.metadata import StoreMetadata


class StoreInfo(Protocol):
    """What `StoreReader` and `StoreWriter` both tell of their store."""

    @property
    def mode(self) -> str:
        """'r' or 'w'."""

    @property
    def metadata(self) -> StoreMetadata:
        """The content of metadata.yaml."""

    @property
    def fmt(self) -> Format:
        """What its chunks are."""

    @property
    def layout(self) -> Layout:
        """Where its files are."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images that reading gives."""

    @property
    def is_live(self) -> bool:
        """Whether a writer has it open."""

    @property
    def index(self) -> ImgStoreIndex:
        """Numbers and times of all frames."""

    @property
    def complete_index(self) -> ImgStoreIndex:
        """Those of the chunks whose own indexes are on disk; `check_complete` tells if there are others in it."""

    @property
    def frame_count(self) -> int:
        """Number of frames."""

    @property
    def numbers_range(self) -> tuple[int | float, int | float]:
        """Smallest and largest frame number; nan in an empty store."""

    @property
    def times_range(self) -> tuple[float, float]:
        """Earliest and latest frame time in seconds; 0.0 in an empty store."""

    @property
    def span(self) -> float:
        """Seconds from the first frame to the last, told without looking at all of them."""

    @property
    def latest(self) -> tuple[int | float, float]:
        """Number and time of the latest frame read or written; nan before the first."""

    @property
    def chunk_position(self) -> tuple[int, int]:
        """Chunk of the latest frame and the frame's index in it; before the first frame that index is -1."""

    @property
    def chunks(self) -> list[int]:
        """Numbers of the chunks that have frames."""

    @property
    def listed_chunks(self) -> list[tuple[int, str]] | None:
        """All chunks and the paths of their indexes less the extension; None if nobody has listed them yet."""

    def list_chunks(self) -> list[tuple[int, str]]:
        """List the chunks if nobody has."""

    @property
    def has_extra_data(self) -> bool:
        """Whether there are records."""

    def check_complete(self) -> None:
        """Raise InvalidArgumentError if a chunk is in `complete_index` that is not complete."""

    def close(self) -> None:
        """Complete what is written, free all that is held open; a second call does nothing."""
