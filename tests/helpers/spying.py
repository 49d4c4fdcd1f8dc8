"""Notes of calls."""

from collections.abc import Callable
from typing import Any


def spy(function: Callable[..., Any], note: Callable[..., object]) -> Callable[..., Any]:
    """Make a function that calls `note` with its arguments, then the function itself."""

    def noted(*args: Any, **options: Any) -> Any:
        note(*args, **options)
        return function(*args, **options)

    return noted
