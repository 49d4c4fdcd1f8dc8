"""Where a reader stands."""

from __future__ import annotations

from typing import NamedTuple

from ..index.store_index import ImgStoreIndex

Place = tuple[int, int]
"""A chunk, and the index of a frame in it."""


class FrameLocation(NamedTuple):
    """A frame as one look-up in the index finds it."""

    frame_index: int
    """In the store. It counts while the index's generation is the same."""
    number_and_time: tuple[int, float]
    place: Place
    generation: object


class Position:
    """The latest frame read.

    Its place is what counts, as its index in the store changes when a chunk before it turns out to be damaged. So the
    index is remembered together with the generation of the store's index.
    """

    def __init__(self) -> None:
        self._latest: tuple[Place, int, object] | None = None  # in one, as other threads look without a lock

    @property
    def place(self) -> Place | None:
        """Chunk of the latest frame, and the frame's index in there; None before the first."""
        return None if self._latest is None else self._latest[0]

    @place.setter
    def place(self, place: Place | None) -> None:
        self._latest = None if place is None else (place, -1, None)

    def move_to(self, frame: FrameLocation) -> None:
        """Stand at a frame."""
        self._latest = frame.place, frame.frame_index, frame.generation

    def index_in(self, store_index: ImgStoreIndex) -> int:
        """Index in the store of the latest frame; -1 before the first."""
        if self._latest is None:
            return -1
        place, index, generation = self._latest
        return index if generation is store_index.generation else store_index.from_chunk(*place)
