"""What the head of an image file claims, looked at before room is made for it.

OpenCV believes a head of 60,000 x 60,000 pixels in a file of a hundred bytes, decodes a file as whatever it begins
like, and waits for seconds where a length in a PNG is wrong.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import FrameReadError

Bytes = npt.NDArray[np.uint8]

_UNQUESTIONED_BYTES = 2**26
"""Of an image that anybody may have put into a store of whatever images."""

_MOST_TIMES = 64
"""How many times larger than the store's own an image may be beyond that."""

_PACKED_AT_MOST = 1400
"""How many times smaller a file can be: LZW 1340, deflate 1032, JPEG 1024."""

_MOST_SCANS = 100
"""Of a JPEG, each of which goes over the whole image; 10 are usual where it is progressive."""


def is_plausible_size(size: int, packed: int, expected_bytes: int) -> bool:
    """Whether a file of ``packed`` bytes may hold an image of ``size``, where ``expected_bytes`` are usual."""
    return size <= max(_UNQUESTIONED_BYTES, min(_PACKED_AT_MOST * packed, _MOST_TIMES * expected_bytes))


def max_file_bytes(expected_bytes: int) -> int:
    """What a file of an image may have, in a store of images of ``expected_bytes`` bytes."""
    return max(_UNQUESTIONED_BYTES, _MOST_TIMES * expected_bytes)


def check_claimed_size(extension: str, data: Bytes, path: str, expected_bytes: int) -> None:
    """Look through a file before it is decoded.

    Parameters
    ----------
    extension : str
        What kind of image it must be.
    data : ndarray of uint8
        The file's content.
    path : str
        For the errors.
    expected_bytes : int
        Bytes of the images of the store.

    Raises
    ------
    FrameReadError
        The file is cut off, damaged, of another kind, or claims to be larger than it can be.
    """
    try:
        size = _SIZES[extension](data)
    except (ValueError, IndexError, struct.error) as error:
        raise FrameReadError(f'{path} is cut off, damaged, or no {extension} image: {error}', path=path) from error
    if not is_plausible_size(size, len(data), expected_bytes):
        raise FrameReadError(f'{path} is damaged: a file of {len(data)} bytes claims an image of {size}', path=path)


# --- one function a format: how many bytes the image takes, about


_PNG_BEGIN = b'\x89PNG\r\n\x1a\n'
_PNG_CHUNK = struct.Struct('>I4s')
_PNG_HEAD = struct.Struct('>IIBB')
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


def _size_of_png(data: Bytes) -> int:
    """https://www.w3.org/TR/png-3/; all that is between two checksums is held against them."""
    if data[:8].tobytes() != _PNG_BEGIN:
        raise ValueError('it does not begin like one')
    kinds = [kind for kind, _ in _chunks_of_png(data)]
    width, height, bits, color = _PNG_HEAD.unpack_from(data.data, 16)
    if kinds[0] != b'IHDR' or color not in _PNG_CHANNELS:
        raise ValueError('its head makes no sense')
    return int(width * height * bits * _PNG_CHANNELS[color]) // 8


def _chunks_of_png(data: Bytes) -> Iterator[tuple[bytes, int]]:
    """Kind and place of each chunk up to the end mark."""
    view, place, kind = data.data, 8, b''
    while kind != b'IEND':
        length, kind = _PNG_CHUNK.unpack_from(view, place)
        end = place + _PNG_CHUNK.size + length
        if zlib.crc32(view[place + 4:end]) != int.from_bytes(view[end:end + 4], 'big'):
            raise ValueError('a checksum differs, or its end mark is missing')
        yield kind, place
        place = end + 4


_JPEG_HEADS = frozenset(range(0xc0, 0xd0)) - {0xc4, 0xc8, 0xcc}
_JPEG_WITHOUT_LENGTH = frozenset((0x01, *range(0xd0, 0xda)))
_JPEG_SCAN, _JPEG_END = 0xda, 0xd9
_JPEG_BEHIND_SCAN = re.compile(b'\xff[\x01-\xcf\xd8-\xfe]')


def _size_of_jpeg(data: Bytes) -> int:
    """https://www.w3.org/Graphics/JPEG/itu-t81.pdf; what comes after the end mark is not looked at."""
    content = data.tobytes()
    if content[:2] != b'\xff\xd8':
        raise ValueError('it does not begin like one')
    size, scans = 0, 0
    for marker, place in _segments_of_jpeg(content):
        if marker in _JPEG_HEADS and not size:
            height, width, components = struct.unpack_from('>HHB', content, place + 5)
            size = height * width * components
        scans += marker == _JPEG_SCAN
        if scans > _MOST_SCANS:
            raise ValueError(f'it has more than {_MOST_SCANS} scans')
    if not size or not scans:
        raise ValueError('it has no head or no image')
    return size


def _segments_of_jpeg(content: bytes) -> Iterator[tuple[int, int]]:
    """Marker and start of each segment up to the end mark; that of a thumbnail in a segment is not the end."""
    place, marker = 2, 0
    while marker != _JPEG_END:
        if place + 1 >= len(content):
            raise ValueError('its end mark is missing')
        if content[place] != 0xff:
            raise ValueError('its head makes no sense')
        marker = content[place + 1]
        if marker == 0xff:  # padding
            place += 1
            continue
        yield marker, place
        place = _after_segment(content, marker, place)


def _after_segment(content: bytes, marker: int, place: int) -> int:
    if marker in _JPEG_WITHOUT_LENGTH:
        return place + 2
    place += 2 + max(2, int.from_bytes(content[place + 2:place + 4], 'big'))
    if marker != _JPEG_SCAN:
        return place
    behind = _JPEG_BEHIND_SCAN.search(content, place)
    return behind.start() if behind else len(content)


_TIFF_TYPES = {1: 'B', 3: 'H', 4: 'I', 16: 'Q'}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_SAMPLES, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 256, 257, 258, 277, 322, 323


def _size_of_tiff(data: Bytes) -> int:
    """https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, and BigTIFF; just the first image."""
    content = data.tobytes()
    order = {b'II': '<', b'MM': '>'}.get(content[:2], '')
    version = struct.unpack_from(f'{order}H', content, 2)[0] if order else 0
    if version not in (42, 43):
        raise ValueError('it does not begin like one')
    tags = _tags_of_tiff(content, order, version == 43)
    image = tags[_TIFF_WIDTH] * tags[_TIFF_HEIGHT]
    tile = tags.get(_TIFF_TILE_WIDTH, 0) * tags.get(_TIFF_TILE_HEIGHT, 0)
    return max(image, tile) * max(1, tags.get(_TIFF_BITS, 1) // 8) * tags.get(_TIFF_SAMPLES, 1)


def _tags_of_tiff(content: bytes, order: str, big: bool) -> dict[int, int]:
    """The largest of the numbers that each tag has, which are few."""
    begin, count, entry, room = ('Q', 'Q', 'HHQ', 8) if big else ('I', 'H', 'HHI', 4)
    place = struct.unpack_from(order + begin, content, 8 if big else 4)[0]
    entries = struct.unpack_from(order + count, content, place)[0]
    step, place = struct.calcsize(order + entry), place + struct.calcsize(order + count)
    if place + entries * (step + room) > len(content):
        raise ValueError('it ends too early')
    tags: dict[int, int] = {}
    for at in range(place, place + entries * (step + room), step + room):
        tag, kind, values = struct.unpack_from(order + entry, content, at)
        if kind in _TIFF_TYPES and 0 < values <= 4:
            form = f'{order}{values}{_TIFF_TYPES[kind]}'
            fits = struct.calcsize(form) <= room
            where = at + step if fits else struct.unpack_from(order + begin, content, at + step)[0]
            tags[tag] = max(tags.get(tag, 0), *struct.unpack_from(form, content, where))
    if not {_TIFF_WIDTH, _TIFF_HEIGHT} <= tags.keys():
        raise ValueError('it does not tell its size')
    return tags


_BMP_RUN_LENGTHS = (1, 2)


def _size_of_bmp(data: Bytes) -> int:
    """https://learn.microsoft.com/windows/win32/gdi/bitmap-storage."""
    mark, length, head = struct.unpack_from('<2sI8xI', data.data)
    if mark != b'BM':
        raise ValueError('it does not begin like one')
    if length > len(data):
        raise ValueError('its end is missing')
    width, height = struct.unpack_from('<HH' if head == 12 else '<ii', data.data, 18)
    if head == 12 or struct.unpack_from('<I', data.data, 30)[0] not in _BMP_RUN_LENGTHS:
        _check_all_there(abs(width * height), data)
    return int(abs(width * height)) * 3


_PNM_HEAD = re.compile(rb'P([1-6])(?:\s|#[^\r\n]*[\r\n])+(\d{1,10})(?:\s|#[^\r\n]*[\r\n])+(\d{1,10})\s')


def _size_of_pnm(data: Bytes) -> int:
    """https://netpbm.sourceforge.net/doc/pnm.html."""
    head = _PNM_HEAD.match(data[:4096].tobytes())
    if not head:
        raise ValueError('it does not begin like one')
    size = int(head[2]) * int(head[3]) * (3 if head[1] in b'36' else 1)
    _check_all_there(size, data)
    return size


def _check_all_there(values: int, data: Bytes) -> None:
    """ValueError if there are not so many in a file that is not compressed, of a bit each at least."""
    if values > 8 * len(data):
        raise ValueError('its end is missing')


_SIZES: dict[str, Callable[[Any], int]] = {
    '.png': _size_of_png, '.jpg': _size_of_jpeg, '.tif': _size_of_tiff, '.bmp': _size_of_bmp, '.ppm': _size_of_pnm,
    '.pgm': _size_of_pnm}
