"""A player of a store in a notebook: Jupyter, VS Code, Colab and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import MissingDependencyError

if TYPE_CHECKING:
    from .widget import Player


def player(store: Any, **options: Any) -> Player:
    """Make a player of a store. See `ImgStore.player`, with the same options."""
    try:
        import anywidget  # noqa: F401  # checks that it is installed
    except ImportError as error:
        raise MissingDependencyError.for_extra(
            'a player in a notebook needs anywidget', 'anywidget', 'notebook'
        ) from error
    from .widget import Player

    return Player(store, **options)
