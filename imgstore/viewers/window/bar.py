"""The bar below the image: position, frame details and view state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2

from ...color import Image
from ...font import FontRenderer
from .zoom import Size

Color = tuple[int, int, int]

GROUND: Color = (27, 22, 18)  # BGR, as on the dark page in the browser
_INK, _SOFT, _TROUBLE = (242, 237, 232), (187, 175, 163), (76, 138, 255)
_PRESENT, _PLAYED, _GAP, _BORDER, _CURSOR = (90, 86, 40), (133, 143, 47), (76, 138, 255), (27, 22, 18), (255, 255, 255)

FONT = FontRenderer(scale=0.45)
_WIDTH, _ASCENT = FONT.measure_string('x')
LINE = max(18, round(1.75 * _ASCENT))
"""Line height of the text in pixels."""

_PAD = 10  # pixels at the left and the right
_STRIP, _TRACK = 22, 8  # pixels: height of the clickable area, and of the drawn strip
HEIGHT = _STRIP + 2 * LINE + 4
"""Height of the bar in pixels."""


@dataclass(frozen=True)
class BarState:
    """Content of the bar.

    Attributes
    ----------
    index : int
        Index of the frame.
    count : int
        Number of frames.
    borders : sequence of int
        Index of each chunk's first frame.
    gaps : sequence of int
        Index of the frame after each gap.
    facts : sequence of str
        Left part of the upper line, by importance. For lack of room, the last ones are dropped.
    time : str
        Right part of the upper line.
    state : sequence of str
        Left part of the lower line, by importance. For lack of room, the last ones are dropped.
    pixel : str
        Right part of the lower line.
    message : str
        Replaces the lower line, unless ''.
    is_trouble : bool
        Whether the message reports an error.
    """

    index: int
    count: int
    borders: Sequence[int]
    gaps: Sequence[int]
    facts: Sequence[str]
    time: str
    state: Sequence[str]
    pixel: str
    message: str
    is_trouble: bool


def draw_bar(canvas: Image, look: BarState) -> None:
    """Draw the bar over the lower edge of a picture, (h, w, 3) of uint8."""
    height, width = canvas.shape[:2]
    top = height - HEIGHT
    canvas[max(0, top) :] = GROUND
    _draw_strip(canvas[max(0, top) :], look)
    baseline = top + _STRIP + _ASCENT + 1
    _draw_line(canvas, baseline, look.facts, look.time, width, _INK)
    if look.message:
        color = _TROUBLE if look.is_trouble else _INK
        _write(canvas, fitting(look.message, width - 2 * _PAD), _PAD, baseline + LINE, color)
    else:
        _draw_line(canvas, baseline + LINE, look.state, look.pixel, width, _SOFT)


def fraction_at(x: float, y: float, canvas: Size) -> float | None:
    """Return the fraction, 0 to 1, at a point of the strip, or None outside."""
    top = canvas[1] - HEIGHT
    return fraction_along(x, canvas) if top <= y < top + _STRIP else None


def fraction_along(x: float, canvas: Size) -> float:
    """Return the fraction of the recording at a distance from the left, 0 to 1."""
    return max(0.0, min((x - _PAD) / max(1, canvas[0] - 2 * _PAD - 1), 1.0))


def _draw_strip(bar: Image, look: BarState) -> None:
    last = max(1, look.count - 1)
    length: int = bar.shape[1] - 2 * _PAD - 1
    top, bottom = (_STRIP - _TRACK) // 2, (_STRIP + _TRACK) // 2 - 1

    def x_of(index: int) -> int:
        return _PAD + round(index / last * length)

    cv2.rectangle(bar, (_PAD, top), (_PAD + length, bottom), _PRESENT, cv2.FILLED)
    cv2.rectangle(bar, (_PAD, top), (x_of(look.index), bottom), _PLAYED, cv2.FILLED)
    for index in look.borders:
        cv2.line(bar, (x_of(index), top), (x_of(index), bottom), _BORDER)
    for index in look.gaps:
        cv2.rectangle(bar, (x_of(index) - 1, top - 4), (x_of(index), bottom), _GAP, cv2.FILLED)
    cv2.rectangle(bar, (x_of(look.index) - 1, 3), (x_of(look.index) + 1, _STRIP - 4), _CURSOR, cv2.FILLED)


def _draw_line(canvas: Image, baseline: int, parts: Sequence[str], right: str, width: int, color: Color) -> None:
    right = fitting(right, width - 2 * _PAD)
    right_width = FONT.measure_string(right)[0] if right else 0
    room = width - 2 * _PAD - right_width - (2 * _PAD if right else 0)
    _write(canvas, _as_many_as_fit(parts, room), _PAD, baseline, color)
    _write(canvas, right, width - _PAD - right_width, baseline, color)


def _as_many_as_fit(parts: Sequence[str], width: int) -> str:
    for count in range(len(parts), 0, -1):
        text = '   '.join(parts[:count])
        if FONT.measure_string(text)[0] <= width:
            return text
    return ''


def fitting(text: str, width: int) -> str:
    """Shorten a text in its middle; an error names the file at its end."""
    if FONT.measure_string(text)[0] <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shorter = f'{text[: (kept + 1) // 2]} ... {text[len(text) - kept // 2 :]}'
        if FONT.measure_string(shorter)[0] <= width:
            return shorter
    return ''


def _write(canvas: Image, text: str, x: int, baseline: int, color: Color) -> None:
    if text:
        FONT.write_string(text, (x, baseline), color, canvas)
