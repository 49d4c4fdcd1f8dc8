"""Texts of a comparison of formats, for a terminal and for the documentation."""

from __future__ import annotations

import math

from ..format_facts import facts_of
from ..formats import Format, resolve_format
from .measure import Measurement

UNKNOWN = '-'
"""Text of a cell for which there is no value."""

FIGURES = ('write, frames/s', 'read, frames/s', 'random, ms', 'MB/hour', 'PSNR, dB')
"""Titles of the figures of a measurement."""

FACTS = ('format', 'files', 'holds', 'lossless', 'opened by')
"""Titles of the facts about a format."""

EXACT = 'exact'

_BITS = {'uint8': '8', 'uint16': '16'}


def figures(measured: Measurement | None) -> dict[str, str]:
    """Return the figures of a measurement as text, by their titles."""
    if measured is None:
        return dict.fromkeys(FIGURES, UNKNOWN)
    values = (measured.writes, measured.reads, measured.random_ms, measured.mb_per_hour)
    return dict(zip(FIGURES, (*map(number_text, values), psnr_text(measured.psnr)), strict=True))


def number_text(value: float | None) -> str:
    """Write a number with three digits, and large ones without decimals."""
    if value is None:
        return UNKNOWN
    return f'{value:,.0f}' if value >= 100 else f'{value:.3g}'


def psnr_text(psnr: float) -> str:
    """Write a PSNR in dB."""
    return EXACT if psnr == math.inf else f'{psnr:.1f}'


def facts(name: str) -> dict[str, str]:
    """Return the facts about a format as text, by their titles."""
    fmt, known = resolve_format(name), facts_of(name)
    return dict(zip(FACTS, (name, known.files, holds_text(fmt), lossless_text(fmt), known.opened_by), strict=True))


def lossless_text(fmt: Format) -> str:
    """Return whether a format is lossless, perhaps only without an option."""
    if not fmt.lossless:
        return 'no'
    return 'yes, unless you set quality' if any(option.name == 'quality' for option in fmt.options) else 'yes'


def holds_text(fmt: Format) -> str:
    """Return what images a format holds."""
    if fmt.dtypes is None:
        return 'any dtype and shape'
    gray, color = _dtypes_text(fmt, False), _dtypes_text(fmt, True)
    if fmt.is_gray or not color:
        return f'{gray}, gray'
    if fmt.color_model == 'color':
        return f'{color}, colour'
    return f'{gray}, gray or colour' if gray == color else f'{gray}, gray; {color}, colour'


def _dtypes_text(fmt: Format, is_color: bool) -> str:
    """Return the dtypes of gray or colour images as text."""
    held = [dtype for dtype in fmt.dtypes or () if fmt.holds(dtype, is_color)]
    bits = ' and '.join(_BITS[dtype] for dtype in held if dtype in _BITS)
    return ', '.join(filter(None, [f'{bits} bit' if bits else '', *(dtype for dtype in held if dtype not in _BITS)]))
