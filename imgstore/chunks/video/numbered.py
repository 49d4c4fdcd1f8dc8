"""Small images showing a number, and videos of them, for testing a backend."""

from __future__ import annotations

import os

import numpy as np

from ..base import Image

SAMPLES = os.path.join(os.path.dirname(__file__), 'samples')
NUMBERED_SHAPE = (64, 64, 3)
_BITS, _BLOCK = 5, 12


def numbered_image(number: int) -> Image:
    """Return a small colour image with a number below 32, in robust stripes."""
    plane = np.full(NUMBERED_SHAPE[:2], 128, np.uint8)
    draw_number(plane, number, _BLOCK, NUMBERED_SHAPE[0])
    return np.dstack([plane] * 3)


def draw_number(plane: Image, number: int, block: int, height: int = 0) -> None:
    """Draw a number below 32 at the top of a gray image, as blocks."""
    for bit in range(_BITS):
        plane[: height or block, block * bit : block * (bit + 1)] = 215 if number >> bit & 1 else 40


def decode_number(image: Image, block: int = _BLOCK) -> int:
    """Return the number in an image by `numbered_image` or `draw_number`."""
    plane = image[..., 1] if image.ndim == 3 else image
    inner, start = slice(block // 4, 3 * block // 4), block // 4
    middles = [plane[inner, block * bit + start : block * bit + 3 * start].mean() for bit in range(_BITS)]
    return sum(int(middle > 128) << bit for bit, middle in enumerate(middles))
