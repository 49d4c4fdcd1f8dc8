"""Decoding of packets with PyAV, and detection of damaged frames."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..._support.cpu import THREADS
from ..._support.forking import ObjectPool
from ...errors import FrameReadError
from .container_checks import path_of_url
from .ffv1 import is_damaged

# makes a damaged image an error; other codecs mark it, and if strict they report damage at an open GOP
STRICT = {'err_detect': 'explode'}


def decode(packet: Any, is_verified: bool = False) -> tuple[list[Any], bool]:
    """Decode a packet; return the frames, and whether it was intact.

    If not, they are the last frames. ``is_verified`` says that it equals what was written.

    FrameReadError if the decoder cannot be opened; then the container is unusable.
    """
    import av

    try:
        if is_verified or not _fails_its_checksum(packet):
            return packet.decode(), not packet.is_corrupt
    except av.FFmpegError as error:
        if not packet.stream.codec_context.is_open:  # do not use it any more: PyAV 19 would crash
            path = path_of_url(packet.stream.container.name)
            raise FrameReadError(f'{path}: its decoder cannot be opened: {error}', path=path) from error
    return last_frames(packet), False


def last_frames(packet: Any) -> list[Any]:
    """Return the last frames of the packets decoded before one that must not be."""
    import av

    with contextlib.suppress(av.FFmpegError):
        frames: list[Any] = packet.stream.codec_context.decode(None)
        return frames
    return []


def _fails_its_checksum(packet: Any) -> bool:
    context = packet.stream.codec_context
    return context.name == 'ffv1' and bool(packet.size and context.extradata) and is_damaged(bytes(packet))


def wait_for_threads(stream: Any) -> None:
    """Wait until the threads of a decoder rest, before it is freed.

    PyAV holds the interpreter while it frees one, and a thread that logs needs the interpreter.
    """
    if stream is not None and stream.codec_context is not None and stream.codec_context.is_open:
        stream.codec_context.flush_buffers()


def flush_packet(stream: Any) -> Any:
    """Return a packet to make the decoder return all remaining frames."""
    import av

    packet = av.Packet()
    packet.stream = stream
    return packet


def decode_intra(packet: Any) -> Any:
    """Decode a Motion JPEG packet, with one decoder per thread.

    Raises any error if in doubt.
    """
    with _mjpeg_decoders.borrow() as decoder:
        (frame,) = decoder.decode(packet)
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
    """Queue for frames until all frames before them are known to be intact.

    Those may be references of a frame and displayed later. Only then the decoder reports damage, and it never reports a
    lost frame.
    """

    def __init__(self) -> None:
        self._sent = 0
        self._owed: dict[int, int] = {}
        self._shown: int | None = None
        self._held: list[tuple[int, int, Any]] = []

    def announce(self, index: int) -> None:
        """Record the frame of the decoder's next packet."""
        self._sent += 1
        self._owed[index] = self._sent

    def push(self, index: int, frame: Any) -> bool:
        """Add a frame in display order; False if it or an earlier one is damaged.

        Then add no more.
        """
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
        """Yield the frames with intact references, and their indexes."""
        while self._held and all(order > self._held[0][0] for order in self._owed.values()):
            yield self._held.pop(0)[1:]

    def flush(self) -> Iterator[tuple[int, Any]]:
        """Return the remaining frames at the end."""
        return (held[1:] for held in self._held)
