"""imgstore-reindex: corrects frame numbers after a reset by a trigger."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from .._support.text import printable
from ..stores.factories import new_for_filename
from ._cli import run
from ._parser import command_parser
from ._report import Report, add_json


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        'imgstore-reindex',
        "Correct frame numbers after a trigger reset the camera's counter to 0. The frames before "
        'the reset get negative numbers, up to -1. There must be exactly one frame numbered 0.',
        'imgstore reindex recording',
        'The old numbers are kept as _frame_number_before_reindex in the chunk indexes and the extra data.',
    )
    made.add_argument('paths', metavar='PATH', nargs='+', help='a store')
    made.add_argument('--dry-run', action='store_true', help='change nothing, only report what would be done')
    add_json(made, 'one JSON object per store and line')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Renumber the frames and return the exit code."""
    args = parser().parse_args(argv)
    return run('imgstore-reindex', lambda: _reindex_all(args), args.verbose)


def _reindex_all(args: argparse.Namespace) -> int:
    for path in args.paths:
        with new_for_filename(path) as store, Report(args) as report:
            found = store.reindex(args.dry_run)
            report.tell(str(replace(found, path=printable(path))), **vars(found))
    return 0
