"""Frames that carry their index in their pixels, so that a wrong one is noticed after lossy coding too.

Needs numpy alone, and gives the same bytes with any numpy: it runs here and in the original's environment.
"""

from functools import lru_cache

import numpy as np

BITS = 12
BLOCK = 16  # pixels: one macroblock of the video codecs
ACROSS = 6  # blocks in a row
DARK, BRIGHT = 40, 210


def noise(index, shape):
    """Pseudo-random bytes, another set for every frame."""
    count = int(np.prod(shape))
    position = np.arange(count, dtype=np.uint64) + np.uint64(count * (index + 1))
    mixed = (position * np.uint64(0x9E3779B97F4A7C15)) ^ (position >> np.uint64(7))
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(40)) & np.uint64(0xFF)).astype(np.uint8).reshape(shape)


@lru_cache(maxsize=16)  # a test makes many frames of few shapes
def _gradients(shape):
    """Slanted gradients, each channel with another offset."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    channels = shape[2] if len(shape) == 3 else 1
    return np.dstack([2 * x + y + 50 * c for c in range(channels)]).reshape(shape)


def numbered(index, shape):
    """A uint8 frame of at least 96 x 32 pixels: slanted gradients, a little noise, and the index as blocks."""
    slopes = (_gradients(tuple(shape)) + 3 * index) % 150 + 50
    image = (slopes + noise(index, shape) // 16).astype(np.uint8)
    put_index(image, index)
    return image


def put_index(image, index):
    """Draw the index into the first 96 x 32 pixels, as blocks."""
    for bit in range(BITS):
        top, left = BLOCK * (bit // ACROSS), BLOCK * (bit % ACROSS)
        image[top : top + BLOCK, left : left + BLOCK] = BRIGHT if index >> bit & 1 else DARK


def index_in(image):
    """The index that `numbered` put there."""
    marked = np.asarray(image)[: BLOCK * BITS // ACROSS, : BLOCK * ACROSS]
    gray = marked.mean(axis=2) if marked.ndim == 3 else marked
    blocks = gray.reshape(BITS // ACROSS, BLOCK, ACROSS, BLOCK)[:, 4:-4, :, 4:-4].mean(axis=(1, 3))
    return sum(int(bright) << bit for bit, bright in enumerate(blocks.ravel() > (DARK + BRIGHT) / 2))
