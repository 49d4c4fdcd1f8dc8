"""imgstore-verify: compares every frame with its checksum."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from .._support.text import count_of, printable
from ..maintenance.manifest import write_manifest
from ..maintenance.verify import verify
from ..maintenance.verify_report import VerifyReport
from ._cli import EXIT_FAILURE, run
from ._info_text import json_line
from ._parser import command_parser
from ._progress import Progress
from ._report import add_json
from ._stores import each_path, run_each

_PROG = 'imgstore-verify'


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Compare every frame of a store, and its extra data, with their checksums, without decoding. The exit code is '
        '1 if something is damaged, or if checksums are missing that the recording had.',
        'imgstore verify recording\nimgstore verify --add old\nimgstore verify data\n'
        'imgstore verify --manifest sha256.txt recording',
        'Recordings of imgstore 0.4 have no checksums. Their frames count as unverified, until --add.',
    )
    made.add_argument('paths', metavar='PATH', nargs='+', help='a store, or a folder with stores in it or below')
    made.add_argument('--add', action='store_true', help='compute checksums for frames and extra data without one')
    made.add_argument('--update', action='store_true', help='accept images and extra data that you changed on purpose')
    made.add_argument('--resume', metavar='FILE', help='note finished chunks in FILE, and pass over those noted there')
    made.add_argument(
        '--manifest',
        metavar='FILE',
        help='if nothing is damaged, list all files with their SHA-256 in FILE, for sha256sum -c and BagIt',
    )
    made.add_argument('--workers', type=int, metavar='N', help='chunks to read at once (default: one per core)')
    add_json(made, 'one JSON object per store and line')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Verify the stores and return the exit code."""
    made = parser()
    args = made.parse_args(argv)
    if (args.resume or args.manifest) and len(each_path(args.paths)) > 1:
        made.error(f'{"--resume" if args.resume else "--manifest"} FILE is for one store; give one PATH')
    return run(_PROG, lambda: _verify_all(args), args.verbose)


def _verify_all(args: argparse.Namespace) -> int:
    return run_each(_PROG, args.paths, lambda path: 0 if _verify(args, path) else EXIT_FAILURE)


def _verify(args: argparse.Namespace, path: str) -> VerifyReport:
    with Progress(_PROG, quiet=args.quiet) as progress:
        report = verify(
            path,
            add=args.add,
            update=args.update,
            resume=args.resume,
            workers=args.workers,
            progress=progress.step,
        )
    if args.json:
        print(json_line(report.as_dict()))
    elif not (args.quiet and report):
        print(replace(report, path=printable(path)))
    if args.manifest and report:
        files = write_manifest(path, args.manifest)
        if not (args.json or args.quiet):
            print(f'{printable(args.manifest)}: {count_of(files, "file")} listed')
    return report
