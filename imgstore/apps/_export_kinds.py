"""The kinds of output of imgstore-export."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from .._support.text import count_of
from ..errors import InvalidArgumentError
from ..export import (
    ColumnSound,
    FileSound,
    Frames,
    Sound,
    VideoReport,
    export_animation,
    export_csv,
    export_images,
    export_npz,
    export_parquet,
    export_tiff,
    export_timecodes,
    export_video,
    export_zarr,
)
from ..export.speed import checked_speed
from ..stores.base import ImgStore

Step = Callable[[], object]

Done = tuple[str, dict[str, Any]]
"""A remark for the report, and what it states."""

Export = Callable[[argparse.Namespace, Frames, Sequence[ImgStore], Step], Done]
"""Writes frames, perhaps with those of other stores."""

BY_EXTENSION = {
    '.mp4': 'video',
    '.mkv': 'video',
    '.gif': 'animation',
    '.webp': 'animation',
    '.tif': 'tiff',
    '.tiff': 'tiff',
    '.npz': 'npz',
    '.zarr': 'zarr',
    '.csv': 'csv',
    '.parquet': 'parquet',
    '.txt': 'timecodes',
    '': 'images',
}
WHAT_IS_WRITTEN = (
    'Supported are .mp4 and .mkv (video), .gif and .webp (animation), .tif (TIFF stack), .npz and .zarr (arrays), .csv '
    'and .parquet (table), .txt (timecodes) and no extension (folder of images). With --as, all but videos and '
    'animations may have any extension'
)
KINDS_OF_OPTIONS = {
    'status_bar': ('video', 'animation', 'images', 'tiff'),
    'speed': ('video', 'animation'),
    'width': ('video', 'animation'),
    'mosaic': ('video', 'animation'),
    'codec': ('video',),
    'crf': ('video',),
    'audio': ('video',),
    'sound': ('video',),
    'subtitles': ('video',),
    'image_format': ('images',),
    'quality': ('animation', 'images'),
    'compression': ('images',),
    'table': ('csv', 'parquet'),
    'escape_formulas': ('csv',),
}
"""Options of only some kinds of output."""


def speed(text: str) -> float:
    """Parse a speed relative to the recorded one, such as 4x, 4 or 0.5x."""
    try:
        return checked_speed(text.strip().removesuffix('x'))
    except InvalidArgumentError as error:
        raise argparse.ArgumentTypeError(f'{text!r} is not a speed such as 4x or 0.5x') from error


def wrong_option(args: argparse.Namespace, kind: str) -> str:
    """Describe an option that another kind of output has, or return ''."""
    for option, kinds in KINDS_OF_OPTIONS.items():
        given = getattr(args, option)
        if given is not None and given is not False and kind not in kinds:
            return f'--{option.replace("_", "-")} is for {" and ".join(kinds)}, not for {kind}'
    return ''


def _export_video(args: argparse.Namespace, frames: Frames, others: Sequence[ImgStore], step: Step) -> Done:
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
        speed=args.speed or 1.0,
        width=args.width,
        others=others,
        overwrite=args.overwrite,
        progress=step,
    )
    remark = ', copied without re-encoding' if report.copied else f', re-encoded: {report.reason}'
    return _left_out(report) + remark, {'copied': report.copied, 'reason': report.reason, 'frames': report.frames}


def _left_out(report: VideoReport) -> str:
    return f', {report.frames} of them shown' if report.left_out else ''


def _export_animation(args: argparse.Namespace, frames: Frames, others: Sequence[ImgStore], step: Step) -> Done:
    report = export_animation(
        frames,
        args.dest,
        quality=args.quality,
        speed=args.speed or 1.0,
        width=args.width,
        status_bar=args.status_bar,
        others=others,
        overwrite=args.overwrite,
        progress=step,
    )
    return _left_out(report), {'frames': report.frames}


def _export_images(args: argparse.Namespace, frames: Frames, others: Sequence[ImgStore], step: Step) -> Done:
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
    return '', {}


def _export_tiff(args: argparse.Namespace, frames: Frames, others: Sequence[ImgStore], step: Step) -> Done:
    export_tiff(frames, args.dest, status_bar=args.status_bar, overwrite=args.overwrite, progress=step)
    return '', {}


def _export_arrays(export: Callable[..., None]) -> Export:
    def run_it(args: argparse.Namespace, frames: Frames, others: Sequence[ImgStore], step: Step) -> Done:
        export(frames, args.dest, overwrite=args.overwrite, progress=step)
        return '', {}

    return run_it


def _export_table(export: Callable[..., int]) -> Export:
    def run_it(args: argparse.Namespace, frames: Frames, others: Sequence[ImgStore], step: Step) -> Done:
        table = args.table or ('joined' if frames.store.has_extra_data else 'frames')
        escape = {'escape_formulas': True} if args.escape_formulas else {}
        rows = export(frames, args.dest, table, overwrite=args.overwrite, **escape)
        return f', {count_of(rows, "row")}', {'rows': rows}

    return run_it


def _export_timecodes(args: argparse.Namespace, frames: Frames, others: Sequence[ImgStore], step: Step) -> Done:
    export_timecodes(frames, args.dest, overwrite=args.overwrite)
    return '', {}


EXPORTS: dict[str, Export] = {
    'video': _export_video,
    'animation': _export_animation,
    'images': _export_images,
    'tiff': _export_tiff,
    'npz': _export_arrays(export_npz),
    'zarr': _export_arrays(export_zarr),
    'csv': _export_table(export_csv),
    'parquet': _export_table(export_parquet),
    'timecodes': _export_timecodes,
}
"""A function for each kind of output."""
