"""Frame numbers from a camera's counter, which may wrap or start again."""

from __future__ import annotations

from collections import deque
from statistics import median

from .protocol import Counter

_INTERVALS = 63  # remembered, for the time that a frame usually takes
_SLACK = 1000  # frames that may come at once after the computer was busy


class FrameNumbers:
    """Frame numbers of one camera: ascending, and each used once.

    A smaller number than the last one means that the counter has wrapped, or that it started again. The time that has
    passed decides.

    Parameters
    ----------
    counter
        Range of the camera's counter.

    Attributes
    ----------
    restarts : int
        How often the counter started again. The numbers then go on after a gap of as many frames as the time took.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._raw: int | None = None
        self._number: int | None = None
        self._at = 0
        self._intervals: deque[int] = deque(maxlen=_INTERVALS)
        self.restarts = 0

    def next(self, raw: int | None, at_ns: int) -> int:
        """Return the number of the next frame.

        Parameters
        ----------
        raw
            The camera's counter. None: count.
        at_ns
            Time of its arrival in nanoseconds.
        """
        if self._number is None:
            step, self._number = 0, raw or 0
        elif raw is None or self._raw is None:
            step = 1
        else:
            step = self._step(raw - self._raw, at_ns - self._at)
        if step:
            self._intervals.append((at_ns - self._at) // step)
        self._raw, self._at = raw, at_ns
        self._number += step
        return self._number

    def _step(self, difference: int, elapsed: int) -> int:
        if difference > 0:
            return difference
        expected, wrapped = self._expected(elapsed), difference + self._counter.period
        if 0 < wrapped <= 2 * expected + _SLACK:
            return wrapped
        self.restarts += 1
        return max(1, round(expected))

    def _expected(self, elapsed: int) -> float:
        """Return how many frames usually take this time."""
        usual = median(self._intervals) if self._intervals else 0
        return elapsed / usual if usual else 1.0
