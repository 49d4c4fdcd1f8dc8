"""Checks of an image file before OpenCV decodes it.

OpenCV rejects most kinds of cut-off files, and does not touch memory for missing pixels. But it chooses the format by a
file's first bytes, fills up missing parts of a JPEG, and takes seconds for a wrong length in a PNG. In both, and in
run-length encoded BMP files, it accepts any size.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._support.plausible import IMAGE_RATIO, max_bytes
from ...errors import FrameReadError
from ...formats import Format

Bytes = npt.NDArray[np.uint8]

_MOST_SCANS = 100
"""Maximum scans of a JPEG, since each covers the complete image; progressive ones usually have 10."""


def max_file_bytes(expected_bytes: int) -> int:
    """Return the maximum size of an image file for ``expected_bytes``."""
    return max_bytes(expected=expected_bytes)


def check_claimed_size(fmt: Format, data: Bytes, path: str, expected_bytes: int) -> None:
    """Check a file before OpenCV decodes it; OpenCV checks the rest.

    Parameters
    ----------
    fmt : Format
        Required format of the image.
    data : ndarray of uint8
        The file's content.
    path : str
        Path of the file, for the errors.
    expected_bytes : int
        Size of the store's images in bytes.

    Raises
    ------
    FrameReadError
        The file has another format, a PNG or JPEG is cut off or damaged, or the stated size is impossible.
    """
    try:
        if not re.match(fmt.signature, data[:16].tobytes(), re.DOTALL):
            raise ValueError('its first bytes do not match the format')
        size = _SIZES[fmt.extension](data) if fmt.extension in _SIZES else 0
    except (ValueError, IndexError, struct.error) as error:
        raise unreadable_image(path, f'is cut off, damaged, or not a {fmt.name} image: {error}') from error
    if size > max_bytes(IMAGE_RATIO * len(data), expected_bytes):
        raise unreadable_image(path, f'is damaged: a file of {len(data)} bytes states an image of {size}')


def unreadable_image(path: str, reason: str) -> FrameReadError:
    """Create the error for an image file that cannot be read."""
    return FrameReadError(f'{path} {reason}', path=path, reason=reason)


# --- minimum bytes of the image, for the formats with checks


_PNG_CHUNK = struct.Struct('>I4s')


def _size_of_png(data: Bytes) -> int:
    """Check a PNG with all its checksums, and return its size.

    https://www.w3.org/TR/png-3/
    """
    kinds = list(_chunks_of_png(data.data))
    width, height, bits = struct.unpack_from('>IIB', data.data, 16)
    if kinds[0] != b'IHDR':
        raise ValueError('its header is invalid')
    return int(width * height * bits) // 8


def _chunks_of_png(view: memoryview) -> Iterator[bytes]:
    """Yield the type of each chunk up to the end mark."""
    place, kind = 8, b''
    while kind != b'IEND':
        length, kind = _PNG_CHUNK.unpack_from(view, place)
        end = place + _PNG_CHUNK.size + length
        if zlib.crc32(view[place + 4 : end]) != int.from_bytes(view[end : end + 4], 'big'):
            raise ValueError('a checksum differs, or its end mark is missing')
        yield kind
        place = end + 4


_JPEG_HEADS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xDA)))
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
_JPEG_BEHIND_SCAN = re.compile(b'\xff[\x01-\xcf\xd8-\xfe]')


def _size_of_jpeg(data: Bytes) -> int:
    """Check a JPEG up to its end mark, and return its size.

    https://www.w3.org/Graphics/JPEG/itu-t81.pdf
    """
    content = data.tobytes()
    size, scans = 0, 0
    for marker, place in _segments_of_jpeg(content):
        if marker in _JPEG_HEADS and not size:
            height, width, components = struct.unpack_from('>HHB', content, place + 5)
            size = height * width * components
        scans += marker == _JPEG_SCAN
        if scans > _MOST_SCANS:
            raise ValueError(f'it has more than {_MOST_SCANS} scans')
    if not size or not scans:
        raise ValueError('it has no header or no image')
    return size


def _segments_of_jpeg(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and start of each segment up to the end mark.

    Thumbnails in segments are skipped.
    """
    place, marker = 2, 0
    while marker != _JPEG_END:
        if place + 1 >= len(content):
            raise ValueError('its end mark is missing')
        if content[place] != 0xFF:
            raise ValueError('its header is invalid')
        marker = content[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        yield marker, place
        place = _after_segment(content, marker, place)


def _after_segment(content: bytes, marker: int, place: int) -> int:
    if marker in _JPEG_WITHOUT_LENGTH:
        return place + 2
    place += 2 + max(2, int.from_bytes(content[place + 2 : place + 4], 'big'))
    if marker != _JPEG_SCAN:
        return place
    behind = _JPEG_BEHIND_SCAN.search(content, place)
    return behind.start() if behind else len(content)


def _size_of_bmp(data: Bytes) -> int:
    """Return the size of a BMP; 0 without run-length encoding.

    Without it, OpenCV needs all pixels in the file.

    See https://learn.microsoft.com/windows/win32/gdi/bitmap-storage.
    """
    head, width, height, _, compression = struct.unpack_from('<IiiII', data.data, 14)
    return abs(width * height) if head > 12 and compression else 0


_SIZES: dict[str, Callable[[Any], int]] = {'.png': _size_of_png, '.jpg': _size_of_jpeg, '.bmp': _size_of_bmp}
