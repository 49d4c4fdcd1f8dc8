"""Keys that are pressed in the terminal of a recording."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from types import TracebackType
from typing import Any, Self


class Keys:
    """Reads single keys without waiting. Use it in a ``with`` block.

    Without a terminal there are none. Ctrl-C stays a signal.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stdin is not None and sys.stdin.isatty()
        self._before: Any = None

    def __enter__(self) -> Self:
        if self._is_terminal and os.name == 'posix':
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.restore()

    def restore(self) -> None:
        """Leave the terminal as it was."""
        if self._before is not None:
            import termios

            with contextlib.suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)

    @property
    def are_read(self) -> bool:
        """Whether there is a terminal."""
        return self._is_terminal

    def pressed(self) -> str:
        """Return a key that was pressed, or ''."""
        if not self._is_terminal:
            return ''
        if sys.platform == 'win32':
            import msvcrt

            return msvcrt.getwch() if msvcrt.kbhit() else ''
        try:
            ready, _, _ = select.select([sys.stdin], [], [], 0)
            return os.read(sys.stdin.fileno(), 1).decode('latin-1') if ready else ''
        except OSError:  # the terminal is gone
            self._is_terminal = False
            return ''
