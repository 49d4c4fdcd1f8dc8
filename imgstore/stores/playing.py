"""A store played in a notebook."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .frame_properties import FrameProperties


class StorePlayer(FrameProperties):
    """The method that makes a player."""

    def player(self, at: str | int | None = None, width: int = 640, speed: float = 1.0, loop: bool = False) -> Any:
        """Make a player for a notebook.

        The last line of a cell shows it. The kernel sends each frame, so it also plays stores on a remote machine. The
        keys are those of the page in a browser, after a click on the player.

        Parameters
        ----------
        at : int or str, optional
            Frame to start with: a frame number, an index such as '#123', seconds from the first frame such as '12.5s',
            or a date and time.
        width : int
            Maximum width in pixels.
        speed : float
            How many times as fast as recorded it plays.
        loop : bool
            Start again at the end.

        Returns
        -------
        imgstore.notebook.widget.Player
            The widget. Its `index` is the frame on the screen, and `playing` whether it plays. You may set both.

        Raises
        ------
        MissingDependencyError
            anywidget is not installed. The extra ``notebook`` has it.
        StoreModeError
            The store is open for writing.
        """
        self._require_reader()
        # by name, since the player is made of parts that need stores
        return import_module('..notebook', __package__).player(self, at=at, width=width, speed=speed, loop=loop)
