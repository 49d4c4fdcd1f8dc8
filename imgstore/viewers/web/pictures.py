"""Images of any dtype as files that a browser shows."""

from __future__ import annotations

import cv2
import numpy as np

from ..._support.opencv_encode import encode_image
from ...color import Image
from ...contrast import IntensityScaler
from ...errors import InvalidArgumentError

MEDIA_TYPES = {'jpg': 'image/jpeg', 'png': 'image/png', 'npy': 'application/octet-stream'}
"""Kinds of files: a JPEG to look at, a PNG without loss, and numpy's own for what PNG cannot hold."""


def encode_preview(image: Image, shades: IntensityScaler, width: int | None, quality: int, stretch: bool) -> bytes:
    """A JPEG of an image, no wider than `width`.

    Parameters
    ----------
    image : numpy.ndarray
        (h, w), or (h, w, channels): gray, BGR, BGRA; of others the first channel is shown.
    shades : IntensityScaler
    width : int, optional
        In pixels.
    quality : int
        1 to 100.
    stretch : bool
        Make the darkest and the brightest of this image black and white.
    """
    picture = _smaller(_gray_or_bgr(image), width)
    return encode_image('.jpg', shades.to_8_bit(picture, stretch), [cv2.IMWRITE_JPEG_QUALITY, quality]).tobytes()


def _gray_or_bgr(image: Image) -> Image:
    if image.ndim == 2:
        return image
    if image.ndim == 3 and image.shape[2] >= 1:
        return np.ascontiguousarray(image[..., :3] if image.shape[2] in (3, 4) else image[..., 0])
    raise InvalidArgumentError(f'an image of shape {image.shape} cannot be shown')


def _smaller(image: Image, width: int | None) -> Image:
    height, own = image.shape[:2]
    if width is None or width >= own or image.dtype not in (np.uint8, np.uint16, np.float32):
        return image
    size = width, max(1, round(height * width / own))
    smaller: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return smaller
