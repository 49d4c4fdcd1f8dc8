"""Progress of a command: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._cli import log_error
from ._terminal import unfiltered

if TYPE_CHECKING:
    from tqdm import tqdm

_EVERY = 10.0  # seconds between lines
_RATE_AFTER = 2.0  # seconds from the first count to the first rate
_WIDEST, _LINES = 100, 24


class Progress:
    """Progress counter. Use it in a ``with`` block.

    Parameters
    ----------
    prog
        Name of the command.
    total
        Expected count, if known. The time left is then shown.
    unit
        Name of the counted items.
    quiet
        Show nothing.
    """

    def __init__(self, prog: str, total: int | None = None, unit: str = 'frames', quiet: bool = False) -> None:
        self._is_quiet = quiet
        self._prog, self._total, self._unit = prog, total, unit
        self._told = time.monotonic()
        self._first: float | None = None
        self._count = self._first_count = 0
        self._bar: tqdm[Any] | None = None if quiet or not sys.stderr.isatty() else self._new_bar()

    def _new_bar(self) -> tqdm[Any]:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # the bar updates often enough without tqdm's thread
        size = shutil.get_terminal_size()  # tqdm hides the bar on a terminal of 0 lines
        return tqdm(
            total=self._total,
            unit=f' {self._unit}',
            file=unfiltered(sys.stderr),
            ncols=min(size.columns or _WIDEST, _WIDEST),
            nrows=size.lines or _LINES,
        )

    def step(self, count: int = 1) -> None:
        """Add to the count."""
        self._count += count
        if self._first is None:
            self._begin()
        if self._bar is not None:
            self._bar.update(count)
        elif not self._is_quiet and time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            log_error(self._prog, self._line())

    def _begin(self) -> None:
        """Measure the rate from the first count on: a cluster may take long to start."""
        self._first, self._first_count = time.monotonic(), self._count
        if self._bar is not None:
            self._bar.unpause()

    def _line(self) -> str:
        of_all = '' if self._total is None else f' of {self._total}'
        return f'{self._count}{of_all} {self._unit}{self._speed()}'

    def _speed(self) -> str:
        """Return rate and time left, once they are known."""
        elapsed = time.monotonic() - (self._first or 0)
        rate = (self._count - self._first_count) / max(elapsed, 1e-6)
        if elapsed < _RATE_AFTER or not rate:
            return ''
        left = '' if self._total is None else f', {(self._total - self._count) / rate:.0f} s left'
        return f', {rate:.0f} a second{left}'

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
