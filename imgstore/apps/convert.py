"""imgstore-convert: a store made anew in another format, and compared with what it was made of."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..convert import HISTORY, Conversion, convert
from ..stores.factories import new_for_filename
from ._cli import add_encoder_options, add_format, add_overwrite, command_parser, encoder_options, run
from ._progress import Progress

_PROG = 'imgstore-convert'


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG, 'Make a store of another format of the frames of a store, with their numbers and times, the metadata, '
        'the extra data and the time of creation, and compare each frame with what it was made of.',
        'imgstore convert --format png recording recording-png',
        'A frame that does not come back bit for bit from a lossless format is an error; of a lossy one, the lowest '
        'PSNR is shown. Nothing is at DEST until all is written and compared. The metadata of the new store lists what '
        f'it was made of under {HISTORY}.')
    made.add_argument('store', metavar='STORE', help='the store')
    made.add_argument('dest', metavar='DEST', help='folder of the new store')
    add_format(made, required=True, help='of the new store')
    made.add_argument('--chunksize', type=int, metavar='N',
                      help='frames a chunk (default: as the store has, or usual for the format)')
    add_encoder_options(made)
    made.add_argument('--min-psnr', type=float, metavar='DB', help='fail if a frame of a lossy format is worse')
    made.add_argument('--no-verify', action='store_true', help='do not compare')
    made.add_argument('--workers', type=int, metavar='N', help='threads that encode (default: as many as cores, at '
                      'most 4)')
    add_overwrite(made, 'a store')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Convert what the command line names; returns the exit code."""
    args = parser().parse_args(argv)
    return run(_PROG, lambda: _convert(args), args.verbose)


def _convert(args: argparse.Namespace) -> int:
    with new_for_filename(args.store, cache_bytes=0) as store:
        total = len(store) * (1 if args.no_verify else 2)
    with Progress(_PROG, total, 'frames written and compared') as progress:
        done = convert(args.store, args.dest, args.format, chunksize=args.chunksize, overwrite=args.overwrite,
                       verify=not args.no_verify, min_psnr=args.min_psnr, workers=args.workers, progress=progress.step,
                       **encoder_options(args))
    print(f'{done.frames} frames converted to {args.format} in {args.dest!r}: {_verdict(done)}')
    return 0


def _verdict(done: Conversion) -> str:
    if not done.verified:
        return 'they were not compared'
    if done.without_colors:
        return f'the colours of {done.without_colors} are lost, since the format holds gray; the gray is exact'
    if done.exact:
        return 'all came back bit for bit'
    return (f'all came back with a PSNR of {done.worst_psnr:.1f} dB or more, {done.mean_psnr:.1f} dB on average; '
            f'the worst is at index {done.worst_index}')
