"""Cache of decoded frames."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any


class FrameCache:
    """The latest frames, by video and index. Thread-safe.

    Parameters
    ----------
    bound : int
        Memory limit in bytes.

    Attributes
    ----------
    size : int
        Memory in use, in bytes.
    """

    def __init__(self, bound: int) -> None:
        self._bound, self.size = bound, 0
        self._frames: dict[Hashable, tuple[Any, int]] = {}
        self._lock = threading.Lock()

    def put(self, key: Hashable, frame: Any) -> None:
        """Add a PyAV frame; remove the oldest ones above the limit."""
        size = sum(plane.buffer_size for plane in frame.planes)
        with self._lock:
            self._forget(key)
            while self._frames and self.size + size > self._bound:
                self._forget(next(iter(self._frames)))
            if size <= self._bound:
                self._frames[key] = frame, size
                self.size += size

    def _forget(self, key: Hashable) -> None:
        self.size -= self._frames.pop(key, (None, 0))[1]

    def clear(self) -> None:
        """Remove all frames."""
        with self._lock:
            self._frames.clear()
            self.size = 0

    def get(self, key: Hashable) -> Any:
        """Return a frame, or None."""
        return self._frames.get(key, (None, 0))[0]
