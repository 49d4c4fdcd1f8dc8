"""The window: it handles keys and the mouse, and draws changes."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import cv2

from ...color import Image
from ...errors import FrameReadError
from ...stores.base import ImgStore
from ...ui import get_and_parse_screen_resolution
from ..gaps import find_gaps, sample_frames
from ..goto import HINT
from ..navigation import Navigator
from . import bar, picture
from .bar import BarState
from .controls import Controls
from .frame import LoadedFrame, value_text
from .key_bindings import BINDINGS, binding_of
from .key_codes import key_name
from .player import Player
from .zoom import Size

_LONGEST_WAIT = 0.05  # seconds; closing and Ctrl-C are noticed after at most this
_SAMPLES = 200  # of the recording, for the search of gaps
_MOST_BORDERS = 200  # of chunks; more would hide the strip
_FEW_CHUNKS = 50
_SCREEN_SHARE = 0.75
_LEAST_ROOM = 480, 300  # pixels: width and height for images above a bar
_KEY_LIST = [(binding.shown, binding.what) for binding in BINDINGS]
_LIST_HINT = 'H lists the keys'


class WindowProtocol(Protocol):
    """Used part of `imgstore.ui.Window`."""

    @property
    def closed(self) -> bool:
        """Whether the user has closed it."""

    @property
    def area(self) -> Size:
        """Width and height of its content."""

    def imshow(self, name: Image) -> None:
        """Show an image."""

    def waitKeyEx(self, delay: int) -> int:  # noqa: N802  the name is OpenCV's
        """Return the code of a key pressed within `delay` milliseconds, or -1."""

    def on_mouse(self, call: Callable[[int, int, int, int, object], None]) -> None:
        """Set a function to call with mouse events: event, x, y, flags."""


def window_shape(image: tuple[int, ...], with_bar: bool) -> tuple[int, int]:
    """Return (h, w) in pixels of a new window for images of this shape.

    The window is as large as the images, or smaller to fit the screen. Above a bar, small images are magnified by an
    integer, since the bar's text needs room.
    """
    height, width = max(1, image[0]), max(1, image[1])
    below = bar.HEIGHT if with_bar else 0
    screen = get_and_parse_screen_resolution()
    widest, highest = _SCREEN_SHARE * screen[0], _SCREEN_SHARE * screen[1] - below
    scale = min(1.0, widest / width, highest / height)
    least = _LEAST_ROOM if with_bar else (1, 1)
    while (
        scale >= 1
        and width * scale < least[0]
        and height * scale < least[1]
        and (width * (scale + 1) <= widest and height * (scale + 1) <= highest)
    ):
        scale += 1
    return max(least[1], round(height * scale)) + below, max(least[0], round(width * scale))


class Session:
    """Shows a store in a window until the user leaves, or until its end.

    Parameters
    ----------
    store : store
        Open for reading, with frames.
    window : WindowProtocol
    player : Player
    with_bar : bool
        Show a bar below the image.
    """

    def __init__(self, store: ImgStore, window: WindowProtocol, player: Player, with_bar: bool) -> None:
        self._window = window
        self._player = player
        self._with_bar = with_bar
        self.controls = Controls(store, player, self._room(window.area))
        self._marks = _Marks(store, self.controls.navigator)
        self._events: deque[tuple[int, int, int, int]] = deque()
        self._drags: str = ''
        """Dragged by the mouse: 'strip', 'image' or nothing."""
        self._drawn: object = None
        self._cost = 0.0

    def run(self) -> None:
        """Show frames and handle keys and the mouse until the end.

        Raises
        ------
        FrameReadError
            A frame cannot be read, and the user has pressed no key.
        """
        self._show_frame()
        self._window.on_mouse(lambda event, x, y, flags, _: self._events.append((event, x, y, flags)))
        while not (self.controls.leaving or self._player.over):
            self._take_key(self._window.waitKeyEx(self._milliseconds()))
            if self._window.closed:  # drawing now would open another window
                return
            self._take_mouse()
            self._go_on()

    def _go_on(self) -> None:
        player, controls = self._player, self.controls
        controls.follow_on()
        if player.at_end and player.left(time.monotonic()) <= 0:
            controls.refresh()
        played = player.go_on(time.monotonic())
        if played or controls.frame is None or player.index != controls.frame.index:
            self._show_frame()
        elif not (player.over or controls.leaving):
            self._draw()

    def _milliseconds(self) -> int:
        left = min(self._player.left(time.monotonic()), _LONGEST_WAIT)
        return max(1, round(1000 * left))

    # --- drawing

    def _show_frame(self) -> None:
        began = time.monotonic()
        frame = self.controls.goto()
        if frame.image is None and not self._player.attended:
            raise FrameReadError(
                frame.trouble, store=self.controls.store.filename, frame_index=frame.index, frame_number=frame.number
            )
        self._draw()
        now = time.monotonic()
        self._cost += (now - began - self._cost) / 4
        self._player.shown(now, self._cost)

    def _draw(self) -> None:
        """Redraw the window if something has changed."""
        controls, frame = self.controls, self.controls.frame
        assert frame is not None
        controls.zoom = controls.zoom.in_room(self._room(self._window.area))
        look = self._look(frame) if self._with_bar else None
        keys = _KEY_LIST if controls.lists_keys else []
        state = frame, controls.zoom, controls.stretched, controls.lists_keys, look
        if state != self._drawn:
            shown = controls.frames.picture(frame, controls.stretched)
            self._window.imshow(picture.draw(shown, controls.zoom, keys, look))
            self._drawn = state

    def _room(self, area: Size) -> Size:
        """Return the room above the bar."""
        return max(1, area[0]), max(1, area[1] - (bar.HEIGHT if self._with_bar else 0))

    def _look(self, frame: LoadedFrame) -> BarState:
        controls, count = self.controls, self._player.count
        # finding the marks of many chunks takes a moment, and the first frame does not wait for it
        gaps_at, borders = self._marks.of(count) if self._drawn or self._marks.are_quick else ((), ())
        since = frame.time - controls.navigator.frame(0)[1]
        facts = [f'frame {frame.number}', f'index {frame.index} of {count}', f'{since:.3f} s']
        message, is_trouble = self._message(frame)
        return BarState(
            frame.index,
            count,
            borders,
            gaps_at,
            tuple(facts),
            controls.frames.format_time(frame),
            tuple(self._state()),
            self._pixel(frame),
            message,
            is_trouble,
        )

    def _state(self) -> list[str]:
        controls, player = self.controls, self._player
        return [
            'playing' if player.playing else 'paused',
            f'speed {player.speed:g}',
            *([f'1 frame of {player.stride}'] if player.playing and player.stride > 1 else []),
            *(['loop'] if player.loop else []),
            *(['following'] if controls.following else []),
            *(['contrast'] if controls.stretched else []),
            f'{100 * controls.zoom.scale:.0f} %',
            *([_LIST_HINT] if not player.attended else []),
        ]

    def _pixel(self, frame: LoadedFrame) -> str:
        pixel = self.controls.pixel
        if pixel is None or frame.image is None:
            return ''
        return f'x {pixel[0]}  y {pixel[1]}:  {value_text(frame.image, *pixel)}'

    def _message(self, frame: LoadedFrame) -> tuple[str, bool]:
        controls = self.controls
        if controls.prompt is not None:
            return f'go to: {controls.prompt}_' + ('' if controls.prompt else f'   ({HINT})'), False
        if controls.message:
            return controls.message, controls.is_trouble
        folder = controls.store.filename  # it is in the window's title, and room is scarce
        return frame.trouble.removeprefix(f'{folder}: ').replace(f'{folder}{os.sep}', ''), True

    # --- keys and mouse

    def _take_key(self, code: int) -> None:
        key, controls = key_name(code), self.controls
        binding = binding_of(key)
        if not key or (controls.prompt is None and binding is None):
            return
        self._notice()
        if controls.prompt is not None:
            controls.write(key)
        elif binding is not None:
            binding.act(controls)

    def _notice(self) -> None:
        """Note that a user is present and has seen the message."""
        self._player.attended = True
        self.controls.notify('')

    def _take_mouse(self) -> None:
        while self._events:
            event, x, y, flags = self._events.popleft()
            if event == cv2.EVENT_LBUTTONDOWN:
                self._hold(x, y)
            elif event == cv2.EVENT_LBUTTONUP or not flags & cv2.EVENT_FLAG_LBUTTON:
                self._drags = ''
            elif event == cv2.EVENT_MOUSEMOVE:
                self._drag(x, y)
            self.controls.pointer = x, y
            if event == cv2.EVENT_MOUSEWHEEL and not _magnifies_itself():
                self._notice()
                self.controls.zoom_by(1 if flags > 0 else -1)

    def _hold(self, x: int, y: int) -> None:
        self._notice()
        on_strip = self._with_bar and bar.fraction_at(x, y, self._window.area) is not None
        self._drags = 'strip' if on_strip else 'image'
        self._drag(x, y)

    def _drag(self, x: int, y: int) -> None:
        before = self.controls.pointer
        if self._drags == 'strip':
            self.controls.part(bar.fraction_along(x, self._window.area))
        elif self._drags == 'image' and before is not None:
            self.controls.zoom = self.controls.zoom.moved(x - before[0], y - before[1])


class _Marks:
    """Marks on the strip, updated after the recording has grown considerably."""

    def __init__(self, store: ImgStore, navigator: Navigator) -> None:
        self._store = store
        self._navigator = navigator
        self._count = 0
        self._found: tuple[tuple[int, ...], tuple[int, ...]] = (), ()

    @property
    def are_quick(self) -> bool:
        """Whether they are found quickly, from few chunk indexes."""
        return len(self._store.chunks) <= _FEW_CHUNKS

    def of(self, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the indexes after gaps, and of chunk starts if these are few."""
        if not self._count <= count < 1.05 * self._count:
            samples = sample_frames(self._navigator.frame, 0, count, _SAMPLES)
            found = find_gaps(self._navigator.frame, samples, self._navigator.period)
            borders = [start for _, start in self._navigator.chunk_starts(0, count - 1)]
            self._found = tuple(gap.place for gap in found), tuple(borders) if len(borders) <= _MOST_BORDERS else ()
            self._count = count
        return self._found


def _magnifies_itself() -> bool:
    """Return whether OpenCV's window zooms by itself.

    Qt's does so with the wheel.
    """
    return cv2.currentUIFramework().startswith('QT')
