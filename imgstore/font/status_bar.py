"""A bar with two texts at the edge of an image."""

from __future__ import annotations

from typing import Any

from ..color import Image
from ..errors import InvalidArgumentError
from .renderer import (
    DEFAULT_FONT,
    FONT_POS_BOTTOM,
    FONT_POS_TOP_LEFT,
    POSITIONS,
    Color,
    FontRenderer,
    Rect,
    as_point,
    check_image,
    check_position,
    fill,
)


class FontRendererStatusBar(FontRenderer):
    """A bar at an image's edge, with one text at its left and one at its right.

    `layout` makes room for two texts. `render` draws other texts in the same room, and makes longer ones smaller.
    `scale` is the largest scale used.
    """

    POS_TOP, POS_BOTTOM, POS_TOP_LEFT = POSITIONS

    def __init__(self, name: int = DEFAULT_FONT, scale: float = 1, thickness: int = 1) -> None:
        super().__init__(name, scale, thickness)
        self._bar: Rect | None = None
        self._left: Rect | None = None
        self._right: Rect | None = None

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
        """Make a bar for images of (w, h) `frame_size`. Options as for `layout`."""
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
            Padding above and below, and beside the texts, in pixels. Smaller in tiny images.

        Raises
        ------
        InvalidArgumentError
            The position is unknown.
        """
        check_position(pos)
        width, height = as_point(winsize)
        padv, padh = min(padv, height // 8), min(padh, width // 16)
        texts = [text for text in (ltext, rtext) if text]
        font = self._shrunk(texts or [''], width - padh * (len(texts) + 1), height - 2 * padv)
        (left, line), (right, _) = font._box_size(ltext), font._box_size(rtext)
        bar_width = left + right + 3 * padh if pos == FONT_POS_TOP_LEFT else width
        top = max(0, height - line - 2 * padv) if pos == FONT_POS_BOTTOM else 0
        self._bar = Rect(0, top, min(bar_width, width), line + 2 * padv)
        self._left = Rect(padh, top + padv, left, line) if ltext else None
        self._right = Rect(max(0, self._bar.width - padh - right), top + padv, right, line) if rtext else None

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
            Colour of the bar. Default: none. The image is then the background of the texts.

        Raises
        ------
        InvalidArgumentError
            The bar has no layout, or drawing into the image is impossible.
        """
        check_image(img)
        bar = self._laid_out()
        if bgcolor is not None:
            fill(img, bar, bgcolor)
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

    def _laid_out(self) -> Rect:
        if self._bar is None:
            raise InvalidArgumentError('the status bar has no layout: call layout() or make it with new_for_image()')
        return self._bar
