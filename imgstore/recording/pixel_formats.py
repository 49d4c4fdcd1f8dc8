"""The pixel formats of cameras, and what a store makes of them."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from ..color import Image, decode_to_bgr
from ..errors import InvalidArgumentError
from ..formats import Format
from .packed_pixels import Packing, packing_of, unpack

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
    bits : int
        Bits of a value that the camera uses.
    """

    dtype: str
    channels: int
    encoding: str
    bits: int

    @property
    def is_bayer(self) -> bool:
        """Whether each pixel has one of the three colours."""
        return self.channels == 1 and bool(self.encoding)


def pixel_layout(pixel_format: str) -> PixelLayout:
    """Return the layout of a pixel format of GenICam.

    Values of packed formats have two bytes, as after `image_of_bytes`.

    Raises
    ------
    InvalidArgumentError
        It is not one that a store can keep.
    """
    packing = packing_of(pixel_format)
    if packing is not None:
        return pixel_layout(packing.unpacked)
    if found := _MONO.fullmatch(pixel_format):
        return PixelLayout(_dtype(found[1]), 1, '', int(found[1]))
    if found := _BAYER.fullmatch(pixel_format):
        return PixelLayout(_dtype(found[2]), 1, _CODES[found[1]], int(found[2]))
    if pixel_format in _COLORS:
        dtype, channels, encoding = _COLORS[pixel_format]
        return PixelLayout(dtype, channels, encoding, 8 * np.dtype(dtype).itemsize)
    raise InvalidArgumentError(
        f'the pixel format is {pixel_format!r}, which cannot be recorded; set the camera to Mono8, Mono10, Mono12, '
        f'Mono16, BayerRG8 or another Bayer format of 8 to 16 bits, a packed one of these such as Mono12p or '
        f'BayerRG10Packed, {", ".join(_COLORS)}',
        argument='pixel_format',
    )


def _dtype(bits: str) -> str:
    return 'uint8' if bits == '8' else 'uint16'


def is_packed(pixel_format: str) -> bool:
    """Return whether values share bytes in a camera's buffer."""
    return packing_of(pixel_format) is not None


def image_of_bytes(data: bytes | memoryview, height: int, width: int, pixel_format: str) -> Image:
    """Return the image in a camera's buffer, without a copy unless it is packed.

    Rows may be padded, as far as the size shows it.

    Raises
    ------
    InvalidArgumentError
        The pixel format is unknown, the buffer is too short, or rows of a packed format share bytes.
    """
    layout, packing = pixel_layout(pixel_format), packing_of(pixel_format)
    row = width * layout.channels if packing is None else _packed_row(width, pixel_format, packing)
    values = np.frombuffer(data, np.uint8 if packing else layout.dtype)
    with_padding = len(values) // height if height else 0
    if with_padding < row:
        raise InvalidArgumentError(
            f'a buffer of {len(data)} bytes is too short for {width} x {height} pixels of {pixel_format}'
        )
    image: Image = values[: with_padding * height].reshape(height, with_padding)[:, :row]
    if packing is not None:
        return unpack(image, packing)
    return image if layout.channels == 1 else image.reshape(height, width, layout.channels)


def _packed_row(width: int, pixel_format: str, packing: Packing) -> int:
    """Return how many bytes a row has."""
    if width % packing.pixels:
        raise InvalidArgumentError(
            f'images of {pixel_format} are {width} pixels wide, so their rows do not end with a byte; set the camera '
            f'to a width that is a multiple of {packing.pixels}, or to {packing.unpacked}',
            argument='size',
        )
    return width // packing.pixels * packing.bytes


def blank_image(width: int, height: int, pixel_format: str) -> Image:
    """Return a black image as a camera gives it, after `image_of_bytes`."""
    layout = pixel_layout(pixel_format)
    shape = (height, width) if layout.channels == 1 else (height, width, layout.channels)
    return np.zeros(shape, layout.dtype)


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
