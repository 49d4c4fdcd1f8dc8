"""Playback position and timing, without a window, a store or a clock."""

from __future__ import annotations

import math

SLOWEST, FASTEST = 1 / 16, 64


class Player:
    """Position in a recording, and its playback.

    Parameters
    ----------
    count : int
        Number of frames, at least 1.
    period : float
        Interval between frames in seconds at speed 1; 0 for as fast as possible.
    loop : bool
        Start again at the end.

    Attributes
    ----------
    index : int
        Index of the current frame.
    attended : bool
        Whether a user has pressed a key. Playback then stays at the last frame instead of ending.
    over : bool
        Whether playback has ended.
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
        """Frames per step; above 1 if playback could not keep the pace otherwise."""
        self._period = period
        self._since: float | None = None
        """Time at which the frame counts as shown, a little earlier if it was late."""

    # --- navigation

    def go(self, index: int) -> None:
        """Stop at a frame, or at the nearest end."""
        self.playing = False
        self.index = max(0, min(index, self.count - 1))

    def step(self, by: int) -> None:
        """Stop `by` frames further forward, or back if negative."""
        self.go(self.index + by)

    def toggle(self) -> None:
        """Pause or resume; at the end, start again from the first frame."""
        self.playing = not self.playing
        if self.playing and self.at_end:
            self.index = 0

    @property
    def at_end(self) -> bool:
        """Whether this is the last frame."""
        return self.index >= self.count - 1

    def change_speed(self, factor: float) -> None:
        """Play faster or slower."""
        self.speed = max(SLOWEST, min(self.speed * factor, FASTEST))

    # --- playback

    @property
    def interval(self) -> float:
        """Display time of a frame in seconds."""
        return self._period / self.speed

    def shown(self, now: float, cost: float) -> None:
        """Note that a frame was shown.

        Parameters
        ----------
        now : float
            Time of a monotonic clock in seconds.
        cost : float
            Seconds for reading and drawing a frame.
        """
        # small delays are made up to keep the pace, but not long ones: frames would flash by
        since = now if self._since is None else min(self._since + self.interval, now)
        self._since = max(since, now - self.interval)
        # frames are skipped only above the recording's own speed
        self.stride = max(1, math.ceil(cost / self.interval)) if self.speed > 1 and self.interval > 0 else 1

    def left(self, now: float) -> float:
        """Return the seconds until the next frame is due; inf when paused."""
        if not self.playing or self._since is None:
            return math.inf
        return self._since + self.interval - now

    def go_on(self, now: float) -> bool:
        """Go to the next frame if it is due; return whether one is to be shown."""
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
