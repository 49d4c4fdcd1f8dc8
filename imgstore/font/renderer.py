"""Drawing of text into images: lines, paragraphs, fitted text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from .._support.validation import not_allowed
from ..color import Image
from ..errors import InvalidArgumentError

DEFAULT_FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_POS_TOP, FONT_POS_BOTTOM, FONT_POS_TOP_LEFT = range(3)
Color = float | Sequence[float]
Position = int | tuple[int, int]
POSITIONS = (FONT_POS_TOP, FONT_POS_BOTTOM, FONT_POS_TOP_LEFT)
_FONTS = range(cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX + 1)
_SMALLEST_SCALE = 0.01  # OpenCV draws nothing at smaller scales
# OpenCV 5 has fonts with all letters; OpenCV 4 draws bytes beyond ASCII as question marks
_HAS_ALL_LETTERS = hasattr(cv2, 'FontFace')


class Rect(NamedTuple):
    """A part of an image, in pixels."""

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
    width : int
        Width in pixels.
    height : int
        Height above the base line, in pixels.

    Raises
    ------
    InvalidArgumentError
        The font, scale or thickness is not allowed.

    Examples
    --------
    >>> import cv2
    >>> from imgstore.font import measure_string
    >>> width, height = measure_string('frame 102', cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
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
    check_position(pos)
    if not only_measure or img_shape is None:
        check_image(img)
    height, width = (img_shape or np.shape(img))[:2]  # type: ignore[arg-type]
    scale = max(_SMALLEST_SCALE, FontRenderer(name)._room([txt], width, height))
    font = FontRenderer(name, scale, max(1, int(scale / 2)))._shrunk([txt], width, height)
    if not only_measure and txt:
        font.write_string(txt, pos, color, img)
    return font.scale, font.thickness


class FontRenderer:
    """Drawing of text in one font and size. Parameters as for `measure_string`."""

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
            (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) of uint8, drawn into. Default: a new (h, w, 3) of the text's
            size.
        bgcolor
            Colour of a background box. Default: no box.

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
        check_image(img)
        x, baseline = (0, _top(pos, img, height) + self._ascent) if isinstance(pos, int) else as_point(pos)
        if bgcolor is not None:
            fill(img, Rect(x, baseline - self._ascent, width, height), bgcolor)
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
        x, top = (0, _top(pos, img, sum(heights))) if isinstance(pos, int) else as_point(pos)
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
        """Return the factor for texts side by side to fit. Below 1 if too large."""
        sizes = [self._box_size(text) for text in texts]
        return min(width / max(1, sum(w for w, _ in sizes)), height / sizes[0][1])

    def _shrunk(self, texts: Sequence[str], width: int, height: int) -> FontRenderer:
        """Return the same font, smaller if texts side by side do not fit."""
        font = FontRenderer(self.name, self.scale, self.thickness)
        while font.scale > _SMALLEST_SCALE and (room := font._room(texts, width, height)) < 1:
            font.scale = max(_SMALLEST_SCALE, font.scale * min(room, 0.98))
        return font


def _drawable(s: str) -> str:
    """Replace letters OpenCV cannot draw.

    Half a surrogate pair would end the process.
    """
    text = ''.join(letter if letter.isprintable() else ' ' for letter in s)
    if _HAS_ALL_LETTERS:
        return text
    without_accents = (c for c in unicodedata.normalize('NFKD', text) if not unicodedata.combining(c))
    return ''.join(letter if letter.isascii() else '?' for letter in without_accents)


def _top(pos: int, img: Image, height: int) -> int:
    check_position(pos)
    return img.shape[0] - height if pos == FONT_POS_BOTTOM else 0


def fill(img: Image, rect: Rect, color: Color) -> None:
    """Fill a part of an image with a colour."""
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


def as_point(pos: Any) -> tuple[int, int]:
    """Return (x, y) as integers, or raise InvalidArgumentError."""
    try:
        x, y = map(int, pos)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError(f'{pos!r} is not a position: give (x, y) or a FONT_POS_… constant') from None
    return x, y


def check_position(pos: int) -> None:
    """Raise InvalidArgumentError for an unknown position."""
    if pos not in POSITIONS:
        raise not_allowed('position', pos, f'it must be one of the FONT_POS_… constants, {POSITIONS}')


def _check_font(name: int, scale: float, thickness: int) -> None:
    if name & ~cv2.FONT_ITALIC not in _FONTS:
        raise not_allowed('font', name, 'it must be one of the cv2.FONT_HERSHEY_… constants')
    if not 0 < scale < math.inf:
        raise not_allowed('scale', scale, 'it must be a number above 0')
    if thickness < 1 or thickness != int(thickness):
        raise not_allowed('thickness', thickness, 'it must be an integer number of pixels, at least 1')


def check_image(img: object) -> None:
    """Raise InvalidArgumentError for what text cannot be drawn into."""
    if not isinstance(img, np.ndarray):
        raise InvalidArgumentError(
            f'text is drawn into images, which are numpy arrays, not {type(img).__name__}', argument='img'
        )
    channels = img.shape[2] if img.ndim == 3 else 1
    if img.dtype != np.uint8 or img.size == 0 or img.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise InvalidArgumentError(
            f'text is drawn into images of uint8 with 1, 3 or 4 channels, not into {img.dtype} of shape {img.shape}',
            argument='img',
        )
    by_pixel = img.strides[1] == channels and (img.ndim == 2 or img.strides[2] == 1) and img.strides[0] > 0
    if not (by_pixel and img.flags.writeable):
        raise InvalidArgumentError(
            'text cannot be drawn into a read-only or non-contiguous image: copy it', argument='img'
        )
