"""imgstore-repair: completes a store after its writer was killed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from .._support.text import printable
from ..maintenance.repair import repair
from ._cli import EXIT_FAILURE, run
from ._parser import command_parser
from ._report import Report, add_json
from ._stores import run_each

_PROG = 'imgstore-repair'


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Complete a store for good after its writer was killed or its disk was full. You can read '
        'such a store without a repair. After a repair, imgstore 0.4 can read it too. The exit code is 1 if '
        'a chunk stays unreadable.',
        'imgstore repair --dry-run recording\nimgstore repair data',
        'A repair never removes a readable frame.',
    )
    made.add_argument('paths', metavar='PATH', nargs='+', help='a store, or a folder with stores in it or below')
    made.add_argument('--dry-run', action='store_true', help='change nothing, only report what would be done')
    add_json(made, 'one JSON object per store and line')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Repair the stores and return the exit code."""
    args = parser().parse_args(argv)
    return run(_PROG, lambda: _repair_all(args), args.verbose)


def _repair_all(args: argparse.Namespace) -> int:
    def repair_one(path: str) -> int:
        with Report(args) as report:
            found = repair(path, args.dry_run)
            report.tell(str(replace(found, path=printable(path))), **found.as_dict())
        return EXIT_FAILURE if found.unreadable else 0

    return run_each(_PROG, args.paths, repair_one)
