"""imgstore: runs `imgstore NAME …` as `imgstore-NAME …`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .._version import __version__
from ._cli import command_parser
from .commands import COMMANDS


def parser() -> argparse.ArgumentParser:
    """Make the parser of the first argument."""
    width = max(len(command.name) for command in COMMANDS)
    made = command_parser(
        'imgstore',
        'Record, view, check and export stores of images. Each command has --help.',
        'imgstore save --source video.mp4 recording\nimgstore COMMAND --help',
        verbose=False,
    )
    made.description = '\n'.join(
        [made.description or '', '', *(f'  {row.name:<{width}}  {row.summary}' for row in COMMANDS)]
    )
    made.add_argument('--version', action='version', version=f'imgstore {__version__}')
    made.add_argument('command', metavar='COMMAND', choices=[row.name for row in COMMANDS], help='a command above')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    name = parser().parse_args(given[:1]).command
    return next(command for command in COMMANDS if command.name == name).main()(given[1:])
