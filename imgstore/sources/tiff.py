"""Number of pages in a TIFF, and whether their chain is complete.

https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, and BigTIFF.
"""

from __future__ import annotations

import os
import struct
from typing import IO, NamedTuple

_ORDERS = {b'II': '<', b'MM': '>'}


class _Layout(NamedTuple):
    offset: str
    """Format code of `struct`, as for the next field."""
    entries: str
    entry: int
    """Bytes."""
    first: int
    """Position of the first page's offset."""


_LAYOUTS = {42: _Layout('I', 'H', 12, 4), 43: _Layout('Q', 'Q', 20, 8)}


class Pages(NamedTuple):
    """Result of following the chain of pages."""

    found: int
    """Number of pages in the file."""
    is_whole: bool
    """Whether the chain ends properly, so that no pages are missing."""


def pages_of(path: str) -> Pages | None:
    """Follow the chain of pages; return None for a file other than TIFF."""
    with open(path, 'rb') as file:
        head = file.read(4)
        order = _ORDERS.get(head[:2], '')
        layout = _LAYOUTS.get(struct.unpack(f'{order}H', head[2:])[0]) if order and len(head) == 4 else None
        return _followed(file, order, layout, os.fstat(file.fileno()).st_size) if layout else None


def _followed(file: IO[bytes], order: str, layout: _Layout, size: int) -> Pages:
    seen: set[int] = set()
    place = _number(file, order + layout.offset, layout.first)
    while place:
        count = _number(file, order + layout.entries, place)
        end = place + struct.calcsize(order + layout.entries) + layout.entry * (count or 0)
        if place in seen or not count or end > size:
            return Pages(len(seen), False)
        seen.add(place)
        place = _number(file, order + layout.offset, end)
    return Pages(len(seen), place == 0)


def _number(file: IO[bytes], form: str, place: int) -> int | None:
    file.seek(place)
    data = file.read(struct.calcsize(form))
    return int(struct.unpack(form, data)[0]) if len(data) == struct.calcsize(form) else None
