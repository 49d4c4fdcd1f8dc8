"""Whether a store opened again still has the same frames."""

from __future__ import annotations

import contextlib
import os
import zlib
from dataclasses import dataclass

from ..constants import STORE_MD_FILENAME
from ..errors import FrameReadError
from ..remote.urls import is_url
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
                f'frames have other indexes; open it again',
                store=store.filename,
            )


def folder_stamp(folder: str) -> object:
    """Return a value that changes when a store is replaced, or has other chunks."""
    if is_url(folder):  # asking for each frame would cost more than the frame
        return folder
    with contextlib.suppress(OSError):  # opening the store raises the error
        found = [os.stat(path) for path in (folder, os.path.join(folder, STORE_MD_FILENAME))]
        return [(each.st_ino, each.st_mtime_ns) for each in found]
    return None
