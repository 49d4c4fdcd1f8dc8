"""imgstore-export: frames of a store as a video, images, arrays or a table."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from .._support.text import count_of
from ..export import (
    IMAGE_FORMATS,
    TABLES,
    ColumnSound,
    FileSound,
    Frames,
    Sound,
    export_csv,
    export_images,
    export_npz,
    export_parquet,
    export_tiff,
    export_timecodes,
    export_video,
    export_zarr,
    select,
)
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from ..timestamps import parse_time
from ._cli import add_encoder_options, add_overwrite, command_parser, run
from ._progress import Progress
from ._values import seconds

_PROG = 'imgstore-export'
_BY_EXTENSION = {
    '.mp4': 'video',
    '.mkv': 'video',
    '.tif': 'tiff',
    '.tiff': 'tiff',
    '.npz': 'npz',
    '.zarr': 'zarr',
    '.csv': 'csv',
    '.parquet': 'parquet',
    '.txt': 'timecodes',
    '': 'images',
}
_WHAT_IS_WRITTEN = (
    'Supported are .mp4 and .mkv (video), .tif (TIFF stack), .npz and .zarr (arrays), .csv and .parquet (table), '
    '.txt (timecodes) and no extension (folder of images). With --as, all but videos may have any extension'
)
_Export = Callable[[argparse.Namespace, Frames, Callable[[], object]], str]
"""Writes frames and returns a remark for the report."""

KINDS = ('video', 'images', 'tiff', 'npz', 'zarr', 'csv', 'parquet', 'timecodes')

_KINDS_OF_OPTIONS = {
    'status_bar': ('video', 'images', 'tiff'),
    'codec': ('video',),
    'crf': ('video',),
    'audio': ('video',),
    'sound': ('video',),
    'subtitles': ('video',),
    'image_format': ('images',),
    'quality': ('images',),
    'compression': ('images',),
    'table': ('csv', 'parquet'),
    'escape_formulas': ('csv',),
}
"""Options of only some kinds of export."""


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Write frames of a store as one video with their true times, as images in a folder, as a TIFF stack, as '
        'arrays (npz, zarr), as a table of frames and extra data (csv, parquet), or as timecodes.',
        'imgstore export recording video.mp4\n'
        'imgstore export --from-time "2026-03-01 12:00:05" --to-time "2026-03-01 12:00:15" recording part.mkv\n'
        'imgstore export --from-number 100 --to-number 200 --status-bar recording images',
        'Ranges include their start and exclude their end. H.264 is copied if nothing is drawn and the range starts at '
        'a keyframe. Otherwise the frames are re-encoded.',
    )
    made.add_argument('store', metavar='STORE', help='the store')
    made.add_argument(
        'dest',
        metavar='DEST',
        help='the output; its extension sets its kind: .mp4, .mkv, .tif, .npz, '
        '.zarr, .csv, .parquet, .txt (timecodes), none (a folder of images)',
    )
    made.add_argument('--as', dest='kind', choices=KINDS, help='kind of output, whatever the extension')
    _add_ranges(made.add_argument_group('ranges (start included, end excluded)'))
    _add_pictures(made)
    _add_video(made.add_argument_group('video'))
    add_overwrite(made, 'file or folder')
    return made


def _add_ranges(group: argparse._ArgumentGroup) -> None:
    for end in ('from', 'to'):
        group.add_argument(f'--{end}-number', type=int, metavar='N', help=f'{end} this frame number')
        group.add_argument(
            f'--{end}-index',
            type=int,
            metavar='N',
            help=f'{end} this frame index, from 0; negative: counted from the end of the store',
        )
        group.add_argument(
            f'--{end}-time',
            metavar='TIME',
            help=f'{end} this frame time: seconds, a date such as '
            '"2026-03-01 12:00:05.5" in the time zone of the recording, or 12:00:05 of its first day',
        )
        group.add_argument(f'--{end}-seconds', type=seconds, metavar='S', help=f'{end} S seconds after the first frame')


def _add_pictures(made: argparse.ArgumentParser) -> None:
    made.add_argument('--status-bar', action='store_true', help='draw frame number and time into each image')
    made.add_argument('--image-format', choices=IMAGE_FORMATS, help='format of the images in a folder (default: png)')
    add_encoder_options(made, IMAGE_FORMATS)
    made.add_argument(
        '--table',
        choices=TABLES,
        help='rows of a table: one per frame, one per record of extra data, '
        'or each frame with its records (default: joined if there is extra data, else frames)',
    )
    made.add_argument(
        '--escape-formulas',
        action='store_true',
        help="put ' before text in a CSV if a spreadsheet may "
        'compute it: text with =, +, - or @ at its start, also after blanks or a semicolon',
    )


def _add_video(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--codec',
        choices=('auto', 'h264', 'copy'),
        help='copy: the frames as encoded in the store; '
        'h264: re-encode; auto, the default: copy if most players play the result',
    )
    group.add_argument('--crf', type=int, metavar='N', help='quality of re-encoded video, 0 (best) to 51 (default: 18)')
    group.add_argument('--audio', metavar='FILE', help='add the sound of this file')
    group.add_argument(
        '--audio-offset',
        type=seconds,
        default=0.0,
        metavar='S',
        help='start the sound S seconds after the first frame of the store; negative: before it (default: 0)',
    )
    group.add_argument(
        '--sound',
        action='append',
        metavar='COLUMN',
        help='add a column of the extra data, such as a microphone, as a sound track; may be repeated',
    )
    group.add_argument(
        '--subtitles',
        action='append',
        metavar='COLUMN',
        help='show a column of the extra data as a subtitle; may be repeated',
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Export the store named on the command line and return the exit code."""
    made = parser()
    args = made.parse_args(argv)
    extension = os.path.splitext(args.dest)[1].lower()
    kind = args.kind or _BY_EXTENSION.get(extension)
    if kind is None:
        made.error(f'cannot write {args.dest!r}: the extension {extension} is unknown. {_WHAT_IS_WRITTEN}')
    for option, kinds in _KINDS_OF_OPTIONS.items():
        given = getattr(args, option)
        if given is not None and given is not False and kind not in kinds:
            made.error(f'--{option.replace("_", "-")} is for {" and ".join(kinds)}, not for {kind}')
    return run(_PROG, lambda: _export(args, kind), args.verbose)


def _export(args: argparse.Namespace, kind: str) -> int:
    with new_for_filename(args.store) as store:
        frames = select(store, **_ranges(store, args))
        with Progress(_PROG, len(frames)) as progress:
            remark = _EXPORTS[kind](args, frames, progress.step)
        count = count_of(len(frames), 'frame')
        print(f'{count}, {frames.numbers[0]} to {frames.numbers[-1]}, exported to {args.dest!r}{remark}')
    return 0


def _ranges(store: ImgStore, args: argparse.Namespace) -> dict[str, Any]:
    ranges = {name: value for name, value in vars(args).items() if name.startswith(('from_', 'to_'))}
    for name in ('from_time', 'to_time'):
        if ranges[name] is not None:
            ranges[name] = parse_time(store, ranges[name])
    return ranges


def _export_video(args: argparse.Namespace, frames: Frames, step: Callable[[], object]) -> str:
    sounds: list[Sound] = [FileSound(args.audio, args.audio_offset)] if args.audio else []
    sounds += [ColumnSound(frames.store, column) for column in args.sound or ()]
    report = export_video(
        frames,
        args.dest,
        codec=args.codec or 'auto',
        crf=18 if args.crf is None else args.crf,
        status_bar=args.status_bar,
        sounds=sounds,
        captions=args.subtitles or (),
        overwrite=args.overwrite,
        progress=step,
    )
    return ', copied without re-encoding' if report.copied else f', re-encoded: {report.reason}'


def _export_images(args: argparse.Namespace, frames: Frames, step: Callable[[], object]) -> str:
    export_images(
        frames,
        args.dest,
        args.image_format or 'png',
        quality=args.quality,
        compression=args.compression,
        status_bar=args.status_bar,
        overwrite=args.overwrite,
        progress=step,
    )
    return ''


def _export_tiff(args: argparse.Namespace, frames: Frames, step: Callable[[], object]) -> str:
    export_tiff(frames, args.dest, status_bar=args.status_bar, overwrite=args.overwrite, progress=step)
    return ''


def _export_arrays(export: Callable[..., None]) -> _Export:
    def run_it(args: argparse.Namespace, frames: Frames, step: Callable[[], object]) -> str:
        export(frames, args.dest, overwrite=args.overwrite, progress=step)
        return ''

    return run_it


def _export_table(export: Callable[..., int]) -> _Export:
    def run_it(args: argparse.Namespace, frames: Frames, step: Callable[[], object]) -> str:
        table = args.table or ('joined' if frames.store.has_extra_data else 'frames')
        escape = {'escape_formulas': True} if args.escape_formulas else {}
        rows = export(frames, args.dest, table, overwrite=args.overwrite, **escape)
        return f', {count_of(rows, "row")}'

    return run_it


def _export_timecodes(args: argparse.Namespace, frames: Frames, step: Callable[[], object]) -> str:
    export_timecodes(frames, args.dest, overwrite=args.overwrite)
    return ''


_EXPORTS: dict[str, _Export] = {
    'video': _export_video,
    'images': _export_images,
    'tiff': _export_tiff,
    'npz': _export_arrays(export_npz),
    'zarr': _export_arrays(export_zarr),
    'csv': _export_table(export_csv),
    'parquet': _export_table(export_parquet),
    'timecodes': _export_timecodes,
}
