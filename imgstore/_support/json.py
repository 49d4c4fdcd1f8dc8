"""Values without a JSON type, written as JSON.

=============================  =========================================
numpy scalar, array            the number, text or (nested) list
datetime, date, time           ISO 8601 text; ``numpy.datetime64`` too, ``NaT`` as null
timedelta                      seconds; ``numpy.timedelta64`` too, ``NaT`` as null
bytes                          text if they are UTF-8, else ``{"hex": "ff00"}``
set, frozenset                 list
complex                        ``[real, imaginary]``
Path, UUID                     text
=============================  =========================================

In records of extra data (`dumps`), NaN and the infinities are ``NaN`` and ``Infinity``, accepted by Python's reader.
Any other type is an error. Output of the tools (`as_json`) is for every reader: NaN and the infinities are null, values
and keys of other types become text by ``str``, and lone surrogates in text are escaped.
"""

from __future__ import annotations

import datetime
import json
import math
import uuid
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

from ..errors import ExtraDataTypeError
from .text import is_utf8, without_surrogates

_MAX_DEPTH = 100
_Path = tuple[object, ...]


class JsonCustomEncoder(json.JSONEncoder):
    """JSON encoder for the types above, as ``cls`` of ``json.dumps``.

    Raises
    ------
    ExtraDataTypeError
        A value has an unsupported type.
    """

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Encode the value in pieces."""
        return super().iterencode(plain(o), _one_shot)

    def default(self, o: Any) -> Any:
        """Convert a value without a JSON type."""
        return plain(o)


def dumps(record: dict[str, Any]) -> str:
    """Encode one record of extra data.

    Raises
    ------
    ExtraDataTypeError
        A value or a key has an unsupported type. The message says where.
    """
    try:
        return json.dumps(record, cls=JsonCustomEncoder)
    except ValueError as error:
        raise ExtraDataTypeError(f'extra data cannot be written as JSON: {error}') from error


def as_json(value: Any, nan_as_text: bool = False) -> Any:
    """Convert any value, such as metadata or a record, to standard JSON types.

    With ``nan_as_text``, NaN and the infinities become text, for display.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else str(float(value)) if nan_as_text else None
    if isinstance(value, str):
        return without_surrogates(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, dict):
        return {_shown_key(key): as_json(item, nan_as_text) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(item, nan_as_text) for item in value]
    try:
        return as_json(plain(value), nan_as_text)
    except ExtraDataTypeError:
        return without_surrogates(str(value))


def _shown_key(key: Any) -> Any:
    shown = as_json(key)
    return shown if shown is None or isinstance(shown, (str, int, float)) else str(key)


def plain(value: Any, path: _Path = ()) -> Any:
    """Convert a value to dict, list, str, int, float, bool and None.

    Parameters
    ----------
    value : object
        A value of the types above, nested or not.
    path : tuple
        Keys and indices of the value, for the error.

    Raises
    ------
    ExtraDataTypeError
        A value or a key has an unsupported type, or the value is nested too deeply (it may contain itself).
    """
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        return _utf8(value, path)
    if len(path) > _MAX_DEPTH:
        raise ExtraDataTypeError(f'extra data is nested deeper than {_MAX_DEPTH} levels')
    if isinstance(value, dict):
        return {_plain_key(key, path): plain(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, (*path, i)) for i, item in enumerate(value)]
    if isinstance(value, np.ndarray):
        return _plain_array(value, path)
    for types, convert in _CONVERSIONS:
        if isinstance(value, types):
            return plain(convert(value), path)
    raise ExtraDataTypeError(
        f'extra data{_where(path)} is of type {_type_name(value)}; use text, numbers, lists, '
        f'dicts, or types of numpy, datetime and pathlib'
    )


def _utf8(text: str, path: _Path) -> str:
    if not is_utf8(text):
        raise ExtraDataTypeError(f'extra data{_where(path)} is {text!r}, not UTF-8; pass it as bytes')
    return text


def _plain_key(key: Any, path: _Path) -> Any:
    if isinstance(key, str):
        return _utf8(key, path)
    if key is None or isinstance(key, (int, float)):
        return key
    if isinstance(key, (np.bool_, np.integer, np.floating)):
        return plain(key)
    raise ExtraDataTypeError(
        f'a key of extra data{_where(path)} is of type {_type_name(key)}; keys can be text, numbers or None'
    )


def _plain_array(array: np.ndarray[Any, Any], path: _Path) -> Any:
    if array.dtype.kind in 'biu' or array.dtype in (np.float64, np.float32, np.float16):
        return array.tolist()
    if array.ndim == 0:
        return plain(array[()], path)
    return [plain(item, (*path, i)) for i, item in enumerate(array)]


def _plain_bytes(value: bytes | bytearray) -> str | dict[str, str]:
    try:
        return str(value, 'utf-8')
    except UnicodeDecodeError:
        return {'hex': value.hex()}


def _plain_void(value: np.void) -> list[Any] | bytes:
    if value.dtype.names is None:
        return value.tobytes()
    return [value[name] for name in value.dtype.names]


def _seconds(value: np.timedelta64) -> float | None:
    try:
        return None if np.isnat(value) else float(value / np.timedelta64(1, 's'))
    except (TypeError, OverflowError) as error:
        raise ExtraDataTypeError(f'extra data {value!r} cannot be given in seconds') from error


# timedelta64 is a subclass of numpy's integers, so it comes before them
_CONVERSIONS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (np.timedelta64, _seconds),
    (np.datetime64, lambda value: None if np.isnat(value) else str(value)),
    (np.bool_, bool),
    (np.integer, int),
    (np.floating, float),
    (np.void, _plain_void),
    ((complex, np.complexfloating), lambda value: [value.real, value.imag]),
    ((bytes, bytearray), _plain_bytes),
    ((datetime.date, datetime.time), lambda value: value.isoformat()),
    (datetime.timedelta, datetime.timedelta.total_seconds),
    ((PurePath, uuid.UUID), str),
)


def _where(path: _Path) -> str:
    return ''.join([' at ', *(f'[{key!r}]' for key in path)]) if path else ''


def _type_name(value: object) -> str:
    return f'{type(value).__module__}.{type(value).__qualname__}'.removeprefix('builtins.')
