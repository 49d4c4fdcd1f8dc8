"""Conversion of images to PyAV frames, more exactly than by swscale."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..._support.buffer_pool import RefcountedBufferPool
from ..._support.cpu import THREADS
from ..base import Image

GRAY, FULL_SIZE = 'gray', 'yuv444p'
"""Pixel formats without colour, and with colour of full height and width."""

_MOST_PLANES = 8 * THREADS  # arrays for reuse, for frames in work and for intermediate steps
# Full range to limited range by ITU-R BT.601
_LUMA = np.rint(16 + np.arange(256) * 219 / 255).astype(np.uint8)
_CHROMA = np.rint(128 + (np.arange(256) - 128) * 224 / 255).astype(np.uint8)


class Planes:
    """Converter of images of one size to one pixel format. Thread-safe.

    Parameters
    ----------
    pixel_format : str
        yuv420p, yuvj420p, yuv444p or gray, or another gray one for values of 16 bits. 'yuvj' and gray have full range.
    height : int
        Height in pixels.
    width : int
        Width in pixels.
    """

    def __init__(self, pixel_format: str, height: int, width: int) -> None:
        self._format, self._height, self._width = pixel_format, height, width
        self._lent = RefcountedBufferPool(_MOST_PLANES)

    def frame(self, image: Image) -> Any:
        """Convert an image to a PyAV frame.

        A gray one is not copied: do not change the image until the frame is encoded.
        """
        image = np.ascontiguousarray(image)
        if self._format.startswith(GRAY):
            return _in_place(image, self._format)
        return self._full_size(image) if self._format == FULL_SIZE else self._half_size(image)

    def _copied(self, planes: Image) -> Any:
        import av

        return av.VideoFrame.from_ndarray(planes, format=self._format)

    def _half_size(self, image: Image) -> Any:
        """Convert to colour of half the height and width."""
        planes = self._lent.empty((self._height * 3 // 2, self._width))
        luma = planes[: self._height]
        chroma = planes[self._height :].reshape(2, self._height // 2, self._width // 2)
        if image.ndim == 3:
            self._fill_chroma(chroma, image)
            cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, luma)
        else:
            luma[:], chroma[:] = image, 128
        self._into_range(luma, _LUMA)
        if self._height % 4:  # PyAV 18 rounds it down unless it copies
            return self._copied(planes)
        return _in_place(planes, self._format)

    def _fill_chroma(self, planes: Image, image: Image) -> None:
        """Compute Cb and Cr from the mean of each four pixels."""
        height, width = planes.shape[1:]
        small, converted = (self._lent.empty((height, width, 3)) for _ in range(2))
        cv2.resize(image, (width, height), small, interpolation=cv2.INTER_AREA)
        cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb, converted)
        cv2.split(converted, (self._lent.empty((height, width)), planes[1], planes[0]))
        self._into_range(planes.reshape(-1, width), _CHROMA)

    def _full_size(self, image: Image) -> Any:
        planes = self._lent.empty((3, self._height, self._width))
        if image.ndim == 3:
            luma, cr, cb = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb))
            planes[:] = luma, cb, cr
        else:
            planes[0], planes[1:] = image, 128
        self._into_range(planes[0], _LUMA)
        self._into_range(planes[1:].reshape(-1, self._width), _CHROMA)
        return self._copied(planes)

    def _into_range(self, values: Image, levels: npt.NDArray[np.uint8]) -> None:
        """Convert full range in place to the pixel format's."""
        if 'j' not in self._format:
            cv2.LUT(values, levels, values)


def _in_place(planes: Image, pixel_format: str) -> Any:
    """Return a PyAV frame in the memory of an array.

    A new frame costs a tenth of encoding it as FFV1, by the first use of its memory.
    """
    import av

    return av.VideoFrame.from_numpy_buffer(planes, format=pixel_format)
