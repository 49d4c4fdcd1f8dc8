"""Drawing of text into images: lines, paragraphs, fitted text, status bars."""

from .renderer import (
    DEFAULT_FONT,
    FONT_POS_BOTTOM,
    FONT_POS_TOP,
    FONT_POS_TOP_LEFT,
    Color,
    FontRenderer,
    Position,
    fit_text,
    measure_string,
)
from .status_bar import FontRendererStatusBar

__all__ = [
    'DEFAULT_FONT',
    'FONT_POS_BOTTOM',
    'FONT_POS_TOP',
    'FONT_POS_TOP_LEFT',
    'Color',
    'FontRenderer',
    'FontRendererStatusBar',
    'Position',
    'fit_text',
    'measure_string',
]
