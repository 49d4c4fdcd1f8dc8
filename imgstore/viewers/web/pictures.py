"""Images of any dtype as files for a browser."""

from __future__ import annotations

import cv2
import numpy as np

from ..._support.opencv_encode import encode_image
from ...color import Image
from ...contrast import IntensityScaler
from ...errors import InvalidArgumentError

MEDIA_TYPES = {'jpg': 'image/jpeg', 'png': 'image/png', 'npy': 'application/octet-stream'}
"""File types: JPEG for display, lossless PNG, and .npy for images outside PNG."""


def encode_preview(image: Image, shades: IntensityScaler, width: int | None, quality: int, stretch: bool) -> bytes:
    """Encode an image as JPEG, no wider than `width`.

    Parameters
    ----------
    image : numpy.ndarray
        (h, w), or (h, w, channels): gray, BGR, BGRA. Otherwise the first channel is shown.
    shades : IntensityScaler
    width : int, optional
        Largest width in pixels.
    quality : int
        JPEG quality, 1 to 100.
    stretch : bool
        Stretch from the darkest to the brightest value of this image.
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
