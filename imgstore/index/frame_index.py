"""What an index of frames has, of one store or of several."""

from __future__ import annotations

from typing import Any, Protocol

from ..ondisk.chunk_index import Numbers, Times


class FrameIndex(Protocol):
    """Numbers and times of frames, as in `ImgStoreIndex`."""

    @property
    def frame_count(self) -> int:
        """Number of frames."""

    @property
    def frame_numbers(self) -> Numbers:
        """Numbers of all frames."""

    @property
    def frame_times(self) -> Times:
        """Times of all frames in seconds."""

    def load(self) -> None:
        """Read all chunks' indexes now."""

    def find(self, what: str, value: object, nearest: bool = False) -> int | None:
        """Return the first frame with a number or time, or the nearest."""

    def frame(self, index: int) -> tuple[int, float] | None:
        """Return the number and time of a frame; None if there is none."""

    def chunk_ranges(self) -> list[tuple[int, str, slice]]:
        """Return each chunk's number, index path without extension, and slice."""

    def get_all_metadata(self) -> dict[str, list[Any]]:
        """Return the numbers and times of all frames."""
