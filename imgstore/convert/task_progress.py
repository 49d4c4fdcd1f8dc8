"""Progress of a running task, told to the program that waits for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from .parts import PartTask

_EVERY = 0.5  # seconds


def topic_of(task: PartTask) -> str:
    """Return the name of Dask's events about the tasks of a conversion."""
    return f'imgstore-convert {task.work}'


def part_and_count(event: tuple[float, Mapping[str, Any]]) -> tuple[int, int]:
    """Return what an event tells: the part's number, and the frames counted."""
    return event[1]['part'], event[1]['count']


class TaskProgress:
    """Counts written and compared frames, and tells the program now and then.

    Parameters
    ----------
    task : PartTask
        The task.
    """

    def __init__(self, task: PartTask) -> None:
        self._task, self._count, self._told = task, 0, time.monotonic()
        self._worker = _this_worker()

    def step(self) -> None:
        """Count a frame."""
        self._count += 1
        if self._worker is not None and time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            self._worker.log_event(topic_of(self._task), {'part': self._task.part.number, 'count': self._count})


def _this_worker() -> Any:
    """Return Dask's worker that runs this thread's task, or None."""
    distributed = sys.modules.get('distributed')
    try:
        return None if distributed is None else distributed.get_worker()
    except ValueError:
        return None
