"""Small images with a number in them, and videos of such, by which a backend shows what it can."""

from __future__ import annotations

import os

import numpy as np

from ..base import Image

SAMPLES = os.path.join(os.path.dirname(__file__), 'samples')
NUMBERED_SHAPE = (64, 64, 3)


def numbered_image(number: int) -> Image:
    """A small colour image with a number below 32 in it, as stripes that survive any encoder."""
    stripes = [[40, 215][number >> bit & 1] for bit in range(5)]
    row = np.repeat(np.array([*stripes, 128], np.uint8), 12)[:NUMBERED_SHAPE[1]]
    image = np.full(NUMBERED_SHAPE, 128, np.uint8)
    image[:, :len(row)] = row[None, :, None]
    return image


def decode_number(image: Image) -> int:
    """The number in a `numbered_image`."""
    return sum((int(image[32, 12 * bit + 6, 1]) > 128) << bit for bit in range(5))
