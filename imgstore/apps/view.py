"""imgstore-view: plays a store in a window, or shows stores in a browser."""

from __future__ import annotations

import argparse
import contextlib
import math
import shlex
import time
from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from ..base import _ImgStore
from ..color import Image, ensure_color
from ..constants import FRAME_TIME
from ..errors import EndOfStoreError, ImgStoreError, InvalidArgumentError
from ..font import FontRendererStatusBar
from ..stores import new_for_filename
from ..ui import Window, check_screen, new_window
from ..web.serving import USUAL_HOST, USUAL_PORT, serve
from ._cli import command_parser, run

_QUIT = (27, ord('q'), ord('Q'))  # 27 is Esc
_PAUSE = ord(' ')
_LONGEST_WAIT = 0.05  # seconds; so long the window does not notice that it was closed, nor Python Ctrl-C
_USUAL_FPS = 25.0
_TEXT_SCALE = 0.6
_A_YEAR = timedelta(days=365).total_seconds()


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        'imgstore-view', 'Play a store in a window. Space pauses and goes on, Esc or q quits. '
        'With --web, show stores in a browser instead, on this machine or over an SSH tunnel.',
        'imgstore-view --fps 10 film-store\nimgstore-view --web left-camera right-camera')
    made.add_argument('paths', metavar='PATH', nargs='+', help='the store; with --web several, side by side')
    made.add_argument(
        '--fps', type=_fps, help='frames a second (0 = as fast as possible; default: as they were recorded)')
    made.add_argument('--hide-statusbar', action='store_true', help="do not show the frame's number and time")
    _add_web_options(made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Play the store named on the command line; returns the exit code."""
    made = parser()
    args = made.parse_args(argv)
    if args.web:
        return run(made.prog, lambda: _view_in_browser(made.prog, args), args.verbose)
    if len(args.paths) > 1:
        made.error('a window shows one store; several are shown side by side with --web')
    return run(made.prog, lambda: _view(args.paths[0], args), args.verbose)


def _add_web_options(parser: argparse.ArgumentParser) -> None:
    web = parser.add_argument_group('in a browser')
    web.add_argument('--web', action='store_true', help="serve a page until Ctrl-C (pip install 'imgstore[web]')")
    web.add_argument(
        '--host', default=USUAL_HOST, help='address to serve (default: %(default)s); any other demands a token'
    )
    web.add_argument('--port', type=_port, help=f'port (0 = a free one; default: {USUAL_PORT}, or the next free one)')
    web.add_argument('--token', action='store_true', help='demand a token here too: others use this machine as well')
    web.add_argument('--no-browser', action='store_true', help='just print the address')


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f'{text} is no port, which is a whole number from 0 to 65535')
    return int(text)


def _fps(text: str) -> float:
    fps = float(text)
    if not 0 <= fps < math.inf:
        raise argparse.ArgumentTypeError(f'{text} is no number of frames a second')
    return fps


def _view_in_browser(prog: str, args: argparse.Namespace) -> int:
    def tell(line: str) -> None:
        print(f'{prog}: {line}', flush=True)

    serve(args.paths, args.host, args.port, browser=not args.no_browser, tell=tell, with_token=args.token)
    return 0


def _view(path: str, args: argparse.Namespace) -> int:
    with new_for_filename(path) as store:
        if not store.frame_count:
            raise InvalidArgumentError(f'there are no frames in {store.filename!r}')
        _check_screen(path)
        fps = _recorded_fps(store) if args.fps is None else args.fps
        window = new_window(f'imgstore {store.filename}', expanded_ui=False, shape=store.image_shape)
        try:
            _Player(store, window, 1 / fps if fps else 0, not args.hide_statusbar).play()
        finally:
            window.close()
    return 0


def _check_screen(path: str) -> None:
    try:
        check_screen()
    except ImgStoreError as error:
        raise ImgStoreError(f'{error}; in a browser it is shown by: imgstore-view --web {shlex.quote(path)}') from error


def _recorded_fps(store: _ImgStore) -> float:
    times = store._get_chunk_metadata(store.chunks[0])[FRAME_TIME]
    interval = np.median(np.diff(times)) if len(times) > 1 else math.nan
    return float(1 / interval) if 0 < interval < math.inf else _USUAL_FPS


class _Player:
    """Shows the frames of a store, each for `period` seconds, until the last one or until its user quits."""

    def __init__(self, store: _ImgStore, window: Window, period: float, with_bar: bool) -> None:
        self._store = store
        self._window = window
        self._period = period
        self._with_bar = with_bar
        self._shades = _Shades()
        self._paused = False
        # a large image is shown smaller, its text is to be read all the same
        width = store.image_shape[1]
        self._scale = _TEXT_SCALE * max(1, width / (window.size or (width,))[0])

    def play(self) -> None:
        until = time.monotonic()
        with contextlib.suppress(EndOfStoreError):
            while True:
                image, (number, frame_time) = self._store.get_next_image()
                self._window.imshow(self._picture(image, number, frame_time))
                until = max(until + self._period, time.monotonic())
                if not self._wait(until):
                    return

    def _picture(self, image: Image, number: int, frame_time: float) -> Image:
        picture = ensure_color(self._shades.to_8_bit(_without_alpha(image)), ensure_copy=True)
        if self._with_bar:
            left, right = f'frame {number}', self._time_text(frame_time)
            bar = FontRendererStatusBar.new_for_image(picture, scale=self._scale, ltext=left, rtext=right)
            bar.render(picture, ltext=left, rtext=right, bgcolor=0)
        return picture

    def _time_text(self, frame_time: float) -> str:
        # of a film, times are counted from its start, and a date in 1970 would tell nobody anything
        if abs(frame_time) < _A_YEAR:
            return f'{frame_time:.3f} s'
        return self._store.convert_frame_time_to_datetime(frame_time).isoformat(' ', 'milliseconds')

    def _wait(self, until: float) -> bool:
        """Look after the keys at least once and until it is time for the next frame; False to quit."""
        while True:
            left = _LONGEST_WAIT if self._paused else until - time.monotonic()
            key = self._window.waitKey(max(1, round(1000 * min(left, _LONGEST_WAIT))))
            if key in _QUIT or self._window.closed:
                return False
            if key == _PAUSE:
                self._paused = not self._paused
            if not self._paused and time.monotonic() >= until:
                return True


class _Shades:
    """Brings values of any dtype to 8 bits, the least and largest that it has seen becoming black and white."""

    def __init__(self) -> None:
        self._least, self._largest = math.inf, -math.inf

    def to_8_bit(self, image: Image) -> Image:
        """Give an image of uint8 as it is, any other scaled; nan becomes black."""
        if image.dtype == np.uint8:
            return image
        values = image.astype(np.float64)
        finite = values[np.isfinite(values)]
        if finite.size:
            self._least = min(self._least, float(finite.min()))
            self._largest = max(self._largest, float(finite.max()))
        if self._least >= self._largest:
            return np.zeros(image.shape, np.uint8)
        return np.nan_to_num(np.interp(values, (self._least, self._largest), (0, 255))).astype(np.uint8)


def _without_alpha(image: Image) -> Image:
    return image[..., :3] if image.ndim == 3 and image.shape[2] == 4 else image
