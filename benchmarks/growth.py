"""How cost grows with length, size and cameras, as a plot: python benchmarks/growth.py. See docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench import Bench
from environments import CACHE
from growth_plot import draw
from measuring import CORES
from model import FULL, OURS
from report import check_page, markdown, put_into, table

BEGIN = '<!-- what growth.py measured -->'
FORMATS = ('npy', 'jpg', 'mjpeg/avi', 'avc1/mp4')
DISTINCT = 8  # frames of each size

Point = tuple[str, str, int, float]
"""Panel, line, what grows, milliseconds."""


@dataclass(frozen=True)
class Plan:
    """How far it goes."""

    chunks: tuple[int, ...] = (1, 10, 100, 1_000, 10_000)
    chunk_frames: int = 10_000
    reads: int = 200
    pixels: tuple[int, ...] = (10_000, 100_000, 1_000_000, 10_000_000)
    pixels_in_all: int = 30_000_000
    cameras: tuple[int, ...] = (1, 2, 3, 4, 6, 8)
    calls: int = 60
    rounds: int = 3


QUICK = Plan(chunks=(1, 10, 100), pixels=(10_000, 100_000, 1_000_000), cameras=(1, 2, 4), calls=15, rounds=1)


@dataclass(frozen=True)
class Line:
    """Milliseconds by what grows, and how they grow."""

    panel: str
    name: str
    points: dict[int, float]

    @property
    def exponent(self) -> float:
        """Slope in a plot of logarithms, over the last two decades, where fixed costs count least."""
        last = [(x, y) for x, y in self.points.items() if x >= max(self.points) / 100]
        x, y = np.log(np.array(last, float).T)
        return float(np.polyfit(x, y, 1)[0])

    @property
    def growth(self) -> str:
        """Tell how it grows: twice the time for ten times as much is still called logarithmic."""
        for most, name in ((0.1, 'flat'), (0.3, 'logarithmic'), (1.2, 'linear')):
            if self.exponent <= most:
                return name
        return 'more than linear'


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, then tell and draw; 1 if a line is more than linear."""
    options = _parse(arguments)
    check_page(options.markdown, BEGIN)
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='imgstore-growth-', dir=options.folder) as folder:
        bench = Bench(Path(folder), options.environments, FULL, ours_only=True)
        plan = QUICK if options.quick else Plan()
        lines = measure(lambda task, **given: _answer(bench, task, given), folder, plan, options.only)
    _tell(options, lines)
    return int(any(line.growth == 'more than linear' for line in lines))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure how cost grows with length, size and cameras.')
    parser.add_argument('--only', default='', metavar='PATTERN', help='a regular expression: frames, pixels or cameras')
    parser.add_argument('--quick', action='store_true', help='one round, and less of everything')
    for name, what in (
        ('environments', 'virtual environments, kept'),
        ('folder', 'for what is written; 5 GB, removed'),
    ):
        parser.add_argument(
            f'--{name}', type=Path, default=CACHE, metavar='FOLDER', help=f'{what} (default: %(default)s)'
        )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all numbers there')
    parser.add_argument('--plot', type=Path, metavar='FILE', help='draw there, as SVG')
    parser.add_argument(
        '--markdown', type=Path, metavar='FILE', help='put the tables into that page, which has the marks'
    )
    return parser.parse_args(arguments)


def _answer(bench: Bench, task: str, given: dict[str, Any]) -> dict[str, Any]:
    return bench.process(OURS, {'task': task, 'arguments': given, 'imports': 'imgstore'})


Answer = Callable[..., dict[str, Any]]


def measure(answer: Answer, folder: str, plan: Plan, only: str = '') -> list[Line]:
    """Measure all lines; medians of the rounds."""
    values: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for kind in (kind for panel, kind in PANELS.items() if re.search(only, panel)):
        for panel, line, x, milliseconds in kind(answer, folder, plan):
            sys.stderr.write(f'{line}, {x:,}: {milliseconds:.4g} ms\n')
            values[panel, line][x].append(milliseconds)
    return [
        Line(panel, name, {x: median(found) for x, found in points.items()}) for (panel, name), points in values.items()
    ]


def _lengths(answer: Answer, folder: str, plan: Plan) -> Iterator[Point]:
    panel, place = 'frames', Path(folder, 'lengths')
    place.mkdir()
    answer('record_lengths', path=str(place), chunks=plan.chunks, count=plan.chunk_frames)
    for opening in ('open', 'open, its saved index'):
        for _ in range(plan.rounds):
            for chunks in plan.chunks:
                path, total = str(place / str(chunks)), chunks * plan.chunk_frames
                yield panel, opening, total, answer('open_store', path=path, total=total)['ms']
        for chunks in plan.chunks:
            answer('save_index', path=str(place / str(chunks)))
    for _ in range(plan.rounds):
        for chunks in plan.chunks:
            total = chunks * plan.chunk_frames
            found = answer('find_and_read', path=str(place / str(chunks)), total=total, count=plan.reads)
            yield panel, 'find a number', total, found['find']
            yield panel, 'get_image, random', total, found['read']


def _sizes(answer: Answer, folder: str, plan: Plan) -> Iterator[Point]:
    for pixels in plan.pixels:
        side = 2 * round(pixels**0.5 / 2)
        frames, count = f'{folder}/{side}.npy', max(16, min(300, plan.pixels_in_all // pixels))
        answer('make_frames', target=frames, count=DISTINCT, height=side, width=side, gray=True)
        for fmt in FORMATS:
            path = f'{folder}/{side} {fmt[:4]}'
            answer('record', path=path, frames=frames, fmt=fmt, count=count)
            for _ in range(plan.rounds):
                written = answer('write', folder=folder, frames=frames, fmt=fmt, count=count, check=False)
                yield 'pixels', f'write {fmt}', side**2, 1000 / written['fps']
                yield 'pixels', f'read {fmt}', side**2, 1000 / answer('read', path=path, frames=frames)['fps']


def _cameras(answer: Answer, folder: str, plan: Plan) -> Iterator[Point]:
    frames = f'{folder}/camera.npy'
    answer('make_frames', target=frames, count=DISTINCT, height=512, width=640, gray=True)
    given = {'folder': folder, 'frames': frames, 'count': plan.calls, 'chunksize': 10_000, 'rate': 15}
    for _ in range(plan.rounds):
        for fmt in ('npy', 'avc1/mp4'):
            for cameras in plan.cameras:
                found = answer('write_at_once_at_pace', fmt=fmt, cameras=cameras, **given)
                yield 'cameras', f'add_image, {fmt}', cameras, found['median']


PANELS = {'frames': _lengths, 'pixels': _sizes, 'cameras': _cameras}


# --- telling


def _tell(options: argparse.Namespace, lines: list[Line]) -> None:
    panels = list(dict.fromkeys(line.panel for line in lines))
    texts = [_texts([line for line in lines if line.panel == panel]) for panel in panels]
    sys.stdout.write('\n'.join(table(headings, cells) for headings, cells in texts))
    if options.json:
        found = [{**vars(line), 'exponent': line.exponent, 'growth': line.growth} for line in lines]
        options.json.write_text(json.dumps(found, indent=1), encoding='utf-8')
    if options.plot:
        draw(options.plot, lines)
    if options.markdown:
        pages = [markdown(headings, cells, headings[1:-1]) for headings, cells in texts]
        put_into(options.markdown, '\n'.join([_about(), *_picture(options.plot, options.markdown), *pages]), BEGIN)


def _about() -> str:
    return (
        f'Measured on {date.today().isoformat()} on {platform.system()} {platform.machine()} with {CORES} cores, '
        'in milliseconds.\n'
    )


def _picture(plot: Path | None, page: Path) -> list[str]:
    if plot is None:
        return []
    return [f'![Milliseconds by frames, pixels and cameras]({os.path.relpath(plot, page.parent)})\n']


def _texts(lines: list[Line]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and lines of the table of a panel, in milliseconds."""
    places = sorted({x for line in lines for x in line.points})
    headings = [f'ms by {lines[0].panel}', *(f'{x:,}' for x in places), 'exponent', 'growth']
    return headings, [
        [line.name, *(f'{line.points[x]:.3g}' for x in places), f'{line.exponent:.2f}', line.growth] for line in lines
    ]


if __name__ == '__main__':
    sys.exit(main())
