"""imgstore-view: plays a store in a window, or shows stores in a browser."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from .._support.text import printable
from ..errors import FrameReadError, ImgStoreError, InvalidArgumentError
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from ..timestamps import usual_interval
from ..ui import check_screen, new_window
from ..viewers.goto import find_place
from ..viewers.web.links import further_links
from ..viewers.web.serving import USUAL_HOST, USUAL_PORT, Site, run_server
from ..viewers.window.player import Player
from ..viewers.window.session import Session, window_shape
from ._cli import code_after, frames_per_second, run
from ._hints import as_word
from ._parser import command_parser
from ._terminal import unfiltered
from ._values import port
from ._view_choice import reason_for_page, told_page

_USUAL_FPS = 25.0


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        'imgstore-view',
        'Play a store in a window, or where there is no screen, on a page for a browser, on this machine or over an '
        'SSH tunnel. In the window, Space pauses and resumes, the arrow keys step from frame to frame, h lists all '
        'keys, Esc or q quits. If you press no key, it closes after the last frame.',
        'imgstore-view --fps 10 video-store\nimgstore-view --at 12.5s --loop video-store\n'
        'imgstore-view --web left-camera right-camera\nimgstore-view --web all-recordings',
    )
    made.add_argument(
        'paths',
        metavar='PATH',
        nargs='*',
        help='the store; on a page, also several, side by side, or a folder to list the stores below it',
    )
    made.add_argument('--window', action='store_true', help='use a window, or fail if there is no screen')
    made.add_argument('--fps', type=_fps, help='frames per second (0 = as fast as possible; default: as recorded)')
    made.add_argument('--loop', action='store_true', help='start again at the end')
    made.add_argument(
        '--at',
        metavar='PLACE',
        help='start at a frame number, an index such as "#123", a time since '
        'the first frame such as 12.5s, or a date such as "2026-03-01 12:00:05"',
    )
    made.add_argument('--hide-statusbar', action='store_true', help='show only the image: no seek bar, number or time')
    _add_web_options(made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Play the store named on the command line and return the exit code."""
    made = parser()
    args = made.parse_args(argv)
    if args.link and (args.paths or not args.web):
        made.error('--link is for a running server: imgstore-view --web --link, without PATH')
    if not (args.paths or args.link):
        made.error('the following arguments are required: PATH')
    if args.web and args.window:
        made.error('--web and --window are two ways to show a store; give one of them')
    if args.window and len(args.paths) > 1:
        made.error('a window shows one store; --web shows several side by side')
    return run(made.prog, lambda: _view_somewhere(made.prog, args), args.verbose)


def _add_web_options(parser: argparse.ArgumentParser) -> None:
    web = parser.add_argument_group('in a browser')
    web.add_argument(
        '--web',
        action='store_true',
        help="serve a page until Ctrl-C, also where there is a screen (pip install 'imgstore[web]')",
    )
    web.add_argument(
        '--host', default=USUAL_HOST, help='address to serve (default: %(default)s); any other requires a link'
    )
    web.add_argument('--port', type=port, help=f'port (0 = a free one; default: {USUAL_PORT}, or the next free one)')
    web.add_argument('--token', action='store_true', help='require a link on this machine too, if other people use it')
    web.add_argument('--link', action='store_true', help='print another link to your running server')
    web.add_argument(
        '--root-path',
        type=_root_path,
        default='',
        metavar='PREFIX',
        help='path under which a proxy serves the page, such as /camera',
    )
    web.add_argument(
        '--allow-host',
        action='append',
        default=[],
        metavar='NAME',
        help='also answer requests to this name, such as that of a proxy (may be repeated)',
    )
    web.add_argument(
        '--read-only', action='store_true', help='let visitors change no file: no marks and no exports from the page'
    )
    web.add_argument('--no-browser', action='store_true', help='only print the address')


def _root_path(text: str) -> str:
    path = text.rstrip('/')
    parts = path.split('/')
    if path and (
        parts[0] or not all(re.fullmatch('[A-Za-z0-9._~-]+', part) for part in parts[1:]) or {'.', '..'} & set(parts)
    ):
        raise argparse.ArgumentTypeError(f'{text} is not a path such as /camera or /lab/camera')
    return path


def _fps(text: str) -> float:
    return 0.0 if text.strip() in ('0', '0.0') else frames_per_second(text)


def _view_somewhere(prog: str, args: argparse.Namespace) -> int:
    """Show the stores in a window or on a page, and say which."""
    reason = reason_for_page(args, check_screen)
    if reason is None:
        if unfiltered(sys.stdout).isatty() and not args.quiet:
            print(f'{prog}: in a window; --web shows a page for a browser')
        return _view(args.paths[0], args)
    return _view_in_browser(prog, args, '' if args.web or args.quiet else told_page(args, reason))


def _view_in_browser(prog: str, args: argparse.Namespace, first: str) -> int:
    """Serve the stores; print the first line once they are open."""
    lines = [first] if first else []

    def tell(line: str) -> None:
        lines.append(line)
        while lines:
            print(f'{prog}: {lines.pop(0)}', flush=True)

    if args.link:
        for link in further_links(args.port):
            tell(f'open {link.strip()}  (the link works once, within 10 minutes)')
        return 0
    site = Site(args.host, args.port, args.token, args.root_path, tuple(args.allow_host), args.read_only)
    return code_after(run_server(args.paths, site, browser=not args.no_browser, tell=tell))


def _view(path: str, args: argparse.Namespace) -> int:
    with new_for_filename(path) as store:
        if not store.frame_count:
            raise InvalidArgumentError(f'there are no frames in {store.filename!r}', store=store.filename)
        player, note = _player(store, args)
        _check_screen(path)
        with_bar = not args.hide_statusbar
        title, shape = f'imgstore {printable(store.filename)}', window_shape(store.image_shape, with_bar)
        window = new_window(title, expanded_ui=False, shape=shape, screen_relative_size=1, keep_ratio=False)
        try:
            session = Session(store, window, player, with_bar)
            session.controls.notify(note)
            session.run()
        finally:
            window.close()
        _tell_of_unread(session.controls.unread)
    return 0


def _player(store: ImgStore, args: argparse.Namespace) -> tuple[Player, str]:
    """Make a player that starts at --at, and a note for the user."""
    fps = recorded_fps(store) if args.fps is None else args.fps
    player = Player(store.frame_count, 1 / fps if fps else 0, args.loop)
    if args.at is None:
        return player, ''
    player.index, note = find_place(store, args.at)
    return player, note


def _tell_of_unread(unread: dict[int, str]) -> None:
    """Raise if frames could not be read, so that the exit code shows it."""
    if len(unread) == 1:
        index, why = unread.popitem()
        raise FrameReadError(why, frame_index=index)
    if unread:
        first = min(unread)
        raise FrameReadError(f'{len(unread)} frames could not be read, for example: {unread[first]}', frame_index=first)


def _check_screen(path: str) -> None:
    try:
        check_screen()
    except ImgStoreError as error:
        raise ImgStoreError(f'{error}; for a browser, run: imgstore-view --web {as_word(path)}') from error


def recorded_fps(store: ImgStore) -> float:
    """Return the playing rate of a recording, 25 if its times give none."""
    interval = usual_interval(store)
    return 1 / interval if interval else _USUAL_FPS
