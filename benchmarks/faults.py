"""Kills recording processes, ours and the original's, and counts what is lost: python benchmarks/faults.py.

See docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # for this imgstore and the package `tests`

import environments
from killing import Pythons, Result, judge
from lost import BEGIN, markdown, table
from model import ORIGINAL, ORIGINAL_BPK, ORIGINAL_H264
from report import check_page, put_into

from tests.helpers.kills import KINDS, Case

_UNKNOWN_TO_IT = ('webp',)
"""Formats that the original neither writes nor reads."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, then tell; 1 if anything was wrong with ours."""
    options = _parse(arguments)
    check_page(options.markdown, BEGIN)
    options.folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix='imgstore-kills-', dir=options.folder) as folder:
        results = _run(options, Path(folder))
        if options.keep and any(result['wrong'] for result in results):
            Path(folder).rename(options.keep)
            Path(folder).mkdir()
    about = {
        'date': date.today().isoformat(),
        'machine': f'{platform.system()} {platform.machine()}',
        'seconds': round(time.perf_counter() - start),
    }
    _tell(options, results, about)
    return int(any(result['wrong'] for result in results))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Kill recording processes and count the frames that are lost.')
    parser.add_argument('--kills', type=int, default=300, metavar='N', help='of each side (default: 300)')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='the first; with --kills 1 that kill alone')
    parser.add_argument('--jobs', type=int, default=2, metavar='N', help='recordings at a time (default: 2)')
    parser.add_argument('--ours-only', action='store_true', help='leave the original out')
    parser.add_argument(
        '--environments',
        type=Path,
        default=environments.CACHE / 'environments',
        metavar='FOLDER',
        help='virtual environments, kept for the next time (default: %(default)s)',
    )
    parser.add_argument(
        '--folder',
        type=Path,
        default=environments.CACHE,
        metavar='FOLDER',
        help='for the recordings, removed in the end (default: %(default)s)',
    )
    parser.add_argument('--keep', type=Path, metavar='FOLDER', help='move what something is wrong with there')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write what became of every kill there')
    parser.add_argument(
        '--markdown',
        type=Path,
        metavar='FILE',
        help='put the table into that page, which is there and has the marks for it',
    )
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace, folder: Path) -> list[Result]:
    """All kills, in an order that spreads both sides and all formats over the time that it takes."""
    pythons = {} if options.ours_only else _pythons(options.environments)
    none = Pythons(None, None)
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context('spawn')) as pool:
        tasks = []
        for case in map(Case.of_seed, range(options.seed, options.seed + options.kills)):
            found = pythons.get(case.fmt, none)
            tasks.append(pool.submit(judge, case, folder, found, False))
            if found.write:
                tasks.append(pool.submit(judge, case, folder, found, True))
        for count, task in enumerate(as_completed(tasks), 1):
            _progress(count, len(tasks), task.result())
        return [task.result() for task in tasks]


def _progress(count: int, of: int, result: Result) -> None:
    wrong = f'  WRONG: {"; ".join(result["wrong"])}' if result['wrong'] else ''
    if wrong or count % 20 == 0:
        sys.stderr.write(
            f'{count} of {of}  {result["by"]} {result["fmt"]} seed {result["seed"]}: '
            f'{result["lost"]} of {result["added"]} lost{wrong}\n'
        )


def _pythons(home: Path) -> dict[str, Pythons]:
    """Which python of the original writes and which reads each format."""
    made = {name: _python(name, home) for name in (ORIGINAL, ORIGINAL_BPK, ORIGINAL_H264)}
    writing = {'bpk': ORIGINAL_BPK, 'h264/mkv': ORIGINAL_H264, 'avc1/mp4': ORIGINAL_H264}
    reading = {'bpk': ORIGINAL_BPK}
    known = [fmt for fmt, _ in KINDS if fmt not in _UNKNOWN_TO_IT]
    return {fmt: Pythons(made[writing.get(fmt, ORIGINAL)], made[reading.get(fmt, ORIGINAL)]) for fmt in known}


def _python(name: str, home: Path) -> str | None:
    try:
        return environments.make(name, home).python
    except environments.MissingError as error:
        sys.stderr.write(f'left out: {name}: {error}\n')
        return None


def _tell(options: argparse.Namespace, results: list[Result], about: dict[str, Any]) -> None:
    sys.stdout.write(table(results))
    if options.json:
        options.json.write_text(json.dumps({**about, 'kills': results}, indent=1), encoding='utf-8')
    if options.markdown:
        put_into(options.markdown, markdown(results, about), BEGIN)


if __name__ == '__main__':
    sys.exit(main())
