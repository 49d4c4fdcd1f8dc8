"""Which frame is to be seen, and when the next one: without a window, a store or a clock of its own."""

from __future__ import annotations

import math

SLOWEST, FASTEST = 1 / 16, 64


class Player:
    """The place in a recording, and how it goes on.

    Parameters
    ----------
    count : int
        Number of frames, at least 1.
    period : float
        Seconds from one to the next at speed 1; 0: as fast as can be.
    loop : bool
        Begin again at the end.

    Attributes
    ----------
    index : int
        Of the frame that is to be seen.
    attended : bool
        Whether somebody is there, who has pressed a key: playing then stays at the last frame, else it is over.
    over : bool
        Whether all has been played that was to be.
    """

    def __init__(self, count: int, period: float, loop: bool = False) -> None:
        self.count = count
        self.loop = loop
        self.index = 0
        self.speed = 1.0
        self.playing = True
        self.attended = False
        self.over = False
        self.stride = 1
        """How many frames playing goes on at once: more than one if otherwise it could not keep the pace."""
        self._period = period
        self._since: float | None = None
        """From when on the frame counts as seen: a little before it was, if it came late."""

    # --- going somewhere

    def go(self, index: int) -> None:
        """Stop at a frame, or at the nearest end if there is none."""
        self.playing = False
        self.index = max(0, min(index, self.count - 1))

    def step(self, by: int) -> None:
        """Stop so many frames further on, or back."""
        self.go(self.index + by)

    def toggle(self) -> None:
        """Pause, or play on; from the first if there is nothing behind."""
        self.playing = not self.playing
        if self.playing and self.at_end:
            self.index = 0

    @property
    def at_end(self) -> bool:
        """Whether it stands at the last frame."""
        return self.index >= self.count - 1

    def change_speed(self, factor: float) -> None:
        """Play faster or slower."""
        self.speed = max(SLOWEST, min(self.speed * factor, FASTEST))

    # --- playing

    @property
    def interval(self) -> float:
        """Seconds for which a frame is seen."""
        return self._period / self.speed

    def shown(self, now: float, cost: float) -> None:
        """A frame was shown.

        Parameters
        ----------
        now : float
            Seconds of a clock that goes on.
        cost : float
            Seconds that it takes to read and draw one.
        """
        # a little late is made up for, so that the pace holds; what took long is not, or frames would flash by
        since = now if self._since is None else min(self._since + self.interval, now)
        self._since = max(since, now - self.interval)
        # only who asks for more speed than the recording's has frames left out
        self.stride = max(1, math.ceil(cost / self.interval)) if self.speed > 1 and self.interval > 0 else 1

    def left(self, now: float) -> float:
        """Seconds until the next frame is due; inf while it is paused."""
        if not self.playing or self._since is None:
            return math.inf
        return self._since + self.interval - now

    def go_on(self, now: float) -> bool:
        """Go to the next frame if it is due; whether one is to be shown."""
        if self.left(now) > 0:
            return False
        if not self.at_end:
            self.index = min(self.index + self.stride, self.count - 1)
        elif self.loop:
            self.index = 0
        else:
            self.playing = False
            self.over = not self.attended
        return self.playing
