"""A file is called cut off only where its container states a size, and has less."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from imgstore.chunks.video.cut_off import is_cut_off

EBML = bytes.fromhex('1a45dfa3')
ASF = b'0&\xb2u' + bytes(20) + bytes.fromhex('a1dcab8c47a9cf118ee400c00c205365')
OGG = struct.Struct('<4sBBqIIIB')


def riff(stated: int, size: int) -> bytes:
    return b'RIFF' + struct.pack('<I', stated) + b'AVI ' + bytes(size - 12)


def box(stated: int, size: int, name: bytes = b'mdat') -> bytes:
    return struct.pack('>I4s', stated, name) + bytes(size - 8)


def ogg(flags: int, stated: int, size: int) -> bytes:
    return OGG.pack(b'OggS', 0, flags, 0, 0, 0, 0, 1) + bytes([stated]) + bytes(size)


def asf(stated: int, flags: int, size: int = 200) -> bytes:
    start = ASF + bytes(24) + struct.pack('<Q', stated) + bytes(40) + struct.pack('<I', flags)
    return start + bytes(size - len(start))


WHOLE = {
    'riff': riff(92, 100),
    'riff of a pipe': riff(0, 100),
    'riff of a pipe, in FFmpeg': riff(2**32 - 1, 100),
    'riff, then other bytes': riff(92, 100) + b'notes of somebody',
    'box': box(100, 100),
    'box to the end of the file': box(20, 20, b'ftyp') + box(0, 50),
    'box, then zeros': box(20, 20, b'ftyp') + bytes(40),
    'box of a length that is none': box(20, 20, b'ftyp') + box(3, 50),
    'ebml': EBML + b'\x84abcd',
    'ebml, then no element': EBML + b'\x84abcd' + bytes(20),
    'flash that states nothing': b'FLV\1\5' + bytes(50),
    'ogg': ogg(4, 50, 50),
    'asf': asf(200, 0),
    'asf of a broadcast': asf(0, 1),
    'asf that states nothing': b'0&\xb2u' + bytes(100),
    'asf whose properties are incomplete': ASF,
    'gif': b'GIF89a' + bytes(20) + b';',
    'something else': b'hello' * 20,
    'nothing': b'',
}
CUT_OFF = {
    'riff': riff(93, 100),
    'box': box(101, 100),
    'ebml': EBML + b'\x84abc',
    'ebml, in the head of an element': EBML + b'\x84abcd\x1f\x43',
    'flash': b'FLV\1\5' + b'filesize\0' + struct.pack('>d', 1000),
    'ogg': ogg(4, 50, 49),
    'ogg without its last page': ogg(0, 50, 50),
    'ogg, in the head of a page': b'OggS\0' + bytes(10),
    'ogg without a page': b'OggS\1' + bytes(100),
    'asf': asf(201, 0),
    'gif': b'GIF89a' + bytes(20),
}


@pytest.mark.parametrize('name', WHOLE)
def test_a_file_as_long_as_it_says_is_not_cut_off(tmp_path: Path, name: str) -> None:
    (tmp_path / 'film').write_bytes(WHOLE[name])
    assert not is_cut_off(str(tmp_path / 'film'))


@pytest.mark.parametrize('name', CUT_OFF)
def test_a_file_shorter_than_it_says_is_cut_off(tmp_path: Path, name: str) -> None:
    (tmp_path / 'film').write_bytes(CUT_OFF[name])
    assert is_cut_off(str(tmp_path / 'film'))


def test_a_file_that_cannot_be_read_is_not_called_cut_off(tmp_path: Path) -> None:
    """Another part says why."""
    assert not is_cut_off(str(tmp_path / 'missing'))
