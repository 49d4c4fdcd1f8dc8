"""The frames that are written and read: a textured scene in motion, seen by a noisy sensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]

SEED = 20
NOISE = 2.5  # levels, standard deviation: a machine vision camera in good light
ORBIT = 40  # pixels: radius of the paths on which the objects walk round
OBJECTS = 12
TINTS = (0.80, 1.00, 0.90)  # how bright the scene is in blue, green and red


def make(path: Path, count: int, height: int, width: int, gray: bool) -> None:
    """Save the frames of `render`."""
    np.save(path, render(count, height, width, gray))


def render(count: int, height: int, width: int, gray: bool) -> Frames:
    """Make frames, uint8 (count, height, width) or (count, height, width, 3), the last of which leads to the first."""
    rng = np.random.default_rng(SEED)
    ground, coat = _texture(rng, height, width, 70, 200), _texture(rng, height, width, 10, 90)
    places = rng.uniform(0.1, 0.9, (OBJECTS, 2)) * (height, width)
    see = _gray if gray else _color
    return np.stack([see(rng, _scene(ground, coat, places, 2 * np.pi * index / count)) for index in range(count)])


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


def _texture(rng: np.random.Generator, height: int, width: int, dark: int, bright: int) -> npt.NDArray[Any]:
    """Structure at all scales, from a few pixels to a quarter of the image."""
    import cv2

    total = np.zeros((height, width))
    for cell in (3, 8, 24, 80, 256):
        coarse = rng.standard_normal((height // cell + 2, width // cell + 2))
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * cell**0.3
    low, high = np.percentile(total, (1, 99))
    return np.asarray(dark + (bright - dark) * np.clip((total - low) / (high - low), 0, 1))


def _scene(
    ground: npt.NDArray[Any], coat: npt.NDArray[Any], places: npt.NDArray[Any], phase: float
) -> npt.NDArray[Any]:
    """Draw the ground, and animals on it with moving coats."""
    scene = ground.copy()
    height, width = scene.shape
    radius = max(2, height // 25)
    y, x = np.mgrid[-radius:radius, -radius:radius]
    for number, place in enumerate(places):
        shift = ORBIT * np.array([np.sin(phase + number), np.cos(phase + number)]) * height / 1024
        top, left = np.clip((place + shift).astype(int), radius, (height - radius, width - radius)) - radius
        animal = y * y + 2 * x * x < radius * radius
        home = (slice(number, number + 2 * radius), slice(number, number + 2 * radius))
        scene[top : top + 2 * radius, left : left + 2 * radius][animal] = coat[home][animal]
    return scene


def _gray(rng: np.random.Generator, scene: npt.NDArray[Any]) -> Frames:
    return np.clip(scene + rng.normal(0, NOISE, scene.shape), 0, 255).astype(np.uint8)


def _color(rng: np.random.Generator, scene: npt.NDArray[Any]) -> Frames:
    """Make an image of a colour camera, with noise in the Bayer mosaic."""
    import cv2

    mosaic = scene * TINTS[1]
    mosaic[0::2, 0::2] = scene[0::2, 0::2] * TINTS[2]
    mosaic[1::2, 1::2] = scene[1::2, 1::2] * TINTS[0]
    return np.asarray(cv2.cvtColor(_gray(rng, mosaic), cv2.COLOR_BayerBG2BGR), np.uint8)
