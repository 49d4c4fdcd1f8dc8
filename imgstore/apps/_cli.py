"""Options, one-line errors, exit codes and signals of the command lines."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType, TracebackType
from typing import Any, Self

from .. import _launch
from .._support.text import printable
from ..encoder_options import (
    CODEC_OPTIONS,
    OPTION_NAMES,
    OPTIONS,
    PIXEL_FORMAT,
    IntegerOption,
    MappingOption,
    Option,
)
from ..errors import ImgStoreError, StoreExistsError, StoreNotFoundError
from ..formats import accepted_format_names, formats_with
from ..ondisk.lost_metadata import HOW_TO_RESTORE, has_lost_metadata
from ._hints import next_step
from ._parser import EXIT_USAGE
from ._terminal import STANDARD_OUTPUT, escape_unencodable, filtered_output, naming
from ._values import binning, roi

_SIGPIPE = 13  # Windows has none by name
EXIT_FAILURE = 1
EXIT_MISSING = 3
SIGNALLED = 128
"""Exit code of a command ended by a signal: this plus the signal's number, as in a shell."""

EXIT_CODES = {
    0: 'the command did what you asked for',
    EXIT_FAILURE: 'an error, in one line on standard error, or something damaged was found',
    EXIT_USAGE: 'wrong usage: the command did nothing',
    EXIT_MISSING: 'frames are missing, or a camera gave none, with `imgstore record --strict`',
    SIGNALLED + signal.SIGINT: (
        'ended by Ctrl-C; `view --web`, `info --watch` and recordings of cameras or a pipe end with 0'
    ),
    SIGNALLED + _SIGPIPE: 'the reader of the output closed the pipe, as `head` does',
    SIGNALLED + signal.SIGTERM: 'ended by SIGTERM; recordings of cameras or a pipe end with 0',
}
"""All exit codes, and what they mean. They stay the same."""

_STANDARD_ERROR = 2  # its descriptor


def add_overwrite(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option ``--overwrite``."""
    parser.add_argument('--overwrite', action='store_true', help=f'replace an existing {what}')


def add_format(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Add the option ``--format``, the format of a new store."""
    parser.add_argument('--format', choices=accepted_format_names(), **options)


def add_encoder_options(parser: argparse.ArgumentParser, formats: Sequence[str] | None = None) -> None:
    """Add the encoder options of these formats, or of all formats."""
    for name in OPTION_NAMES:
        options = [option for option in OPTIONS if option.name == name and _having(option, formats)]
        if options:
            _add_encoder_option(parser, name, options, formats)


def _add_encoder_option(
    parser: argparse.ArgumentParser, name: str, options: Sequence[Option], formats: Sequence[str] | None
) -> None:
    parts = [f'for {_listed(_having(option, formats))}: {option.meaning}; {option.values}' for option in options]
    how: dict[str, Any] = {'type': _number_or_text, 'metavar': 'VALUE'}
    if all(isinstance(option, IntegerOption) for option in options):
        how = {'type': int, 'metavar': 'N'}
    elif isinstance(options[0], MappingOption):
        how = {'type': _pair, 'metavar': 'NAME=VALUE', 'action': 'append'}
        parts = [f'for {_listed(_having(options[0], formats))}: {options[0].meaning}; may be repeated']
    note = '' if 'action' in how else ' (default: depends on the format)'
    parser.add_argument(_flag(name), dest=name, help='; '.join(parts) + note, **how)


def _having(option: Option, formats: Sequence[str] | None) -> list[str]:
    """Return the formats with an option, of these or of all."""
    return [name for name in formats_with(option) if formats is None or name in formats]


def _flag(name: str) -> str:
    """Return the name of an option on a command line."""
    return '--video-pixel-format' if name == PIXEL_FORMAT.name else f'--{name.replace("_", "-")}'


def _number_or_text(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition('=')
    if not name or not sign:
        raise argparse.ArgumentTypeError(f'{text!r} is not NAME=VALUE, such as aq-mode=2')
    return name, value


def add_binning(parser: argparse._ActionsContainer) -> None:
    """Add the option ``--binning``."""
    parser.add_argument(
        '--binning',
        type=binning,
        metavar='N|VxH',
        help='store the mean of N x N pixels, or of V rows and H columns; applied after the ROI, which it must divide',
    )


def add_roi(parser: argparse._ActionsContainer) -> None:
    """Add the option ``--roi``."""
    parser.add_argument(
        '--roi',
        type=roi,
        metavar='X,Y,W,H',
        help='store only the region of interest of W x H pixels, X from the left and Y from the top',
    )


def _listed(names: Sequence[str]) -> str:
    return ' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))


def frames_per_second(text: str) -> float:
    """Parse a frame rate above 0: a number or a fraction such as 30000/1001."""
    count, slash, seconds = text.partition('/')
    try:
        rate = float(count) / (float(seconds) if slash else 1)
    except (ValueError, ZeroDivisionError):
        rate = 0.0
    if not 0 < rate < float('inf'):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a frame rate; give frames per second such as 25, 29.97 or 30000/1001'
        )
    return rate


def encoder_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the values of the encoder options by name."""
    given = {name: getattr(args, name) for name in OPTION_NAMES}
    pairs = given[CODEC_OPTIONS.name]
    return {**given, CODEC_OPTIONS.name: None if pairs is None else dict(pairs)}


def run(prog: str, command: Callable[[], int], verbose: bool = False, filtered: bool = True) -> int:
    """Run a command after its arguments are checked.

    Parameters
    ----------
    prog
        Name of the command, the prefix of its messages.
    command
        Returns the exit code.
    verbose
        Show the library's log, and errors with their traceback.
    filtered
        False: the command prints no text from a store, and may draw on the terminal.

    Returns
    -------
    int
        Exit code of the command. 1 after an error the user can fix, reported in one line on standard error.
    """
    _launch.end()
    make_streams()
    escape_unencodable()
    with warnings.catch_warnings(), _terminable(), filtered_output() if filtered else nullcontext():
        warnings.showwarning = lambda message, *_, **__: log_error(prog, f'warning: {message}')
        if verbose:
            logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format=f'{prog}: %(name)s: %(message)s')
        return _guarded(prog, command, verbose)


def code_after(number: int) -> int:
    """Return the exit code of a command that runs until a signal.

    Ctrl-C is the usual way to end it.
    """
    return SIGNALLED + number if number == signal.SIGTERM else 0


def make_streams() -> None:
    """Open the standard streams missing under a service or pythonw.

    They lead to the null device. Otherwise the next opened file would take their place and receive the output.
    """
    if os.name == 'posix':
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
            os.set_inheritable(descriptor, True)
        os.close(descriptor)
    for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding='utf-8'))  # noqa: SIM115 -- for as long as the process


def _guarded(prog: str, command: Callable[[], int], verbose: bool) -> int:
    try:
        code = command()
        with naming(STANDARD_OUTPUT):
            sys.stdout.flush()
        return code
    except KeyboardInterrupt as interrupt:
        _log_notes(prog, interrupt)
        return SIGNALLED + (signal.SIGTERM if isinstance(interrupt, _TerminatedError) else signal.SIGINT)
    except BrokenPipeError:  # the reader of the output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SIGNALLED + _SIGPIPE
    except (ImgStoreError, OSError) as error:
        if verbose:
            traceback.print_exc()
        log_error(prog, _with_next_step(error))
        _log_notes(prog, error)
        return EXIT_FAILURE


def _with_next_step(error: ImgStoreError | OSError) -> str:
    if isinstance(error, StoreExistsError) and error.replaceable:
        return f'{error.message}; use --overwrite to replace it'
    if has_lost_metadata(error):
        return f'{error}; {HOW_TO_RESTORE}'
    step = next_step(error.path) if isinstance(error, StoreNotFoundError) and error.path else ''
    return f'{error}; {step}' if step else str(error)


def _log_notes(prog: str, error: BaseException) -> None:
    """Print what was added to an error: how to go on."""
    for note in getattr(error, '__notes__', ()):
        log_error(prog, note)


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM arrived; like Ctrl-C, it leaves nothing half done."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _TerminatedError


@contextmanager
def _terminable() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class GracefulStop:
    """Context that records the first SIGINT or SIGTERM in `signal`.

    The second one interrupts.

    The frame in progress is completed. Only the main thread gets signals, so this does nothing in other threads.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
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


def log_error(prog: str, what: object) -> None:
    """Print one line on standard error."""
    print(f'{prog}: {printable(" ".join(str(what).split()))}', file=sys.stderr)
