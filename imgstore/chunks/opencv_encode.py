"""Images encoded as files by OpenCV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ..errors import FrameWriteError
from ..formats import Format
from .base import Image


def encode_file(fmt: Format, image: Image, options: Mapping[str, int]) -> memoryview:
    """The file of an image in a format, with those of its options that were given; FrameWriteError if it has none."""
    return encoded(fmt.extension, image, _parameters(fmt, image, options))


def _parameters(fmt: Format, image: Image, options: Mapping[str, int]) -> list[int]:
    if image.dtype.kind == 'f':  # in TIFF alone; OpenCV 4 would write its colour as LogLuv, which is not lossless
        return [cv2.IMWRITE_TIFF_COMPRESSION, 1]
    value = options.get(fmt.options[0].name, fmt.imwrite_default) if fmt.options else None
    return [] if value is None or fmt.imwrite_flag is None else [fmt.imwrite_flag, value]


def encoded(extension: str, image: Image, parameters: Sequence[int]) -> memoryview:
    """The file that OpenCV makes of an image; FrameWriteError if it cannot."""
    try:
        done, data = cv2.imencode(extension, np.ascontiguousarray(image), parameters)
    except cv2.error as error:
        raise FrameWriteError(f'OpenCV cannot encode it as {extension}: {error.err}') from error
    if not done:
        raise FrameWriteError(f'OpenCV could not encode it as {extension}')
    return data.data
