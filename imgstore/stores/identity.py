"""Whether a store opened again still has the same frames."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from ..errors import FrameReadError
from .properties import StoreProperties


@dataclass(frozen=True)
class StoreIdentity:
    """The frames of a store at one moment. Later ones do not matter.

    Attributes
    ----------
    uuid : str or None
        Identifier of the store.
    frame_count : int
        Number of frames.
    checksum : int
        Checksum of their numbers and times.
    """

    uuid: str | None
    frame_count: int
    checksum: int

    @classmethod
    def of(cls, store: StoreProperties, frame_count: int | None = None) -> StoreIdentity:
        """Return the identity of all frames of a store, or of the first ones."""
        numbers, times = store.frame_numbers[:frame_count], store.frame_times[:frame_count]
        return cls(store.uuid, len(numbers), zlib.crc32(times.tobytes(), zlib.crc32(numbers.tobytes())))

    def check(self, store: StoreProperties) -> None:
        """Raise FrameReadError if the store has other frames."""
        if StoreIdentity.of(store, self.frame_count) != self:
            raise FrameReadError(
                f'{store.filename}: the store was replaced, renumbered or lost a chunk since it was opened first, so '
                f'frames have other indexes; open it anew',
                store=store.filename,
            )
