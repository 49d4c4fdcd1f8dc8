"""Decoded frames that are kept because they cost much to get again."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any


class FrameCache:
    """Frames by their video and index, the latest ones that were put.

    Parameters
    ----------
    bound : int
        Bytes that they may hold together.

    Attributes
    ----------
    size : int
        Bytes that they do hold.
    """

    def __init__(self, bound: int) -> None:
        self._bound, self.size = bound, 0
        self._frames: dict[Hashable, tuple[Any, int]] = {}

    def put(self, key: Hashable, frame: Any) -> None:
        """Keep a frame of PyAV, and forget the oldest ones if there are too many."""
        size = sum(plane.buffer_size for plane in frame.planes)
        self._forget(key)
        while self._frames and self.size + size > self._bound:
            self._forget(next(iter(self._frames)))
        if size <= self._bound:
            self._frames[key] = frame, size
            self.size += size

    def _forget(self, key: Hashable) -> None:
        self.size -= self._frames.pop(key, (None, 0))[1]

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()
        self.size = 0

    def get(self, key: Hashable) -> Any:
        """The frame, or None."""
        return self._frames.get(key, (None, 0))[0]
