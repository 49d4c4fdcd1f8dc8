"""Values that are there."""

from typing import TypeVar

_T = TypeVar('_T')


def not_none(value: _T | None) -> _T:
    """Return a value that must not be None."""
    assert value is not None
    return value
