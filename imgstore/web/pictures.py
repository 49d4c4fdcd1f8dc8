"""Images of any dtype as files that a browser shows, or that keep every bit."""

from __future__ import annotations

import io
import threading

import cv2
import numpy as np

from ..color import Image
from ..errors import ImgStoreError, InvalidArgumentError

MEDIA_TYPES = {'jpg': 'image/jpeg', 'png': 'image/png', 'npy': 'application/octet-stream'}
"""Kinds of files: a JPEG to look at, a PNG without loss, and numpy's own for what PNG cannot hold."""

_EXACT_IN_PNG = (np.uint8, np.uint16)
_FAST = 1  # of PNG's 9 levels: half again as large as the slowest, and ten times as fast
_DARKEST, _BRIGHTEST = 0.5, 99.5  # percentiles


class Shades:
    """Brings values of any dtype to 8 bits, the least and largest seen so far becoming black and white."""

    def __init__(self) -> None:
        self._least, self._largest = np.inf, -np.inf
        self._lock = threading.Lock()

    def to_8_bit(self, image: Image, stretch: bool) -> Image:
        """Give uint8 as it is and any other dtype scaled; with `stretch` by what this image holds alone."""
        if image.dtype == np.uint8 and not stretch:
            return image
        values = image.astype(np.float32)
        finite = values[np.isfinite(values)]
        if stretch:
            low, high = np.percentile(finite[:: max(1, finite.size // 100_000)], (_DARKEST, _BRIGHTEST)) \
                if finite.size else (0.0, 0.0)
        else:
            low, high = self._widen(finite)
        scaled = (values - low) * (255 / (high - low) if high > low else 0)
        return np.nan_to_num(np.clip(scaled, 0, 255)).astype(np.uint8)

    def _widen(self, finite: Image) -> tuple[float, float]:
        with self._lock:
            if finite.size:
                self._least = min(self._least, float(finite.min()))
                self._largest = max(self._largest, float(finite.max()))
            return (self._least, self._largest) if self._least <= self._largest else (0.0, 0.0)


def to_show(image: Image, shades: Shades, width: int | None, quality: int, stretch: bool) -> bytes:
    """A JPEG of an image, no wider than `width`.

    Parameters
    ----------
    image : numpy.ndarray
        (h, w), or (h, w, channels): gray, BGR, BGRA; of others the first channel is shown.
    shades : Shades
    width : int, optional
        In pixels.
    quality : int
        1 to 100.
    stretch : bool
        Make the darkest and the brightest of this image black and white.
    """
    picture = _smaller(_gray_or_bgr(image), width)
    return _encoded('.jpg', shades.to_8_bit(picture, stretch), [cv2.IMWRITE_JPEG_QUALITY, quality])


def exact(image: Image, kind: str) -> bytes:
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
    if not has_png(image.shape, image.dtype):
        raise InvalidArgumentError(f'a PNG cannot hold an image of shape {image.shape} and {image.dtype}; take .npy')
    return _encoded('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, _FAST])


def has_png(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether a PNG can hold such images, every bit of them."""
    return dtype in _EXACT_IN_PNG and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4)))


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


def _encoded(extension: str, image: Image, options: list[int]) -> bytes:
    try:
        _, data = cv2.imencode(extension, image, options)
    except cv2.error as error:
        raise ImgStoreError(f'an image of shape {image.shape} and {image.dtype} cannot be encoded: {error}') from error
    return data.tobytes()
