"""imgstore-record: records one or several cameras, each in a store."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..errors import InvalidArgumentError
from ..recording import CameraSettings, CameraStatus, Recording, record
from ..recording.new_recording import DEFAULT_FORMAT
from ..recording.opening import CAMERAS
from ._cli import (
    EXIT_FAILURE,
    EXIT_MISSING,
    GracefulStop,
    add_encoder_options,
    add_format,
    encoder_options,
    frames_per_second,
    log_error,
    run,
)
from ._info_text import json_line
from ._metadata import add_metadata, given_metadata
from ._parser import command_parser
from ._progress import Progress
from ._report import add_json
from ._values import metadata_pair, positive, size

_PROG = 'imgstore-record'
_POLL = 0.1  # seconds


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Record one or several cameras, each in a store, and account for every frame.',
        'imgstore record --source test:640x480,fps=100 --duration 5 recording\n'
        'imgstore record --source left=pylon:0 --source right=pylon:1 --fps 100 --duration 60 recording\n'
        'imgstore record --source rtsp://10.0.0.7/stream --strict recording',
        'Ctrl-C and SIGTERM stop all cameras and complete their stores. A camera that fails ends alone, and the others '
        'go on. The folder gets a store for each camera and recording.yaml. Exit code: 0, 1 if a camera failed, 3 '
        'with --strict if frames are missing.',
    )
    made.add_argument(
        '--source',
        action='append',
        required=True,
        metavar='[NAME=]KIND:ADDRESS[,SETTING=VALUE]',
        help=f'a camera: {", ".join(f"{kind}:" for kind in CAMERAS)} or a URL; NAME is the name of its store; '
        'SETTING is fps, size, pixel_format, exposure, gain, trigger or a feature of GenICam, for this camera; may be '
        'repeated',
    )
    made.add_argument('folder', metavar='FOLDER', help='new folder of the recording')
    add_format(made, default=DEFAULT_FORMAT, help='format of the stores (default: %(default)s)')
    made.add_argument('--duration', type=positive(float), metavar='S', help='stop after S seconds')
    made.add_argument('--frames', type=positive(int), metavar='N', help='stop each camera after N frames')
    made.add_argument('--strict', action='store_true', help='exit with code 3 if frames are missing')
    _add_of_cameras(made)
    made.add_argument('--chunksize', type=positive(int), metavar='N', help='frames per chunk')
    add_encoder_options(made)
    add_metadata(made, 'stores')
    add_json(made, 'one JSON object per camera and line')
    return made


def _add_of_cameras(made: argparse.ArgumentParser) -> None:
    made.add_argument('--fps', type=frames_per_second, metavar='F', help='frames per second of the cameras')
    made.add_argument('--size', type=size, metavar='WxH', help='width and height of the images in pixels')
    made.add_argument(
        '--pixel-format',
        dest='camera_pixel_format',
        metavar='NAME',
        help='pixel format of the cameras, such as Mono8 or BayerRG8',
    )
    made.add_argument('--exposure', type=positive(float), metavar='US', help='exposure time in microseconds')
    made.add_argument('--gain', type=float, metavar='DB', help='gain, usually in dB')
    made.add_argument(
        '--trigger',
        metavar='LINE',
        help='take a frame at each rising edge of a line, such as line1; numbers are from 0',
    )
    made.add_argument(
        '--set',
        action='append',
        type=metadata_pair,
        default=[],
        dest='features',
        metavar='FEATURE=VALUE',
        help='a feature of GenICam cameras, such as ExposureAuto=Off; may be repeated',
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Record the cameras named on the command line and return the exit code."""
    args = parser().parse_args(argv)
    return run(_PROG, lambda: _record(args), args.verbose)


def _record(args: argparse.Namespace) -> int:
    recording = record(
        _sources(args.source),
        args.folder,
        args.format,
        settings=_settings(args),
        duration=args.duration,
        frames=args.frames,
        metadata=given_metadata(args),
        **_store_options(args),
    )
    with GracefulStop() as stop, recording, Progress(_PROG, quiet=args.quiet) as progress:
        frames = 0
        while not recording.wait(_POLL) and not stop.signal:
            known = sum(status.frames for status in recording.status().values())
            progress.step(known - frames)
            frames = known
        recording.stop('stopped by a signal' if stop.signal else 'stopped')
    return _summary(recording, args)


def _store_options(args: argparse.Namespace) -> dict[str, Any]:
    given = {'chunksize': args.chunksize, **encoder_options(args)}
    return {name: value for name, value in given.items() if value is not None}


def _sources(given: Sequence[str]) -> dict[str, str] | list[str]:
    """Return the sources, by name if one of them has a name."""
    pairs = [_named(text) for text in given]
    if not any(name for name, _ in pairs):
        return [source for _, source in pairs]
    named: dict[str, str] = {}
    for name, source in pairs:
        if not name:
            raise InvalidArgumentError(f'source {source!r} has no name, but others have; write NAME={source}')
        if name in named:
            raise InvalidArgumentError(f'two sources have the name {name!r}; give each its own')
        named[name] = source
    return named


def _named(text: str) -> tuple[str, str]:
    """Split NAME=SOURCE; the source itself may have an = after its colon."""
    name, equals, source = text.partition('=')
    return (name, source) if equals and ':' not in name else ('', text)


def _settings(args: argparse.Namespace) -> CameraSettings:
    return CameraSettings(
        fps=args.fps,
        size=args.size,
        pixel_format=args.camera_pixel_format,
        exposure=args.exposure,
        gain=args.gain,
        trigger=args.trigger,
        features=dict(args.features),
    )


def _summary(recording: Recording, args: argparse.Namespace) -> int:
    """Print a line for each camera and return the exit code."""
    statuses = list(recording.status().values())
    for status in statuses:
        if args.json:
            print(json_line(asdict(status)))
        elif not args.quiet:
            print(status)
        _explain(status)
    for note in recording.notes:
        log_error(_PROG, note)
    if args.strict and (recording.notes or any(status.missing for status in statuses)):
        return EXIT_MISSING
    return EXIT_FAILURE if any(status.failed for status in statuses) else 0


def _explain(status: CameraStatus) -> None:
    if status.failed:
        log_error(_PROG, f'{status.name} ended early: {status.reason}')
    elif not status.frames:
        log_error(_PROG, f'{status.name} gave no frame')
