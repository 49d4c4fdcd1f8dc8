"""Measures ours and the original in turn: python benchmarks/run.py. See docs/performance.md."""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import report
import report_beside
import videos
from bench import Bench
from cases import cases
from environments import CACHE
from measuring import CORES
from model import FULL, OURS, PEERS, QUICK, Case, Sizes
from report import Row, as_json, check_page, put_into, rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, then tell; 1 if anything failed."""
    options = _parse(arguments)
    for begin in (report.BEGIN, report_beside.BEGIN):
        check_page(options.markdown, begin)
    sizes = QUICK if options.quick else FULL
    chosen = [case for case in cases(sizes) if re.search(options.only, case.name)]
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='imgstore-benchmark-', dir=options.folder) as folder:
        bench = Bench(Path(folder), options.environments, sizes, options.ours_only)
        seconds = _run(bench, chosen, 1 if options.quick else options.rounds)
        about = _about(sizes, options, seconds, bench.versions())
    _tell(options, chosen, bench, about)
    return int(any('failed' in note for note in bench.results.notes.values()))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure imgstore against imgstore 0.4.0 and this machine's limits.")
    parser.add_argument('--only', default='', metavar='PATTERN', help='a regular expression: only such work')
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='how often each is measured (default: 5)')
    parser.add_argument('--quick', action='store_true', help='one round of less work: to see that all of it runs')
    parser.add_argument('--ours-only', action='store_true', help='leave the original out')
    parser.add_argument(
        '--environments',
        type=Path,
        default=CACHE / 'environments',
        metavar='FOLDER',
        help='virtual environments, kept for the next time (default: %(default)s)',
    )
    parser.add_argument(
        '--folder',
        type=Path,
        default=CACHE,
        metavar='FOLDER',
        help='on the disk to be measured; 5 GB, removed in the end (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all numbers there')
    parser.add_argument(
        '--markdown',
        type=Path,
        metavar='FILE',
        help='put the table into that page, which is there and has the marks for it',
    )
    return parser.parse_args(arguments)


def _run(bench: Bench, chosen: list[Case], rounds: int) -> float:
    """All rounds of all cases, in turn, so that a busy minute of the machine spoils no case; seconds."""
    start = time.perf_counter()
    for number in range(rounds):
        for case in chosen:
            if number < case.rounds:
                sys.stderr.write(f'{time.perf_counter() - start:6.0f} s  round {number + 1} of {rounds}  {case.name}\n')
                bench.run(case, number)
    return time.perf_counter() - start


def _about(sizes: Sizes, options: argparse.Namespace, seconds: float, versions: dict[str, Any]) -> dict[str, Any]:
    return {
        'date': date.today().isoformat(),
        'machine': f'{platform.system()} {platform.machine()}',
        'cores': CORES,
        'rounds': 1 if options.quick else options.rounds,
        'seconds': round(seconds),
        'sizes': asdict(sizes),
        'versions': versions,
    }


def _tell(options: argparse.Namespace, chosen: list[Case], bench: Bench, about: dict[str, Any]) -> None:
    measured = rows(chosen, bench.results)
    plain, beside = _split(measured)
    for module, some in ((report, plain), (report_beside, beside)):
        if some:
            sys.stdout.write(report.table(module.HEADINGS, module.lines(some)))
            sys.stdout.write(''.join(f'{note}\n' for note in module.notes(some)))
    if options.json:
        options.json.write_text(json.dumps(as_json(measured, bench.results, about), indent=1), encoding='utf-8')
    if options.markdown and plain:
        put_into(options.markdown, _plain_page(plain, about))
    if options.markdown and beside:
        put_into(options.markdown, _page_beside(beside, about), report_beside.BEGIN)


def _split(measured: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows of the first table, and those beside other readers."""
    return [row for row in measured if not row.case.peers], [row for row in measured if row.case.peers]


def _plain_page(plain: list[Row], about: dict[str, Any]) -> str:
    text = report.markdown(report.HEADINGS, report.lines(plain))
    return _paragraphs(_sentence(about, plain), text, *report.notes(plain))


def _page_beside(beside: list[Row], about: dict[str, Any]) -> str:
    """Format the table of the videos, and that of the readers."""
    about_videos = report.markdown(videos.HEADINGS, report_beside.videos(beside), ())
    text = report.markdown(report_beside.HEADINGS, report_beside.lines(beside), report_beside.NUMBERS)
    return _paragraphs(_sentence(about, beside), about_videos, text, *report_beside.notes(beside))


def _paragraphs(*parts: str) -> str:
    return '\n\n'.join(part.strip() for part in parts) + '\n'


def _sentence(about: dict[str, Any], measured: list[Row]) -> str:
    """Say when, where and by which versions the rows were measured."""
    cases = [row.case for row in measured]
    used = {OURS, *(case.reference for case in cases), *(PEERS[peer] for case in cases for peer in case.peers)}
    used |= {case.environment for case in cases if case.environment}
    versions = '; '.join(
        f'{name}: {", ".join(f"{key} {value}" for key, value in found.items())}'
        for name, found in about['versions'].items()
        if name in used
    )
    rounds = min(about['rounds'], max(case.rounds for case in cases))
    return (
        f'Measured on {about["date"]} on {about["machine"]} with {about["cores"]} cores, '
        f'medians of {rounds} rounds ({versions}).'
    )


if __name__ == '__main__':
    sys.exit(main())
