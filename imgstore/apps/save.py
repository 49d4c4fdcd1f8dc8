"""imgstore-save: frames of a video file, of images, of a pipe or of a camera into a new store."""

from __future__ import annotations

import argparse
import contextlib
import glob
import itertools
import os
import re
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from typing import IO, Any

import numpy as np

from .._text import printable
from .._yaml import load_yaml, parse_yaml
from ..base import _ImgStore
from ..color import Image, ensure_grayscale
from ..errors import ImgStoreError, InvalidArgumentError
from ..formats import checked_options, format_to_write
from ..frame_times import time_from_text
from ..metadata import local_timezone
from ..sources import PIXEL_FORMATS, Camera, film_facts, film_frames, image_paths, raw_images, read_images
from ..stores import get_supported_formats, new_for_format
from ..ui import Window, check_screen, new_window
from ._cli import (
    SIGNALLED,
    Stop,
    add_encoder_options,
    add_overwrite,
    command_parser,
    encoder_options,
    frames_per_second,
    run,
)
from ._progress import Progress

_PROG = 'imgstore-save'
_USUAL_FPS = 25.0
_QUIT = (27, ord('q'), ord('Q'))  # 27 is Esc
_PREVIEWS = 0.1  # seconds from one to the next

Numbered = Generator[tuple[Image, int, float]]
"""Images with their numbers and times."""


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG, 'Save the frames of a video file, of a folder of images, of a pipe or of a camera in a new store.',
        'imgstore-save --format png --source film.mp4 film-store\n'
        'imgstore save --source 0 --duration 60 --format avc1/mp4 --metadata subject=A7 recording\n'
        'imgstore save --source "images/*.png" --fps 30 recording\n'
        'ffmpeg -i film.mp4 -f rawvideo -pix_fmt gray - | imgstore save --source - --raw 1280x1024 recording',
        'Ctrl-C ends it with a whole store: with exit code 0 for a camera or a pipe, 130 for a file that is not all '
        'read. The times of a film are its own, counted from its time of creation if it tells that; of a camera, those '
        'of the clock.')
    made.add_argument(
        '--format', choices=get_supported_formats(), default='mjpeg/avi', help='of the store (default: %(default)s)')
    made.add_argument('--source', default='0', metavar='PATH|N', help='a video file, a folder of images or a pattern '
                      'such as "images/*.png", - for raw images on standard input, or the number of a camera (default: '
                      'camera 0)')
    made.add_argument('dest', metavar='DEST', help='folder of the new store')
    _add_of_store(made)
    _add_of_images(made)
    _add_of_source(made)
    add_overwrite(made, 'a store')
    return made


def _add_of_store(made: argparse.ArgumentParser) -> None:
    made.add_argument('--chunksize', type=int, metavar='N', help='frames a chunk (default: usual for the format)')
    add_encoder_options(made)
    made.add_argument('--metadata', action='append', type=_pair, default=[], metavar='KEY=VALUE',
                      help='metadata of the store, numbers as numbers; may be repeated')
    made.add_argument('--metadata-file', metavar='FILE', help='metadata of the store, as YAML or JSON')


def _add_of_images(made: argparse.ArgumentParser) -> None:
    made.add_argument('--gray', action='store_true', help='save in gray')
    made.add_argument('--crop', type=_crop, metavar='WxH+X+Y',
                      help='save W x H pixels, from X from the left and Y from the top on')
    made.add_argument('--frames', type=_positive(int), metavar='N', help='end after N frames')
    made.add_argument('--duration', type=_positive(float), metavar='S', help='end after S seconds')


def _add_of_source(made: argparse.ArgumentParser) -> None:
    made.add_argument('--start-time', metavar='TIME', help='time of the first frame: seconds since 1970, or a date '
                      'such as "2026-03-01 12:00:05.5" in the local time zone')
    made.add_argument('--fps', type=frames_per_second, metavar='F', help='frames a second: what a camera is asked for, '
                      'and what the times of others are made of (default: times of a film are its own, else 25)')
    made.add_argument('--size', type=_size, metavar='WxH', help='width and height that a camera is asked for')
    made.add_argument('--no-preview', action='store_true', help='do not show what a camera sees')
    made.add_argument('--raw', type=_size, metavar='WxH', help='width and height of the raw images of --source -')
    made.add_argument('--pixel-format', choices=tuple(PIXEL_FORMATS), default='gray',
                      help='of the raw images, as FFmpeg names it (default: %(default)s)')


def _positive(kind: type[int] | type[float]) -> Any:
    def convert(text: str) -> float:
        value = kind(text)
        if not 0 < value < float('inf'):
            raise argparse.ArgumentTypeError(f'{text} is not above 0')
        return value

    return convert


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text)
    if not found:
        raise argparse.ArgumentTypeError(f'{text!r} is no width and height, such as 1280x1024')
    return int(found[1]), int(found[2])


def _crop(text: str) -> tuple[int, int, int, int]:
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)\+(\d+)\+(\d+)', text)
    if not found:
        raise argparse.ArgumentTypeError(f'{text!r} is no width, height and place, such as 640x480+100+0')
    width, height, x, y = map(int, found.groups())
    return width, height, x, y


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition('=')
    if not key or not equals:
        raise argparse.ArgumentTypeError(f'{text!r} is no KEY=VALUE')
    try:
        parsed = parse_yaml(value.encode())
    except Exception:  # noqa: BLE001 -- what YAML does not understand is text
        return key, value
    # a text with a colon in it was not meant as a mapping
    return key, value if isinstance(parsed, (dict, list)) and value.lstrip()[:1] not in '{[' else parsed


def main(argv: Sequence[str] | None = None) -> int:
    """Save what the command line names; returns the exit code."""
    made = parser()
    args = made.parse_args(argv)
    if (args.source == '-') != (args.raw is not None):
        made.error('--source - and --raw WxH need each other')
    if args.size and not _is_camera(args):
        made.error('--size is for cameras')
    return run(_PROG, lambda: _save(args), args.verbose)


def _is_camera(args: argparse.Namespace) -> bool:
    return str(args.source).isdecimal()


# --- where the frames come from


def _save(args: argparse.Namespace) -> int:
    start = None if args.start_time is None else time_from_text(local_timezone(), args.start_time)
    metadata = _metadata(args)
    checked_options(format_to_write(args.format), encoder_options(args))  # before a camera is opened
    with Stop() as stop:
        if _is_camera(args):
            camera = Camera(int(args.source), args.fps, args.size)
            _write(_restarted(camera.frames(lambda: bool(stop.signal)), start), args, metadata, _Preview.of(args))
            if camera.dropped:
                print(f'{camera.dropped} frames were dropped, since the ones before were not yet stored')
            return 0
        frames, total = _frames_of_files(args, start)
        _write(_until(frames, stop), args, metadata, None, total)
    return 0 if args.source == '-' or not stop.signal else SIGNALLED + stop.signal


def _frames_of_files(args: argparse.Namespace, start: float | None) -> tuple[Numbered, int | None]:
    """The frames of a source that is no camera, and how many there are if that is known."""
    fps = args.fps or _USUAL_FPS
    if args.source == '-':
        return _paced(raw_images(_standard_input(), args.raw, args.pixel_format), fps, start), args.frames
    if os.path.isdir(args.source) or (glob.has_magic(args.source) and not os.path.exists(args.source)):
        paths = image_paths(args.source)
        return _paced(read_images(paths), fps, start), args.frames or len(paths)
    total, created = film_facts(args.source)
    film = film_frames(args.source)
    if args.fps is not None:
        return _paced((image for image, _ in film), fps, created if start is None else start), args.frames or total
    numbered = ((image, number, (created or 0.0) + at) for number, (image, at) in enumerate(film))
    return _restarted(numbered, start), args.frames or total


def _standard_input() -> IO[bytes]:
    return sys.stdin.buffer


def _paced(images: Iterator[Image], fps: float, start: float | None) -> Numbered:
    for number, image in enumerate(images):
        yield image, number, (start or 0.0) + number / fps


def _restarted(frames: Numbered, start: float | None) -> Numbered:
    """The frames, the first of them at that time."""
    with contextlib.closing(frames):
        first: float | None = None
        for image, number, at in frames:
            first = at if first is None else first
            yield image, number, at if start is None else start + at - first


def _until(frames: Numbered, stop: Stop) -> Numbered:
    """The frames up to the one during which a signal came."""
    with contextlib.closing(frames):
        for frame in frames:
            yield frame
            if stop.signal:
                return


def _metadata(args: argparse.Namespace) -> dict[Any, Any]:
    of_file = load_yaml(args.metadata_file) if args.metadata_file else {}
    if not isinstance(of_file, dict):
        raise InvalidArgumentError(f'{args.metadata_file!r} holds no mapping of keys to values')
    return {**of_file, **dict(args.metadata)}


# --- where they go


def _write(frames: Numbered, args: argparse.Namespace, metadata: dict[Any, Any], preview: _Preview | None,
           total: int | None = None) -> None:
    """Put the frames into a new store until there are no more, or as many as were asked for."""
    with contextlib.closing(frames):
        first = next(frames, None)
        if first is None:
            raise InvalidArgumentError('the video has no frames')
        image = _as_stored(first[0], args)
        store = new_for_format(
            args.format, basedir=args.dest, imgshape=image.shape, imgdtype=image.dtype, chunksize=args.chunksize,
            metadata=metadata, overwrite=args.overwrite, **encoder_options(args))
        try:
            with store, Progress(_PROG, total) as progress:
                _add(store, itertools.chain([first], frames), args, preview, progress)
        finally:
            print(f'{store.frame_count} frames saved in {args.dest!r}')


def _add(store: _ImgStore, frames: Iterator[tuple[Image, int, float]], args: argparse.Namespace,
         preview: _Preview | None, progress: Progress) -> None:
    begin: float | None = None
    with contextlib.closing(preview) if preview else contextlib.nullcontext():
        for image, number, at in frames:
            begin = at if begin is None else begin
            if args.duration is not None and at - begin >= args.duration:
                return
            store.add_image(_as_stored(image, args), number, at)
            progress.step()
            if store.frame_count == args.frames or (preview and preview.show(image, number)):
                return


def _as_stored(image: Image, args: argparse.Namespace) -> Image:
    if args.crop:
        width, height, x, y = args.crop
        if y + height > image.shape[0] or x + width > image.shape[1]:
            raise InvalidArgumentError(f'{width}x{height}+{x}+{y} is not within the image, which has '
                                       f'{image.shape[1]}x{image.shape[0]} pixels')
        image = np.ascontiguousarray(image[y:y + height, x:x + width])
    return ensure_grayscale(image) if args.gray or args.format == 'pgm' else image


class _Preview:
    """A window that shows now and then what the camera sees."""

    def __init__(self, title: str) -> None:
        self._title, self._shown = title, 0.0
        self._window: Window | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> _Preview | None:
        """Make one, where there is a screen and nobody objects."""
        if args.no_preview:
            return None
        try:
            check_screen()
        except ImgStoreError:
            return None
        return cls(f'imgstore camera {printable(args.source)}')

    def show(self, image: Image, number: int) -> bool:
        """Show an image if it is time for one; whether the user wants to end."""
        if time.monotonic() - self._shown < _PREVIEWS:
            return False
        self._shown = time.monotonic()
        if self._window is None:
            self._window = new_window(self._title, expanded_ui=False, shape=image.shape)
        self._window.imshow(image)
        return self._window.waitKey(1) in _QUIT or self._window.closed

    def close(self) -> None:
        """Close the window."""
        if self._window is not None:
            self._window.close()
