"""A camera without one."""

from __future__ import annotations

import signal
import time
from typing import Any, ClassVar

import numpy as np

Image = np.ndarray[Any, Any]


class FakeCamera:
    """Gives numbered images; at `stop_at`, the user presses Ctrl-C or the system ends the process."""

    opened: ClassVar[list[int]]
    asked: ClassVar[dict[int, float]] = {}
    works = True
    stop_at = 5
    stop_by = signal.SIGINT
    gives = 100
    pace = 0.02

    def __init__(self, number: int) -> None:
        type(self).opened = [number]
        self._count = 0

    def isOpened(self) -> bool:  # noqa: N802
        return self.works

    def read(self) -> tuple[bool, Image | None]:
        if self._count == self.gives:
            return False, None
        self._count += 1
        if self._count == self.stop_at:
            signal.raise_signal(self.stop_by)
        time.sleep(self.pace)
        return True, np.full((32, 48, 3), self._count, np.uint8)

    def set(self, prop: int, value: float) -> bool:
        self.asked[prop] = value
        return True

    def release(self) -> None:
        self.opened.clear()
