"""Images of any dtype as files for a browser."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..._support.opencv_encode import encode_image
from ...color import Image
from ...contrast import IntensityScaler, scale_to_8_bit
from ...errors import InvalidArgumentError

MEDIA_TYPES = {'jpg': 'image/jpeg', 'png': 'image/png', 'npy': 'application/octet-stream'}
"""File types: JPEG for display, lossless PNG, and .npy for images outside PNG."""

BINS = 256
"""Parts of a histogram."""


@dataclass(frozen=True)
class Tone:
    """Shades chosen by the user.

    Attributes
    ----------
    black : float
        Value shown as black.
    white : float
        Value shown as white. Below `black`, the image is inverted.
    gamma : float
        Above 1, dark values are brightened.
    """

    black: float
    white: float
    gamma: float = 1.0

    def to_8_bit(self, image: Image) -> Image:
        """Return the shades of an image."""
        low, high = min(self.black, self.white), max(self.black, self.white)
        shades = scale_to_8_bit(image, low, high)
        if self.gamma == 1 and self.black <= self.white:
            return shades
        levels = np.arange(256) if self.black <= self.white else np.arange(255, -1, -1)
        table = np.round(255 * (levels / 255) ** (1 / self.gamma)).astype(np.uint8)
        changed: Image = table[shades]
        return changed


def histogram(image: Image, low: float, high: float) -> list[int]:
    """Count an image's finite values in `BINS` equal parts of a range.

    Values beyond it are in its first or last part.
    """
    values = shown_channels(image)
    finite = values[np.isfinite(values)] if values.dtype.kind == 'f' else values.ravel()
    scaled = (finite.astype(np.float64) - low) * (BINS / (high - low) if high > low else 0)
    counts = np.bincount(scaled.clip(0, BINS - 1).astype(np.int64), minlength=BINS)
    return [int(count) for count in counts]


def encode_preview(
    image: Image,
    shades: IntensityScaler,
    width: int | None,
    quality: int,
    stretch: bool,
    tone: Tone | None = None,
) -> bytes:
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
    tone : Tone, optional
        Shades to use instead.
    """
    picture = _smaller(shown_channels(image), width)
    levels = shades.to_8_bit(picture, stretch) if tone is None else tone.to_8_bit(picture)
    return encode_image('.jpg', levels, [cv2.IMWRITE_JPEG_QUALITY, quality]).tobytes()


def shown_channels(image: Image) -> Image:
    """Return the part of an image that is shown: gray, or BGR.

    Raises
    ------
    InvalidArgumentError
        The array is no image.
    """
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
