"""The checksums in FFV1, RFC 9043: FFmpeg replaces slices that fail them by those of the frame before, silently."""

from __future__ import annotations

import zlib

_MIRRORED = bytes(int(f'{byte:08b}'[::-1], 2) for byte in range(256))
_STARTS = (0, int(f'{0x7a8c4079:032b}'[::-1], 2))
"""Of the checksum in version 3 and 4, mirrored as zlib counts bits."""

_SIZE, _SIZE_AND_CHECKSUM = 3, 8
"""Bytes at a slice's end."""


def is_damaged(packet: bytes) -> bool:
    """Whether a packet of FFV1, version 3 or later, lacks a slice or has one whose checksum differs.

    Slices without checksums only have to fill the packet.
    """
    slices = _slices(packet, _SIZE_AND_CHECKSUM)
    if slices:
        return not all(map(_matches, slices))
    return not _slices(packet, _SIZE)


def _slices(packet: bytes, footer: int) -> list[bytes]:
    """Slices of a packet, each of which ends with its size, from the last one on; none if they do not fill it."""
    slices, end = [], len(packet)
    while end:
        begin = end - footer - int.from_bytes(packet[end - footer:end - footer + _SIZE], 'big')
        if end < footer or begin < 0:
            return []
        slices.append(packet[begin:end])
        end = begin
    return slices


def _matches(data: bytes) -> bool:
    """Whether the checksum over a slice and its own checksum is where it began."""
    mirrored = data.translate(_MIRRORED)
    return any(zlib.crc32(mirrored, start ^ 0xffffffff) ^ 0xffffffff == start for start in _STARTS)
