"""A camera's clock mapped to UTC while it records.

A frame arrives some time after it was taken: at least the time of its transport, and more if the computer was busy. So
the frames that waited least show how the two clocks differ. Of each second the least delayed frame counts, and a line
through these gives offset and drift. The times of frames follow a new line over some seconds, so that intervals stay
those of the camera.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..align.clocks import ClockFit, fit_clock

_BLOCK = 1.0  # seconds, of which the least delayed frame counts
_RECENT = 600  # blocks of the line for the next frames: the drift changes with the temperature
_KEPT = 512  # points of the line over the complete recording
_LEAST_FOR_DRIFT = 10  # blocks
_SETTLE = 10.0  # seconds in which the times follow a new line
_MOST_SLEW = 0.01
_FIRST_SLEW = 0.5  # within the first block, where the first frame may have waited longest
_JUMP = 0.25  # seconds by which a clock is off that has jumped
_TICK = 1e-6  # seconds by which times ascend at least

Point = tuple[float, float]
"""Seconds of the camera's clock since the first frame, and the delay compared with that of the first frame."""


@dataclass(frozen=True)
class ClockSegment:
    """A line from a camera's clock to UTC.

    A frame at the device time d has the time ``utc + (d - device_ns) / 1e9 * (1 + drift_ppm / 1e6)``.

    Attributes
    ----------
    first_number : int
        Number of the first frame for which it holds.
    device_ns : int
        Device time of that frame in nanoseconds.
    utc : float
        Its time by the line, in seconds since 1970.
    drift_ppm : float
        Microseconds per second by which UTC gains on the camera's clock.
    residual : float
        Root mean square in seconds of what the line leaves, without outliers.
    """

    first_number: int
    device_ns: int
    utc: float
    drift_ppm: float
    residual: float

    def as_plain(self) -> dict[str, Any]:
        """Return it for recording.yaml."""
        return {name: value if value == value else None for name, value in vars(self).items()}


class DeviceClock:
    """Times in UTC for the device times of one camera, always ascending.

    A clock that jumps begins a new segment, whose first frame has the time of its arrival.
    """

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self._latest = float('-inf')

    @property
    def segments(self) -> list[ClockSegment]:
        """A line for the start, and one after each jump."""
        return [segment.line() for segment in self._segments]

    def utc(self, device_ns: int, arrival: float, number: int) -> float:
        """Return the time of a frame in seconds since 1970.

        Parameters
        ----------
        device_ns
            Its time by the camera's clock, in nanoseconds.
        arrival
            Time of its arrival in seconds since 1970.
        number
            Its frame number.
        """
        if not self._segments or self._segments[-1].has_jumped(device_ns, arrival):
            self._segments.append(_Segment(number, device_ns, arrival))
        time = self._segments[-1].utc(device_ns, arrival)
        self._latest = max(time, self._latest + _TICK)
        return self._latest


class _Segment:
    """The mapping from the start or a jump to the next one."""

    def __init__(self, number: int, device_ns: int, arrival: float) -> None:
        self._number, self._device_ns, self._arrival = number, device_ns, arrival
        self._latest_ns, self._position, self._offset = device_ns - 1, 0.0, 0.0
        self._base = (0.0, 0.0)
        self._drift = self._correction = 0.0
        self._lowest: Point = (0.0, 0.0)
        self._block_end = _BLOCK
        self._recent: deque[Point] = deque(maxlen=_RECENT)
        self._kept = _KeptPoints()
        self._is_late = False

    def has_jumped(self, device_ns: int, arrival: float) -> bool:
        """Return whether the clock cannot be that of the frames before."""
        position = (device_ns - self._device_ns) / 1e9
        arrives_too_early = arrival - self._arrival - position < self._offset_at(position) - _JUMP
        return device_ns <= self._latest_ns or arrives_too_early or self._is_late

    def utc(self, device_ns: int, arrival: float) -> float:
        position = (device_ns - self._device_ns) / 1e9
        delay = arrival - self._arrival - position
        if delay < self._lowest[1]:
            self._lowest = position, delay
        if position >= self._block_end:
            self._finish_block(position, delay)
        if self._recent:
            self._offset = self._offset_at(position)
        else:
            self._offset = max(self._lowest[1], self._offset - _FIRST_SLEW * (position - self._position))
            self._base = position, self._offset
        self._position, self._latest_ns = position, device_ns
        return self._arrival + position + self._offset

    def _offset_at(self, position: float) -> float:
        since = position - self._base[0]
        return self._base[1] + self._drift * since + self._correction * min(since, _SETTLE)

    def _finish_block(self, position: float, delay: float) -> None:
        offset = self._offset_at(position)
        self._is_late = self._lowest[1] > offset + _JUMP
        self._recent.append(self._lowest)
        self._kept.add(self._lowest)
        wanted, self._drift = self._line_at(position)
        self._correction = min(max((wanted - offset) / _SETTLE, -_MOST_SLEW), _MOST_SLEW)
        self._base = position, offset
        self._lowest, self._block_end = (position, delay), position + _BLOCK

    def _line_at(self, position: float) -> tuple[float, float]:
        if len(self._recent) < _LEAST_FOR_DRIFT:
            return float(np.median([delay for _, delay in self._recent])), 0.0
        fit = _fit(self._recent)
        drift = fit.drift_ppm / 1e6
        return fit.offset + drift * (position - fit.start), drift

    def line(self) -> ClockSegment:
        """Return the line over all frames so far."""
        fit = _fit([*self._kept.points, self._lowest])
        drift = 0.0 if fit.drift_ppm != fit.drift_ppm else fit.drift_ppm
        utc = self._arrival + fit.offset - drift / 1e6 * fit.start
        return ClockSegment(self._number, self._device_ns, utc, drift, fit.residual)


class _KeptPoints:
    """Points spread over any length of time, in bounded memory."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._waiting: list[Point] = []
        self._each = 1

    def add(self, point: Point) -> None:
        """Add a point; of `_each` ones in a row the lowest is kept."""
        self._waiting.append(point)
        if len(self._waiting) < self._each:
            return
        self.points.append(_lowest(self._waiting))
        self._waiting.clear()
        if len(self.points) >= _KEPT:
            self.points = [_lowest(self.points[at : at + 2]) for at in range(0, len(self.points), 2)]
            self._each *= 2


def _lowest(points: Sequence[Point]) -> Point:
    return min(points, key=lambda point: point[1])


def _fit(points: Sequence[Point] | deque[Point]) -> ClockFit:
    positions, delays = np.array(points).T
    return fit_clock(positions, positions + delays)
