"""What the public stores need of a reader of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

from ..reading.batch_stream import BatchStream
from ..reading.frame_stream import FrameStream, Make
from ..reading.indexing import Indexes
from ..reading.joined_stream import JoinedStream
from ..reading.reader import Frames, NumberedImage
from .info import FrameInfo

_Item = TypeVar('_Item')


class FrameSource(FrameInfo, Protocol):
    """A reader of frames: `StoreReader` or `JoinedReader`."""

    def check_open(self) -> None:
        """Raise StoreClosedError after closing."""

    def refresh(self) -> int:
        """Update the index, and return the number of new frames."""

    def follow(self) -> Iterator[NumberedImage]:
        """Read each frame after the position, and wait for new ones."""

    def disable_decoding(self) -> None:
        """Return raw images from now on."""

    def next(self) -> NumberedImage:
        """Read the frame after the position."""

    def next_frame_number(self) -> int:
        """Return the number of the next frame."""

    def at(self, frame_index: object) -> NumberedImage:
        """Read the frame with an index."""

    def by_number(self, frame_number: object, exact_only: bool) -> NumberedImage:
        """Read the frame with a number, or with the nearest."""

    def nearest_in_time(self, frame_time: object) -> NumberedImage:
        """Read the frame nearest in time."""

    def many(self, frame_numbers: Iterable[object] | None, frame_indices: Iterable[object] | None) -> Frames:
        """Read frames by numbers or by indexes."""

    def find(self, what: str, value: object, nearest: bool = False, argument: str = '') -> int:
        """Return the first frame with a number or time, or the nearest."""

    def get(self, key: Any) -> Any:
        """Read the images that a key selects."""

    def stream(self, known: Any, indexes: Indexes, make: Make[_Item]) -> FrameStream[_Item] | JoinedStream[_Item]:
        """Iterate over frames of an index."""

    def batches(self, known: Any, indexes: range, size: int) -> BatchStream:
        """Iterate over batches of frames of an index."""
