"""Sizes, durations and JSON as imgstore-info writes them."""

from __future__ import annotations

import json
from typing import Any

from .._support.json import as_json

_MOST_SECONDS = 1e15  # more is no duration
_UNITS = ('bytes', 'kB', 'MB', 'GB', 'TB')


def bytes_text(size: float) -> str:
    """Write a size in bytes, kB and so on."""
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f'{size:.3g} {unit}' if size < 999.5 else f'{size:.0f} {unit}'
        size /= 1000
    return f'{size:.4g} {_UNITS[-1]}'


def duration_text(seconds: float) -> str:
    """Write days, hours, minutes and seconds."""
    if not abs(seconds) < _MOST_SECONDS:  # nan too
        return f'{seconds} s'
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    days, rest = divmod(whole, 86400)
    text = f'{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}.{milliseconds:03}'
    return f'{days} days {text}' if days else text


def json_line(record: dict[str, Any]) -> str:
    """Write a JSON object in one line, safe for a terminal."""
    return json.dumps(as_json(record), allow_nan=False).replace('\x7f', '\\u007f')
