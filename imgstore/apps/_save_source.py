"""The source of imgstore-save: an option, or the first of two words."""

from __future__ import annotations

import argparse
import glob
import itertools
import os
from collections.abc import Sequence

from ..errors import InvalidArgumentError
from ..formats import image_extensions
from ._hints import VIDEO_FILES, as_word, save_command, similar_path
from ._parser import CommandParser

_ENDINGS = (*VIDEO_FILES, *image_extensions())
_QUOTE_IT = '; if the shell expanded a pattern, quote it: "images/*.png"'


def add_source(made: argparse.ArgumentParser) -> None:
    """Add the option ``--source``, and the argument in its place."""
    made.add_argument(
        '--source',
        metavar='PATH|N',
        help='a video file, an image, a folder of images or a quoted '
        'pattern such as "images/*.png", a named pipe or an address with a video, - for raw images on '
        'standard input, or the number of a camera if no file has that name (default: camera 0)',
    )
    made.add_argument('plain_source', metavar='SOURCE', nargs='?', help='the source, in place of --source')


def parse_source(made: CommandParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments, with the source in ``source`` however it was given."""
    _check_source(made, argv)
    args, unknown = made.parse_known_intermixed_args(argv)
    if unknown:
        is_pattern = all(os.path.exists(text) or not text.startswith('-') for text in unknown)
        made.error_of_unknown(unknown, _QUOTE_IT * is_pattern)
    if args.source is not None and args.plain_source is not None:
        made.error(f'there are two sources, {args.source!r} and {args.plain_source!r}; give one{_QUOTE_IT}')
    args.source = args.plain_source if args.source is None else args.source
    if problem := _problem(args.source, args.plain_source, args.dest):
        made.fail(problem)
    return args


def _problem(source: str | None, plain: str | None, dest: str) -> str:
    """Describe a file in the place of the new store, or return ''."""
    if not os.path.isfile(dest):
        return ''
    if source is None:
        return f'{dest!r} is a file, and there is no name for the store; run: {save_command(dest)}'
    if plain is not None and not (os.path.exists(plain) or plain.isdecimal() or plain == '-' or '://' in plain):
        return f'{plain!r} does not exist; the source comes first: imgstore save {as_word(dest)} {as_word(plain)}'
    return ''


def check_exists(source: str) -> None:
    """Raise InvalidArgumentError for a source that should exist and does not."""
    if os.path.lexists(source) or source == '-' or '://' in source or glob.has_magic(source):
        return
    similar = similar_path(source, lambda path: os.path.isdir(path) or path.lower().endswith(_ENDINGS))
    step = f'did you mean {as_word(similar)}?' if similar else 'give a video, an image or a folder of images'
    raise InvalidArgumentError(f'{source!r} does not exist; {step}', path=source)


def _check_source(made: CommandParser, argv: Sequence[str]) -> None:
    """Explain a value like an option, e.g. from an unquoted pattern."""
    for option, value in itertools.pairwise(argv):
        is_name = (
            value.startswith('-') and value not in ('-', '-h') and (os.path.exists(value) or not value.startswith('--'))
        )
        if option == '--source' and is_name:
            made.error(
                f'argument --source: {value!r} begins with - like an option; for that one file, write '
                f'--source=./{value}{_QUOTE_IT}'
            )
