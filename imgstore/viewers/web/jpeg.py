"""JPEG files that every browser shows as this package decodes them."""

from __future__ import annotations

from collections.abc import Iterator

_START, _END = b'\xff\xd8', b'\xff\xd9'
_FRAMES = (0xC0, 0xC1, 0xC2)
_HUFFMAN_TABLES, _SCAN, _ADOBE, _COMMENT, _FIRST_APPLICATION = 0xC4, 0xDA, 0xEE, 0xFE, 0xE0
_FFMPEG_LIMITED_RANGE, _INTERLACED = b'CS=ITU601', b'AVI1'


def is_plain_jpeg(data: bytes, width: int, height: int) -> bool:
    """Return whether any decoder shows a JPEG of this size in the same colours.

    Motion JPEG may lack the tables of JPEG, have two fields in a packet, or other colours.

    Parameters
    ----------
    data : bytes
        The file.
    width, height : int
        Expected size in pixels.
    """
    if not (data.startswith(_START) and data.rstrip(b'\0').endswith(_END)):
        return False
    has_tables = has_size = False
    for marker, content in _segments(data):
        has_tables |= marker == _HUFFMAN_TABLES
        has_size |= marker in _FRAMES and _is_of_size(content, width, height)
        if _is_odd(marker, content):
            return False
    return has_tables and has_size


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and content of each segment before the scan."""
    at = len(_START)
    while data[at : at + 1] == b'\xff' and at + 4 <= len(data):
        marker, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
        if marker == _SCAN or end > len(data):
            return
        yield marker, data[at + 4 : end]
        at = end


def _is_of_size(content: bytes, width: int, height: int) -> bool:
    bits, components = content[:1], content[5:6]
    size = int.from_bytes(content[3:5], 'big'), int.from_bytes(content[1:3], 'big')
    return bits == b'\x08' and components in (b'\x01', b'\x03') and size == (width, height)


def _is_odd(marker: int, content: bytes) -> bool:
    return (
        marker == _ADOBE
        or (marker == _COMMENT and content.startswith(_FFMPEG_LIMITED_RANGE))
        or (marker == _FIRST_APPLICATION and content.startswith(_INTERLACED))
    )
