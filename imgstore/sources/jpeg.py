"""Damage in the coded data of a JPEG; decoders invent content for it.

https://www.w3.org/Graphics/JPEG/itu-t81.pdf
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from .quiet import Overheard

_IN_DATA = re.compile(rb'Corrupt JPEG data: (?:premature end of data|bad Huffman|found marker|bad arithmetic)')
_TOO_MUCH = re.compile(rb'Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd')
_PADDING = 16  # bytes that encoders may append
_HOLE = bytes(16)
_END, _SCAN, _TABLES = b'\xff\xd9', b'\xff\xda', 0xC4
_FEWEST = 3  # frames needed to know an encoder
_SMALL = cv2.IMREAD_REDUCED_GRAYSCALE_8  # reads everything but computes little


class JpegCheck:
    """Detects damaged images of one encoder. Use it in a ``with`` block.

    Some encoders write apparent damage into every image. So an image counts as damaged only if it differs from the
    others: libjpeg misses data or finds data left over, its end mark is missing, or it has a hole of zeros.

    Parameters
    ----------
    samples : iterable of bytes
        Images of the encoder. Without them, the first images set the standard.
    """

    def __init__(self, samples: Iterable[bytes] = ()) -> None:
        self._overheard = Overheard()
        self._whole = self._ended = self._seen = 0
        for data in samples:
            self._learn(data)

    def _learn(self, data: bytes) -> bool:
        is_whole, is_ended = self.why(data) is None, _is_ended(data)
        self._seen += 1
        self._whole += is_whole
        self._ended += is_ended
        return is_whole

    def is_damaged(self, data: bytes) -> bool:
        """Return whether an image is damaged, unless most images are like it."""
        is_whole = self._learn(data)
        expects_end = self._seen > _FEWEST and self._ended >= self._seen - 1
        return (not is_whole and 2 * self._whole >= self._seen) or (expects_end and not _is_ended(data))

    def why(self, data: bytes) -> str | None:
        """Return what is wrong with the coded data of an image, or None."""
        told = self._told(data if _is_ended(data) else data + _END)
        left = max((int(count) for count in _TOO_MUCH.findall(told)), default=0)
        if _IN_DATA.search(told) or left > _padding(data):
            return 'its coded data are damaged'
        return 'there is a hole in its coded data' if _has_hole(data) else None

    def _told(self, data: bytes) -> bytes:
        """Return libjpeg's messages for an image, which OpenCV does not pass on."""
        return self._overheard.call(lambda: _decode(data))[1]

    def close(self) -> None:
        """Free the resources."""
        self._overheard.close()

    def __enter__(self) -> JpegCheck:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _decode(data: bytes) -> None:
    with contextlib.suppress(cv2.error):
        cv2.imdecode(np.frombuffer(data, np.uint8), _SMALL)


def _is_ended(data: bytes) -> bool:
    return data.rfind(_END) > data.rfind(_SCAN)


def _padding(data: bytes) -> int:
    """Return how many bytes may be left over.

    As many as final zeros, and a few others.
    """
    coded = data[: data.rfind(_END)] if _is_ended(data) else data
    return _PADDING + len(coded) - len(coded.rstrip(b'\0'))


def _has_hole(data: bytes) -> bool:
    """Return whether zeros would decode to more tiny values than any image has."""
    scan = data.find(_SCAN)
    coded = data[scan : data.rfind(_END) if _is_ended(data) else len(data)].rstrip(b'\0')
    if scan < 0 or _HOLE not in coded or data.count(_SCAN) > 1:
        return False
    try:
        table = data[scan + 6] & 0x0F
        return _zeros_mean(data[:scan], table) & 0x0F != 0
    except (IndexError, struct.error):
        return False


def _zeros_mean(head: bytes, table: int) -> int:
    """Return the symbol coded by zeros in a Huffman table of AC coefficients.

    It is the first of the shortest.
    """
    found = 0x01  # in the usual table, which a file may omit
    for place in _tables(head):
        if head[place] == 0x10 | table:
            found = head[place + 17]
    return found


def _tables(head: bytes) -> Iterator[int]:
    """Yield the positions of the Huffman tables."""
    place = 2
    while place + 4 <= len(head):
        marker, (length,) = head[place + 1], struct.unpack_from('>H', head, place + 2)
        start, place = place + 4, place + 2 + length
        while marker == _TABLES and start + 17 <= place:
            yield start
            start += 17 + sum(head[start + 1 : start + 17])
