"""Decoding of text with wrong encodings, and text safe to display."""

from __future__ import annotations

import json
import re
from typing import Any

# compiled at their first use: most texts need none of them, and these take two milliseconds
_SURROGATES = '[\ud800-\udfff]'
_ESCAPED_BYTES = '[\udc80-\udcff]'

# Control characters, line separators and marks of writing direction: https://www.unicode.org/reports/tr9/
_UNSAFE = '\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff'
_UNSAFE_ANYWHERE = f'[{_UNSAFE}]'
_UNSAFE_IN_LINES = f'(?![\n\t])[{_UNSAFE}]'


def decode_text(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 or UTF-32 with a mark.

    Decode invalid bytes as Windows-1252.
    """
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding, 'surrogatepass')
    except UnicodeDecodeError:
        return re.sub(_ESCAPED_BYTES, _windows_1252, data.decode('utf-8', 'surrogateescape'))


def _windows_1252(match: re.Match[str]) -> str:
    return bytes([ord(match[0]) - 0xDC00]).decode('cp1252', 'replace')


def is_utf8(text: str) -> bool:
    """Return whether a string fits UTF-8, that is, has no lone surrogates."""
    return text.isascii() or re.search(_SURROGATES, text) is None


def without_surrogates(value: Any) -> Any:
    r"""Escape lone surrogates in the strings of a plain value, as ``\udce9``."""
    if isinstance(value, str):
        return value if is_utf8(value) else value.encode('utf-8', 'backslashreplace').decode()
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(without_surrogates, value))
    return value


def count_of(number: int, what: str) -> str:
    """Write a number of things, such as '1 frame' and '2 frames'."""
    return f'{number} {what}{"s" * (number != 1)}'


def one_line(text: object) -> str:
    """Join the lines of a text."""
    return ' '.join(str(text).split())


def printable(text: str) -> str:
    """Escape control characters of terminals, including line breaks and tabs."""
    return re.sub(_UNSAFE_ANYWHERE, _escaped, text)


def printable_lines(text: str) -> str:
    """Escape as `printable`, but keep line breaks and tabs."""
    return re.sub(_UNSAFE_IN_LINES, _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return repr(match[0])[1:-1] if ord(match[0]) < 0x2000 else f'\\u{ord(match[0]):04x}'
