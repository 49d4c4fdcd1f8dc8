"""Encoding of image files by OpenCV."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np

from .._support.opencv_encode import encode_image
from .._support.validation import not_allowed
from ..encoder_options import TIFF_COMPRESSION, Options
from ..formats import Format
from .base import Image

_NONE, _FLOAT = 'none', 'float32'
_IN_TIFF = {_NONE: 1, 'lzw': 5, 'deflate': 8}  # TIFF 6.0, page 117, and Adobe's Technical Note 2


def check_compression(fmt: Format, dtype: str, options: Options) -> None:
    """Raise InvalidArgumentError for a compression that OpenCV does not apply."""
    method = options.get(TIFF_COMPRESSION.name)
    if TIFF_COMPRESSION in fmt.options and dtype == _FLOAT and method not in (None, _NONE) and not _compresses_floats():
        rule = f'OpenCV {cv2.__version__} writes {dtype} TIFF only without compression; leave it out'
        raise not_allowed(TIFF_COMPRESSION.name, method, rule)


@cache
def _compresses_floats() -> bool:
    image = np.zeros((64, 64), _FLOAT)
    return len(encode_image('.tif', image, [cv2.IMWRITE_TIFF_COMPRESSION, _IN_TIFF['lzw']])) < image.nbytes


def encode_file(fmt: Format, image: Image, options: Options) -> memoryview:
    """Encode an image as a file in a format, with encoder options.

    Raises FrameWriteError if that fails.
    """
    return encode_image(fmt.extension, image, _parameters(fmt, image, options))


def _parameters(fmt: Format, image: Image, options: Options) -> list[int]:
    if fmt.imwrite_flag is None:
        return []
    value: Any = options.get(fmt.options[0].name, fmt.imwrite_default)
    if value is None and image.dtype.kind == 'f':  # only TIFF; OpenCV 4 would write colour as LogLuv, with loss
        value = _NONE
    return [] if value is None else [fmt.imwrite_flag, _IN_TIFF.get(value, value)]
