"""Which frames are likely to be asked for next."""

from __future__ import annotations

_SEQUENTIAL = 2  # steps in a row, forwards or backwards, before the next ones are expected


class SequentialPolicy:
    """Expects that who reads frame after frame goes on so, forwards or backwards.

    Parameters
    ----------
    ahead : int
        Frames that are expected beyond the one asked for; 0: none ever are.
    """

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self._in_a_row, self._step = 0, 0

    def assume_forward(self) -> None:
        """Take the next frame as one of many, whatever was asked for before."""
        self._in_a_row, self._step = _SEQUENTIAL, 1

    def expect(self, index: int, before: int) -> range:
        """Learn that a frame is asked for; its index and those that are likely next, empty if none are.

        Parameters
        ----------
        index : int
            Of the frame in the store.
        before : int
            Of the frame that was read before.
        """
        step = index - before
        self._in_a_row, self._step = (self._in_a_row + 1 if step == self._step else 1), step
        if abs(step) != 1 or self._in_a_row < _SEQUENTIAL or not self.ahead:
            return range(0)
        return range(index, index + step * (self.ahead + 1), step)
