"""imgstore-completion: prints a completion script for the shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._cli import run
from ._parser import command_parser
from .commands import COMMANDS

_SHELLS = ('bash', 'zsh')


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        'imgstore-completion',
        'Print a script. With it your shell completes the names and options of all imgstore commands.',
        'eval "$(imgstore completion bash)"',
        'Add the line of the example to .bashrc, or with zsh to .zshrc.',
    )
    made.add_argument('shell', choices=_SHELLS, help='your shell')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Print the script and return the exit code."""
    args = parser().parse_args(argv)
    return run('imgstore-completion', lambda: _print(args.shell), args.verbose)


def _print(shell: str) -> int:
    import shtab

    parsers = [_whole_parser(), *(command.parser() for command in COMMANDS)]
    sys.stdout.write('\n'.join(shtab.complete(each, shell=shell) for each in parsers))
    return 0


def _whole_parser() -> argparse.ArgumentParser:
    """Make the parser of `imgstore` with the commands as subparsers."""
    whole = argparse.ArgumentParser('imgstore')
    commands = whole.add_subparsers()
    for command in COMMANDS:
        commands.add_parser(command.name, parents=[command.parser()], add_help=False, help=command.summary)
    return whole
