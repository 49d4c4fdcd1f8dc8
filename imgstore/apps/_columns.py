"""Tables in columns for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence

SPACE = '  '
"""Between two columns."""


def in_columns(
    titles: Sequence[str], rows: Sequence[Mapping[str, str]], to_the_right: Collection[str] = ()
) -> Iterator[str]:
    """Yield the lines of a table.

    Parameters
    ----------
    titles
        Titles of the columns to show, in order.
    rows
        Texts by titles. The first row may have the titles themselves.
    to_the_right
        Titles of columns of numbers.
    """
    widths = {title: max(text_width(row[title]) for row in rows) for title in titles}
    for row in rows:
        yield SPACE.join(_padded(row[title], widths[title], title in to_the_right) for title in titles).rstrip()


def with_heading(titles: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the rows after one with the titles."""
    return [dict(zip(titles, titles, strict=True)), *rows]


def text_width(text: str) -> int:
    """Return the columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in 'WF' for letter in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def _padded(text: str, width: int, to_the_right: bool) -> str:
    space = ' ' * (width - text_width(text))
    return space + text if to_the_right else text + space
