"""What scenes share: textures, and a camera's sensor with its noise."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Plane = npt.NDArray[Any]

_TINTS = (0.80, 1.00, 0.90)  # how bright the scene is in blue, green and red


def texture(rng: np.random.Generator, height: int, width: int, dark: int, bright: int) -> Plane:
    """Make structure at all scales, from a few pixels to a quarter of the image."""
    total = np.zeros((height, width))
    for cell in (3, 8, 24, 80, 256):
        coarse = rng.standard_normal((height // cell + 2, width // cell + 2))
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * cell**0.3
    low, high = np.percentile(total, (1, 99))
    return np.asarray(dark + (bright - dark) * np.clip((total - low) / (high - low), 0, 1))


def photograph(rng: np.random.Generator, scene: Plane, noise: float, is_gray: bool) -> Frames:
    """Return what a camera sees of a scene.

    Parameters
    ----------
    rng : Generator
        Source of the noise.
    scene : ndarray, shape (h, w)
        Brightness, 0 to 255.
    noise : float
        Standard deviation of the sensor's noise in levels.
    is_gray : bool
        False: noise is in the Bayer mosaic of a colour camera.

    Returns
    -------
    ndarray of uint8, shape (h, w) or (h, w, 3)
    """
    if is_gray:
        return np.clip(scene + rng.normal(0, noise, scene.shape), 0, 255).astype(np.uint8)
    mosaic = scene * _TINTS[1]
    mosaic[0::2, 0::2] = scene[0::2, 0::2] * _TINTS[2]
    mosaic[1::2, 1::2] = scene[1::2, 1::2] * _TINTS[0]
    return np.asarray(cv2.cvtColor(photograph(rng, mosaic, noise, True), cv2.COLOR_BayerBG2BGR), np.uint8)
