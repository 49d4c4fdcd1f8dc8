"""Prediction of the next frames."""

from __future__ import annotations

_SEQUENTIAL = 2  # steps in a row, forward or backward, before prefetching starts


class SequentialPolicy:
    """Prediction of frames for sequential reading, forward or backward.

    Parameters
    ----------
    ahead : int
        Number of frames to expect after the requested one; 0 disables prefetching.
    """

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self._in_a_row, self._step = 0, 0

    def assume_forward(self) -> None:
        """Treat the next frame as part of a forward sequence."""
        self._in_a_row, self._step = _SEQUENTIAL, 1

    def expect(self, index: int, before: int) -> range:
        """Record a request, and predict the next ones.

        Parameters
        ----------
        index : int
            Index of the requested frame in the store.
        before : int
            Index of the frame read before.

        Returns
        -------
        range
            The index itself and the expected ones; empty without a prediction.
        """
        step = index - before
        self._in_a_row, self._step = (self._in_a_row + 1 if step == self._step else 1), step
        if abs(step) != 1 or self._in_a_row < _SEQUENTIAL or not self.ahead:
            return range(0)
        return range(index, index + step * (self.ahead + 1), step)
