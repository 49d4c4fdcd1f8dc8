"""The number that a frame shows: written into its pixels, cut out of what a reader gives, read after the clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

_BITS = 12
_WIDEST = 16  # pixels of a bit: a macroblock of H.264
_DARK, _BRIGHT = 40, 215


class WrongFrameError(Exception):
    """A reader gave another frame than it was asked for; the message says which."""


@dataclass(frozen=True)
class Cut:
    """What is kept of a frame: its shape, and copies of its two numbers."""

    shape: tuple[int, ...]
    top: Image
    bottom: Image


def draw(image: Image, number: int) -> None:
    """Write a number below 4096 into the first rows of an image and into the last."""
    side = _side(image)
    for bit in range(_BITS):
        across = slice(side * bit, side * (bit + 1))
        image[:side, across] = image[-side:, across] = _BRIGHT if number >> bit & 1 else _DARK


def cut(image: Any) -> Cut:
    """Copy the numbers of a frame, in microseconds, so that the frame itself need not be kept."""
    side = _side(image)
    return Cut(image.shape, image[:side, : side * _BITS].copy(), image[-side:, : side * _BITS].copy())


def check(cuts: Iterable[Cut], numbers: Iterable[int], shape: tuple[int, int]) -> None:
    """Compare the frames with what was asked for; WrongFrameError."""
    given = [_number(found, shape) for found in cuts]
    asked = list(numbers)
    if len(given) != len(asked):
        raise WrongFrameError(f'gave {len(given)} frames instead of {len(asked)}')
    wrong = [(found, number) for found, number in zip(given, asked, strict=True) if found != number]
    if wrong:
        raise WrongFrameError(
            f'gave a wrong frame {len(wrong)} times of {len(asked)}: {wrong[0][0]} for {wrong[0][1]} first'
        )


def _number(found: Cut, shape: tuple[int, int]) -> str | int:
    """Read the number of a frame at its top and at its bottom."""
    top, bottom = _read(found.top), _read(found.bottom)
    if found.shape[:2] != shape:
        return f'an image of {found.shape}'
    return top if top == bottom else f'{top} above {bottom}'


def _read(strip: Image) -> int:
    plane = strip[..., 1] if strip.ndim == 3 else strip
    side = len(plane)
    inner = plane[side // 4 : 3 * side // 4].reshape(-1, _BITS, side)[..., side // 4 : 3 * side // 4]
    means = inner.mean(axis=(0, 2))
    return sum(int(mean > 128) << bit for bit, mean in enumerate(means))


def _side(image: Any) -> int:
    """Pixels of a bit."""
    return min(_WIDEST, int(image.shape[1]) // _BITS)
