"""SIGTERM ends a program that is writing a store as `sys.exit` does, so that the store is completed."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

_SIGNALLED = 128  # and the signal's number, as a shell tells it


class OrderlyEnd:
    """While any of these is held, SIGTERM is an orderly end, unless the program does something of its own about it."""

    _held = 0
    _lock = threading.Lock()

    def __init__(self) -> None:
        self._is_held = True
        with self._lock:
            OrderlyEnd._held += 1
            if _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, _end)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        with self._lock:
            OrderlyEnd._held -= self._is_held
            self._is_held = False
            if not OrderlyEnd._held and _in_main_thread() and signal.getsignal(signal.SIGTERM) is _end:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(_SIGNALLED + number)


def _in_child() -> None:
    """A forked child has no part in what its parent writes, and may be ended in any way."""
    if signal.getsignal(signal.SIGTERM) is _end:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_in_child)
