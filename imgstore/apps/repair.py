"""imgstore-repair: complete a store whose writer was killed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from .._support.text import printable
from ..maintenance.repair import repair
from ._cli import command_parser, run


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        'imgstore-repair', 'Complete a store whose writer was killed, or whose disk was full, for good. It can be read '
        'without that; what was repaired can be read by imgstore 0.4 too.',
        'imgstore repair --dry-run recording', 'No frame that can be read is ever removed.')
    made.add_argument('paths', metavar='PATH', nargs='+', help='a store')
    made.add_argument('--dry-run', action='store_true', help='change nothing, only say what would be done')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Repair the stores; returns the exit code."""
    args = parser().parse_args(argv)
    return run('imgstore-repair', lambda: _repair_all(args.paths, args.dry_run), args.verbose)


def _repair_all(paths: Sequence[str], dry_run: bool) -> int:
    for path in paths:
        print(replace(repair(path, dry_run), path=printable(path)))
    return 0
