"""The summary of imgstore-info, again and again while a store is recorded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from ..overview.report import Overview
from ._cli import GracefulStop
from ._info_text import bytes_text
from ._terminal import unfiltered

USUAL_SECONDS = 2.0
_LEAST_PAUSE = 4  # times as long as it took to make the summary, so that the recording keeps the disk and the cores
_CLEAR = '\x1b[H\x1b[2J'
_STEP = 0.1  # seconds from one look for Ctrl-C to the next


def watch(read: Callable[[], Overview], show: Callable[[Overview, str], None], seconds: float) -> int:
    """Show the summary of a store until its writer closes it, or Ctrl-C.

    Parameters
    ----------
    read
        Makes the summary.
    show
        Prints it with a line on the growth since the last time.
    seconds
        From one summary to the next; longer if it takes long to make.

    Returns
    -------
    int
        The signal that ended it, or 0.
    """
    before: tuple[float, Overview] | None = None
    with GracefulStop() as stop:
        while not stop.signal:
            began = time.monotonic()
            found = read()
            if unfiltered(sys.stdout).isatty():
                unfiltered(sys.stdout).write(_CLEAR)
            show(found, _growth(before, (began, found)))
            sys.stdout.flush()
            if found.health.lock != 'held':
                break
            before = began, found
            _wait(max(seconds, _LEAST_PAUSE * (time.monotonic() - began)), stop)
    return stop.signal


def _wait(seconds: float, stop: GracefulStop) -> None:
    end = time.monotonic() + seconds
    while not stop.signal and (left := end - time.monotonic()) > 0:
        time.sleep(min(_STEP, left))


def _growth(before: tuple[float, Overview] | None, now: tuple[float, Overview]) -> str:
    """Return how many frames and bytes came since the last summary."""
    if now[1].health.lock != 'held':
        return 'no writer has the store open'
    if before is None:
        return 'a writer has the store open; Ctrl-C ends this'
    seconds = now[0] - before[0]
    frames = now[1].frames - before[1].frames
    size = (now[1].bytes_on_disk or 0) - (before[1].bytes_on_disk or 0)
    return f'+{frames} frames in {seconds:.1f} s, {frames / seconds:.4g} a second, {_rate(size / seconds)}'


def _rate(size: float) -> str:
    return f'{"-" if size < 0 else ""}{bytes_text(abs(size))} a second'


def lines_with_growth(lines: Sequence[str], growth: str) -> str:
    """Return the summary with a line on the growth below its first one."""
    return '\n'.join([lines[0], f'  {"now":<14}{growth}', *lines[1:]])
