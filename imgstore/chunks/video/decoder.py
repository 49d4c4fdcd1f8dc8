"""What a decoder of PyAV gives for packets, and what of it can be believed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..._support.cpu import THREADS
from ..._support.forking import ObjectPool
from ...errors import FrameReadError
from .container_checks import path_of_url
from .ffv1 import is_damaged

# so a damaged image is an error; other codecs mark it, and take a start at an open GOP for damage if they are strict
STRICT = {'err_detect': 'explode'}


def decode(packet: Any) -> tuple[list[Any], bool]:
    """The frames that the decoder gives for a packet, and whether it took it well; if not, they are its last.

    FrameReadError if the decoder cannot be opened; then the container is of no more use.
    """
    import av

    try:
        if not _fails_its_checksum(packet):
            return packet.decode(), not packet.is_corrupt
    except av.FFmpegError as error:
        if not packet.stream.codec_context.is_open:  # nothing else may be asked of it: PyAV 19 crashes
            path = path_of_url(packet.stream.container.name)
            raise FrameReadError(f'{path}: its decoder cannot be opened: {error}', path=path) from error
    with contextlib.suppress(av.FFmpegError):
        return packet.stream.codec_context.decode(None), False
    return [], False


def _fails_its_checksum(packet: Any) -> bool:
    context = packet.stream.codec_context
    return context.name == 'ffv1' and bool(packet.size and context.extradata) and is_damaged(bytes(packet))


def flush_packet(stream: Any) -> Any:
    """A packet for which the decoder gives all that it still has."""
    import av

    packet = av.Packet()
    packet.stream = stream
    return packet


def decode_intra(packet: Any) -> Any:
    """The frame in a packet of Motion JPEG, by a decoder that no other thread uses; any error if that is in doubt."""
    with _mjpeg_decoders.borrow() as decoder:
        frame, = decoder.decode(packet)
    context = packet.stream.codec_context
    if packet.is_corrupt or frame.is_corrupt or (frame.width, frame.height) != (context.width, context.height):
        raise FrameReadError('the frame may be damaged')
    return frame


def _new_mjpeg_decoder() -> Any:
    import av

    decoder = av.CodecContext.create('mjpeg', 'r')
    decoder.options = STRICT
    return decoder


_mjpeg_decoders = ObjectPool(_new_mjpeg_decoder, most=2 * THREADS)


class CleanFrameQueue:
    """Holds a frame back until all that was decoded before it is known to be whole, for it may be made from that.

    Some of it is shown later, and the decoder tells of damage only then; of a frame that is lost it tells nothing.
    """

    def __init__(self) -> None:
        self._sent = 0
        self._owed: dict[int, int] = {}
        self._shown: int | None = None
        self._held: list[tuple[int, int, Any]] = []

    def announce(self, index: int) -> None:
        """The next packet that goes to the decoder is of that frame."""
        self._sent += 1
        self._owed[index] = self._sent

    def push(self, index: int, frame: Any) -> bool:
        """Take a frame, in the order of showing; False if it or one before it is damaged: no more can be taken."""
        order = self._owed.get(index, 0)
        lost = range(index if self._shown is None else self._shown + 1, index)
        damaged = [self._owed.get(other, order) for other in lost] + [order] * frame.is_corrupt
        self._owed = {other: place for other, place in self._owed.items() if other > index}
        self._shown = index
        self._held.append((order, index, frame))
        if damaged:
            self._owed.clear()
            self._held = [held for held in self._held if held[0] < min(damaged)]
        return not damaged

    def pop_clean(self) -> Iterator[tuple[int, Any]]:
        """The frames that nothing is missing for, and their indexes."""
        while self._held and all(order > self._held[0][0] for order in self._owed.values()):
            yield self._held.pop(0)[1:]

    def flush(self) -> Iterator[tuple[int, Any]]:
        """The frames that are left at the end."""
        return (held[1:] for held in self._held)
