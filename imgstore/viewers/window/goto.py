"""Where in a store is meant by what a person wrote."""

from __future__ import annotations

import re

from ...errors import FrameNotFoundError, InvalidArgumentError
from ...stores.base import ImgStore
from ...timestamps import parse_time

HINT = 'number, #index, 12.5s or a time'

_ALLOWED = 'write a number such as 123, an index #123, 12.5s, 14:05:09 or 2024-05-31 14:05:09.5'
_WHOLE = re.compile(r'[+-]?[0-9]{1,18}')


def find_place(store: ImgStore, text: str) -> tuple[int, str]:
    """Find the frame that is asked for, or the one nearest to it.

    Parameters
    ----------
    store : store
        Open for reading; it has frames.
    text : str
        '123' is a frame number, '#123' an index; else it is a time, as `parse_time` understands it.

    Returns
    -------
    index : int
    note : str
        That there is no such frame, and this is the nearest; '' if there is.

    Raises
    ------
    InvalidArgumentError
        It is none of these.
    """
    text = text.strip()
    if text.startswith('#'):
        return _by_index(store, text[1:].strip())
    if _WHOLE.fullmatch(text) and not text.startswith('+'):
        return _by_number(store, int(text))
    try:
        moment = parse_time(store, text)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f'{text!r} is no place; {_ALLOWED}', argument='text') from error
    return store.find(time=moment, nearest=True), ''


def _by_index(store: ImgStore, text: str) -> tuple[int, str]:
    if not _WHOLE.fullmatch(text):
        raise InvalidArgumentError(f'{"#" + text!r} is no place; {_ALLOWED}', argument='text')
    index, last = int(text), store.frame_count - 1
    found = max(0, min(index, last))
    return found, '' if found == index else f'there is no index {index}; this is the nearest'


def _by_number(store: ImgStore, number: int) -> tuple[int, str]:
    try:
        return store.find(number=number), ''
    except FrameNotFoundError:
        return store.find(number=number, nearest=True), f'there is no frame {number}; this is the nearest'
