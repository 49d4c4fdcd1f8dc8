"""Drawing of the window: the zoomed image, the list of keys, the bar."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ...color import Image
from ...font import FontRenderer
from . import bar
from .bar import BarState
from .zoom import Zoom

_BESIDE = (9, 8, 6)  # BGR, beside the image
_KEY, _WHAT = (191, 212, 45), (242, 237, 232)
_DIMMED = 0.2
_SMALLEST_TEXT = 0.25


def draw(image: Image, zoom: Zoom, keys: Sequence[tuple[str, str]], look: BarState | None) -> Image:
    """Draw the complete content of the window.

    Parameters
    ----------
    image : numpy.ndarray of uint8, shape (h, w, 3)
        BGR; not changed.
    zoom : Zoom
        The visible part, in its own room.
    keys : sequence of (str, str)
        Keys and their actions for the list over the image; empty for no list.
    look : BarState or None
        Content of the bar below the room; None for no bar.

    Returns
    -------
    numpy.ndarray of uint8, shape (h, w, 3)
        Image of the window's size.
    """
    width, height = zoom.room
    canvas = np.full((height + (bar.HEIGHT if look else 0), width, 3), _BESIDE, np.uint8)
    _draw_image(canvas[:height], image, zoom)
    if keys:
        _draw_keys(canvas[:height], keys)
    if look:
        bar.draw_bar(canvas, look)
    return canvas


def _draw_image(room: Image, image: Image, zoom: Zoom) -> None:
    """Scale only the visible part, a small one of a magnified image."""
    part, at = [], []
    for axis in (1, 0):
        length, origin = image.shape[axis], zoom.origin[1 - axis]
        start = max(0, math.floor(-origin / zoom.scale))
        end = min(length, math.ceil((room.shape[axis] - origin) / zoom.scale))
        part.append(slice(start, max(start + 1, end)))
        at.append(round(origin + start * zoom.scale))
    seen = image[part[1], part[0]]
    _paste(room, _scaled(seen, zoom.scale), at[0], at[1])


def _scaled(image: Image, scale: float) -> Image:
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    # show each pixel when magnified, and lose none when reduced
    how = cv2.INTER_NEAREST if scale >= 1 else cv2.INTER_AREA
    return image if size == image.shape[1::-1] else cv2.resize(image, size, interpolation=how)


def _paste(room: Image, image: Image, x: int, y: int) -> None:
    image = image[max(0, -y) :, max(0, -x) :]
    x, y = max(0, x), max(0, y)
    image = image[: max(0, room.shape[0] - y), : max(0, room.shape[1] - x)]
    room[y : y + image.shape[0], x : x + image.shape[1]] = image


def _draw_keys(room: Image, keys: Sequence[tuple[str, str]]) -> None:
    """List keys in the number of columns with the largest text."""
    room[:] = (room * _DIMMED).astype(np.uint8)
    layouts = [_layout(room, keys, columns) for columns in (1, 2, 3)]
    scale, rows, left, widths = max(layouts, key=lambda layout: layout[0])
    font = FontRenderer(scale=scale)
    x, top = max(4, (room.shape[1] - sum(widths)) // 2), max(0, (room.shape[0] - rows * _line(font)) // 2)
    for rank, (shown, what) in enumerate(keys):
        column, row = divmod(rank, rows)
        at = x + sum(widths[:column]), top + row * _line(font) + font.measure_string('')[1]
        font.write_string(shown, at, _KEY, room)
        font.write_string(what, (at[0] + left, at[1]), _WHAT, room)


def _layout(room: Image, keys: Sequence[tuple[str, str]], columns: int) -> tuple[float, int, int, list[int]]:
    """Return text scale, rows, width of the keys, and widths of the columns."""
    rows = math.ceil(len(keys) / columns)
    scale = 0.55
    while True:
        font = FontRenderer(scale=scale)
        left = max(font.measure_string(shown)[0] for shown, _ in keys) + round(40 * scale)
        widths = [
            left + max(font.measure_string(what)[0] for _, what in keys[start : start + rows]) + round(60 * scale)
            for start in range(0, len(keys), rows)
        ]
        fits = sum(widths) <= room.shape[1] - 8 and rows * _line(font) <= room.shape[0] - 8
        if fits or scale <= _SMALLEST_TEXT:
            return (scale if fits else 0.9 * _SMALLEST_TEXT), rows, left, widths
        scale -= 0.025


def _line(font: FontRenderer) -> int:
    return round(1.7 * font.measure_string('')[1])
