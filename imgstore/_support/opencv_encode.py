"""Encoding of images by OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import FrameWriteError


def encode_image(extension: str, image: npt.NDArray[Any], parameters: Sequence[int]) -> memoryview:
    """Encode an image in the file format of an extension.

    Raises
    ------
    FrameWriteError
        OpenCV cannot encode the image.
    """
    try:
        done, data = cv2.imencode(extension, np.ascontiguousarray(image), parameters)
    except cv2.error as error:
        raise FrameWriteError(
            f'OpenCV cannot encode an image of shape {image.shape} and {image.dtype} as {extension}: {error.err}'
        ) from error
    if not done:
        raise FrameWriteError(f'OpenCV could not encode an image as {extension}')
    return data.data
