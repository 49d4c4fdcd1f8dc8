"""The boxes of an MP4, ISO/IEC 14496-12."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

_BOXES_OF_BOXES = (b'moov', b'trak', b'mdia', b'minf', b'stbl', b'edts')


def boxes_in(file: IO[bytes], place: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield names of boxes, also nested ones, and positions of their contents."""
    while place + 8 <= end:
        size, name = struct.unpack('>I4s', read_exactly(file, place, 8))
        inner = place + 8
        if size == 1:
            size, inner = int.from_bytes(read_exactly(file, inner, 8), 'big'), inner + 8
        size = size or end - place
        if size < inner - place:
            raise ValueError('a box is smaller than its head')
        if name in _BOXES_OF_BOXES:
            yield from boxes_in(file, inner, place + size)
        else:
            yield name, inner
        place += size


def read_exactly(file: IO[bytes], place: int, count: int) -> bytes:
    """Read bytes of a header; ValueError if it is cut off."""
    file.seek(place)
    data = file.read(count)
    if len(data) < count:
        raise ValueError('the header is cut off')
    return data
