"""The state of a running recording: rate, losses, queue, disk."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from .._support.text import count_of
from .accounting import CameraStatus, State
from .recording import Recording

_RATE_SECONDS, _DISK_SECONDS = 10.0, 600.0
"""Time over which the rate of frames, and that of the disk, are means."""

_LEAST_SECONDS = 1.0
_GB = 1e9


@dataclass(frozen=True, kw_only=True)
class LiveCamera:
    """State of one camera.

    Attributes
    ----------
    name : str
        Name of the camera.
    state : {'ready', 'recording', 'ended'}
        'ended': its store is complete.
    reason : str or None
        Why it ended.
    frames, missing : int
        Frames in its store, and numbers that are not in it.
    rate : float or None
        Frames per second that were stored in the last ten seconds.
    queue : float
        How full our queue is, 0 to 1.
    disk_free : int
        Free bytes on the disk.
    hours_left : float or None
        Hours until the disk is full, if it goes on as in the last ten minutes.
    """

    name: str
    state: State
    reason: str | None
    frames: int
    missing: int
    rate: float | None
    queue: float
    disk_free: int
    hours_left: float | None

    def __str__(self) -> str:
        """Return one line for people."""
        if self.state == 'ended':
            return f'{self.name}: {count_of(self.frames, "frame")}, {self.missing} missing, ended: {self.reason}'
        rate = '-' if self.rate is None else f'{self.rate:.1f}'
        left = '' if self.hours_left is None else f', full in {_hours_text(self.hours_left)}'
        return (
            f'{self.name}: {rate} frames/s, {count_of(self.frames, "frame")}, {self.missing} missing, '
            f'queue {self.queue:.0%}, disk {self.disk_free / _GB:.4g} GB free{left}'
        )

    def as_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def _hours_text(hours: float) -> str:
    return f'{60 * hours:.0f} min' if hours < 1 else f'{hours:.3g} h' if hours < 1000 else 'more than 1000 h'


class LiveView:
    """Reads the state of a recording now and then. One thread uses it.

    Parameters
    ----------
    recording : Recording
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._frames = {name: _Rate(_RATE_SECONDS) for name in recording.cameras}
        self._disk = _Rate(_DISK_SECONDS)

    def cameras(self) -> list[LiveCamera]:
        """Return the state of each camera now."""
        now, free = time.monotonic(), self._recording.disk_free()
        filling = self._disk.add(now, -free)
        hours = free / filling / 3600 if filling and filling > 0 else None
        return [self._camera(status, now, free, hours) for status in self._recording.status().values()]

    def _camera(self, status: CameraStatus, now: float, free: int, hours: float | None) -> LiveCamera:
        return LiveCamera(
            name=status.name,
            state=status.state,
            reason=status.reason,
            frames=status.frames,
            missing=status.missing,
            rate=self._frames[status.name].add(now, status.frames),
            queue=status.waiting_bytes / max(1, self._recording.buffer_bytes),
            disk_free=free,
            hours_left=hours,
        )


class _Rate:
    """Growth of a number per second, over the last seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: deque[tuple[float, float]] = deque()

    def add(self, now: float, value: float) -> float | None:
        """Add a value; return the growth, or None before a second has passed."""
        if not self._known or now - self._known[-1][0] >= _LEAST_SECONDS / 2:
            self._known.append((now, value))
        while len(self._known) > 2 and now - self._known[1][0] >= self._seconds:
            self._known.popleft()
        since, before = self._known[0]
        return (value - before) / (now - since) if now - since >= _LEAST_SECONDS else None
