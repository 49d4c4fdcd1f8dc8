"""Three synthetic recordings to compare formats on, each from one seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ..color import Image
from .camera import Frames, Plane, photograph, texture
from .screen import render_screen

LEAST_SIDE = 64
"""Smallest height and width in pixels."""

_SEED = 20
_NOISE = 2.5  # levels, standard deviation: a machine vision camera in good light
_LOW_NOISE = 1.0  # levels: a sensor in much light
_HEIGHT = 1024  # pixels of the image for which the lengths below are
_ORBIT = 40  # pixels: radius of the paths on which the objects walk round
_OBJECTS = 12
_DARK = 45  # level of an animal in the arena


@dataclass(frozen=True)
class Scene:
    """A synthetic recording.

    Attributes
    ----------
    name : str
        Name of the recording.
    description : str
        What it shows, for the documentation.
    render : callable
        Makes ``count`` frames of ``height`` by ``width`` pixels, gray or in colour: uint8, (count, height, width) or
        (count, height, width, 3). The last one leads to the first.
    """

    name: str
    description: str
    render: Callable[[int, int, int, bool], Frames]


def _render_noise(count: int, height: int, width: int, is_gray: bool) -> Frames:
    rng = np.random.default_rng(_SEED)
    ground, coat = texture(rng, height, width, 70, 200), texture(rng, height, width, 10, 90)
    places = rng.uniform(0.1, 0.9, (_OBJECTS, 2)) * (height, width)
    scenes = (_with_objects(ground, coat, places, 2 * np.pi * index / count) for index in range(count))
    return np.stack([photograph(rng, scene, _NOISE, is_gray) for scene in scenes])


def _with_objects(ground: Plane, coat: Plane, places: Plane, phase: float) -> Plane:
    """Draw the ground, and animals on it with moving coats."""
    scene = ground.copy()
    height, width = scene.shape
    radius = max(2, height // 25)
    y, x = np.mgrid[-radius:radius, -radius:radius]
    for number, place in enumerate(places):
        shift = _ORBIT * np.array([np.sin(phase + number), np.cos(phase + number)]) * height / _HEIGHT
        top, left = np.clip((place + shift).astype(int), radius, (height - radius, width - radius)) - radius
        animal = y * y + 2 * x * x < radius * radius
        home = (slice(number, number + 2 * radius), slice(number, number + 2 * radius))
        scene[top : top + 2 * radius, left : left + 2 * radius][animal] = coat[home][animal]
    return scene


def _render_arena(count: int, height: int, width: int, is_gray: bool) -> Frames:
    rng = np.random.default_rng(_SEED)
    arena = _arena(rng, height, width)
    scenes = (_with_animals(arena, 2 * np.pi * index / count) for index in range(count))
    return np.stack([photograph(rng, scene, _LOW_NOISE, is_gray) for scene in scenes])


def _arena(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Make a bright round floor with a fine grain, and dark walls."""
    y, x = np.mgrid[:height, :width]
    radius = 0.45 * min(height, width)
    distance = np.hypot(y - height / 2, x - width / 2) / radius
    floor = 190 - 50 * distance**2 + rng.normal(0, 2, (height, width))
    return np.where(distance < 1, floor, 50.0)


def _with_animals(arena: Plane, phase: float) -> Image:
    """Draw two small animals that walk round."""
    height, width = arena.shape
    scene, scale = arena.copy(), height / _HEIGHT
    for number, (down, across) in enumerate(((0.4, 0.45), (0.62, 0.55))):
        angle = phase + 2 * number
        middle = (
            round(across * width + _ORBIT * scale * np.cos(angle)),
            round(down * height + _ORBIT * scale * np.sin(angle)),
        )
        axes = max(1, round(30 * scale)), max(1, round(12 * scale))
        cv2.ellipse(scene, middle, axes, float(np.degrees(angle)) + 90, 0, 360, _DARK, cv2.FILLED)
    return scene


CAMERA_NOISE = Scene(
    'camera noise',
    f'{_OBJECTS} textured objects move over a textured ground, with a sensor noise of {_NOISE} levels',
    _render_noise,
)
STILL_ARENA = Scene(
    'still arena',
    f'two small animals walk on a floor that stands still, with a sensor noise of {_LOW_NOISE:g} level',
    _render_arena,
)
SCREEN_LIKE = Scene(
    'screen-like',
    'flat areas, text and hard edges without noise; a bar moves, a number counts and text scrolls',
    render_screen,
)
SCENES = (CAMERA_NOISE, STILL_ARENA, SCREEN_LIKE)
"""All of them."""
