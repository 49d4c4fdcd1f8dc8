"""imgstore-save: saves video, images, a pipe or a camera in a new store."""

from __future__ import annotations

import argparse
import contextlib
import glob
import itertools
import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import IO, Any

from ..color import Image
from ..errors import InvalidArgumentError
from ..formats import format_of_file_name, resolve_format, validate_options
from ..ondisk.metadata import local_timezone
from ..sources import (
    PIXEL_FORMATS,
    Camera,
    Images,
    VideoFile,
    count_frames,
    count_images,
    image_paths,
    is_image,
    read_rawvideo,
)
from ..stores.base import ImgStore
from ..stores.factories import new_for_format
from ..timestamps import parse_timestamp
from ._cli import (
    SIGNALLED,
    GracefulStop,
    add_binning,
    add_encoder_options,
    add_format,
    add_overwrite,
    add_roi,
    encoder_options,
    frames_per_second,
    run,
)
from ._destination import Destination
from ._hints import as_word
from ._metadata import add_metadata, given_metadata
from ._parser import CommandParser, command_parser
from ._progress import Progress
from ._report import Report, add_json
from ._save_images import Preparation, Preview, check_depth
from ._save_source import add_source, check_exists, parse_source
from ._save_times import GivenTimes, add_times, check_times
from ._values import crop, positive, size

_PROG = 'imgstore-save'
_USUAL_FORMAT, _USUAL_FPS = 'mjpeg/avi', 25.0

Numbered = Generator[tuple[Image, int, float]]
"""Images with their frame numbers and times."""


def parser() -> CommandParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Save the frames of a video file, a folder of images, a pipe or a camera in a new store.',
        'imgstore-save --format png video.mp4 video-store\n'
        'imgstore save --times frametimes.npy video.mp4 recording\n'
        'imgstore save --duration 60 --format avc1/mp4 --metadata subject=A7 0 recording\n'
        'imgstore save --fps 30 "images/*.png" recording\n'
        'ffmpeg -i video.mp4 -f rawvideo -pix_fmt gray - | imgstore save --raw 1280x1024 - recording',
        'Ctrl-C stops recording and closes the store. Exit code: 0 for cameras and pipes, 130 for a partly read file. '
        'A video keeps its own times, counted from its time of creation if it has one. A camera gets the times of the '
        'clock. Damaged frames of a video are skipped and reported, and their numbers stay free. The exit code is then '
        '1. With --overwrite, the old store is replaced after the new one is complete. It stays if the exit code is '
        'not 0.',
    )
    add_format(made, help=f'format of the store (default: by the extension of DEST, else {_USUAL_FORMAT})')
    add_source(made)
    made.add_argument('dest', metavar='DEST', help='folder of the new store')
    _add_of_store(made)
    _add_of_images(made)
    _add_of_source(made)
    add_json(made)
    add_overwrite(made, 'store')
    return made


def _add_of_store(made: argparse.ArgumentParser) -> None:
    made.add_argument('--chunksize', type=int, metavar='N', help='frames per chunk (default: usual for the format)')
    add_encoder_options(made)
    add_metadata(made, 'store')


def _add_of_images(made: argparse.ArgumentParser) -> None:
    made.add_argument('--gray', action='store_true', help='save in gray')
    made.add_argument('--to-8-bit', action='store_true', help='convert images of more than 8 bits to 8 bits')
    rois = made.add_mutually_exclusive_group()
    add_roi(rois)
    rois.add_argument(
        '--crop',
        type=crop,
        metavar='WxH+X+Y',
        help='crop images that may differ in size; W x H pixels, X from the left and Y from the top',
    )
    add_binning(made)
    made.add_argument('--frames', type=positive(int), metavar='N', help='stop after N frames')
    made.add_argument('--duration', type=positive(float), metavar='S', help='stop after S seconds')


def _add_of_source(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        '--start-time',
        metavar='TIME',
        help='time of the first frame: seconds since 1970, or a date '
        'such as "2026-03-01 12:00:05.5" in the local time zone',
    )
    made.add_argument(
        '--fps',
        type=frames_per_second,
        metavar='F',
        help='frames per second: requested from a camera, '
        'or used for the times of other sources (default: the times of a video, else 25)',
    )
    add_times(made)
    made.add_argument('--size', type=size, metavar='WxH', help='width and height requested from a camera')
    made.add_argument('--no-preview', action='store_true', help='do not show the images of a camera')
    made.add_argument('--raw', type=size, metavar='WxH', help='width and height of the raw images of the source -')
    made.add_argument(
        '--pixel-format',
        dest='raw_pixel_format',
        metavar='PIXEL_FORMAT',
        choices=tuple(PIXEL_FORMATS),
        default='gray',
        help='pixel format of the raw images, as FFmpeg names it (default: %(default)s)',
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Save the source named on the command line and return the exit code."""
    made = parser()
    args = parse_source(made, sys.argv[1:] if argv is None else argv)
    if (args.source == '-') != (args.raw is not None):
        made.error('the source - needs --raw WxH, and --raw needs the source -')
    if args.size and not _is_camera(args):
        made.error('--size is for cameras')
    check_times(made, args, _is_camera(args))
    args.format = args.format or format_of_file_name(args.dest) or _USUAL_FORMAT
    return run(_PROG, lambda: _save(args), args.verbose)


def _is_camera(args: argparse.Namespace) -> bool:
    return args.source is None or (args.source.isdecimal() and not os.path.exists(args.source))


# --- sources of frames


def _save(args: argparse.Namespace) -> int:
    start = None if args.start_time is None else parse_timestamp(local_timezone(), args.start_time)
    metadata = given_metadata(args)
    validate_options(resolve_format(args.format), encoder_options(args))  # before a camera is opened
    if not _is_camera(args):
        check_exists(args.source)
    report = Report(args, dropped=0)
    given = GivenTimes.of(args, report)
    with GracefulStop() as stop, report, Destination(args.dest, args.overwrite, _is_live(args), report) as dest:
        if _is_camera(args):
            camera = _camera(args)
            frames = _restarted(camera.frames(lambda: bool(stop.signal)), start)
            _write(frames, args, dest, metadata, preview=Preview.of(args))
            if camera.dropped:
                many = 'frames were' if camera.dropped > 1 else 'frame was'
                told = f'{camera.dropped} {many} dropped, because earlier ones were not yet stored'
                report.tell(told, dropped=camera.dropped)
        else:
            _save_files(args, dest, metadata, start, stop, given)
        if not stop.signal or _is_live(args):
            dest.complete()
    return 0 if _is_live(args) or not stop.signal else SIGNALLED + stop.signal


def _camera(args: argparse.Namespace) -> Camera:
    try:
        return Camera(int(args.source or 0), args.fps, args.size)
    except InvalidArgumentError as error:
        if args.source is not None:
            raise
        step = f'to save a video, run: imgstore save VIDEO {as_word(args.dest)}'
        raise InvalidArgumentError(f'{error}; {step}') from error


def _is_live(args: argparse.Namespace) -> bool:
    """Return whether the frames cannot be recorded again."""
    return args.source == '-' or _is_camera(args)


def _save_files(
    args: argparse.Namespace,
    dest: Destination,
    metadata: dict[Any, Any],
    start: float | None,
    stop: GracefulStop,
    given: GivenTimes | None,
) -> None:
    with contextlib.ExitStack() as stack:
        frames, total, check = _frames_of_files(args, start, stack, given)
        try:
            _write(_until(frames, stop), args, dest, metadata, total)
        except InvalidArgumentError:
            check()  # its error says more if no frame is intact
            raise
        check()
        if given is not None:
            given.check_end()


def _frames_of_files(
    args: argparse.Namespace, start: float | None, stack: contextlib.ExitStack, given: GivenTimes | None
) -> tuple[Numbered, int | None, Callable[[], None]]:
    """Open files or a pipe: frames, their number if known, a damage check."""
    fps = args.fps or _USUAL_FPS
    if args.source == '-':
        raw = read_rawvideo(_standard_input(), args.raw, args.raw_pixel_format)
        frames = _paced(((image, number) for number, image in enumerate(raw)), fps, start)
        return _timed(frames, given, start), args.frames, _nothing
    is_pattern = glob.has_magic(args.source) and not ('://' in args.source or os.path.exists(args.source))
    if os.path.isdir(args.source) or is_image(args.source) or is_pattern:
        paths = [args.source] if is_image(args.source) else image_paths(args.source)
        images = stack.enter_context(Images(paths))
        if given is not None:
            given.check_count([lambda: images.length], lambda: count_images(paths))
        return _timed(_paced(images.frames(), fps, start), given, start), args.frames or images.length, images.check
    film = stack.enter_context(VideoFile(args.source, args.to_8_bit, args.bits))
    total = args.frames or film.length
    if given is not None:
        exact = (lambda: count_frames(args.source)) if os.path.isfile(args.source) else None
        given.check_count([lambda: film.length, film.count_packets], exact)
        return _timed(film.frames(), given, start), args.frames or len(given), film.check
    if args.fps is not None:
        begin = (film.created or 0.0) if start is None else start
        return ((image, n, begin + n / fps) for image, n, _ in film.frames()), total, film.check
    frames = ((image, n, (film.created or 0.0) + at) for image, n, at in film.frames())
    return _restarted(frames, start), total, film.check


def _timed(frames: Numbered, given: GivenTimes | None, start: float | None) -> Numbered:
    return frames if given is None else _restarted(given.applied(frames), start)


def _nothing() -> None:
    """Check nothing: incomplete input raises while it is read."""


def _standard_input() -> IO[bytes]:
    return sys.stdin.buffer


def _paced(images: Iterator[tuple[Image, int]], fps: float, start: float | None) -> Numbered:
    for image, number in images:
        yield image, number, (start or 0.0) + number / fps


def _restarted(frames: Numbered, start: float | None) -> Numbered:
    """Shift the times, so that the first frame has the time `start`."""
    with contextlib.closing(frames):
        first: float | None = None
        for image, number, at in frames:
            first = at if first is None else first
            yield image, number, at if start is None else start + at - first


def _until(frames: Numbered, stop: GracefulStop) -> Numbered:
    """Yield frames until a signal arrives; the frame in progress is the last one."""
    with contextlib.closing(frames):
        for frame in frames:
            yield frame
            if stop.signal:
                return


# --- the new store


def _write(
    frames: Numbered,
    args: argparse.Namespace,
    dest: Destination,
    metadata: dict[Any, Any],
    total: int | None = None,
    preview: Preview | None = None,
) -> None:
    """Write frames to a new store, at most up to --frames or --duration."""
    with contextlib.closing(frames):
        first = next(frames, None)
        if first is None:
            raise InvalidArgumentError('no frame of the source can be read')
        preparation = Preparation(args)
        image = preparation.of(first[0])
        check_depth(image, args.format)
        store = new_for_format(
            args.format,
            basedir=dest.folder,
            imgshape=image.shape,
            imgdtype=image.dtype,
            chunksize=args.chunksize,
            metadata=metadata,
            roi=args.roi,
            binning=args.binning,
            **encoder_options(args),
        )
        try:
            with store, Progress(_PROG, total, quiet=args.quiet) as progress:
                prepared = ((preparation.of(each), number, at) for each, number, at in itertools.chain([first], frames))
                _add(store, prepared, args, preview, progress)
        finally:
            dest.tell(store.frame_count, args.format)


def _add(
    store: ImgStore,
    frames: Iterator[tuple[Image, int, float]],
    args: argparse.Namespace,
    preview: Preview | None,
    progress: Progress,
) -> None:
    begin: float | None = None
    with contextlib.closing(preview) if preview else contextlib.nullcontext():
        for image, number, at in frames:
            begin = at if begin is None else begin
            if args.duration is not None and at - begin >= args.duration:
                return
            store.add_image(image, number, at)
            progress.step()
            if store.frame_count == args.frames or (preview and preview.show(image, number)):
                return
