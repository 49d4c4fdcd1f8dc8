"""Conversion of PyAV frames to the same images as by OpenCV."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ..._support.buffer_pool import RefcountedBufferPool
from ...color import ensure_grayscale
from ...errors import FrameReadError
from ..base import Image
from .filter_graphs import MOST_IMAGES, Converter

_DEEP_GRAY = frozenset(f'gray{bits}le' for bits in (10, 12, 14, 16))
_LUMA_FIRST = frozenset(f'yuv{j}{sampling}p' for j in ('', 'j') for sampling in ('420', '422', '444'))
_NEUTRAL = (126, 130)
"""Chroma in this range keeps all colours within 0…255, so the gray value depends only on luma."""


class FrameConverter:
    """Converter of a video's frames to images, in reused memory. Thread-safe.

    Parameters
    ----------
    color : bool
        True: images of shape (h, w, 3) in BGR, with OpenCV's interpolation of colours. False: gray.
    dtype : str
        dtype of the images: 'uint8', or 'uint16' for gray ones.
    """

    def __init__(self, color: bool, dtype: str = 'uint8') -> None:
        self._color, self._is_deep = color, dtype == 'uint16'
        self._lent, self._converter = RefcountedBufferPool(MOST_IMAGES), Converter()

    def to_array(self, frame: Any) -> Image:
        """Convert a PyAV frame to an image."""
        if self._is_deep:
            return self._deep_gray(frame)
        return self._bgr(frame) if self._color else self._gray(frame)

    def _deep_gray(self, frame: Any) -> Image:
        """Copy values of 16 bits; FrameReadError for a frame with others."""
        name = frame.format.name
        if name not in _DEEP_GRAY:
            raise FrameReadError(f'a frame has pixel format {name}; the store has images of uint16')
        values = _rows(frame.planes[0]).view('<u2')[: frame.height, : frame.width]
        image: Image = values.astype(np.uint16)
        return image

    def _copied(self, frame: Any) -> Image:
        image = self._lent.empty((frame.height, frame.width))
        np.copyto(image, _plane(frame.planes[0]))
        return image

    def _without_fourth(self, frame: Any) -> Image:
        """Convert pixels of four bytes, of which the last means nothing."""
        image = self._lent.empty((frame.height, frame.width, 3))
        pixels = _rows(frame.planes[0])[:, : 4 * frame.width].reshape(frame.height, frame.width, 4)
        cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR, image)
        return image

    def _bgr(self, frame: Any) -> Image:
        if frame.format.name == 'bgr0':
            return self._without_fourth(frame)
        plane = self._converter.convert(frame)
        rows = _rows(plane)[: frame.height, : 3 * frame.width]
        own = plane.buffer_ptr != frame.planes[0].buffer_ptr  # otherwise the caller would write into a cached frame
        image = rows if own and rows.flags.c_contiguous else self._lent.empty(rows.shape)
        if image is not rows:
            np.copyto(image, rows)
        return image.reshape(frame.height, frame.width, 3)

    def close(self) -> None:
        """Free the memory of unused images."""
        self._converter.close()

    def _gray(self, frame: Any) -> Image:
        """Convert to gray as by way of BGR; the luma plane usually suffices."""
        name = frame.format.name
        if name == 'gray':
            return self._copied(frame)
        if name in _LUMA_FIRST and has_neutral_chroma(frame):
            levels = _gray_levels(name, int(frame.color_range), int(frame.colorspace))
            gray = self._lent.empty((frame.height, frame.width))
            levels.apply(_plane(frame.planes[0]), gray)
            return gray
        return ensure_grayscale(self._bgr(frame))


def has_neutral_chroma(frame: Any) -> bool:
    """Return whether a PyAV frame is gray."""
    return frame.format.name == 'gray' or (
        frame.format.name in _LUMA_FIRST and all(_is_neutral(_plane(plane)) for plane in frame.planes[1:])
    )


def _plane(plane: Any) -> Image:
    return _rows(plane)[: plane.height, : plane.width]


def _rows(plane: Any) -> Image:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)


def _is_neutral(chroma: Image) -> bool:
    smallest, largest, *_ = cv2.minMaxLoc(chroma)  # a fifth of the time of numpy
    return bool(smallest >= _NEUTRAL[0] and largest <= _NEUTRAL[1])


class _GrayLevels(NamedTuple):
    """Gray value of each luma value, as a table and, if one fits, as a line.

    The line takes half of the time of the table for small images. Slope 1 is no change, 0 no line.
    """

    table: npt.NDArray[np.uint8]
    slope: float
    offset: float

    def apply(self, luma: Image, gray: Image) -> None:
        """Write the gray values of an image."""
        if self.slope == 1:
            np.copyto(gray, luma)
        elif self.slope:
            cv2.addWeighted(luma, self.slope, luma, 0, self.offset, gray)
        else:
            cv2.LUT(luma, self.table, gray)

    def applied(self) -> npt.NDArray[np.uint8]:
        """Return the gray values of all luma values."""
        gray = np.empty(256, np.uint8)
        self.apply(np.arange(256, dtype=np.uint8).reshape(1, -1), gray.reshape(1, -1))
        return gray


@lru_cache
def _gray_levels(pixel_format: str, color_range: int, colorspace: int) -> _GrayLevels:
    table = _table_by_bgr(pixel_format, color_range, colorspace)
    for slope in (1.0, 255 / 219):
        exact = np.arange(256) * slope
        inside = (table > 0) & (table < 255)
        least, most = (table - 0.5 - exact)[inside].max(), (table + 0.5 - exact)[inside].min()
        levels = _GrayLevels(table, slope, float(least + most) / 2)
        if least < most and np.array_equal(levels.applied(), table):
            return levels
    return _GrayLevels(table, 0, 0)


def _table_by_bgr(pixel_format: str, color_range: int, colorspace: int) -> npt.NDArray[np.uint8]:
    """Return the gray value of each luma value, by way of BGR."""
    import av

    ramp = np.full((2 * 3, 256), 128, np.uint8)
    ramp[:2] = np.arange(256)
    frame: Any = av.VideoFrame(256, 2, pixel_format)
    frame.color_range, frame.colorspace = color_range, colorspace
    for plane, value in zip(frame.planes, (ramp[:2], ramp[2:], ramp[2:]), strict=True):
        rows = np.full((plane.height, plane.line_size), 128, np.uint8)
        rows[:, : plane.width] = value[: plane.height, : plane.width]
        plane.update(rows)
    # PyAV 19 keeps a converter per thread; a forked child would free it and wait for its threads forever
    return np.ascontiguousarray(frame.to_ndarray(format='bgr24', threads=1)[0, :, 1])
