"""The pixel formats of cameras, and what a store makes of them."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from ..color import Image, decode_to_bgr
from ..errors import InvalidArgumentError
from ..formats import Format

_MONO = re.compile(r'Mono(8|10|12|14|16)')
_BAYER = re.compile(r'Bayer(RG|BG|GR|GB)(8|10|12|14|16)')
_CODES = {'RG': 'cv_bayerbg', 'BG': 'cv_bayerrg', 'GR': 'cv_bayergb', 'GB': 'cv_bayergr'}
"""OpenCV names a Bayer pattern by its second row, cameras by the first."""

_COLORS = {
    'BGR8': ('uint8', 3, ''),
    'BGR8Packed': ('uint8', 3, ''),
    'BGR16': ('uint16', 3, ''),
    'RGB8': ('uint8', 3, 'cv_rgb'),
    'RGB8Packed': ('uint8', 3, 'cv_rgb'),
    'RGB16': ('uint16', 3, 'cv_rgb'),
    'RGB16Packed': ('uint16', 3, 'cv_rgb'),
    'BGRa8': ('uint8', 4, 'cv_bgra'),
    'BGRA8Packed': ('uint8', 4, 'cv_bgra'),
    'RGBa8': ('uint8', 4, 'cv_rgba'),
    'YUV422_8': ('uint8', 2, 'cv_yuv_yuyv'),
    'YUV422_YUYV_Packed': ('uint8', 2, 'cv_yuv_yuyv'),
    'YCbCr422_8': ('uint8', 2, 'cv_yuv_yuyv'),
    'YUV422_8_UYVY': ('uint8', 2, 'cv_yuv_uyvy'),
    'YUV422Packed': ('uint8', 2, 'cv_yuv_uyvy'),
}


class PixelLayout(NamedTuple):
    """How the pixels of a camera lie in memory.

    Attributes
    ----------
    dtype : str
        dtype of a value, as numpy names it.
    channels : int
        Values of a pixel.
    encoding : str
        The conversion to BGR; '' for gray and BGR.
    """

    dtype: str
    channels: int
    encoding: str

    @property
    def is_bayer(self) -> bool:
        """Whether each pixel has one of the three colours."""
        return self.channels == 1 and bool(self.encoding)


def pixel_layout(pixel_format: str) -> PixelLayout:
    """Return the layout of a pixel format of GenICam.

    Raises
    ------
    InvalidArgumentError
        It is not one that a store can keep.
    """
    if found := _MONO.fullmatch(pixel_format):
        return PixelLayout(_dtype(found[1]), 1, '')
    if found := _BAYER.fullmatch(pixel_format):
        return PixelLayout(_dtype(found[2]), 1, _CODES[found[1]])
    if pixel_format in _COLORS:
        return PixelLayout(*_COLORS[pixel_format])
    raise InvalidArgumentError(
        f'the pixel format is {pixel_format!r}, which cannot be recorded; set the camera to Mono8, Mono10, Mono12, '
        f'Mono16, BayerRG8 or another Bayer format of 8 to 16 bits, {", ".join(_COLORS)}',
        argument='pixel_format',
    )


def _dtype(bits: str) -> str:
    return 'uint8' if bits == '8' else 'uint16'


def image_of_bytes(data: bytes | memoryview, height: int, width: int, pixel_format: str) -> Image:
    """Return the image in a camera's buffer, without a copy.

    Rows may be padded, as far as the size shows it.

    Raises
    ------
    InvalidArgumentError
        The pixel format is unknown, or the buffer is too short.
    """
    layout = pixel_layout(pixel_format)
    values = np.frombuffer(data, layout.dtype)
    row = len(values) // height if height else 0
    if row < width * layout.channels:
        raise InvalidArgumentError(
            f'a buffer of {len(data)} bytes is too short for {width} x {height} pixels of {pixel_format}'
        )
    image: Image = values[: row * height].reshape(height, row)[:, : width * layout.channels]
    return image if layout.channels == 1 else image.reshape(height, width, layout.channels)


def preview_of(image: Image, pixel_format: str, step: int) -> Image:
    """Return one pixel of each step, in BGR or in shades of gray.

    Of Bayer formats, the shades are those of one colour.
    """
    layout = pixel_layout(pixel_format)
    small = image[::step, ::step] if not layout.is_bayer else image[:: step + step % 2, :: step + step % 2]
    return decode_to_bgr(small, '' if layout.is_bayer else layout.encoding)


class Conversion:
    """How the images of a camera become those of a store.

    Lossless formats of images keep the raw pixels of Bayer formats, and readers convert them. For all others, colours
    are converted to BGR first.

    Parameters
    ----------
    pixel_format
        Of the camera.
    fmt
        Of the store.

    Attributes
    ----------
    encoding : str
        The store's encoding; '' for none.
    """

    def __init__(self, pixel_format: str, fmt: Format) -> None:
        layout = pixel_layout(pixel_format)
        keeps_raw = fmt.is_image_folder and (fmt.lossless or fmt.converts_to_bgr) and fmt.color_model != 'color'
        self.encoding = layout.encoding if layout.is_bayer and keeps_raw else ''
        self._from = '' if self.encoding else layout.encoding

    def __call__(self, image: Image) -> Image:
        """Convert an image."""
        return decode_to_bgr(image, self._from)
