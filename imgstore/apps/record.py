"""imgstore-record: records one or several cameras, each in a store."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..errors import InvalidArgumentError
from ..recording import CameraSettings, CameraStatus, Recording, Rig, load_rig, record
from ..recording.opening import CAMERAS
from ..recording.pace import SECONDS
from ..recording.plans import DEFAULT_FORMAT
from ..recording.rig.rig_file import is_rig_path
from ._cli import (
    EXIT_FAILURE,
    EXIT_MISSING,
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
from ._record_check import check, refuse_beside_check
from ._record_running import PatientStop, add_running, run_recording
from ._record_values import duration, time_of_day
from ._report import add_json
from ._values import metadata_pair, positive, size

_PROG = 'imgstore-record'


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Record one or several cameras, each in a store, and account for every frame.',
        'imgstore record --source test:640x480,fps=100 --duration 5 recording\n'
        'imgstore record --source left=pylon:0 --source right=pylon:1 --fps 100 --duration 60 recording\n'
        'imgstore record --source rtsp://10.0.0.7/stream --strict recording\n'
        'imgstore record --check rig.yaml\n'
        'imgstore record rig.yaml',
        'Ctrl-C and SIGTERM stop all cameras and complete their stores. A camera that fails ends alone, and the others '
        'go on. The folder gets a store for each camera and recording.yaml. Exit code: 0, 1 if a camera failed or '
        'this machine does not keep the pace, 3 with --strict if frames are missing or a '
        'camera gave none. A second Ctrl-C changes nothing. A third one ends the program at once, as a kill would.',
    )
    made.add_argument(
        '--source',
        action='append',
        default=[],
        metavar='[NAME=]KIND:ADDRESS[,SETTING=VALUE]',
        help=f'a camera: {", ".join(f"{kind}:" for kind in CAMERAS)} or a URL; NAME is the name of its store; '
        'SETTING is fps, size, pixel_format, exposure, gain, trigger or a feature of GenICam, for this camera; may be '
        'repeated',
    )
    made.add_argument('target', metavar='FOLDER|RIG.yaml', help='new folder of the recording, or a file with a set-up')
    made.add_argument('folder', metavar='FOLDER', nargs='?', help='after a set-up: a new folder in place of its own')
    made.add_argument('--check', action='store_true', help='say whether this machine keeps the pace of a set-up')
    made.add_argument(
        '--check-seconds',
        type=positive(float),
        default=SECONDS,
        metavar='S',
        help='duration of the recording of --check (default: %(default)g)',
    )
    add_format(made, help=f'format of the stores (default: {DEFAULT_FORMAT}, or that of the set-up)')
    made.add_argument('--duration', type=duration, metavar='S', help='stop after S seconds, or 15m, 1h or 7d')
    made.add_argument(
        '--until', type=time_of_day, metavar='TIME', help='stop at a time of day such as 18:00, or a date and time'
    )
    made.add_argument(
        '--segment', type=duration, metavar='S', help='go on in a new folder every S seconds, or 15m or 1h'
    )
    made.add_argument('--frames', type=positive(int), metavar='N', help='stop each camera after N frames')
    made.add_argument(
        '--strict', action='store_true', help='exit with code 3 if frames are missing or a camera gave none'
    )
    add_running(made)
    _add_of_cameras(made)
    made.add_argument('--chunksize', type=positive(int), metavar='N', help='frames per chunk')
    add_encoder_options(made)
    add_metadata(made, 'stores')
    add_json(made, 'one JSON object per camera and line, or one with --check')
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
    made = parser()
    args = made.parse_args(argv)
    if not args.source and not is_rig_path(args.target):
        made.error(f'give --source, or the file of a set-up, which ends in .yaml; {args.target!r} does not')
    if args.check:
        refuse_beside_check(made, args)
    if args.port is not None and not args.web:
        made.error('--port is the port of the live page; add --web')
    return run(_PROG, lambda: _record(args), args.verbose)


def _record(args: argparse.Namespace) -> int:
    if args.check:
        return check(_PROG, _rig(args), args)
    recording = record(
        **_what(args),
        format=args.format,
        duration=args.duration,
        until=args.until,
        segment=args.segment,
        frames=args.frames,
        metadata=given_metadata(args),
        **_store_options(args),
    )
    with PatientStop(_PROG) as stop:
        run_recording(_PROG, recording, args, stop)
        return _summary(recording, args)


def _what(args: argparse.Namespace) -> dict[str, Any]:
    """Return what to record, and where to."""
    if args.source and args.folder is None:
        return {'sources': _sources(args.source), 'folder': args.target, 'settings': _settings(args)}
    return {'sources': _rig(args), 'folder': args.folder}


def _rig(args: argparse.Namespace) -> Rig:
    if args.source:
        raise InvalidArgumentError('there is --source and a set-up; give --source and FOLDER, or a set-up alone')
    for name in _settings(args).given:
        raise InvalidArgumentError(f'the set-up {args.target!r} has the settings of its cameras; change {name} there')
    return load_rig(args.target)


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
    if args.strict and (recording.notes or any(status.missing or not status.frames for status in statuses)):
        return EXIT_MISSING
    return EXIT_FAILURE if any(status.failed for status in statuses) else 0


def _explain(status: CameraStatus) -> None:
    if status.failed:
        log_error(_PROG, f'{status.name} ended early: {status.reason}')
    elif not status.frames:
        log_error(_PROG, f'{status.name} gave no frame')
