"""Output of commands, without the control characters of terminals."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from .._support.text import printable_lines

STANDARD_OUTPUT = 'standard output'
"""Its name in errors."""


def escape_unencodable() -> None:
    r"""Let the standard streams escape letters that they cannot encode.

    These are written as ``\u65e5``.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ('strict', 'surrogateescape'):
            stream.reconfigure(errors='backslashreplace')


@contextmanager
def naming(stream: str) -> Iterator[None]:
    """Name the stream in an error of the system, as for any file."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or stream
        raise


class _Filtered:
    """A text stream with control characters escaped.

    Line breaks and tabs are not. All else is passed to the stream below.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self.unfiltered, self._name = stream, name

    def write(self, text: str) -> int:
        """Escape and write the text."""
        with naming(self._name):
            self.unfiltered.write(printable_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Escape and write all lines."""
        with naming(self._name):
            self.unfiltered.writelines(map(printable_lines, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unfiltered, name)


@contextmanager
def filtered_output() -> Iterator[None]:
    """Filter standard output and error: texts in a store come from others."""
    before: tuple[Any, Any] = sys.stdout, sys.stderr
    names = STANDARD_OUTPUT, 'standard error'
    sys.stdout, sys.stderr = (stream and _Filtered(stream, name) for stream, name in zip(before, names, strict=True))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unfiltered(stream: Any) -> Any:
    """Return the stream below a filtered one, for drawing on a terminal."""
    return getattr(stream, 'unfiltered', stream)
