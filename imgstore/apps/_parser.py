"""The parser of a command: usage in one line, and errors with the next step."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from .._support.similar_names import close_names, did_you_mean, similar_formats, suggestion
from .._support.text import printable_lines
from ._terminal import escape_unencodable

EXIT_USAGE = 2
"""Exit code of wrong usage."""

_WIDTH = 100
_AS_USAGE = {None: '{}', '?': '[{}]', '*': '[{} ...]', '+': '{} ...'}


class CommandParser(argparse.ArgumentParser):
    """A parser with control characters escaped in its messages.

    Attributes
    ----------
    synonyms : mapping of str to str
        Options that people type, and the ones that the command has instead.
    """

    synonyms: Mapping[str, str] = MappingProxyType({})

    def _print_message(self, message: str, file: Any = None) -> None:
        escape_unencodable()
        super()._print_message(message and printable_lines(message), file)

    def format_usage(self) -> str:
        """Return the usage in one line; ``--help`` lists the options."""
        return f'usage: {self._usage() % {"prog": self.prog}}'.rstrip() + '\n'

    def format_help(self) -> str:
        """Return the help, with the usage in one line."""
        before, self.usage = self.usage, self._usage()
        try:
            return super().format_help()
        finally:
            self.usage = before

    def _usage(self) -> str:
        if self.usage is not None:
            return self.usage
        parts = [_AS_USAGE[_nargs(action)].format(_name(action)) for action in self._get_positional_actions()]
        return ' '.join(['%(prog)s [OPTION ...]', *parts])

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, wrong_choice(str(value), list(action.choices), action.dest))

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments, with options anywhere.

        For an unknown option, the error suggests a name.
        """
        found, unknown = self.parse_known_intermixed_args(args, namespace)
        if unknown:
            self.error_of_unknown(unknown)
        return found

    def error_of_unknown(self, unknown: Sequence[str], more: str = '') -> NoReturn:
        """Report arguments that the command does not have.

        Parameters
        ----------
        unknown
            The arguments.
        more
            Text to append.
        """
        names = [text.partition('=')[0] for text in unknown if text.startswith('--')]
        found = [meant for name in names if (meant := self._meant(name))]
        self.error(f'unrecognized arguments: {" ".join(unknown)}{more}{did_you_mean(found[:1])}')

    def _meant(self, name: str) -> str:
        """Return the option that a user may mean by another name, or ''."""
        known = [name[2:] for action in self._actions for name in action.option_strings if name.startswith('--')]
        similar = [f'--{each}' for each in close_names(name[2:], known)]
        return self.synonyms.get(name) or next(iter(similar), '')

    def error(self, message: str) -> NoReturn:
        """Report wrong usage in two lines, and exit with code 2."""
        self.fail(f'{message}{" " if message.endswith("?") else "; "}{self.prog} --help lists all options')

    def fail(self, message: str) -> NoReturn:
        """Report wrong usage as `error`, in a message that ends with the next step."""
        self.print_usage()
        self.exit(EXIT_USAGE, f'{self.prog}: error: {message}\n')

    def print_usage(self, file: Any = None) -> None:
        """Print the usage, by default on standard error."""
        self._print_message(self.format_usage(), file or sys.stderr)


def _nargs(action: argparse.Action) -> Any:
    return action.nargs if action.nargs in _AS_USAGE else None


def _name(action: argparse.Action) -> str:
    name = action.metavar or action.dest.upper()
    return name if isinstance(name, str) else ' '.join(name)


def command_parser(prog: str, description: str, example: str, more: str = '', verbose: bool = True) -> CommandParser:
    """Make the parser of a command, with ``--verbose`` and ``--quiet``.

    Parameters
    ----------
    prog
        Name of the command.
    description
        Its purpose.
    example
        Command lines, one per line.
    more
        Text below the options.
    verbose
        False omits these options.
    """
    paragraphs = [textwrap.fill(more, _WIDTH)] if more else []
    several = '\n' in example
    paragraphs.append('example:\n' + textwrap.indent(example, '  ') if several else f'example: {example}')
    parser = CommandParser(
        prog,
        description=textwrap.fill(description, _WIDTH),
        epilog='\n\n'.join(paragraphs),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if verbose:
        parser.add_argument('--verbose', action='store_true', help='show more, and errors with their traceback')
        parser.add_argument('--quiet', action='store_true', help='show no progress and no summary of the work')
    return parser


def wrong_choice(value: str, allowed: Sequence[str], what: str) -> str:
    """Describe a wrong choice, with a similar one if there is any."""
    similar = similar_formats(value, allowed) if what == 'format' else close_names(value, allowed)
    return f'{value!r} is not allowed{suggestion(similar, "allowed", allowed)}'
