"""Pixel formats of cameras as images of a store."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imgstore.color import decode_to_bgr
from imgstore.errors import InvalidArgumentError
from imgstore.formats import resolve_format
from imgstore.recording.pixel_formats import Conversion, image_of_bytes, pixel_layout

PATTERNS = {  # the colours of the first two rows and columns
    'RG': ((2, 1), (1, 0)),
    'BG': ((0, 1), (1, 2)),
    'GR': ((1, 2), (0, 1)),
    'GB': ((1, 0), (2, 1)),
}


def mosaic(pattern: str, color: tuple[int, int, int], dtype: str = 'uint8') -> np.ndarray:
    image = np.zeros((32, 48), dtype)
    for row, channels in enumerate(PATTERNS[pattern]):
        for column, channel in enumerate(channels):
            image[row::2, column::2] = color[channel]
    return image


@pytest.mark.parametrize('pattern', PATTERNS)
@pytest.mark.parametrize(('bits', 'dtype'), [('8', 'uint8'), ('12', 'uint16')])
def test_a_bayer_format_gives_its_colours(pattern: str, bits: str, dtype: str) -> None:
    layout = pixel_layout(f'Bayer{pattern}{bits}')
    assert (layout.dtype, layout.is_bayer) == (dtype, True)
    color = decode_to_bgr(mosaic(pattern, (20, 120, 220), dtype), layout.encoding)
    assert color[16, 24].tolist() == [20, 120, 220]


def test_lossless_images_stay_raw_and_videos_become_colour() -> None:
    raw = mosaic('RG', (20, 120, 220))
    png, video, jpg = (Conversion('BayerRG8', resolve_format(name)) for name in ('png', 'avc1/mp4', 'jpg'))
    assert png(raw) is raw
    assert png.encoding == 'cv_bayerbg'
    assert (video.encoding, jpg.encoding) == ('', '')
    assert video(raw)[16, 24].tolist() == [20, 120, 220]


@pytest.mark.parametrize(
    ('name', 'pixel'),
    [
        ('RGB8', (10, 20, 30)),
        ('RGB8Packed', (10, 20, 30)),
        ('RGB16Packed', (10, 20, 30)),
        ('BGR16', (30, 20, 10)),
        ('BGRA8Packed', (30, 20, 10, 255)),
        ('RGBa8', (10, 20, 30, 255)),
    ],
)
def test_colours_become_bgr(name: str, pixel: tuple[int, ...]) -> None:
    image = np.full((4, 6, len(pixel)), pixel, pixel_layout(name).dtype)
    converted = Conversion(name, resolve_format('npy'))(image)
    assert (converted[0, 0].tolist(), converted.dtype) == ([30, 20, 10], image.dtype)


def test_yuv_becomes_bgr() -> None:
    bgr = np.full((4, 6, 3), (40, 80, 160), np.uint8)
    y, u, v = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)[[0, 4, 5], 0]
    image = np.zeros((4, 6, 2), np.uint8)
    image[..., 0], image[:, ::2, 1], image[:, 1::2, 1] = y, u, v
    found = Conversion('YUV422_8', resolve_format('npy'))(image)
    assert np.abs(found.astype(int) - bgr).max() <= 3


@pytest.mark.parametrize(('name', 'dtype', 'channels'), [('Mono8', 'u1', 1), ('Mono12', 'u2', 1), ('RGB8', 'u1', 3)])
def test_a_buffer_becomes_an_image_without_its_padding(name: str, dtype: str, channels: int) -> None:
    padded = np.arange(5 * 32).astype(dtype).reshape(5, 32)
    image = image_of_bytes(padded.tobytes(), 5, 9, name)
    assert image.shape == ((5, 9) if channels == 1 else (5, 9, 3))
    assert np.array_equal(image.reshape(5, -1), padded[:, : 9 * channels])


def test_a_buffer_that_is_too_short_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match='too short'):
        image_of_bytes(bytes(10), 4, 4, 'Mono8')


@pytest.mark.parametrize('name', ['Mono14Packed', 'Mono1p', 'RGB10p', 'Coord3D_ABC32f', ''])
def test_an_unknown_format_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match='BayerRG8') as caught:
        pixel_layout(name)
    assert caught.value.argument == 'pixel_format'
