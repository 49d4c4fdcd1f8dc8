"""Detection of cut-off video files by the size their container states."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from typing import IO

from ..._support.regular_files import open_regular
from .container_checks import UNKNOWN_START, has_known_start

_CUT_OFF = 'it is cut off; its container says that it is longer'
_NO_TABLE = 'it is cut off; it lacks the table of its frames (moov)'
_START = 16  # bytes
_UNKNOWN_RIFF = (0, 2**32 - 1)  # written if a file cannot be rewound
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_TAIL = 2**16  # bytes, the maximum of an Ogg page
_ASF_FILE_PROPERTIES = bytes.fromhex('a1dcab8c47a9cf118ee400c00c205365')
_ASF_BROADCAST = 1
_MXF_HEADER = bytes.fromhex('060e2b34020501010d01020101')


def is_cut_off(path: str) -> bool:
    """Return whether a video of a known container is cut off.

    These are AVI, MP4, QuickTime, Matroska, WebM, MPEG-TS, Flash, Ogg, ASF and GIF.

    False if the container does not state its size, as after writing to a pipe.
    """
    try:
        with open(path, 'rb') as file:
            begin = file.read(_TAIL)
            size = os.fstat(file.fileno()).st_size
            check = next((check for fits, check in _CHECKS if fits(begin)), None)
            return check is not None and check(file, begin, size)
    except (OSError, struct.error):
        return False


def structure_fault(path: str) -> str:
    """Describe what a video lacks by its size and structure, or return ''.

    Its start and a few headers are read, and no frame.
    """
    try:
        with open_regular(path, buffering=0) as file:
            begin, size = file.read(_START), os.fstat(file.fileno()).st_size
            if not size:
                return 'it is empty'
            if not has_known_start(begin):
                return UNKNOWN_START
            return _fault(file, begin, size)
    except OSError as error:
        return f'it cannot be read: {error.strerror or error}'


def _fault(file: IO[bytes], begin: bytes, size: int) -> str:
    check = next((check for fits, check in _CHECKS if fits(begin)), _boxes)
    if check is not _boxes:
        return _CUT_OFF if check(file, begin, size) else ''
    boxes = list(_top_boxes(file, size))
    if boxes and boxes[-1][1] > size:
        return _CUT_OFF
    return '' if any(name == b'moov' for name, _ in boxes) else _NO_TABLE


def _riff(file: IO[bytes], begin: bytes, size: int) -> bool:
    place = 0
    while head := _at(file, place, 8):
        length = int.from_bytes(head[4:], 'little')
        if head[:4] != b'RIFF' or length in _UNKNOWN_RIFF:
            return False
        place += 8 + length + length % 2
        if place - length % 2 > size:
            return True
    return False


def _boxes(file: IO[bytes], begin: bytes, size: int) -> bool:
    return any(end > size for _, end in _top_boxes(file, size))


def _top_boxes(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Yield name and end of each outer box; the last may end after the file."""
    place = 0
    while head := _at(file, place, 16):
        length = int.from_bytes(head[:4], 'big')
        length = int.from_bytes(head[8:], 'big') if length == 1 else length
        is_last = length == 0 or not head.strip(b'\0')  # it extends to the end; or padding with zeros
        end = size if is_last else place + length
        if length < 8 and not is_last and end <= size:  # no box
            return
        yield head[4:8], end
        if is_last or end > size:
            return
        place = end


def _elements(file: IO[bytes], begin: bytes, size: int) -> bool:
    """Check Matroska: enter elements of unknown length, skip others."""
    place = 0
    while head := _at(file, place, 12):
        kind, used = ebml_number(head, keep_mark=True)
        length, more = ebml_number(head[used:], keep_mark=False)
        if not used or not more:
            return len(head) < 12
        place += used + more
        if length < 0 and kind in (_SEGMENT, _CLUSTER):
            continue
        place += max(length, 0)
        if length < 0 or place > size:
            return place > size
    return False


def ebml_number(data: bytes, keep_mark: bool) -> tuple[int, int]:
    """Read an EBML number and its length in bytes (0 if invalid).

    -1 is the unknown length.
    """
    length = 9 - data[0].bit_length() if data else 9
    if length > min(8, len(data)):
        return 0, 0
    value = int.from_bytes(data[:length], 'big')
    bare = value & (1 << 7 * length) - 1
    if keep_mark:
        return value, length
    return (-1 if bare == (1 << 7 * length) - 1 else bare), length


def _transport(file: IO[bytes], begin: bytes, size: int) -> bool:
    return size % _transport_packet(begin) != 0


def _transport_packet(begin: bytes) -> int:
    """Return the packet length of MPEG-TS of any kind; 0 for other files.

    The kinds are MPEG-TS, M2TS and MPEG-TS with error correction.
    """
    for length, first in ((188, 0), (192, 4), (204, 0)):
        marks = begin[first : first + 8 * length : length]
        if len(marks) >= min(3, len(begin) // length) > 0 and set(marks) == {0x47}:
            return length
    return 0


def _flash(file: IO[bytes], begin: bytes, size: int) -> bool:
    """Check by the file size in the metadata."""
    place = begin.find(b'filesize\0')
    if place < 0:
        return False
    (told,) = struct.unpack_from('>d', begin, place + len(b'filesize\0'))
    return bool(size < told)


def _ogg(file: IO[bytes], begin: bytes, size: int) -> bool:
    tail = _at(file, max(0, size - 2 * _TAIL), 2 * _TAIL)
    place = tail.rfind(b'OggS\0')
    if place < 0 or len(tail) < place + 27:
        return True
    sizes = tail[place + 27 : place + 27 + tail[place + 26]]
    is_last = bool(tail[place + 5] & 4)
    return not is_last or place + 27 + len(sizes) + sum(sizes) > len(tail)


def _asf(file: IO[bytes], begin: bytes, size: int) -> bool:
    place = begin.find(_ASF_FILE_PROPERTIES)
    if place < 0 or len(begin) < place + 92:
        return False
    (told,) = struct.unpack_from('<Q', begin, place + 40)
    (flags,) = struct.unpack_from('<I', begin, place + 88)
    return not flags & _ASF_BROADCAST and size < told


def _mxf(file: IO[bytes], begin: bytes, size: int) -> bool:
    """Check by the position of the footer in the header."""
    place = begin.find(_MXF_HEADER)
    length = begin[place + 16 : place + 17]
    value = place + 17 + (length[0] & 0x7F if length and length[0] & 0x80 else 0)
    (footer,) = struct.unpack_from('>Q', begin, value + 24)
    return bool(footer >= size)


def _gif(file: IO[bytes], begin: bytes, size: int) -> bool:
    return b';' not in _at(file, max(0, size - 16), 16)


def _at(file: IO[bytes], place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)


_BOXES = (b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide', b'styp', b'moof')
_CHECKS: tuple[tuple[Callable[[bytes], bool], Callable[[IO[bytes], bytes, int], bool]], ...] = (
    (lambda begin: begin[:4] == b'RIFF', _riff),
    (lambda begin: begin[4:8] in _BOXES, _boxes),
    (lambda begin: begin[:4] == b'\x1aE\xdf\xa3', _elements),
    (lambda begin: begin[:3] == b'FLV', _flash),
    (lambda begin: begin[:4] == b'OggS', _ogg),
    (lambda begin: begin[:4] == b'0&\xb2u', _asf),
    (lambda begin: begin[:4] == b'GIF8', _gif),
    (lambda begin: begin[:13] == _MXF_HEADER, _mxf),
    (lambda begin: _transport_packet(begin) > 0, _transport),
)
