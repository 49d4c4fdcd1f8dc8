"""Packets of a video stream, and damage of the container around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..chunks.video.decoder_log import Log, errors_in
from .damage import Damage

_BROKEN = 'the container is damaged there and has no index of the rest'
_OVER_TWO = ('ogg',)
"""Containers that split packets: after damage, only the end of a packet may be left."""


class Demuxed:
    """Reader of the packets of one stream.

    Parameters
    ----------
    container, stream
        Container and stream of PyAV; nothing was read yet.
    distrusts_end : bool
        Skip the last packet, since it may be incomplete without a mark.
    damage : Damage, optional
        Damage of the container.

    Attributes
    ----------
    error : str or None
        Reason why the container was not read to its end.
    end : int
        End of the last packet in the file, in bytes.
    """

    def __init__(self, container: Any, stream: Any, distrusts_end: bool, damage: Damage | None) -> None:
        self._container, self._stream, self._distrusts = container, stream, distrusts_end
        self._damage = damage or Damage()
        self._tears = sorted(self._damage.tears)
        self.error: str | None = None
        self.end = self._count = 0

    def is_damaged(self, packet: Any) -> bool:
        """Return whether the container marks a packet as damaged."""
        return packet.is_corrupt or self._damage.concerns(packet.pos)

    def packets(self, log: Log) -> Iterator[Any]:
        """Yield the packets, or None where the log reports skipped damage."""
        packets, is_corrupt = self._read(log), False
        for packet in self._but_the_last(packets) if self._distrusts else packets:
            if packet is None:
                yield None
                continue
            if self._damage.is_behind(packet.pos):
                self.error = self._why_broken()
                yield None
                return
            self._count += packet.pos is not None
            if self._passes_tear(packet.pos):
                yield None
            if packet.size:
                is_corrupt = packet.is_corrupt
                self.end = max(self.end, (packet.pos or 0) + packet.size)
                yield packet
        self.error = self.error or ('the file is cut off' if is_corrupt or self._distrusts else self._why_broken())

    def _passes_tear(self, place: int | None) -> bool:
        """Return whether the container is damaged immediately before this packet.

        The end of the file has no position.
        """
        passed = [tear for tear in self._tears if place is None or tear < place]
        self._tears = self._tears[len(passed) :]
        return bool(passed)

    def _why_broken(self) -> str | None:
        is_broken = self._damage.broken_at is not None and self._count != self._stream.frames
        return _BROKEN if is_broken else None

    def _read(self, log: Log) -> Iterator[Any]:
        import av

        packets = self._container.demux(self._stream)
        name = self._container.format.name
        while True:
            log.clear()
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                self.error = error.strerror
                return
            is_torn = bool(errors_in(log, name))
            if is_torn:
                yield None
            if packet is None:
                return
            if not (is_torn and name in _OVER_TWO):
                yield packet

    @staticmethod
    def _but_the_last(packets: Iterator[Any]) -> Iterator[Any]:
        last = None
        for packet in packets:
            if packet is None or not packet.size:
                yield packet
                continue
            if last is not None:
                yield last
            last = packet
