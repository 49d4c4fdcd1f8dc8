"""imgstore-reindex: corrects frame numbers after a reset by a trigger."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from .._support.text import printable
from ..stores.factories import new_for_filename
from ._cli import command_parser, run


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
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Renumber the frames and return the exit code."""
    args = parser().parse_args(argv)
    return run('imgstore-reindex', lambda: _reindex_all(args.paths, args.dry_run), args.verbose)


def _reindex_all(paths: Sequence[str], dry_run: bool) -> int:
    for path in paths:
        with new_for_filename(path) as store:
            print(replace(store.reindex(dry_run), path=printable(path)))
    return 0
