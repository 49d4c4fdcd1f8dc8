"""Records of extra data as users give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._support.json import dumps
from .._support.validation import not_allowed
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import ExtraDataTypeError, InvalidArgumentError

_OWN_KEYS = (FRAME_TIME, FRAME_NUMBER, FRAME_INDEX)


def record_text(data: Any, store: str) -> str:
    """Return a record as JSON.

    Raises
    ------
    ExtraDataTypeError
        JSON cannot hold it.
    InvalidArgumentError
        It is no mapping from text, or has a key of the store.
    """
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise not_allowed('extra_data', data, 'it must be a dict of values by name')
    for key in _OWN_KEYS:
        if key in data:
            raise InvalidArgumentError(f'extra data must not have the key {key!r}: the store sets it', argument='data')
    try:
        return dumps(dict(data))
    except ExtraDataTypeError as error:
        error.store = store
        raise
