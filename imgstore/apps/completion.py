"""imgstore-completion: what makes a shell complete these commands and their options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._cli import command_parser, run
from .commands import COMMANDS

_SHELLS = ('bash', 'zsh')


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        'imgstore-completion', 'Print what makes a shell complete the names and options of all imgstore commands.',
        'eval "$(imgstore completion bash)"', 'Put the line of the example into .bashrc, or with zsh into .zshrc.')
    made.add_argument('shell', choices=_SHELLS, help='the shell that is to complete')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Print it; returns the exit code."""
    args = parser().parse_args(argv)
    return run('imgstore-completion', lambda: _print(args.shell), args.verbose)


def _print(shell: str) -> int:
    import shtab

    parsers = [_whole_parser(), *(command.parser() for command in COMMANDS)]
    sys.stdout.write('\n'.join(shtab.complete(each, shell=shell) for each in parsers))
    return 0


def _whole_parser() -> argparse.ArgumentParser:
    """The parser of `imgstore` with those of all commands below it."""
    whole = argparse.ArgumentParser('imgstore')
    commands = whole.add_subparsers()
    for command in COMMANDS:
        commands.add_parser(command.name, parents=[command.parser()], add_help=False, help=command.summary)
    return whole
