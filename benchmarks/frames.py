"""The frames that are written and read: a textured scene in motion, seen by a noisy sensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]

SEED = 20  # of what is chosen at random


def make(path: Path, count: int, height: int, width: int, gray: bool) -> None:
    """Save the frames of `render`."""
    np.save(path, render(count, height, width, gray))


def render(count: int, height: int, width: int, gray: bool) -> Frames:
    """Make frames of the package's scene, (count, height, width) or (count, height, width, 3).

    The last one leads to the first.
    """
    from imgstore.measuring.scenes import CAMERA_NOISE  # which the original has not

    return CAMERA_NOISE.render(count, height, width, gray)


def load(path: str) -> Frames:
    """Load the frames saved by `make`."""
    return np.asarray(np.load(path))


def which(frames: Frames, image: npt.NDArray[Any]) -> int:
    """Index of the frame that an image is, or is a lossy copy of."""
    sample = image[::2, ::2].astype(np.float32)
    return int(np.argmin([np.mean((frame[::2, ::2] - sample) ** 2) for frame in frames]))


def psnr(squared_error: float) -> float:
    """Peak signal-to-noise ratio in dB of 8 bit images, of their mean squared error."""
    return float(10 * np.log10(255**2 / max(squared_error, 1e-9)))
