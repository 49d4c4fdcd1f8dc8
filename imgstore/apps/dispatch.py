"""imgstore: runs `imgstore NAME …` as `imgstore-NAME …`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .._version import __version__
from ._hints import VIDEO_FILES, as_word, is_store, next_step
from ._parser import EXIT_USAGE, CommandParser, command_parser
from .commands import COMMANDS


def parser() -> CommandParser:
    """Make the parser of the first argument."""
    width = max(len(command.name) for command in COMMANDS)
    made = command_parser(
        'imgstore',
        'Record, view, check and export stores of images. Each command has --help.',
        'imgstore save video.mp4 recording\nimgstore COMMAND --help',
        verbose=False,
    )
    made.usage = '%(prog)s [--version] COMMAND ...'
    made.description = '\n'.join(
        [made.description or '', '', *(f'  {row.name:<{width}}  {row.summary}' for row in COMMANDS)]
    )
    made.add_argument('--version', action='version', version=f'imgstore {__version__}')
    made.add_argument('command', metavar='COMMAND', choices=[row.name for row in COMMANDS], help='a command above')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    made = parser()
    if not given:
        made.print_help(sys.stderr)
        sys.exit(EXIT_USAGE)
    if instead := _instead(given[0]):
        made.fail(f'{given[0]!r} is no command; {instead}')
    name = made.parse_args(given[:1]).command
    return next(command for command in COMMANDS if command.name == name).main()(given[1:])


def _instead(path: str) -> str:
    """Return what to run with a path in place of a command, or '' for none."""
    if any(path == command.name for command in COMMANDS):
        return ''
    if is_store(path):
        return f'to play this store, run: imgstore view {as_word(path)}'
    if os.path.exists(path):
        return next_step(path) or f'to list the stores below it, run: imgstore info --recursive {as_word(path)}'
    if path.lower().endswith(VIDEO_FILES):
        return 'there is no such file, too; to make a store of a video, run: imgstore save VIDEO STORE'
    return ''
