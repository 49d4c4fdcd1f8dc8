"""imgstore-record --check: whether this machine keeps the pace of a set-up."""

from __future__ import annotations

import argparse

from ..recording import Rig, check_rig
from ..recording.pace import pace_lines
from ._cli import EXIT_FAILURE, log_error
from ._info_text import json_line


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
