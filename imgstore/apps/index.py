"""imgstore-index: saves index caches, so that stores open fast."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .._support.text import count_of, printable
from ..stores.factories import new_for_filename
from ._cli import run
from ._parser import command_parser
from ._report import Report, add_json


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        'imgstore-index',
        'Save the index cache of a store with many chunks, so that it opens fast. A stale cache is '
        'ignored, and an existing one is replaced.',
        'imgstore index recording',
    )
    made.add_argument('paths', metavar='PATH', nargs='+', help='a store')
    made.add_argument('--sqlite', action='store_true', help='also write .index.sqlite, for imgstore 0.4')
    add_json(made, 'one JSON object per store and line')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Save the index caches and return the exit code."""
    args = parser().parse_args(argv)
    return run('imgstore-index', lambda: _save_all(args), args.verbose)


def _save_all(args: argparse.Namespace) -> int:
    for path in args.paths:
        with new_for_filename(path) as store:
            store.save_index(sqlite=args.sqlite)
            count = store.frame_count
            with Report(args) as report:
                told = f'{printable(path)}: the index of {count_of(count, "frame")} is saved'
                report.tell(told, path=store.filename, frames=count, sqlite=args.sqlite)
    return 0
