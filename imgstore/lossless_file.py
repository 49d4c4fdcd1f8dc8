"""Encoding of images as lossless files."""

from __future__ import annotations

import io

import cv2
import numpy as np

from ._support.opencv_encode import encode_image
from .color import Image
from .errors import InvalidArgumentError

_EXACT_IN_PNG = (np.uint8, np.uint16)
_FAST = 1  # of PNG's 9 levels: files 1.5 times as large as with the slowest, in a tenth of the time


def encode_lossless(image: Image, kind: str) -> bytes:
    """Encode an image losslessly as a file.

    Raises
    ------
    InvalidArgumentError
        The kind of file cannot.
    """
    if kind == 'npy':
        file = io.BytesIO()
        np.save(file, image, allow_pickle=False)
        return file.getvalue()
    if not fits_png(image.shape, image.dtype):
        raise InvalidArgumentError(f'a PNG cannot hold an image of shape {image.shape} and {image.dtype}; take .npy')
    return encode_image('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, _FAST]).tobytes()


def fits_png(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> bool:
    """Return whether a PNG can hold such images losslessly."""
    return dtype in _EXACT_IN_PNG and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4)))
