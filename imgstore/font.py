"""Drawing of text into images in OpenCV's fonts: lines, paragraphs, fitted text, status bars."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from ._support.validation import not_allowed
from .color import Image
from .errors import InvalidArgumentError

DEFAULT_FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_POS_TOP, FONT_POS_BOTTOM, FONT_POS_TOP_LEFT = range(3)
Color = float | Sequence[float]
Position = int | tuple[int, int]
_POSITIONS = (FONT_POS_TOP, FONT_POS_BOTTOM, FONT_POS_TOP_LEFT)
_FONTS = range(cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX + 1)
_SMALLEST_SCALE = 0.01  # OpenCV draws nothing at smaller scales
# OpenCV 5 has fonts with all letters; OpenCV 4 draws bytes beyond ASCII as question marks
_HAS_ALL_LETTERS = hasattr(cv2, 'FontFace')


class _Rect(NamedTuple):
    x: int
    y: int
    width: int
    height: int


def measure_string(s: str, name: int, scale: float, thickness: int) -> tuple[int, int]:
    """Measure a line of text.

    Parameters
    ----------
    s
        The text. A line break counts as a space.
    name
        One of ``cv2.FONT_HERSHEY_…``, optionally with ``cv2.FONT_ITALIC``.
    scale
        Size relative to the font's own.
    thickness
        Stroke width in pixels.

    Returns
    -------
    width, height : int
        Size in pixels. The height is that above the base line.

    Raises
    ------
    InvalidArgumentError
        The font, scale or thickness is not allowed.
    """
    _check_font(name, scale, thickness)
    (width, _), _ = cv2.getTextSize(_drawable(s), name, scale, thickness)
    (_, ascent), _ = cv2.getTextSize('|', name, scale, thickness)
    return width, ascent + math.ceil(thickness / 2)


def fit_text(
    txt: str,
    img: Image | None,
    pos: int = FONT_POS_TOP,
    color: Color = (255, 255, 255),
    name: int = DEFAULT_FONT,
    only_measure: bool = False,
    img_shape: tuple[int, ...] | None = None,
) -> tuple[float, int]:
    """Draw a line of text as large as fits into the image.

    Parameters
    ----------
    txt, color, name
        As for `FontRenderer.write_string`.
    img
        As there. None if the text is only measured for `img_shape` (h, w, …).
    pos
        One of ``FONT_POS_…``.
    only_measure
        Draw nothing.

    Returns
    -------
    scale : float
    thickness : int
        Values of the largest text that fits in width and height.

    Raises
    ------
    InvalidArgumentError
        Drawing into the image is impossible, or the font or position is unknown.
    """
    _check_position(pos)
    if not only_measure or img_shape is None:
        _check_image(img)
    height, width = (img_shape or np.shape(img))[:2]  # type: ignore[arg-type]
    scale = max(_SMALLEST_SCALE, FontRenderer(name)._room([txt], width, height))
    font = FontRenderer(name, scale, max(1, int(scale / 2)))._shrunk([txt], width, height)
    if not only_measure and txt:
        font.write_string(txt, pos, color, img)
    return font.scale, font.thickness


class FontRenderer:
    """Drawing of text in one font and size; parameters as for `measure_string`."""

    def __init__(self, name: int = DEFAULT_FONT, scale: float = 1, thickness: int = 1) -> None:
        _check_font(name, scale, thickness)
        self.name = name
        self.scale = scale
        self.thickness = thickness

    def measure_string(self, s: str) -> tuple[int, int]:
        """Measure a line of text: width and height above the base line, in pixels."""
        return measure_string(s, self.name, self.scale, self.thickness)

    def write_string(
        self, s: str, pos: Position, color: Color, img: Image | None = None, bgcolor: Color | None = None
    ) -> Image:
        """Draw a line of text.

        Parameters
        ----------
        s
            The text. A line break counts as a space.
        pos
            (x, y) of the left end of the base line, or one of ``FONT_POS_…``. Without an image it has no meaning.
        color
            BGR, or one number for gray. A gray image uses the first number.
        img
            (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) of uint8, drawn into. Default: a new (h, w, 3) with room for just
            the text.
        bgcolor
            Colour of a box behind the text. Default: no box.

        Returns
        -------
        numpy.ndarray
            The image.

        Raises
        ------
        InvalidArgumentError
            Drawing into the image is impossible, or the position or colour is not allowed.
        """
        width, height = self._box_size(s)
        if img is None:
            img, pos = np.zeros((height + 1, width + 1, 3), np.uint8), FONT_POS_TOP_LEFT
        _check_image(img)
        x, baseline = (0, _top(pos, img, height) + self._ascent) if isinstance(pos, int) else _point(pos)
        if bgcolor is not None:
            _fill(img, _Rect(x, baseline - self._ascent, width, height), bgcolor)
        cv2.putText(img, _drawable(s), (x, baseline), self.name, self.scale, _scalar(color), self.thickness)
        return img

    def write_paragraph(self, s: str, pos: Position, color: Color, img: Image | None = None) -> Image:
        """Draw lines of text below each other.

        Parameters
        ----------
        s
            The text, with line breaks.
        pos
            (x, y) of the top left corner, or one of ``FONT_POS_…``. Without an image it has no meaning.
        color, img
            As for `write_string`, like the returned image and the errors.
        """
        lines = s.splitlines() or ['']
        widths, heights = zip(*map(self._box_size, lines), strict=True)
        if img is None:
            img, pos = np.zeros((sum(heights) + 1, max(widths) + 1, 3), np.uint8), FONT_POS_TOP_LEFT
        x, top = (0, _top(pos, img, sum(heights))) if isinstance(pos, int) else _point(pos)
        for line, height in zip(lines, heights, strict=True):
            self.write_string(line, (x, top + self._ascent), color, img)
            top += height
        return img

    @property
    def _ascent(self) -> int:
        return self.measure_string('')[1]

    def _box_size(self, s: str) -> tuple[int, int]:
        """Measure a line of text, including descenders below the base line."""
        width, ascent = self.measure_string(s)
        _, below = cv2.getTextSize('gjpqy', self.name, self.scale, self.thickness)
        return width, ascent + below

    def _room(self, texts: Sequence[str], width: int, height: int) -> float:
        """Return the factor by which texts side by side can grow; below 1 if too large."""
        sizes = [self._box_size(text) for text in texts]
        return min(width / max(1, sum(w for w, _ in sizes)), height / sizes[0][1])

    def _shrunk(self, texts: Sequence[str], width: int, height: int) -> FontRenderer:
        """Return the same font, smaller if texts side by side do not fit."""
        font = FontRenderer(self.name, self.scale, self.thickness)
        while font.scale > _SMALLEST_SCALE and (room := font._room(texts, width, height)) < 1:
            font.scale = max(_SMALLEST_SCALE, font.scale * min(room, 0.98))
        return font


class FontRendererStatusBar(FontRenderer):
    """A bar at an image's edge, with one text at its left and one at its right.

    `layout` makes room for two texts. `render` draws other texts in the same room, and makes longer ones smaller.
    `scale` is the largest scale used.
    """

    POS_TOP, POS_BOTTOM, POS_TOP_LEFT = _POSITIONS

    def __init__(self, name: int = DEFAULT_FONT, scale: float = 1, thickness: int = 1) -> None:
        super().__init__(name, scale, thickness)
        self._bar: _Rect | None = None
        self._left: _Rect | None = None
        self._right: _Rect | None = None

    @classmethod
    def new_for_image(
        cls, img: Image, font_name: int = DEFAULT_FONT, pos: int = FONT_POS_BOTTOM, **options: Any
    ) -> FontRendererStatusBar:
        """Make a bar as `new_for_image_size` does, for images of this size."""
        return cls.new_for_image_size((img.shape[1], img.shape[0]), font_name, pos, **options)

    @classmethod
    def new_for_image_size(
        cls,
        frame_size: tuple[int, int],
        font_name: int = DEFAULT_FONT,
        pos: int = FONT_POS_BOTTOM,
        *,
        scale: float = 1,
        thickness: int = 1,
        **layout: Any,
    ) -> FontRendererStatusBar:
        """Make a bar for images of (w, h) `frame_size`; options as for `layout`."""
        bar = cls(font_name, scale, thickness)
        bar.layout(pos, frame_size, **layout)
        return bar

    def layout(
        self, pos: int, winsize: tuple[int, int], ltext: str = '', rtext: str = '', padv: int = 4, padh: int = 12
    ) -> None:
        """Make room for two texts.

        Parameters
        ----------
        pos
            ``POS_TOP`` or ``POS_BOTTOM`` for a bar along the edge, or ``POS_TOP_LEFT`` for one as long as the texts.
        winsize
            (w, h) of the images in pixels.
        ltext, rtext
            Samples of the longest texts. '' leaves that end empty.
        padv, padh
            Padding above and below, and beside the texts, in pixels; smaller in tiny images.

        Raises
        ------
        InvalidArgumentError
            The position is unknown.
        """
        _check_position(pos)
        width, height = _point(winsize)
        padv, padh = min(padv, height // 8), min(padh, width // 16)
        texts = [text for text in (ltext, rtext) if text]
        font = self._shrunk(texts or [''], width - padh * (len(texts) + 1), height - 2 * padv)
        (left, line), (right, _) = font._box_size(ltext), font._box_size(rtext)
        bar_width = left + right + 3 * padh if pos == FONT_POS_TOP_LEFT else width
        top = max(0, height - line - 2 * padv) if pos == FONT_POS_BOTTOM else 0
        self._bar = _Rect(0, top, min(bar_width, width), line + 2 * padv)
        self._left = _Rect(padh, top + padv, left, line) if ltext else None
        self._right = _Rect(max(0, self._bar.width - padh - right), top + padv, right, line) if rtext else None

    def render(
        self,
        img: Image,
        ltext: str = '',
        lcolor: Color = (255, 255, 255),
        rtext: str = '',
        rcolor: Color = (255, 255, 255),
        bgcolor: Color | None = None,
    ) -> None:
        """Draw the bar into an image.

        Parameters
        ----------
        img
            As for `write_string`, of the size passed to the layout.
        ltext, rtext
            The texts. An end with an empty layout draws none.
        lcolor, rcolor
            Colours of the texts.
        bgcolor
            Colour of the bar. Default: none, so that the image shows behind the texts.

        Raises
        ------
        InvalidArgumentError
            The bar has no layout, or drawing into the image is impossible.
        """
        _check_image(img)
        bar = self._laid_out()
        if bgcolor is not None:
            _fill(img, bar, bgcolor)
        for room, text, color in ((self._left, ltext, lcolor), (self._right, rtext, rcolor)):
            if room is not None and text:
                font = self._shrunk([text], room.width, room.height)
                font.write_string(text, (room.x, room.y + font._ascent), color, img)

    def extract(self, img: Image) -> tuple[Image | None, Image | None]:
        """Cut the areas of the two texts out of an image.

        Returns
        -------
        left, right : numpy.ndarray or None
            Views of the image. None for an end with an empty layout.

        Raises
        ------
        InvalidArgumentError
            The bar has no layout.
        """
        self._laid_out()
        left, right = (r and img[r.y : r.y + r.height, r.x : r.x + r.width] for r in (self._left, self._right))
        return left, right

    def _laid_out(self) -> _Rect:
        if self._bar is None:
            raise InvalidArgumentError('the status bar has no layout: call layout() or make it with new_for_image()')
        return self._bar


def _drawable(s: str) -> str:
    """Replace letters OpenCV cannot draw; half a surrogate pair would end the process."""
    text = ''.join(letter if letter.isprintable() else ' ' for letter in s)
    if _HAS_ALL_LETTERS:
        return text
    without_accents = (c for c in unicodedata.normalize('NFKD', text) if not unicodedata.combining(c))
    return ''.join(letter if letter.isascii() else '?' for letter in without_accents)


def _top(pos: int, img: Image, height: int) -> int:
    _check_position(pos)
    return img.shape[0] - height if pos == FONT_POS_BOTTOM else 0


def _fill(img: Image, rect: _Rect, color: Color) -> None:
    corner = rect.x + rect.width - 1, rect.y + rect.height - 1
    cv2.rectangle(img, (rect.x, rect.y), corner, _scalar(color), cv2.FILLED)


def _scalar(color: Color) -> tuple[float, ...]:
    try:
        parts = tuple(map(float, np.atleast_1d(color)))
    except (TypeError, ValueError):
        parts = ()
    if len(parts) not in (1, 3, 4):
        raise not_allowed('color', color, 'it must be (blue, green, red) or one number')
    return parts * 3 if len(parts) == 1 else parts


def _point(pos: Any) -> tuple[int, int]:
    try:
        x, y = map(int, pos)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError(f'{pos!r} is not a position: give (x, y) or a FONT_POS_… constant') from None
    return x, y


def _check_position(pos: int) -> None:
    if pos not in _POSITIONS:
        raise not_allowed('position', pos, f'it must be one of the FONT_POS_… constants, {_POSITIONS}')


def _check_font(name: int, scale: float, thickness: int) -> None:
    if name & ~cv2.FONT_ITALIC not in _FONTS:
        raise not_allowed('font', name, 'it must be one of the cv2.FONT_HERSHEY_… constants')
    if not 0 < scale < math.inf:
        raise not_allowed('scale', scale, 'it must be a number above 0')
    if thickness < 1 or thickness != int(thickness):
        raise not_allowed('thickness', thickness, 'it must be an integer number of pixels, at least 1')


def _check_image(img: object) -> None:
    if not isinstance(img, np.ndarray):
        raise InvalidArgumentError(f'text is drawn into images, which are numpy arrays, not {type(img).__name__}',
                                   argument='img')
    channels = img.shape[2] if img.ndim == 3 else 1
    if img.dtype != np.uint8 or img.size == 0 or img.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise InvalidArgumentError('text is drawn into images of uint8 with 1, 3 or 4 channels, '
                                   f'not into {img.dtype} of shape {img.shape}', argument='img')
    by_pixel = img.strides[1] == channels and (img.ndim == 2 or img.strides[2] == 1) and img.strides[0] > 0
    if not (by_pixel and img.flags.writeable):
        raise InvalidArgumentError('text cannot be drawn into a read-only or non-contiguous image: copy it',
                                   argument='img')
