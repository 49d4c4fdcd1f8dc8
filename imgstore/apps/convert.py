"""imgstore-convert: copies a store into another format."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict

from .._support.text import count_of
from ..convert import HISTORY, Conversion, convert, estimate
from ..stores.factories import new_for_filename
from ._cli import (
    EXIT_FAILURE,
    add_binning,
    add_encoder_options,
    add_format,
    add_overwrite,
    add_roi,
    encoder_options,
    frames_per_second,
    log_error,
    run,
)
from ._estimate import estimate_lines
from ._info_text import json_line
from ._parser import command_parser
from ._progress import Progress
from ._report import Report, add_json

_PROG = 'imgstore-convert'


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Copy a store into another format, with its frame numbers, times, metadata, extra data and time of '
        'creation. Then compare each frame with its original.',
        'imgstore convert --format png recording recording-png\nimgstore convert --estimate recording',
        'In a lossless format each frame must be identical bit for bit. For a lossy format the lowest PSNR is shown. '
        'With --roi or --binning, frames are compared with their cropped and binned originals. '
        'DEST appears after all frames are written and compared. The metadata of the new store lists earlier stores '
        f'under {HISTORY}.',
    )
    made.add_argument('store', metavar='STORE', help='the store')
    made.add_argument('dest', metavar='DEST', nargs='?', help='folder of the new store; none with --estimate')
    add_format(
        made, action='append', help='format of the new store; with --estimate it may be repeated (default there: all)'
    )
    made.add_argument(
        '--estimate',
        action='store_true',
        help='write no store, but show what STORE would weigh in each format, from a sample of its frames',
    )
    made.add_argument(
        '--chunksize', type=int, metavar='N', help='frames per chunk (default: as in STORE, or usual for the format)'
    )
    add_encoder_options(made)
    add_roi(made)
    add_binning(made)
    made.add_argument(
        '--fps',
        type=frames_per_second,
        metavar='F',
        help='frames per second in the header of videos (default: those given for STORE, else those of its times)',
    )
    made.add_argument('--min-psnr', type=float, metavar='DB', help='fail if the PSNR of a frame is lower')
    made.add_argument('--no-verify', action='store_true', help='do not compare the frames')
    made.add_argument(
        '--workers',
        type=int,
        metavar='N',
        help='encoder threads (default: one per core, at most 4; with --scheduler 0 in each task)',
    )
    made.add_argument(
        '--scheduler',
        metavar='ADDRESS',
        help='convert in parallel with Dask: local, for a process per core, or host:port of a scheduler; '
        'run it again after an interruption to continue',
    )
    add_json(made)
    add_overwrite(made, 'store')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Convert the store named on the command line and return the exit code."""
    made = parser()
    args = made.parse_args(argv)
    if problem := _estimate_problem(args) if args.estimate else _convert_problem(args):
        made.error(problem)
    return run(_PROG, lambda: _estimate(args) if args.estimate else _convert(args), args.verbose)


def _convert_problem(args: argparse.Namespace) -> str | None:
    lacking = [name for name, value in (('DEST', args.dest), ('--format', args.format)) if value is None]
    if lacking:
        return f'the following arguments are required: {", ".join(lacking)}'
    return None if len(args.format) == 1 else '--format was given several times, which only --estimate takes'


def _estimate_problem(args: argparse.Namespace) -> str | None:
    if args.dest is not None:
        return f'--estimate writes no store: leave out {args.dest!r}'
    given = {
        '--min-psnr': args.min_psnr is not None,
        '--no-verify': args.no_verify,
        '--workers': args.workers is not None,
        '--fps': args.fps is not None,
        '--scheduler': args.scheduler is not None,
        '--overwrite': args.overwrite,
    }
    return next(
        (f'{name} is for a conversion, not for --estimate' for name, is_given in given.items() if is_given), None
    )


def _estimate(args: argparse.Namespace) -> int:
    with Progress(_PROG, unit='samples written', quiet=args.quiet) as progress:
        found = estimate(
            args.store,
            args.format,
            chunksize=args.chunksize,
            roi=args.roi,
            binning=args.binning,
            progress=progress.step,
            **encoder_options(args),
        )
    if args.json:
        print(json_line(asdict(found)))
    else:
        for line in estimate_lines(found):
            print(line)
    for each in found.refused:
        log_error(_PROG, f'{each.format}: {each.reason}')
    return EXIT_FAILURE if found.refused else 0


def _convert(args: argparse.Namespace) -> int:
    with new_for_filename(args.store, cache_bytes=0) as store:
        total = len(store) * (1 if args.no_verify else 2)
    with Progress(_PROG, total, 'frames written and compared', args.quiet) as progress:
        done = convert(
            args.store,
            args.dest,
            args.format[0],
            chunksize=args.chunksize,
            overwrite=args.overwrite,
            verify=not args.no_verify,
            min_psnr=args.min_psnr,
            workers=args.workers,
            roi=args.roi,
            binning=args.binning,
            fps=args.fps,
            scheduler=args.scheduler,
            progress=progress.step,
            **encoder_options(args),
        )
    told = f'{count_of(done.frames, "frame")} converted to {args.format[0]} in {args.dest!r}: {_verdict(done)}'
    with Report(args) as report:
        report.tell(told, path=os.path.abspath(args.dest), format=args.format[0], **asdict(done))
    return 0


def _verdict(done: Conversion) -> str:
    if not done.verified:
        return 'not compared'
    if done.without_colors:
        lost, their = count_of(done.without_colors, 'frame'), 'its' if done.without_colors == 1 else 'their'
        return f'{lost} lost {their} colours, because the format is gray; {their} gray is exact'
    if done.exact:
        return 'all are identical bit for bit'
    return (
        f'the PSNR is {done.worst_psnr:.1f} dB or more, {done.mean_psnr:.1f} dB on average; '
        f'the worst frame is at index {done.worst_index}'
    )
