"""The position of a reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..index.store_index import ImgStoreIndex

Place = tuple[int, int]
"""Number of a chunk, and index of a frame in it."""


class FrameLocation(NamedTuple):
    """Location of a frame, found by one lookup in the index."""

    frame_index: int
    """Index in the store, valid for this generation of the index."""
    number_and_time: tuple[int, float]
    place: Place
    generation: object


def locate(known: ImgStoreIndex, index: int) -> FrameLocation | None:
    """Find the frame with an index; None if there is none."""
    with known.lock:
        frame = known.frame(index)
        return None if frame is None else FrameLocation(index, frame, known.to_chunk(index), known.generation)


def places(known: ImgStoreIndex, frame: FrameLocation, indices: Sequence[int]) -> list[Place]:
    """Return the places of frames by indexes, without missing ones.

    The indexes start with that of ``frame``, and all ascend or all descend.
    """
    if not indices:
        return []
    (chunk, within), last = frame.place, indices[-1]
    first = within - frame.frame_index
    if known.to_chunk(last) == (chunk, first + last):  # so all of them are in that chunk
        return [(chunk, first + index) for index in indices]
    return [known.to_chunk(index) for index in indices if 0 <= index < known.frame_count]


class Position:
    """The latest frame read.

    A damaged chunk changes the indexes of all later frames. So the chunk and the index in it are stored, and the index
    in the store only together with the generation of the store's index.
    """

    def __init__(self) -> None:
        self._latest: tuple[Place, int, object] | None = None  # one tuple: other threads read it without a lock

    @property
    def place(self) -> Place | None:
        """Chunk of the latest frame, and the frame's index in it.

        None before the first.
        """
        return None if self._latest is None else self._latest[0]

    @place.setter
    def place(self, place: Place | None) -> None:
        self._latest = None if place is None else (place, -1, None)

    def move_to(self, frame: FrameLocation) -> None:
        """Set the position to a frame."""
        self._latest = frame.place, frame.frame_index, frame.generation

    def index_in(self, store_index: ImgStoreIndex) -> int:
        """Return the index in the store of the latest frame; -1 before the first."""
        if self._latest is None:
            return -1
        place, index, generation = self._latest
        return index if generation is store_index.generation else store_index.from_chunk(*place)
