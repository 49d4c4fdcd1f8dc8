"""Parsing of a frame number, index or time typed by the user."""

from __future__ import annotations

import re

from ..errors import FrameNotFoundError, InvalidArgumentError
from ..stores.base import ImgStore
from ..timestamps import parse_time

HINT = 'number, #index, 12.5s or a time'

_ALLOWED = 'write a number such as 123, an index #123, 12.5s, 14:05:09 or 2024-05-31 14:05:09.5'
_SHOWN_SECONDS = 0.001  # times are shown to the millisecond
_WHOLE = re.compile(r'[+-]?[0-9]{1,18}')


def find_place(store: ImgStore, text: str) -> tuple[int, str]:
    """Find the requested frame, or the nearest one.

    Parameters
    ----------
    store : store
        Open for reading, with frames.
    text : str
        '123' is a frame number, '#123' an index, anything else a time for `parse_time`.

    Returns
    -------
    index : int
    note : str
        Says that this is only the nearest frame, or ''.

    Raises
    ------
    InvalidArgumentError
        The text is none of these.
    """
    text = text.strip()
    if text.startswith('#'):
        return _by_index(store, text[1:].strip())
    if _WHOLE.fullmatch(text) and not text.startswith('+'):
        return _by_number(store, int(text))
    try:
        moment = parse_time(store, text)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(
            f'{text!r} is no frame number, index or time; {_ALLOWED}', argument='text'
        ) from error
    found = store.find(time=moment, nearest=True)
    outside = moment < store.frame_time_min - _SHOWN_SECONDS or moment > store.frame_time_max + _SHOWN_SECONDS
    return found, f'there is no frame at {text}; this is the nearest' if outside else ''


def _by_index(store: ImgStore, text: str) -> tuple[int, str]:
    if not _WHOLE.fullmatch(text):
        raise InvalidArgumentError(f'{"#" + text!r} is no frame index; {_ALLOWED}', argument='text')
    index, last = int(text), store.frame_count - 1
    found = max(0, min(index, last))
    return found, '' if found == index else f'there is no index {index}; this is the nearest'


def _by_number(store: ImgStore, number: int) -> tuple[int, str]:
    try:
        return store.find(number=number), ''
    except FrameNotFoundError:
        return store.find(number=number, nearest=True), f'there is no frame {number}; this is the nearest'
