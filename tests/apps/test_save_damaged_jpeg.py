"""imgstore-save of damaged JPEGs: holes in their coded data are seen, and no valid one is taken for damaged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from imgstore.sources.jpeg import JpegCheck
from imgstore.sources.quiet import Overheard

from ..helpers.damaged_films import COUNT, KINDS, make_film, picture, places, saved

Image = np.ndarray[Any, Any]
QUALITY, RESTART = cv2.IMWRITE_JPEG_QUALITY, cv2.IMWRITE_JPEG_RST_INTERVAL
USUAL = [QUALITY, 90]
OPTIONS = {
    'usual': USUAL,
    'best': [QUALITY, 100],
    'poor': [QUALITY, 20],
    'restarts': [*USUAL, RESTART, 3],
    'restart of one': [*USUAL, RESTART, 1],
    'progressive': [*USUAL, cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    'optimal': [*USUAL, cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    'poor and optimal': [QUALITY, 5, cv2.IMWRITE_JPEG_OPTIMIZE, 1],
}
IMAGES = {
    'gray': picture(1),
    'colour': cv2.merge([picture(1), picture(9), picture(20)]),
    'black': np.zeros((96, 128), np.uint8),
    'white': np.full((96, 128, 3), 255, np.uint8),
    'odd': picture(3)[:37, :51],
    'noise': np.random.default_rng(1).integers(0, 256, (96, 128, 3)).astype(np.uint8),
}
END = b'\xff\xd9'
PADDINGS = {
    'zeros behind the end': lambda data: data + bytes(5000),
    'anything behind the end': lambda data: data + b'\1\2\xff\xd8x',
    'ones before the end': lambda data: data[:-2] + b'\xff' * 9 + END,
    'zeros before the end': lambda data: data[:-2] + bytes(600) + END,
    'a few bytes before the end': lambda data: data[:-2] + b'\x12\x34\x56\x78' + END,
    'no end': lambda data: data[:-2],
    'no end but zeros': lambda data: data[:-2] + bytes(100),
    'always much too much': lambda data: data[:-2] + b'\x12\x34\x56\x78' * 30 + END,
}


def encoded(image: Image, options: list[int]) -> bytes:
    return cv2.imencode('.jpg', image, options)[1].tobytes()


def with_hole(data: bytes, begin: int, length: int) -> bytes:
    return data[:begin] + bytes(length) + data[begin + length :]


@pytest.mark.parametrize('image', IMAGES)
@pytest.mark.parametrize('kind', OPTIONS)
def test_a_valid_jpeg_is_not_damaged(kind: str, image: str) -> None:
    data = encoded(IMAGES[image], OPTIONS[kind])
    with JpegCheck() as check:
        assert check.why(data) is None


@pytest.mark.parametrize('kind', PADDINGS)
@pytest.mark.parametrize('sampled', [True, False])
def test_what_an_encoder_puts_around_each_image_is_no_damage(kind: str, sampled: bool) -> None:
    images = [PADDINGS[kind](encoded(picture(number), USUAL)) for number in range(12)]
    with JpegCheck(images[:8] if sampled else ()) as check:
        assert not any(check.is_damaged(data) for data in images)


def test_tables_that_are_everywhere_the_same_may_be_missing() -> None:
    data = encoded(IMAGES['colour'], USUAL)
    begin, end = data.index(b'\xff\xc4'), data.index(b'\xff\xda')
    with JpegCheck() as check:
        assert check.why(data[:begin] + data[end:]) is None
        assert check.why(with_hole(data[:begin] + data[end:], begin + 700, 64))


@pytest.mark.parametrize('kind', ['usual', 'best', 'restarts', 'restart of one', 'optimal'])
def test_a_hole_of_zeros_in_the_coded_data_is_damage(kind: str) -> None:
    data = encoded(IMAGES['colour'], OPTIONS[kind])
    begin = data.index(b'\xff\xda')
    with JpegCheck() as check:
        for share, length in ((0.2, 32), (0.5, 100), (0.6, 500)):
            assert check.why(with_hole(data, begin + int(share * (len(data) - begin)), min(length, len(data) // 5)))


def test_stderr_of_other_threads_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    """What other threads write to standard error in the meantime is passed on."""
    overheard = Overheard()
    told = overheard.call(lambda: os.write(2, b'of another thread\nCorrupt JPEG data: bad Huffman code\n'))[1]
    overheard.close()
    assert told.endswith(b'Huffman code\n')
    assert capfd.readouterr().err == 'of another thread\n'


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize('options', ['-c:v mjpeg -q:v 3', '-c:v mjpeg -q:v 2 -huffman default'])
@pytest.mark.parametrize('name', ['f.avi', 'f.mov', 'f.mkv'])
def test_holes_in_motion_jpeg_are_reported(
    name: str, options: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Holes in Motion JPEG are reported, and the numbers of those frames stay unused."""
    found = places(make_film(tmp_path / name, options))
    data = bytearray((tmp_path / name).read_bytes())
    for number, length in ((0, 40), (7, 64), (20, 512), (39, 1000)):
        begin = found[number][0] + found[number][1] * 4 // 10
        data[begin : begin + length] = bytes(length)
    (tmp_path / name).write_bytes(data)
    assert set(range(COUNT)) - set(saved(tmp_path / name, 1)) == {0, 7, 20, 39}
    assert 'frames 0, 7, 20, 39 cannot be read' in capsys.readouterr().err


@pytest.mark.process
def test_an_end_mark_that_is_missing_once_is_damage(tmp_path: Path) -> None:
    place, size = places(make_film(tmp_path / 'f.avi', KINDS['mjpeg.avi']))[12]
    data = bytearray((tmp_path / 'f.avi').read_bytes())
    begin = data.rindex(END, place, place + size)
    data[begin : begin + 2] = bytes(2)
    (tmp_path / 'f.avi').write_bytes(data)
    assert set(range(COUNT)) - set(saved(tmp_path / 'f.avi', 1)) == {12}
