"""What each format costs, for docs/formats.md: python benchmarks/format_table.py --markdown docs/formats.md."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from measuring import CORES
from report import check_page, markdown, put_into, table

from imgstore.doctor import versions
from imgstore.measuring import SCENES, BenchRow, Scene, bench
from imgstore.measuring.comparison import FRAMES, comparable_formats
from imgstore.measuring.table import EXACT, FACTS, FIGURES, facts, figures

FACTS_BEGIN = '<!-- what format_table.py knows -->'
BEGIN = '<!-- what format_table.py measured -->'
SIZES = ((1280, 1024), (320, 240))
QUICK_FRAMES = 4
HEADINGS = ('format', *FIGURES)


class Place(NamedTuple):
    """One table."""

    size: tuple[int, int]
    scene: Scene


Found = dict[Place, dict[str, dict[bool, BenchRow]]]
"""Rows by format and by whether the images are in colour."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and put the tables into a page."""
    options = _parse(arguments)
    for begin in (FACTS_BEGIN, BEGIN):
        check_page(options.markdown, begin)
    if options.markdown:
        put_into(options.markdown, facts_table(), FACTS_BEGIN)
    if options.facts:
        return
    start = time.perf_counter()
    found = measure(options.formats or comparable_formats(), QUICK_FRAMES if options.quick else FRAMES)
    about = _about(options.quick, time.perf_counter() - start)
    _tell(options, found, about)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure speed, size and quality of every format.')
    parser.add_argument('formats', nargs='*', metavar='FORMAT', help='only these (default: all)')
    parser.add_argument('--facts', action='store_true', help='measure nothing, only write the table of facts')
    parser.add_argument('--quick', action='store_true', help='few frames, to see the tables: no measurement')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all numbers there')
    parser.add_argument(
        '--markdown', type=Path, metavar='FILE', help='put the tables into that page, which has the marks'
    )
    return parser.parse_args(arguments)


def measure(formats: Sequence[str], frames: int, sizes: Sequence[tuple[int, int]] = SIZES) -> Found:
    """Measure the formats on each recording, in each size, in gray and colour."""
    found: Found = {Place(size, scene): {name: {} for name in formats} for size in sizes for scene in SCENES}
    for size in sizes:
        for is_color in (False, True):
            for row in bench(formats, size=size, is_color=is_color, frames=frames):
                found[Place(size, row.scene)][row.format][is_color] = row
                sys.stderr.write(f'{size[0]}x{size[1]} {row.scene.name} {row.format}\n')
    return found


# --- telling


def facts_table() -> str:
    """Return the table of facts in Markdown."""
    rows = [facts(name) for name in comparable_formats()]
    return markdown(FACTS, [[f'`{row["format"]}`', *(row[title] for title in FACTS[1:])] for row in rows], ())


def lines(rows: dict[str, dict[bool, BenchRow]]) -> list[list[str]]:
    """Return the figures of a table as text: gray / colour."""
    return [
        [name, *(_both(*(figures(found[is_color].measured)[title] for is_color in (False, True))) for title in FIGURES)]
        for name, found in rows.items()
    ]


def _both(gray: str, color: str) -> str:
    return EXACT if gray == color == EXACT else f'{gray} / {color}'


def _about(is_quick: bool, seconds: float) -> str:
    machine = f'{platform.system()} {platform.machine()} with {CORES} cores'
    if is_quick:
        return f'From a trial run with {QUICK_FRAMES} frames, to show the tables. **These are no measurements.**'
    used = '; '.join(versions())
    return f'Measured on {date.today().isoformat()} on {machine}, in {seconds:.0f} s ({used}).'


def _tell(options: argparse.Namespace, found: Found, about: str) -> None:
    for place, rows in found.items():
        sys.stdout.write(f'\n{_title(place)}, gray / colour\n{table(HEADINGS, lines(rows))}')
    if options.json:
        options.json.write_text(json.dumps([*_records(found)], indent=1), encoding='utf-8')
    if options.markdown:
        put_into(options.markdown, '\n'.join([f'{about}\n', *map(_section, found.items())]), BEGIN)


def _title(place: Place) -> str:
    return f'{place.scene.name.capitalize()}, {place.size[0]} x {place.size[1]}'


def _section(found: tuple[Place, dict[str, dict[bool, BenchRow]]]) -> str:
    place, rows = found
    cells = [[f'`{name}`', *values] for name, *values in lines(rows)]
    return f'### {_title(place)}\n\n{markdown(HEADINGS, cells, FIGURES)}'


def _records(found: Found) -> Iterator[dict[str, Any]]:
    for place, rows in found.items():
        for name, both in rows.items():
            for is_color, row in both.items():
                values = None if row.measured is None else asdict(row.measured)
                about = {'size': place.size, 'scene': place.scene.name, 'format': name, 'color': is_color}
                yield {**about, 'measured': values}


if __name__ == '__main__':
    main()
