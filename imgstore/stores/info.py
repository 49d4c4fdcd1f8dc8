"""The common interface of reader and writer."""

from __future__ import annotations

from typing import Protocol

from ..formats import Format
from ..index.frame_index import FrameIndex
from ..index.store_index import ImgStoreIndex
from ..ondisk.layout import Layout
from ..ondisk.metadata import StoreMetadata


class FrameInfo(Protocol):
    """Properties common to the readers, of several stores too, and the writer."""

    @property
    def mode(self) -> str:
        """'r' or 'w'."""

    @property
    def metadata(self) -> StoreMetadata:
        """Content of metadata.yaml."""

    @property
    def index(self) -> FrameIndex:
        """Numbers and times of all frames."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images returned by reading."""

    @property
    def is_live(self) -> bool:
        """Whether a writer has the store open."""

    @property
    def frame_count(self) -> int:
        """Number of frames."""

    @property
    def numbers_range(self) -> tuple[int | float, int | float]:
        """Smallest and largest frame number, or nan in an empty store."""

    @property
    def times_range(self) -> tuple[float, float]:
        """Earliest and latest frame time in seconds, or 0.0 in an empty store."""

    @property
    def latest(self) -> tuple[int | float, float]:
        """Number and time of the latest frame read or written, or nan at first."""


class StoreInfo(FrameInfo, Protocol):
    """Properties common to `StoreReader` and `StoreWriter`."""

    @property
    def fmt(self) -> Format:
        """Format of the chunks."""

    @property
    def layout(self) -> Layout:
        """Paths of the files."""

    @property
    def index(self) -> ImgStoreIndex:
        """Numbers and times of all frames."""

    @property
    def complete_index(self) -> ImgStoreIndex:
        """Index of the complete chunks. `check_complete` reports others in it."""

    @property
    def chunk_position(self) -> tuple[int, int]:
        """Chunk of the latest frame, and the frame's index in it.

        -1 before the first frame.
        """

    @property
    def chunks(self) -> list[int]:
        """Numbers of the chunks with frames."""

    @property
    def listed_chunks(self) -> list[tuple[int, str]] | None:
        """Numbers of all chunks, and index paths without extension.

        None before they are listed.
        """

    def list_chunks(self) -> list[tuple[int, str]]:
        """List the chunks, once."""

    @property
    def has_extra_data(self) -> bool:
        """Whether there are records of extra data."""

    def check_complete(self) -> None:
        """Raise InvalidArgumentError if `complete_index` has an incomplete chunk."""

    def close(self) -> None:
        """Complete a written store and free all resources.

        A second call does nothing.
        """
