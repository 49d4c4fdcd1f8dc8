"""Addresses with options, such as ``640x480,fps=100,drop=5-7``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import InvalidArgumentError

_LONGEST_RANGE = 10_000_000
_SIZE = re.compile(r'([1-9]\d*)x([1-9]\d*)')


def parse_address(address: str, kinds: Mapping[str, Callable[[str], Any]]) -> tuple[str, dict[str, Any]]:
    """Split an address into what comes before its options, and these.

    Parameters
    ----------
    address
        Parts between commas: first the place, then options as NAME=VALUE or NAME.
    kinds
        Parsers of the values, by the names of the options. Without a value, the parser gets ''.

    Raises
    ------
    InvalidArgumentError
        An option is unknown, or its value is not allowed.
    """
    place, *parts = address.split(',')
    if '=' in place or place in kinds:
        place, parts = '', [place, *parts]
    options = {}
    for part in parts:
        name, _, text = part.partition('=')
        if name not in kinds:
            raise InvalidArgumentError(
                f'{name!r} is no option of this source; it has {", ".join(kinds)}', argument='sources'
            )
        try:
            options[name] = kinds[name](text)
        except (ValueError, IndexError) as error:
            rule = _ALLOWED.get(kinds[name], 'another value')
            raise InvalidArgumentError(
                f'a source has {name}={text}, but {name} must be {rule}', argument='sources'
            ) from error
    return place, options


def flag(text: str) -> bool:
    """Parse an option without a value."""
    if text:
        raise ValueError
    return True


def positive(text: str) -> int:
    """Parse an integer greater than 0."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def number(text: str) -> float:
    """Parse a finite number."""
    if not math.isfinite(value := float(text)):
        raise ValueError
    return value


def numbers(text: str) -> frozenset[int]:
    """Parse numbers and ranges, such as ``5-7+20``."""
    found: set[int] = set()
    for part in text.split('+'):
        first, _, last = part.partition('-')
        if not 0 <= int(first) <= int(last or first) < int(first) + _LONGEST_RANGE:
            raise ValueError
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def number_and_seconds(text: str) -> tuple[int, float]:
    """Parse a number and seconds, such as ``100:2.5``."""
    first, _, seconds = text.partition(':')
    return int(first), number(seconds)


def width_and_height(text: str) -> tuple[int, int]:
    """Parse a size such as ``640x480``."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError
    return int(found[1]), int(found[2])


_ALLOWED: dict[Callable[[str], Any], str] = {
    flag: 'without a value',
    int: 'an integer',
    number: 'a number',
    number_and_seconds: 'a number and seconds, such as 100:2.5',
    numbers: 'numbers and ranges, such as 5-7+20',
    positive: 'an integer greater than 0',
}
