"""Images encoded as files by OpenCV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ..errors import FrameWriteError
from ..formats import COMPRESSION, QUALITY
from .base import Image

_IMWRITE = {QUALITY.name: cv2.IMWRITE_JPEG_QUALITY, COMPRESSION.name: cv2.IMWRITE_PNG_COMPRESSION}


def imwrite_parameters(options: Mapping[str, int]) -> list[int]:
    """Options of a format as OpenCV's functions that encode images take them."""
    return [number for name, value in options.items() for number in (_IMWRITE[name], value)]


def encoded(extension: str, image: Image, parameters: Sequence[int]) -> memoryview:
    """The file that OpenCV makes of an image; FrameWriteError if it cannot."""
    try:
        done, data = cv2.imencode(extension, np.ascontiguousarray(image), parameters)
    except cv2.error as error:
        raise FrameWriteError(f'OpenCV cannot encode it as {extension}: {error.err}') from error
    if not done:
        raise FrameWriteError(f'OpenCV could not encode it as {extension}')
    return data.data
