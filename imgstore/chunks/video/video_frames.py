"""What is known of a video's frames, and which packets are altered."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ...errors import FrameReadError
from ...ondisk.checksums import UNKNOWN, ChunkChecksums
from .coded_streams import CONFIGURED
from .frame_table import FrameTable


@dataclass
class VideoFrames:
    """What is known of a video's frames.

    Attributes
    ----------
    path : str
        Path of the video.
    announced : int or None
        Expected number of frames.
    seek : bool
        False: only decode forward.
    pixels : int
        Maximum pixels of a frame; larger ones are considered damaged.
    checksums : ChunkChecksums or None
        Checksums of the packets.
    table : FrameTable or None
        The frames; None if they can only be counted by decoding.
    table_is_wrong : bool
        Whether the container's own index turned out to be wrong.
    end : float
        Number of frames; infinite as long as it is unknown.
    missing : set of int
        Indexes of frames known to be missing.
    altered : set of int
        Indexes of frames with a packet that differs from its checksum.
    """

    path: str
    announced: int | None
    seek: bool
    pixels: int
    checksums: ChunkChecksums | None = None
    table: FrameTable | None = None
    table_is_wrong: bool = False
    end: float = math.inf
    missing: set[int] = field(default_factory=set)
    altered: set[int] = field(default_factory=set)

    def set_table(self, table: FrameTable | None) -> None:
        """Begin again with another table."""
        self.table, self.table_is_wrong = table, False
        self.end, self.missing = math.inf if table is None else len(table), set()

    def check_decoder(self, context: Any) -> None:
        """Raise FrameReadError if the configuration of a decoder is altered."""
        if self.checksums is None or context.name not in CONFIGURED:
            return
        if self.checksums.decoder_differs(bytes(context.extradata or b'')):
            raise FrameReadError(
                f'{self.path} was damaged or replaced: its decoder configuration differs from its checksum; '
                'open the store with verify=False to read it',
                path=self.path,
            )

    def is_altered(self, index: int | None, packet: Any) -> bool:
        """Return whether a packet differs from the checksum of its frame."""
        if self.checksums is None or index is None or not self.checksums.differs(index, packet):
            return False
        self.altered.add(index)
        return True

    def is_verified(self, index: int | None) -> bool:
        """Return whether the packet of a frame has a checksum, if it shows one."""
        return self.checksums is not None and index is not None and self.checksums.of(index) != UNKNOWN

    def is_alone(self, index: int) -> bool:
        """Return whether a frame is decoded without others."""
        return self.table is not None and len(self.table.group(index)) == 1

    def has_altered(self, index: int) -> bool:
        """Return whether a packet is known to be altered in the group of a frame."""
        return self.table is not None and not self.altered.isdisjoint(self.table.group(index))
