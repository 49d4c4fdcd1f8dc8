"""Work done behind the caller's back: prepared by several threads at once, finished in order by one."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

_FIRST_TASKS = 16  # are taken to be as many as can be finished in time, before it is known how fast they are
_REMEMBERED_TASKS = 8  # of which the pace is the mean, later ones counting more
_MOST_TASKS = 256  # so that of small frames no more wait, and might be lost, than of large ones


class Task:
    """One piece of work.

    Parameters
    ----------
    finish : callable
        Takes what `prepare` gave; called in the order in which tasks were put. Must not raise.
    prepare : callable, optional
        May be called in any order, by several threads at once. What it raises is given to ``finish`` as it is.
    size : int
        Bytes that the task holds on to until it is finished.
    """

    def __init__(self, finish: Callable[[Any], None], prepare: Callable[[], Any] | None = None, size: int = 0) -> None:
        self.size = size
        self._finish, self._prepare = finish, prepare
        self._prepared = threading.Event()
        self._result: Any = None

    def prepare(self) -> None:
        """Do the part whose order does not matter."""
        try:
            self._result = self._prepare() if self._prepare else None
        except BaseException as error:  # noqa: BLE001 -- it is handed on
            self._result = error
        self._prepare = None  # and with it what it holds
        self._prepared.set()

    def finish(self) -> None:
        """Do the part whose order matters, once the other is done."""
        self._prepared.wait()
        self._finish(self._result)


class Pipeline:
    """Runs tasks in threads of its own.

    Parameters
    ----------
    workers : int
        Threads that prepare; 0: `put` does all in the caller's thread.
    bound : int
        `put` waits while the tasks that are under way would hold more bytes than this, or are very many.
    patience : float
        Seconds after which a task should be finished: `put` waits while the oldest one is under way for longer, or
        the latest one would be at the pace of late. As many tasks as there are workers are always begun.
    """

    def __init__(self, workers: int, bound: int, patience: float = math.inf) -> None:
        self.workers = workers
        self._bound, self._held, self._patience = bound, 0, patience
        self._begun: deque[float] = deque()
        self._pace = 0.0 if math.isinf(patience) else patience / _FIRST_TASKS
        self._latest_end = 0.0
        self._changed = threading.Condition()
        self._to_prepare: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._to_finish: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        loops = [self._prepare_all] * workers + [self._finish_all] * bool(workers)
        self._threads = [threading.Thread(target=loop, daemon=True, name='imgstore') for loop in loops]
        for thread in self._threads:
            thread.start()

    def put(self, task: Task) -> None:
        """Begin a task; waits until there is room for it."""
        if not self._threads:
            task.prepare()
            task.finish()
            return
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(task.size))
            self._held += task.size
            self._begun.append(time.monotonic())
        self._to_finish.put(task)
        self._to_prepare.put(task)

    def _has_room(self, size: int) -> bool:
        if not self._begun:
            return True
        room = self._held + size <= self._bound and len(self._begun) < _MOST_TASKS
        return room and (len(self._begun) <= self.workers or self._is_in_time())

    def _is_in_time(self) -> bool:
        in_time = time.monotonic() - self._begun[0] < self._patience
        return in_time and len(self._begun) * self._pace < self._patience / 3  # as the pace may yet fall

    def _learn_pace(self, begun: float) -> None:
        """Learn how long a task takes, from one that ends now."""
        now = time.monotonic()
        self._pace += (now - max(begun, self._latest_end) - self._pace) / _REMEMBERED_TASKS
        self._latest_end = now

    def settle(self) -> None:
        """Wait until all tasks are finished."""
        with self._changed:
            self._changed.wait_for(lambda: not self._begun)

    def stop(self) -> None:
        """Finish all tasks and end the threads."""
        self.settle()
        for _ in self._threads[1:]:
            self._to_prepare.put(None)
        if self._threads:
            self._to_finish.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _prepare_all(self) -> None:
        while (task := self._to_prepare.get()) is not None:
            task.prepare()

    def _finish_all(self) -> None:
        while (task := self._to_finish.get()) is not None:
            task.finish()
            with self._changed:
                self._held -= task.size
                self._learn_pace(self._begun.popleft())
                self._changed.notify_all()
