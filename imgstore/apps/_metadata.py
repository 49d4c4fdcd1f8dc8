"""Metadata of new stores, on a command line and from a file."""

from __future__ import annotations

import argparse
from typing import Any

from .._support.yaml import load_yaml
from ..errors import InvalidArgumentError
from ._values import metadata_pair


def add_metadata(parser: argparse._ActionsContainer, of: str) -> None:
    """Add the options ``--metadata`` and ``--metadata-file``."""
    parser.add_argument(
        '--metadata',
        action='append',
        type=metadata_pair,
        default=[],
        metavar='KEY=VALUE',
        help=f'metadata of the {of}: a number, true, false or null as in JSON, else text; may be repeated',
    )
    parser.add_argument('--metadata-file', metavar='FILE', help=f'YAML or JSON file with metadata of the {of}')


def given_metadata(args: argparse.Namespace) -> dict[Any, Any]:
    """Return the metadata of the file and, before it, of the command line."""
    of_file = load_yaml(args.metadata_file) if args.metadata_file else {}
    if not isinstance(of_file, dict):
        raise InvalidArgumentError(f'{args.metadata_file!r} must hold a mapping of keys to values')
    return {**of_file, **dict(args.metadata)}
