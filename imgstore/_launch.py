"""Ctrl-C while a command line starts: no traceback of imports."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

_SIGNALLED = 128  # plus the signal's number, as in a shell


def begin() -> None:
    """Let Ctrl-C end the program at once, if it is a console script of ours.

    A program that handles Ctrl-C keeps its handler.
    """
    if (
        _is_our_script()
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        signal.signal(signal.SIGINT, _end)


def end() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_our_script() -> bool:
    program = os.path.basename(sys.argv[0] if getattr(sys, 'argv', None) else '')
    return f'{program.partition(".")[0].removesuffix("-script")}-'.startswith('imgstore-')


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(_SIGNALLED + number)


begin()
