"""Images as files that keep every bit of them."""

from __future__ import annotations

import io

import cv2
import numpy as np

from .color import Image
from .errors import ImgStoreError, InvalidArgumentError

_EXACT_IN_PNG = (np.uint8, np.uint16)
_FAST = 1  # of PNG's 9 levels: half again as large as the slowest, and ten times as fast


def encode_lossless(image: Image, kind: str) -> bytes:
    """A file that keeps every bit of an image.

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
    return encoded('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, _FAST])


def fits_png(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether a PNG can hold such images, every bit of them."""
    return dtype in _EXACT_IN_PNG and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4)))


def encoded(extension: str, image: Image, options: list[int]) -> bytes:
    """Encode an image as the kind of file that an extension names, with OpenCV's options."""
    try:
        _, data = cv2.imencode(extension, image, options)
    except cv2.error as error:
        raise ImgStoreError(f'an image of shape {image.shape} and {image.dtype} cannot be encoded: {error}') from error
    return data.tobytes()
