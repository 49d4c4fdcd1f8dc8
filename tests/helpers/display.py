"""A screen of its own for a test: an X server without hardware, keys pressed in it, pictures taken of it."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import imgstore

WIDTH, HEIGHT = 1280, 800
PATIENCE, TIME_TO_START, TIME_TO_PAINT = 20.0, 6.0, 0.15  # seconds
ATTEMPTS = 8

Seen = Callable[..., Any]  # of a picture; more arguments have defaults
"""Whether a picture of the screen, (h, w, 3) BGR, has in it what is looked for."""


class Screen:
    def __init__(self, display: str, folder: Path) -> None:
        self.env = {**python_env(), 'DISPLAY': display}
        self._framebuffer = folder / 'Xvfb_screen0'

    @contextmanager
    def running(self, command: Sequence[str], seen: Seen) -> Iterator[subprocess.Popen[str]]:
        """Run a program, of which something is seen on the screen.

        Now and then Qt misses that the server has mapped its window, if there is no window manager, and never paints
        it: the window is then mapped again, and in the end the program started again.
        """
        for _ in range(ATTEMPTS):
            process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            with process:
                try:
                    if self._sees_after_nudges(seen):
                        yield process
                        return
                finally:
                    process.kill()
        raise AssertionError('nothing was seen on the screen')

    def _sees_after_nudges(self, seen: Seen) -> bool:
        before: set[str] = set()
        end = time.monotonic() + TIME_TO_START
        while time.monotonic() < end:
            if self._sees(seen, TIME_TO_PAINT):
                return True
            windows = self._visible_windows()
            for window in windows & before:
                self._xdotool_if_it_can('windowunmap', window, 'windowmap', window)
            before = windows - before
        return False

    def _visible_windows(self) -> set[str]:
        return set(self._xdotool_if_it_can('search', '--onlyvisible', '--name', '.').split())

    def _xdotool_if_it_can(self, *command: str) -> str:
        """Do something with windows, if there are any and they do not vanish meanwhile."""
        done = subprocess.run(
            ['xdotool', *command],
            env=self.env,
            check=False,
            timeout=PATIENCE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return done.stdout

    def press(self, window: str, *keys: str) -> None:
        """Press keys in the window whose title begins so."""
        focus = ('windowfocus', '--sync')
        self._xdotool('search', '--sync', '--onlyvisible', '--name', f'^{window}', *focus, 'key', *keys)

    def resize(self, window: str, width: int, height: int) -> None:
        """Give the window whose title begins so another size."""
        size = str(width), str(height)
        self._xdotool('search', '--sync', '--onlyvisible', '--name', f'^{window}', 'windowsize', *size)

    def move(self, x: int, y: int) -> None:
        """Bring the pointer to a place on the screen, at which windows without a manager have their corner."""
        self._xdotool('mousemove', str(x), str(y))

    def click(self, x: int, y: int) -> None:
        """Click at a place on the screen."""
        self._xdotool('mousemove', str(x), str(y), 'click', '1')

    def drag(self, *places: tuple[int, int]) -> None:
        """Take hold at the first of some places on the screen, and go to the others."""
        at = [(str(x), str(y)) for x, y in places]
        self._xdotool('mousemove', *at[0], 'mousedown', '1')
        for place in at[1:]:
            self._xdotool('mousemove', *place)

    def close_dropped(self) -> None:
        """End dragging."""
        self._xdotool('mouseup', '1')

    def close(self, window: str) -> None:
        """Close a window as its user does by the mouse."""
        number = int(self._xdotool('search', '--sync', '--onlyvisible', '--name', f'^{window}').split()[0])
        x11 = ctypes.CDLL('libX11.so.6')
        x11.XOpenDisplay.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x11.XOpenDisplay(self.env['DISPLAY'].encode()))
        protocols, delete = (x11.XInternAtom(display, name, False) for name in (b'WM_PROTOCOLS', b'WM_DELETE_WINDOW'))
        message = _ClientMessage(33, 0, True, display, number, protocols, 32, (ctypes.c_long * 5)(delete))
        x11.XSendEvent(display, ctypes.c_ulong(number), False, ctypes.c_long(0), ctypes.byref(message))
        x11.XCloseDisplay(display)

    def picture(self) -> np.ndarray[Any, Any]:
        """What is on the screen: (h, w, 3) BGR."""
        dump = self._framebuffer.read_bytes()
        header = struct.unpack('>25I', dump[:100])
        start, row_bytes, colors = header[0], header[12], header[19]
        pixels = np.frombuffer(dump, np.uint8, row_bytes * HEIGHT, start + 12 * colors)
        return pixels.reshape(HEIGHT, row_bytes // 4, 4)[:, :WIDTH, :3]

    def settled(self) -> np.ndarray[Any, Any]:
        """What is on the screen once that stays the same for a moment: a window is painted bit by bit."""
        end = time.monotonic() + PATIENCE
        before, now = None, self.picture().copy()
        while before is None or not np.array_equal(before, now):
            assert time.monotonic() < end, 'the screen never came to rest'
            time.sleep(0.05)
            before, now = now, self.picture().copy()
        return now

    def wait_for(self, seen: Seen) -> None:
        """Wait until something is seen."""
        assert self._sees(seen, PATIENCE), 'it was never seen on the screen'

    def _sees(self, seen: Seen, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not (found := seen(self.picture())) and time.monotonic() < end:
            time.sleep(0.01)
        return bool(found)

    def _xdotool(self, *command: str) -> str:
        done = subprocess.run(
            ['xdotool', *command], env=self.env, check=True, timeout=PATIENCE, stdout=subprocess.PIPE, text=True
        )
        return done.stdout


class _ClientMessage(ctypes.Structure):
    """Xlib's XClientMessageEvent, padded to the size of an XEvent."""

    _fields_ = (
        ('type', ctypes.c_int),
        ('serial', ctypes.c_ulong),
        ('send_event', ctypes.c_int),
        ('display', ctypes.c_void_p),
        ('window', ctypes.c_ulong),
        ('message_type', ctypes.c_ulong),
        ('format', ctypes.c_int),
        ('data', ctypes.c_long * 5),
        ('padding', ctypes.c_long * 12),
    )


def python_env() -> dict[str, str]:
    """Environment of another Python that imports the same imgstore, and has no screen."""
    here = str(Path(imgstore.__file__).parents[1])
    path = os.pathsep.join(filter(None, [here, os.environ.get('PYTHONPATH')]))
    return {**{k: v for k, v in os.environ.items() if k != 'DISPLAY'}, 'PYTHONPATH': path}


@contextmanager
def screen(folder: Path) -> Iterator[Screen]:
    read, write = os.pipe()
    command = ['Xvfb', '-displayfd', str(write), '-fbdir', str(folder), '-nolisten', 'tcp']
    # by default it starts anew whenever its last client leaves, and refuses the next one meanwhile
    command += ['-noreset', '-screen', '0', f'{WIDTH}x{HEIGHT}x24']
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        try:
            with os.fdopen(read) as number:
                yield Screen(f':{number.readline().strip()}', folder)
        finally:
            server.terminate()
