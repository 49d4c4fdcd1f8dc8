"""A synthetic recording of a screen: flat areas, text, hard edges, no noise."""

from __future__ import annotations

import cv2
import numpy as np

from ..color import Image
from ..font import FontRenderer
from .camera import Frames

_SEED = 20
_LINES = 40
_SCROLL_EVERY = 12  # frames
_SCALE = 0.7 / 1024  # of the font, for a pixel of height
_BLACK, _WHITE, _GRAY = (0, 0, 0), (255, 255, 255), (200, 200, 200)
_TITLE, _DESKTOP, _BAR = (150, 80, 30), (120, 110, 60), (40, 40, 220)  # BGR


def render_screen(count: int, height: int, width: int, is_gray: bool) -> Frames:
    """Make the frames, as `Scene.render` says."""
    desktop, lines = _desktop(height, width), _lines()
    frames = [_drawn(desktop.copy(), lines, index, count) for index in range(count)]
    return np.stack([cv2.cvtColor(each, cv2.COLOR_BGR2GRAY) if is_gray else each for each in frames]).astype(np.uint8)


def _lines() -> list[str]:
    """Make lines of a log: numbers and words."""
    rng = np.random.default_rng(_SEED)
    words = ('trial', 'reward', 'lever', 'frame', 'dropped', 'onset', 'stimulus', 'left', 'right', 'pause')
    chosen = rng.choice(words, (_LINES, 4))
    return [f'{number:04d} {" ".join(line)} {rng.integers(10_000)}' for number, line in enumerate(chosen)]


def _desktop(height: int, width: int) -> Image:
    """Draw a desktop with two windows."""
    image = np.full((height, width, 3), _DESKTOP, np.uint8)
    for left, right in ((0.04, 0.48), (0.52, 0.96)):
        box = round(left * width), round(0.08 * height), round(right * width), round(0.9 * height)
        cv2.rectangle(image, box[:2], box[2:], _WHITE, cv2.FILLED)
        cv2.rectangle(image, box[:2], (box[2], box[1] + height // 25), _TITLE, cv2.FILLED)
        cv2.rectangle(image, box[:2], box[2:], _BLACK, 1)
    for line in range(1, 8):  # a grid in the right one
        y = round((0.15 + 0.09 * line) * height)
        cv2.line(image, (round(0.54 * width), y), (round(0.94 * width), y), _GRAY, 1)
    return image


def _drawn(image: Image, lines: list[str], index: int, count: int) -> Image:
    """Draw what changes: text, a number and a bar."""
    height, width = image.shape[:2]
    font = FontRenderer(scale=_SCALE * height)
    first, step = index // _SCROLL_EVERY, max(1, round(0.035 * height))
    for row in range(20):
        y = round(0.17 * height) + row * step
        font.write_string(lines[(first + row) % _LINES][:32], (round(0.05 * width), y), _BLACK, image)
    font.write_string(f'{index:06d}', (round(0.54 * width), round(0.17 * height)), _BLACK, image)
    x = round((0.54 + 0.36 * abs(2 * index / count - 1)) * width)
    cv2.rectangle(image, (x, round(0.3 * height)), (x + width // 40, round(0.8 * height)), _BAR, cv2.FILLED)
    return image
