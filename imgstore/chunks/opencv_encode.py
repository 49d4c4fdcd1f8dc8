"""Encoding of image files by OpenCV."""

from __future__ import annotations

from collections.abc import Mapping

import cv2

from .._support.opencv_encode import encode_image
from ..formats import Format
from .base import Image


def encode_file(fmt: Format, image: Image, options: Mapping[str, int]) -> memoryview:
    """Encode an image as a file in a format, with encoder options.

    Raises FrameWriteError if that fails.
    """
    return encode_image(fmt.extension, image, _parameters(fmt, image, options))


def _parameters(fmt: Format, image: Image, options: Mapping[str, int]) -> list[int]:
    if image.dtype.kind == 'f':  # only TIFF; OpenCV 4 would write colour as LogLuv, with loss
        return [cv2.IMWRITE_TIFF_COMPRESSION, 1]
    value = options.get(fmt.options[0].name, fmt.imwrite_default) if fmt.options else None
    return [] if value is None or fmt.imwrite_flag is None else [fmt.imwrite_flag, value]
