"""Tables of formats measured on this machine, for imgstore-test --bench."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from ..doctor import versions
from ..formats import resolve_format
from ..measuring import SCENES, BenchRow, bench
from ..measuring.comparison import comparable_formats
from ..measuring.table import FACTS, FIGURES, facts, figures
from ._columns import in_columns, with_heading
from ._info_text import json_line
from ._progress import Progress

ALL = 'all'
_TITLES = ('format', *FIGURES)


def format_list(text: str) -> list[str]:
    """Return the formats of a comma-separated list, each once.

    Raises
    ------
    InvalidArgumentError
        There is no such format.
    """
    if text == ALL:
        return comparable_formats()
    return list(dict.fromkeys(resolve_format(name.strip()).name for name in text.split(',')))


def run_bench(formats: Sequence[str], size: tuple[int, int], is_color: bool, frames: int, as_json: bool) -> None:
    """Measure formats, and print tables or a JSON object per measurement."""
    with Progress('imgstore-test', len(formats) * len(SCENES), 'measurements') as progress:
        rows = list(bench(formats, size=size, is_color=is_color, frames=frames, progress=progress.step))
    if as_json:
        for row in rows:
            print(json_line({**_record(row), 'width': size[0], 'height': size[1], 'color': is_color}))
        return
    print('\n'.join(versions()))
    about = f'{size[0]} x {size[1]} {"color" if is_color else "gray"}, {frames} frames'
    for scene, found in itertools.groupby(rows, lambda row: row.scene):
        print(f'\n{scene.name}, {about}')
        _print_table(_TITLES, [{'format': row.format, **figures(row.measured)} for row in found], FIGURES)
    print()
    _print_table(FACTS, [facts(name) for name in formats])


def _print_table(titles: Sequence[str], rows: list[dict[str, str]], to_the_right: Sequence[str] = ()) -> None:
    for line in in_columns(titles, with_heading(titles, rows), to_the_right):
        print(line)


def _record(row: BenchRow) -> dict[str, Any]:
    measured = row.measured
    if measured is None:
        return {'recording': row.scene.name, 'format': row.format, 'frames': None}
    return {
        'recording': row.scene.name,
        'format': row.format,
        'frames': measured.frames,
        'writes': measured.writes,
        'reads': measured.reads,
        'random_ms': measured.random_ms,
        'mb_per_hour': measured.mb_per_hour,
        'exact': measured.psnr == math.inf,
        'psnr': None if measured.psnr == math.inf else measured.psnr,
    }
