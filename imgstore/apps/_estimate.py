"""Table of the sizes in other formats, for imgstore-convert --estimate."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .._support.text import count_of, printable
from ..convert import FormatEstimate, StoreEstimate
from ..measuring.table import number_text, psnr_text
from ._columns import in_columns

_TITLES = ('format', 'MB', '± MB', 'MB/hour', 'of today', 'PSNR, dB', 'note')
_TO_THE_RIGHT = _TITLES[1:-1]
_HEADING = dict(zip(_TITLES, (*_TITLES[:-1], ''), strict=True))


def estimate_lines(found: StoreEstimate) -> Iterator[str]:
    """Yield the table, with lines above and below."""
    yield _about(found)
    rows = [dict(zip(_TITLES, _cells(found, each), strict=True)) for each in found.formats]
    yield from in_columns(_TITLES, [_HEADING, *rows], _TO_THE_RIGHT)
    yield from _notes(found)


def _about(found: StoreEstimate) -> str:
    shape = found.image_shape
    size = f'{shape[1]} x {shape[0]}' if len(shape) > 1 else str(shape[0])
    kind = {(): 'gray', (3,): 'color'}.get(shape[2:], f'of shape {shape}')
    now = '' if found.bytes is None else f', {number_text(found.bytes / 1e6)} MB today'
    return f'{count_of(found.frames, "frame")} of {size} {kind} {found.dtype} in {printable(found.format)}{now}'


def _cells(found: StoreEstimate, each: FormatEstimate) -> tuple[str, ...]:
    error = '?' if math.isinf(each.error) else number_text(each.error / 1e6)
    return (
        each.format,
        number_text(each.bytes / 1e6),
        error if each.error else '0',
        number_text(found.bytes_per_hour(each.bytes) / 1e6),
        f'{each.bytes / found.bytes:.3g} x' if found.bytes else '?',
        psnr_text(each.psnr),
        ', '.join(filter(None, ['now' if each.is_current else '', 'without colours' if each.loses_colors else ''])),
    )


def _notes(found: StoreEstimate) -> Iterator[str]:
    yield (
        f'An hour is at {found.rate:.4g} frames/s. Sizes are those of the images or videos, without indexes and extra '
        'data.'
    )
    yield _sample(found)
    if found.unreadable:
        are = 'is' if found.unreadable == 1 else 'are'
        yield f'{count_of(found.unreadable, "frame")} of the sample cannot be read, and {are} left out.'
    if found.missing_chunks:
        numbers = ', '.join(map(str, found.missing_chunks[:20])) + ', …' * (len(found.missing_chunks) > 20)
        yield f'The frames of {count_of(len(found.missing_chunks), "missing chunk")} do not count: {numbers}.'


def _sample(found: StoreEstimate) -> str:
    if found.is_complete:
        return 'Every frame was tried.'
    runs = f'{count_of(found.sampled, "frame")} in {count_of(found.runs, "run")} for videos'
    return (
        f'Sample: {runs}, {count_of(found.sampled_images, "frame")} for images. The size is within ± MB in 19 of 20 '
        'cases, if the sample is like the rest.'
    )
