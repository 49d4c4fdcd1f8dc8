"""Frame numbers of a damaged video with a steady rate.

Times show how many frames are lost.
"""

from __future__ import annotations

import math

_FEWEST = 3  # intervals needed for a rate
_UNSTEADY = 0.1  # allowed difference between intervals, as a share
_TICKS = 2  # or in units of the time base


class Numbering:
    """Counter of frames and of losses between them.

    Parameters
    ----------
    usual : float, optional
        Interval given by the container, in units of the time base.

    Attributes
    ----------
    lost : list of int
        Numbers of the lost frames.
    following : int
        Number after the last frame.
    unsure : int or None
        First number that may be too small, since times do not show how many frames are lost.
    """

    def __init__(self, usual: float | None = None) -> None:
        self._usual = usual
        self.unsure: int | None = None
        self.lost: list[int] = []
        self.following = 0
        self._missing, self._has_gap, self._is_torn = 0, False, False
        self._last: int | None = None
        self._intervals, self._sum = 0, 0
        self._least, self._most = math.inf, -math.inf

    def lose(self) -> None:
        """Count a lost frame."""
        self._missing += 1

    def expect_gap(self) -> None:
        """Derive the next number from the time, since losses before it are unknown."""
        self._has_gap = True

    def distrust(self) -> None:
        """Derive all further numbers from times, since frames may be lost anywhere."""
        self._is_torn = True

    def number(self, time: int | None) -> int:
        """Count a frame; ``time`` is in units of the time base."""
        if self._missing or self._has_gap or self._is_torn:
            self._skip(self._missing_before(time))
        elif time is not None and self._last is not None:
            self._note(time - self._last)
        self._last, self._has_gap = time, False
        self.following += 1
        return self.following - 1

    def end(self) -> None:
        """Count losses at the end."""
        self._skip(self._missing)

    def cut(self, number: int) -> None:
        """Drop all frames from this number on."""
        self.lost = [lost for lost in self.lost if lost < number]
        self.following, self._missing = number, 0

    def _note(self, interval: int) -> None:
        self._intervals, self._sum = self._intervals + 1, self._sum + interval
        self._least, self._most = min(self._least, interval), max(self._most, interval)

    def _missing_before(self, time: int | None) -> int:
        interval = self._interval()
        last: float | None = self._last
        if not self.following and self._is_torn and interval is not None:
            last = -interval  # a video begins at 0
        if interval is None or time is None or last is None or time <= last:
            self._doubt()
            return self._missing
        return max(round((time - last) / interval) - 1, 0)

    def _doubt(self) -> None:
        if (self._has_gap or self._is_torn) and self.unsure is None:
            self.unsure = self.following + self._missing

    def _interval(self) -> float | None:
        """Return the interval of a steady rate, or None."""
        if self._intervals < _FEWEST:
            fits = all(
                self._usual is not None and abs(seen - self._usual) <= max(_UNSTEADY * self._usual, _TICKS)
                for seen in (self._least, self._most)
                if self._intervals
            )
            return self._usual if fits else None
        interval = self._sum / self._intervals
        spread = max(_UNSTEADY * interval, min(_TICKS, interval / 2))
        return interval if interval > 0 and self._most - self._least <= spread else None

    def _skip(self, count: int) -> None:
        self.lost.extend(range(self.following, self.following + count))
        self.following += count
        self._missing = 0
