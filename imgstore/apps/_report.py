"""The result of a command: sentences, or with --json an object."""

from __future__ import annotations

import argparse
from types import TracebackType
from typing import Any, Self

from ._info_text import json_line


def add_json(parser: argparse.ArgumentParser, what: str = 'the result as one JSON object') -> None:
    """Add the option ``--json``."""
    parser.add_argument('--json', action='store_true', help=f'print {what}')


class Report:
    """Report of a command. Use it in a ``with`` block.

    Parameters
    ----------
    args : argparse.Namespace, optional
        With ``json``, facts are printed as an object at the end of the block. With ``quiet``, no sentence is printed.
    **usual
        Facts for an object in which no sentence states them.
    """

    def __init__(self, args: argparse.Namespace | None = None, **usual: Any) -> None:
        self._as_json = args is not None and args.json
        self._is_quiet = args is not None and args.quiet
        self._usual = usual
        self._facts: dict[str, Any] = {}

    def tell(self, text: str, **facts: Any) -> None:
        """Print a sentence, or keep the facts it states for the object."""
        self._facts.update(facts)
        if not (self._as_json or self._is_quiet):
            print(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._as_json and self._facts:
            print(json_line({**self._usual, **self._facts}))
