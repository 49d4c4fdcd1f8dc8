"""Parsers of values for imgstore-save, imgstore-convert and imgstore-export."""

from __future__ import annotations

import argparse
import math
import re
from typing import Any

from .._support.plain_values import parse_plain


def positive(kind: type[int] | type[float]) -> Any:
    """Make a parser of numbers above 0."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float('inf'):
            number = 'an integer' if kind is int else 'a number'
            raise argparse.ArgumentTypeError(f'{text!r} is not allowed; the value must be {number} greater than 0')
        return value

    return convert


def seconds(text: str) -> float:
    """Parse a finite number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f'{text!r} is not a number of seconds such as 12.5')
    return value


def size(text: str) -> tuple[int, int]:
    """Parse a width and a height, such as 1280x1024."""
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text)
    if not found:
        raise argparse.ArgumentTypeError(f'{text!r} is not a width and height such as 1280x1024')
    return int(found[1]), int(found[2])


def crop(text: str) -> tuple[int, int, int, int]:
    """Parse a width, height and position, such as 640x480+100+0.

    Return it in the order of a ROI.
    """
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)\+(\d+)\+(\d+)', text)
    if not found:
        raise argparse.ArgumentTypeError(f'{text!r} is not a width, height and position such as 640x480+100+0')
    width, height, x, y = map(int, found.groups())
    return x, y, width, height


def roi(text: str) -> tuple[int, int, int, int]:
    """Parse a ROI as position, width and height, such as 100,0,640,480."""
    found = re.fullmatch(r'(\d+),(\d+),([1-9]\d*),([1-9]\d*)', text)
    if not found:
        raise argparse.ArgumentTypeError(f'{text!r} is not a position, width and height such as 100,0,640,480')
    x, y, width, height = map(int, found.groups())
    return x, y, width, height


def binning(text: str) -> tuple[int, int]:
    """Parse a binning, such as 2, or vertical and horizontal ones, such as 2x4."""
    found = re.fullmatch(r'([1-9]\d*)(?:x([1-9]\d*))?', text)
    if not found:
        raise argparse.ArgumentTypeError(f'{text!r} is not a binning such as 2, or 2x4 (vertical x horizontal)')
    return int(found[1]), int(found[2] or found[1])


def port(text: str) -> int:
    """Parse the number of a port."""
    if not (text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f'{text} is not a port, an integer from 0 to 65535')
    return int(text)


def metadata_pair(text: str) -> tuple[str, Any]:
    """Parse KEY=VALUE with a number, true, false, null (as in JSON) or text."""
    key, equals, value = text.partition('=')
    if not key or not equals:
        raise argparse.ArgumentTypeError(f'{text!r} is not of the form KEY=VALUE')
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(f'{text!r} is not valid UTF-8') from error
    return key, parse_plain(value)
