"""The computer's clock, as it goes on while somebody sets it."""

from __future__ import annotations

import time

_TRIES = 5


class HostClock:
    """UTC at the start, and since then the monotonic clock.

    So a change of the computer's clock moves no frame. The network time service slews both clocks alike.
    """

    def __init__(self) -> None:
        self._utc_ns, self._monotonic_ns = _both_clocks()

    def utc(self, monotonic_ns: int) -> float:
        """Return the time in seconds since 1970 for ``time.monotonic_ns()``."""
        return (self._utc_ns + monotonic_ns - self._monotonic_ns) / 1e9

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self.utc(time.monotonic_ns())

    @property
    def set_by(self) -> float:
        """Seconds by which the computer's clock was set since the start."""
        utc_ns, monotonic_ns = _both_clocks()
        return (utc_ns - self._utc_ns - (monotonic_ns - self._monotonic_ns)) / 1e9


def _both_clocks() -> tuple[int, int]:
    """Read both clocks within the shortest of some tries."""
    tries = []
    for _ in range(_TRIES):
        before, utc, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        tries.append((after - before, utc, (before + after) // 2))
    _, utc, monotonic = min(tries)
    return utc, monotonic
