"""Gray values of luma, the same as by way of BGR, whichever way is the fastest."""

import itertools

import av
import numpy as np
import pytest

from imgstore.chunks.video.pixels import FrameConverter, _gray_levels
from imgstore.color import ensure_grayscale

FORMATS = [f'yuv{full}{sampling}p' for full in ('', 'j') for sampling in ('420', '422', '444')]
RANGES, SPACES = (0, 1, 2), (1, 2, 5)


def frame_of(luma, pixel_format, color_range, colorspace):
    frame = av.VideoFrame(luma.shape[1], luma.shape[0], pixel_format)
    frame.color_range, frame.colorspace = color_range, colorspace
    for plane, fill in zip(frame.planes, (luma, None, None), strict=True):
        rows = np.full((plane.height, plane.line_size), 128, np.uint8)
        if fill is not None:
            rows[:, : plane.width] = fill
        plane.update(rows.tobytes())
    return frame


@pytest.mark.parametrize('pixel_format', FORMATS)
def test_every_luma_has_the_gray_value_by_way_of_bgr(pixel_format):
    luma = np.random.default_rng(0).integers(0, 256, (34, 258), np.uint8)
    luma[0, :256] = np.arange(256)
    for color_range, colorspace in itertools.product(RANGES, SPACES):
        frame = frame_of(luma, pixel_format, color_range, colorspace)
        by_way_of_bgr = ensure_grayscale(FrameConverter(color=True).to_array(frame))
        np.testing.assert_array_equal(FrameConverter(color=False).to_array(frame), by_way_of_bgr)


@pytest.mark.parametrize('width', [*range(1, 34), 63, 65, 641])
def test_line_and_table_are_the_same_at_any_width(width):
    """OpenCV computes the last pixels of a row in another way than those before."""
    luma = np.random.default_rng(width).integers(0, 256, (256, width + 3), np.uint8)[:, 3:]
    luma[:, -1] = np.arange(256)
    for pixel_format in FORMATS:
        levels = _gray_levels(pixel_format, 1, 5)
        gray = np.empty(luma.shape, np.uint8)
        levels.apply(luma, gray)
        np.testing.assert_array_equal(gray, levels.table[luma])
        assert levels.slope


def test_levels_on_no_line_are_looked_up():
    levels = _gray_levels('yuv420p', 1, 5)
    bent = levels.table.copy()
    bent[100] += 3
    luma, gray = np.arange(256, dtype=np.uint8).reshape(16, 16), np.empty((16, 16), np.uint8)
    levels._replace(table=bent, slope=0).apply(luma, gray)
    np.testing.assert_array_equal(gray.ravel(), bent)
