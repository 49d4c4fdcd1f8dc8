"""imgstore-export: frames of a store as a video, images, arrays or a table."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .._support.text import count_of
from ..export import IMAGE_FORMATS, TABLES, select
from ..export.mosaic import absences, check_common_times
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from ..timestamps import parse_time
from ._cli import add_encoder_options, add_overwrite, log_error, run
from ._export_absences import told_absence
from ._export_clips import Clip, clips_of
from ._export_kinds import BY_EXTENSION, EXPORTS, WHAT_IS_WRITTEN, speed, wrong_option
from ._parser import CommandParser, command_parser
from ._progress import Progress
from ._report import Report, add_json
from ._values import positive, seconds

_PROG = 'imgstore-export'
_RANGES = tuple(f'{end}_{what}' for end in ('from', 'to') for what in ('number', 'index', 'time', 'seconds'))
_SYNONYMS = {
    '--frames': '--to-index',
    '--duration': '--to-seconds',
    '--start': '--from-seconds',
    '--end': '--to-seconds',
    '--stop': '--to-seconds',
    '--from': '--from-number',
    '--to': '--to-number',
    '--step': '--speed',
    '--format': '--as',
    '--marks': '--clip',
    '--scale': '--width',
}
_USUAL_FACTS = dict.fromkeys(('copied', 'reason', 'rows'))


def parser() -> CommandParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Write frames of a store as one video with their true times, as images in a folder, as a TIFF stack, as '
        'arrays (npz, zarr), as a table of frames and extra data (csv, parquet), or as timecodes. GIF and WebP are for '
        'slides.',
        'imgstore export recording video.mp4\n'
        'imgstore export --clip recording/marks.csv --audio sound.wav recording bout.mp4\n'
        'imgstore export --mosaic left-camera right-camera both.mp4\n'
        'imgstore export --speed 4x --width 480 recording slide.gif\n'
        'imgstore export --from-time "2026-03-01 12:00:05" --to-time "2026-03-01 12:00:15" recording part.mkv\n'
        'imgstore export --from-number 100 --to-number 200 --status-bar recording images',
        'Ranges include their start and exclude their end. H.264 is copied if nothing is drawn and the range starts at '
        'a keyframe. Otherwise the frames are re-encoded.',
    )
    made.synonyms = _SYNONYMS
    made.add_argument('stores', metavar='STORE', nargs='+', help='the store; several with --mosaic')
    made.add_argument(
        'dest',
        metavar='DEST',
        help='the output; its extension sets its kind: .mp4, .mkv, .gif, .webp, .tif, .npz, '
        '.zarr, .csv, .parquet, .txt (timecodes), none (a folder of images)',
    )
    made.add_argument('--as', dest='kind', choices=tuple(EXPORTS), help='kind of output, whatever the extension')
    made.add_argument(
        '--clip',
        metavar='MARKS',
        help='write an output for each mark of this CSV file, such as marks.csv in the folder of the store; its '
        'columns start,end,label have the numbers of the first and the last frame. The name of an output is DEST with '
        'the place and the label of the mark',
    )
    _add_ranges(made.add_argument_group('ranges (start included, end excluded)'))
    _add_pictures(made)
    _add_video(made.add_argument_group('video'))
    add_json(made, 'one JSON object per output and line')
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
    made.add_argument(
        '--mosaic',
        action='store_true',
        help='show several stores in a grid, the frames of the others at the times of the first',
    )
    made.add_argument(
        '--speed',
        type=speed,
        metavar='N',
        help='play N times as fast as recorded, such as 4x or 0.5x; a video keeps at most 60 frames a second, an '
        'animation 25',
    )
    made.add_argument('--width', type=positive(int), metavar='N', help='scale the pictures of each store to N pixels')
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
    if problem := _problem(args):
        made.error(problem)
    return run(_PROG, lambda: _export(args, _kind(args) or ''), args.verbose)


def _kind(args: argparse.Namespace) -> str | None:
    kind: str | None = args.kind or BY_EXTENSION.get(os.path.splitext(args.dest)[1].lower())
    return kind


def _problem(args: argparse.Namespace) -> str:
    """Describe options that do not fit together, or return ''."""
    kind = _kind(args)
    if kind is None:
        extension = os.path.splitext(args.dest)[1].lower()
        return f'cannot write {args.dest!r}: the extension {extension} is unknown. {WHAT_IS_WRITTEN}'
    if len(args.stores) > 1 and not args.mosaic:
        return f'there are {len(args.stores)} stores; --mosaic shows them in one video, else give one STORE and a DEST'
    if args.mosaic and len(args.stores) == 1:
        return '--mosaic is for several stores; give them before DEST'
    given = [name for name in _RANGES if getattr(args, name) is not None]
    if args.clip is not None and given:
        return f'--clip and --{given[0].replace("_", "-")} both choose the frames; give one of them'
    return wrong_option(args, kind)


def _export(args: argparse.Namespace, kind: str) -> int:
    with contextlib.ExitStack() as stack:
        store, *others = [stack.enter_context(new_for_filename(path)) for path in args.stores]
        clips = (
            clips_of(store, args) if args.clip is not None else [Clip(select(store, **_ranges(store, args)), args.dest)]
        )
        for clip in clips:
            check_common_times(clip.frames, others)
        with Progress(_PROG, sum(len(clip.frames) for clip in clips), quiet=args.quiet) as progress:
            for clip in clips:
                missing = absences(clip.frames, others)
                for absence in missing:
                    log_error(_PROG, f'warning: {told_absence(store, absence, len(clip.frames))}')
                own = argparse.Namespace(**{**vars(args), 'dest': clip.dest})
                remark, facts = EXPORTS[kind](own, clip.frames, others, progress.step)
                _tell(args, kind, clip, remark, {**facts, 'absent': [asdict(absence) for absence in missing]})
    return 0


def _tell(args: argparse.Namespace, kind: str, clip: Clip, remark: str, facts: dict[str, Any]) -> None:
    frames = clip.frames
    numbers = frames.numbers[[0, -1]].tolist()
    told = f'{count_of(len(frames), "frame")}, {numbers[0]} to {numbers[1]}, exported to {clip.dest!r}{remark}'
    with Report(args, **_USUAL_FACTS) as report:
        report.tell(
            told,
            **{
                'store': frames.store.filename,
                'path': os.path.abspath(clip.dest),
                'kind': kind,
                'frames': len(frames),
                'first_number': numbers[0],
                'last_number': numbers[1],
                'label': clip.label,
                **facts,
            },
        )


def _ranges(store: ImgStore, args: argparse.Namespace) -> dict[str, Any]:
    ranges = {name: getattr(args, name) for name in _RANGES}
    for name in ('from_time', 'to_time'):
        if ranges[name] is not None:
            ranges[name] = parse_time(store, ranges[name])
    return ranges
