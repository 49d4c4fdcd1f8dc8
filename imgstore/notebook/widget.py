"""The widget of the player."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from .._support.validation import as_int_between
from ..export.speed import checked_speed
from ..viewers.goto import find_place
from .requests import Requests

_STATIC = Path(__file__).parent / 'static'
_WIDEST = 4096  # pixels


class Player(anywidget.AnyWidget):  # type: ignore[misc]
    """A player of a store in a notebook.

    Parameters
    ----------
    store : store
        Open for reading. The player opens it again for itself.
    at : str or int
        Frame to start with, as `ImgStore.player` takes it.
    width : int
        Maximum width in pixels.
    speed : float
        How many times as fast as recorded it plays.
    loop : bool
        Start again at the end.

    Attributes
    ----------
    index : int
        Index of the frame on the screen. Set it to go to another one.
    playing : bool
        Whether it plays. Set it to play or pause.
    speed : float
        How many times as fast as recorded it plays.
    loop : bool
        Whether it starts again at the end.
    """

    _esm = _STATIC / 'player.js'
    _css = _STATIC / 'player.css'

    index = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)
    loop = traitlets.Bool(False).tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    width = traitlets.Int(640).tag(sync=True)

    def __init__(
        self, store: Any, at: str | int | None = None, width: int = 640, speed: float = 1.0, loop: bool = False
    ) -> None:
        as_int_between(width, 'width', 64, _WIDEST, 'a player')
        index = 0 if at is None else find_place(store, str(at))[0]
        self._requests = Requests(store)
        super().__init__(
            facts=self._requests.facts(), index=index, width=int(width), speed=checked_speed(speed), loop=bool(loop)
        )
        self.on_msg(self._answer)

    @traitlets.validate('index')  # type: ignore[untyped-decorator]
    def _inside(self, proposal: dict[str, Any]) -> int:
        """Keep the index within the store."""
        return min(max(int(proposal['value']), 0), max(0, self.facts.get('frames', 1) - 1) if self.facts else 0)

    def _answer(self, _: Any, asked: Any, __: Any) -> None:
        found = self._requests.answer(asked) if isinstance(asked, dict) else None
        if found is not None:
            told, buffers = found
            if told['kind'] == 'facts':
                self.facts = told['facts']
            self.send(told, buffers)

    def close(self) -> None:
        """Close the widget and its store."""
        super().close()
        if hasattr(self, '_requests'):  # ipywidgets closes half-made widgets, too
            self._requests.close()
