"""What the command lines share: errors as one line, exit codes, an orderly end on signals, a line of progress."""

from __future__ import annotations

import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from types import FrameType, TracebackType

from ..errors import ImgStoreError

FAILED = 1
SIGNALLED = 128
"""A command that a signal ended exits with this and the signal's number, as in a shell."""


def run(prog: str, command: Callable[[], int]) -> int:
    """Run a command whose arguments are checked already.

    Parameters
    ----------
    prog
        Its name, which begins what it tells.
    command
        Returns its exit code.

    Returns
    -------
    int
        The command's exit code; 1 after an error that its user can mend, which is told in one line on standard error.
    """
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: _tell(prog, f'warning: {message}')
        try:
            return command()
        except KeyboardInterrupt:
            return SIGNALLED + signal.SIGINT
        except (ImgStoreError, OSError) as error:
            _tell(prog, error)
            return FAILED


class Stop:
    """Within it, SIGINT and SIGTERM are remembered in `signal` and end nothing; a second one does.

    So a frame that is being written is written whole. Only the main thread gets signals; in others it does nothing.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._remember) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number


class Progress:
    """A line on a terminal that counts frames; elsewhere nothing is written."""

    _EVERY = 0.1  # seconds

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._began = self._written = time.monotonic()
        self._count = 0

    def step(self) -> None:
        """Count one frame."""
        self._count += 1
        now = time.monotonic()
        if self._visible and now - self._written >= self._EVERY:
            self._write(now)

    def end(self) -> None:
        """Write the last count and leave the line."""
        if self._visible:
            self._write(time.monotonic())
            sys.stderr.write('\n')

    def _write(self, now: float) -> None:
        self._written = now
        rate = self._count / max(now - self._began, 1e-6)
        sys.stderr.write(f'\r{self._count} frames, {rate:.0f} a second ')
        sys.stderr.flush()


def _tell(prog: str, what: object) -> None:
    print(f'{prog}: {" ".join(str(what).split())}', file=sys.stderr)
