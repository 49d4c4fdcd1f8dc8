"""Names of recordings, from a template with date and subject."""

from __future__ import annotations

import datetime
import os
import re
import string
from collections.abc import Mapping

from ...errors import InvalidArgumentError

FIELDS = ('date', 'time', 'subject')
"""Fields of a template, such as {date}."""

_MOST_SUBJECT, _MOST_NAME = 150, 200
"""Bytes of a subject, and of the name of a folder. File systems take 255, and our own files need some of them."""

_SAFE = re.compile(r'[\w+-][\w .+-]*')
"""Text that may be part of a folder's name on every system."""


def check_template(template: str, subject: str | None) -> None:
    """Raise InvalidArgumentError for a template that makes no safe name."""
    folder_for(template, subject, datetime.datetime(2026, 1, 1))


def folder_for(template: str, subject: str | None, now: datetime.datetime) -> str:
    """Fill in the template of a folder.

    Parameters
    ----------
    template : str
        A path with the fields {date}, {time} and {subject}.
    subject : str or None
        What is recorded.
    now : datetime.datetime
        Local time.

    Raises
    ------
    InvalidArgumentError
        It has another field, or the subject cannot be part of a folder's name.
    """
    values = {'date': f'{now:%Y-%m-%d}', 'time': f'{now:%H-%M-%S}'}
    if subject is not None:
        values['subject'] = _safe(subject)
    filled = ''.join(literal + _field(name, values) for literal, name in _parts(template))
    if not os.path.basename(filled.rstrip('/')) or '\0' in filled:
        raise InvalidArgumentError(f'folder {template!r} names no folder', argument='folder')
    longest = max(len(os.fsencode(name)) for name in filled.split('/'))
    if longest > _MOST_NAME:
        raise InvalidArgumentError(
            f'folder makes a name of {longest} bytes; it may have {_MOST_NAME}; shorten it', argument='folder'
        )
    return filled


def _parts(template: str) -> list[tuple[str, str | None]]:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise InvalidArgumentError(f'folder is {template!r}: {error}', argument='folder') from error
    if any(spec or conversion for _, _, spec, conversion in parts):
        raise InvalidArgumentError(f'folder is {template!r}; its fields are {_fields()}', argument='folder')
    return [(literal, name) for literal, name, _, _ in parts]


def _field(name: str | None, values: Mapping[str, str]) -> str:
    if name is None:
        return ''
    if name not in FIELDS:
        raise InvalidArgumentError(f'folder has the field {{{name}}}; allowed: {_fields()}', argument='folder')
    if name not in values:
        raise InvalidArgumentError(
            f'folder has the field {{{name}}}, but there is no {name}; add {name}: to the file', argument=name
        )
    return values[name]


def _safe(subject: str) -> str:
    if not _SAFE.fullmatch(subject) or subject.endswith((' ', '.')):
        raise InvalidArgumentError(
            f'subject is {subject!r}; it is part of a folder: letters, digits, and . _ + - or spaces between them',
            argument='subject',
        )
    if len(subject.encode()) > _MOST_SUBJECT:
        raise InvalidArgumentError(
            f'subject has {len(subject.encode())} bytes; as a part of a folder it may have {_MOST_SUBJECT}; shorten it',
            argument='subject',
        )
    return subject


def _fields() -> str:
    return ', '.join(f'{{{name}}}' for name in FIELDS)
