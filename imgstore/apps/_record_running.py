"""imgstore-record while it runs: lines, keys, the live page and ZeroMQ."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

from ..recording import Recording
from ..recording.control import RecordingControl
from ..recording.live import LiveView
from ._cli import GracefulStop, log_error
from ._record_keys import Keys
from ._record_values import zmq_address
from ._terminal import unfiltered
from ._values import port

TOKEN = 'IMGSTORE_TOKEN'
"""Environment variable with the token of commands; without it, one is made."""

_POLL = 0.1  # seconds
_AS_ONE, _AGAIN = 1.0, 2  # seconds between signals that count, and the one that is answered
_STANDARD_ERROR = 2  # its descriptor
_REDRAW, _EVERY = 0.5, 60.0  # seconds between lines, on a terminal and elsewhere
_UP = '\x1b[{}F\x1b[J'


def add_running(made: argparse.ArgumentParser) -> None:
    """Add the options on what there is while it runs."""
    made.add_argument('--wait', action='store_true', help='open the cameras, and wait for the command to start')
    made.add_argument(
        '--web', action='store_true', help='show all cameras on a live page, which takes commands; on this machine only'
    )
    made.add_argument(
        '--port', type=port, metavar='N', help='port of the live page (default: 8322, or the next free one)'
    )
    made.add_argument(
        '--zmq', type=zmq_address, metavar='ADDRESS', help='take commands over ZeroMQ, such as at tcp://127.0.0.1:5555'
    )


class PatientStop(GracefulStop):
    """Context that records a SIGINT or SIGTERM, and lets stores be completed.

    The second one changes nothing. The third one ends the program at once, as a kill would: what is on the disk by then
    can be read. Those that come within a second after another, as by a key that is held down, count as one.
    """

    def __init__(self, prog: str) -> None:
        super().__init__()
        self._prog, self._count, self._at = prog, 0, -math.inf
        self.before_the_end: Callable[[], object] = lambda: None
        """Called before the program ends at once."""

    def _remember(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now < self._at + _AS_ONE:
            return
        self.signal, self._at, self._count = self.signal or number, now, self._count + 1
        if self._count == _AGAIN:
            text = f'{self._prog}: the stores are being completed; Ctrl-C once more ends the program at once\n'
            with contextlib.suppress(OSError):
                os.write(_STANDARD_ERROR, text.encode())  # a handler may interrupt a print
        elif self._count > _AGAIN:
            self.before_the_end()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def run_recording(prog: str, recording: Recording, args: argparse.Namespace, stop: PatientStop) -> None:
    """Record until all cameras have ended, a signal or a command to stop."""
    control = RecordingControl(recording, os.environ.get(TOKEN) or secrets.token_urlsafe(16))
    with Keys() as keys, _commands(prog, control, args):
        reason, stop.before_the_end = 'stopped', keys.restore
        try:
            if not args.wait:
                recording.start()
            _run(recording, control, keys, stop, _Lines(prog, recording, args.quiet, keys.are_read))
            reason = 'stopped by a signal' if stop.signal else reason
        except BaseException as error:
            reason = (
                'stopped by Ctrl-C' if isinstance(error, KeyboardInterrupt) else f'stopped by {type(error).__name__}'
            )
            raise
        finally:
            recording.stop(reason)


def _run(recording: Recording, control: RecordingControl, keys: Keys, stop: GracefulStop, lines: _Lines) -> None:
    while not recording.wait(_POLL) and not stop.signal:
        lines.show()
        key = keys.pressed()
        command = {'q': {'do': 'stop'}, 's': {'do': 'start'}, 'm': {'do': 'mark'}}.get(key)
        if key.isdecimal():
            command = {'do': 'mark', 'name': key}
        if command is not None:
            lines.note(control.run(command, 'a key').get('error'))
    lines.clear()


@contextlib.contextmanager
def _commands(prog: str, control: RecordingControl, args: argparse.Namespace) -> Iterator[None]:
    """Take commands over HTTP and ZeroMQ, if asked for."""
    with contextlib.ExitStack() as stack:
        if args.web:
            from ..viewers.live import LiveServer

            server = stack.enter_context(LiveServer(control, args.port))
            log_error(prog, f'live page: {server.link}')
        if args.zmq:
            from ..recording.zmq_control import ZmqControl, is_open_to_others

            address = stack.enter_context(ZmqControl(control, args.zmq)).address
            log_error(prog, f'commands over ZeroMQ at {address}, with token {control.token}')
            if is_open_to_others(address):
                log_error(
                    prog,
                    'warning: other machines reach this address, and the token is sent unencrypted; for this machine '
                    'only, use tcp://127.0.0.1:PORT',
                )
        yield


class _Lines:
    """A line a camera: again and again on a terminal, elsewhere each minute.

    Where they cannot be written, as on a full disk or a terminal that is gone, there are no more, and it records on.
    """

    def __init__(self, prog: str, recording: Recording, quiet: bool, has_keys: bool) -> None:
        self._prog, self._view = prog, LiveView(recording)
        self._is_quiet, self._is_terminal = quiet, sys.stderr.isatty()
        self._help = 'keys: m or a digit marks, s starts, q stops' if has_keys else ''
        self._drawn, self._at = 0, time.monotonic()

    def show(self) -> None:
        """Print the lines, if it is time."""
        cameras = self._view.cameras()  # always: their rates are means
        if self._is_quiet or time.monotonic() - self._at < (_REDRAW if self._is_terminal else _EVERY):
            return
        self._at = time.monotonic()
        with self._if_writable():
            if self._is_terminal:
                self._draw([*map(str, cameras), *([self._help] if self._help else [])])
            else:
                for camera in cameras:
                    log_error(self._prog, camera)

    @contextlib.contextmanager
    def _if_writable(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._is_quiet, self._drawn = True, 0

    def _draw(self, lines: list[str]) -> None:
        self._erase()
        print(*(line[: _width()] for line in lines), sep='\n', file=sys.stderr, flush=True)
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            unfiltered(sys.stderr).write(_UP.format(self._drawn))
        self._drawn = 0

    def clear(self) -> None:
        """Remove the lines from the terminal."""
        with self._if_writable():
            self._erase()

    def note(self, error: str | None) -> None:
        """Print an error above the lines."""
        if error:
            with self._if_writable():
                self._erase()
                log_error(self._prog, error)


def _width() -> int:
    with contextlib.suppress(OSError):
        return os.get_terminal_size(unfiltered(sys.stderr).fileno()).columns or 100
    return 100
