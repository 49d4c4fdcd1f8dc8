"""Prefetching: one thread at a time starts work, several finish it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager
from types import MethodType
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor


class Prefetcher:
    """Prefetching of scheduled results while the caller works.

    Parameters
    ----------
    begin : callable
        Takes a key and returns a function for the rest of the work. Called in the order of the schedule. A method is
        referenced weakly: after its object is freed, nothing more is prefetched.
    turn : context manager
        Held while ``begin`` runs.
    threads : int
        Number of threads.
    """

    def __init__(
        self, begin: Callable[[Any], Callable[[], Any]], turn: AbstractContextManager[Any], threads: int
    ) -> None:
        # late, as this import is slow; but not as late as a read, as it fails with no free file descriptor
        from concurrent.futures import Future, ThreadPoolExecutor

        self._new_future, self._new_pool = Future[Any], ThreadPoolExecutor
        self._begin_of = WeakMethod(begin) if isinstance(begin, MethodType) else lambda: begin
        self._turn, self._threads = turn, threads
        self._pool: ThreadPoolExecutor | None = None
        self._planned: dict[Hashable, Future[Any]] = {}
        self._waiting: deque[tuple[Hashable, Future[Any]]] = deque()

    def schedule(self, keys: Iterable[Hashable]) -> None:
        """Prefetch these keys, after those scheduled already; cancel all others."""
        wanted = dict.fromkeys(keys)
        for key in self._planned.keys() - wanted.keys():
            self._planned.pop(key).cancel()
        for key in wanted:
            if key not in self._planned:
                self._planned[key] = self._new_future()
                self._waiting.append((key, self._planned[key]))
                self._threads_of_our_own().submit(self._get_next)

    def result(self, key: Hashable) -> Any:
        """Wait for the result of a key; None if it was not scheduled, or failed."""
        future = self._planned.pop(key, None)
        return None if future is None else future.result()

    def close(self) -> None:
        """Wait for running work, and end the threads."""
        self.schedule(())
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    @property
    def is_own_thread(self) -> bool:
        """Whether the current thread is a prefetching one."""
        return self._pool is not None and threading.current_thread() in self._pool._threads

    def _threads_of_our_own(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = self._new_pool(self._threads, 'imgstore')
        return self._pool

    def _get_next(self) -> None:
        """Prefetch the next key not cancelled since."""
        with self._turn:
            begun = self._begin_next()
        if begun is not None:
            future, end = begun
            _settle(future, end)

    def _begin_next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        while self._waiting:
            key, future = self._waiting.popleft()
            begin = self._begin_of()
            if begin is not None and future.set_running_or_notify_cancel():
                try:
                    return future, begin(key)
                except Exception:  # noqa: BLE001 -- the caller then reads it directly and gets the error
                    future.set_result(None)
                    return None
        return None


def _settle(future: Future[Any], end: Callable[[], Any]) -> None:
    """Set the result; None for an error, whose traceback holds objects."""
    try:
        future.set_result(end())
    except Exception:  # noqa: BLE001 -- the caller then reads it directly and gets the error
        future.set_result(None)
