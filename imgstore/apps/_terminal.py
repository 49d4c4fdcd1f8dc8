"""What a command prints, without characters that a terminal obeys instead of showing them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from .._support.text import printable_lines


class _Filtered:
    """A text stream that escapes control characters, line breaks and tabs aside; in all else the one under it."""

    def __init__(self, stream: TextIO) -> None:
        self.unfiltered = stream

    def write(self, text: str) -> int:
        """Write the text, escaped."""
        self.unfiltered.write(printable_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write all lines, escaped."""
        self.unfiltered.writelines(map(printable_lines, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unfiltered, name)


@contextmanager
def filtered_output() -> Iterator[None]:
    """Filter standard output and error: names, columns and texts of a store come from others."""
    before: tuple[Any, Any] = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and _Filtered(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unfiltered(stream: Any) -> Any:
    """The stream under a filtered one, for what draws on a terminal."""
    return getattr(stream, 'unfiltered', stream)
