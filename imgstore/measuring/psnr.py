"""Peak signal-to-noise ratio of decoded images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..color import Image


def is_identical(written: Image, found: Image) -> bool:
    """Return whether images are identical bit for bit; NaN equals NaN."""
    return np.array_equal(written, found, equal_nan=written.dtype.kind in 'fc') and written.dtype == found.dtype


def frame_psnr(written: Image, found: Image) -> float:
    """Return the PSNR of a decoded image in dB.

    Parameters
    ----------
    written : ndarray, shape (h, w) or (h, w, 3)
        The image before encoding.
    found : ndarray
        The decoded image. It may lack an odd last row or column, as in lossy videos.

    Returns
    -------
    float
        The PSNR, inf if the images are identical bit for bit, and -inf if they cannot be compared.
    """
    if is_identical(written, found):
        return math.inf
    if written.ndim != found.ndim:
        return -math.inf
    height, width = found.shape[:2]
    peak = float(np.iinfo(found.dtype).max) if found.dtype.kind in 'ui' else 1.0
    return float(cv2.PSNR(np.ascontiguousarray(written[:height, :width]), found, peak))


def mean_psnr(psnrs: Sequence[float]) -> float:
    """Return the PSNR over all pixels of images of one size.

    Parameters
    ----------
    psnrs : sequence of float
        PSNR of each image in dB, inf for an exact one.
    """
    mean_square = np.mean(10 ** (-np.array(psnrs) / 10))  # 0 for exact images
    return float(-10 * np.log10(mean_square)) if mean_square else math.inf
