"""Values of options that are typed as text."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r'-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?')
_WORDS = {'true': True, 'false': False, 'null': None}
_LONGEST_INTEGER = 1000  # digits; YAML and Python refuse much longer ones


def parse_plain(text: str) -> int | float | bool | str | None:
    """Parse a number, true, false or null as in JSON, else return the text."""
    return _WORDS[text] if text in _WORDS else _number(text)


def _number(text: str) -> int | float | str:
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > _LONGEST_INTEGER:
        return text
    if found[1] is None and found[2] is None:
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else text
