"""Checksums in FFV1, RFC 9043.

FFmpeg silently replaces damaged slices by those of the frame before.
"""

from __future__ import annotations

import zlib

_MIRRORED = bytes(int(f'{byte:08b}'[::-1], 2) for byte in range(256))
_STARTS = (0, int(f'{0x7A8C4079:032b}'[::-1], 2))
"""Initial values of the checksum in version 3 and 4, in zlib's bit order."""

_SIZE, _SIZE_AND_CHECKSUM = 3, 8
"""Bytes at the end of a slice."""


def is_damaged(packet: bytes) -> bool:
    """Return whether an FFV1 packet has a missing or damaged slice.

    Slices without checksums must only fill the packet.
    """
    slices = _slices(packet, _SIZE_AND_CHECKSUM)
    if slices:
        return not all(map(_matches, slices))
    return not _slices(packet, _SIZE)


def _slices(packet: bytes, footer: int) -> list[bytes]:
    """Return a packet's slices, last one first; none unless they fill it.

    The size of each is at its end.
    """
    slices, end = [], len(packet)
    while end:
        begin = end - footer - int.from_bytes(packet[end - footer : end - footer + _SIZE], 'big')
        if end < footer or begin < 0:
            return []
        slices.append(packet[begin:end])
        end = begin
    return slices


def _matches(data: bytes) -> bool:
    """Return whether a slice's checksum, itself included, is the initial value."""
    mirrored = data.translate(_MIRRORED)
    return any(zlib.crc32(mirrored, start ^ 0xFFFFFFFF) ^ 0xFFFFFFFF == start for start in _STARTS)
