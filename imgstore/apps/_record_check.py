"""imgstore-record --check: whether this machine keeps the pace of a set-up."""

from __future__ import annotations

import argparse

from ..recording import Rig, check_rig
from ..recording.pace import pace_lines
from ._cli import EXIT_FAILURE, log_error
from ._info_text import json_line

_BESIDE = ('check', 'check_seconds', 'target', 'json', 'quiet', 'verbose')
_OF_CAMERAS = ('fps', 'size', 'camera_pixel_format', 'exposure', 'gain', 'trigger', 'features')
"""Settings, which are refused beside any set-up."""


def refuse_beside_check(made: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a usage error if --check is given with what it does not use."""
    if args.source:
        made.error(
            '--check takes a set-up, not --source; write the sources as cameras into a file, and give that: '
            'imgstore record --check rig.yaml'
        )
    usual = vars(made.parse_args([args.target, '--check']))
    for name, value in vars(args).items():
        if name not in (*_BESIDE, *_OF_CAMERAS) and value != usual[name]:
            option = 'FOLDER' if name == 'folder' else f'--{name.replace("_", "-")}'
            made.error(f'--check measures a set-up as it is in its file; remove {option}')


def check(prog: str, rig: Rig, args: argparse.Namespace) -> int:
    """Measure, print the result and return the exit code."""
    if not (args.quiet or args.json):
        log_error(prog, f'records {args.check_seconds:g} s of {", ".join(rig.cameras)}, then tries formats')
    report = check_rig(rig, args.check_seconds)
    if args.json:
        print(json_line(report.as_plain()))
    elif not args.quiet:
        print(*pace_lines(report), sep='\n')
        print('this machine keeps the pace' if report.keeps_pace else 'this machine does not keep the pace')
    for problem in report.problems:
        log_error(prog, problem)
    return 0 if report.keeps_pace else EXIT_FAILURE
