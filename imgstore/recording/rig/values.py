"""Values of rig.yaml, each converted and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from ..._support.similar_names import similar_formats, unknown_format
from ...errors import InvalidArgumentError, InvalidOptionError
from ...formats import accepted_format_names, resolve_format
from ..plans import CAMERA_KEY, CAMERA_KEY_TAKEN, LEAST_BUFFER, LEAST_SEGMENT
from ..times import Clock, clock_time, seconds_of_text
from .yaml_items import Item

_WORDS = ('on', 'off', 'yes', 'no')
"""YAML takes these for booleans, but GenICam has them as texts, such as Off."""


def text(item: Item) -> str:
    """Return a text as it is written: 007 stays 007."""
    if not item.text:
        raise item.wrong('text')
    return item.text


def number(least: float = 0, allowed: str = 'a number above 0') -> Callable[[Item], float]:
    """Make a converter of finite numbers above a limit."""

    def convert(item: Item) -> float:
        value = item.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least < value < math.inf:
            raise item.wrong(allowed)
        return float(value)

    return convert


positive = number()
any_number = number(-math.inf, 'a number')


def count(item: Item) -> int:
    """Return an integer above 0."""
    value = item.value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise item.wrong('an integer above 0')
    return value


def buffer_bytes(item: Item) -> int:
    """Return the memory of a queue."""
    value = count(item)
    if value < LEAST_BUFFER:
        raise item.wrong(f'{LEAST_BUFFER} bytes or more')
    return value


def size(item: Item) -> tuple[int, int]:
    """Return width and height, written as 640x480 or [640, 480]."""
    width, height = _integers(item, 2, 'width and height, such as 640x480')
    if not (width and height):
        raise item.wrong('a width and a height above 0')
    return width, height


def roi(item: Item) -> tuple[int, int, int, int]:
    """Return position and size, written as [x, y, width, height]."""
    x, y, width, height = _integers(item, 4, '[x, y, width, height] in pixels')
    if not (width and height):
        raise item.wrong('a width and a height above 0')
    return x, y, width, height


def _integers(item: Item, length: int, allowed: str) -> Sequence[int]:
    value = item.value if item.text is None else re.split('[x, ]+', item.text.strip())
    if not isinstance(value, list) or len(value) != length or not all(re.fullmatch(r'\d{1,7}', f'{v}') for v in value):
        raise item.wrong(allowed)
    return [int(each) for each in value]


def seconds(item: Item) -> float:
    """Return a duration, such as 90, 90s, 15m, 1h or 7d."""
    return seconds_of_text(text(item))


def segment(item: Item) -> float:
    """Return the duration of a segment."""
    duration = seconds(item)
    if duration < LEAST_SEGMENT:
        raise item.wrong(f'{LEAST_SEGMENT} s or more')
    return duration


def until(item: Item) -> Clock:
    """Return a time of day, or a date and time."""
    return clock_time(text(item))


def format_name(item: Item) -> str:
    """Return the name of a format."""
    try:
        return resolve_format(text(item)).name
    except InvalidArgumentError as error:
        names = accepted_format_names()
        known = unknown_format(item.text, names) if similar_formats(item.text, names) else str(error)
        raise item.error(known) from error


def features(item: Item) -> dict[str, Any]:
    """Return features of GenICam by their names."""
    return {name: _feature(each) for name, each in item.items().items()}


def feature_names(item: Item) -> tuple[str, ...]:
    """Return names of features, written as a list."""
    names = item.value
    if not isinstance(names, list) or not all(isinstance(name, str) and name[:1].isupper() for name in names):
        raise item.wrong('a list of names of features, such as [DeviceTemperature]')
    return tuple(names)


def events(item: Item) -> dict[str, str]:
    """Return names of events by their lines."""
    return {line: text(name) for line, name in item.items().items()}


def _feature(item: Item) -> Any:
    if not isinstance(item.node, yaml.ScalarNode):
        raise item.wrong('a number, true, false or text')
    if str(item.text).lower() in _WORDS:
        return item.text
    value = item.value
    return value if isinstance(value, (bool, int, float)) else item.text


def plain_mapping(item: Item) -> dict[str, Any]:
    """Return a mapping of plain data."""
    return {name: each.value for name, each in item.items().items()}


def metadata(item: Item) -> dict[str, Any]:
    """Return the user's metadata."""
    for name, each in item.items().items():
        if name == CAMERA_KEY:
            raise each.error(CAMERA_KEY_TAKEN)
    return plain_mapping(item)


def checked(item: Item, check: Callable[[], Any]) -> Any:
    """Run a check of options, with the line of the wrong option in its error."""
    try:
        return check()
    except (InvalidArgumentError, InvalidOptionError) as error:
        inner = item.items() if isinstance(item.node, yaml.MappingNode) else {}
        raise inner.get(error.argument or '', item).error(error) from error
