"""Work begun before anyone asks for it: begun in order by one thread at a time, ended by several at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import MethodType
from typing import Any
from weakref import WeakMethod


class Prefetcher:
    """Gets what is planned while the caller is busy with what it has got.

    Parameters
    ----------
    begin : callable
        Takes a key and gives a function that does the rest and gives the result. Called in the order of the plan.
        A method does not keep its object: when that is dropped, what was planned is not got.
    turn : context manager
        Held while ``begin`` runs.
    threads : int
    """

    def __init__(self, begin: Callable[[Any], Callable[[], Any]], turn: AbstractContextManager[Any],
                 threads: int) -> None:
        self._begin_of = WeakMethod(begin) if isinstance(begin, MethodType) else lambda: begin
        self._turn, self._threads = turn, threads
        self._pool: ThreadPoolExecutor | None = None
        self._planned: dict[Hashable, Future[Any]] = {}
        self._waiting: deque[tuple[Hashable, Future[Any]]] = deque()

    def schedule(self, keys: Iterable[Hashable]) -> None:
        """Get these, behind those of them that are planned already; of all others nothing more is wanted."""
        wanted = dict.fromkeys(keys)
        for key in self._planned.keys() - wanted.keys():
            self._planned.pop(key).cancel()
        for key in wanted:
            if key not in self._planned:
                self._planned[key] = Future()
                self._waiting.append((key, self._planned[key]))
                self._threads_of_our_own().submit(self._get_next)

    def result(self, key: Hashable) -> Any:
        """What was got for a key, waited for if need be; None if it was not planned or could not be got."""
        future = self._planned.pop(key, None)
        return None if future is None else future.result()

    def close(self) -> None:
        """End the threads; those that are at work are waited for."""
        self.schedule(())
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    @property
    def is_own_thread(self) -> bool:
        """Whether this runs in one of its threads."""
        return self._pool is not None and threading.current_thread() in self._pool._threads

    def _threads_of_our_own(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, 'imgstore')
        return self._pool

    def _get_next(self) -> None:
        """Get the next thing that is still wanted, whichever that is now."""
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
                except Exception:  # noqa: BLE001 -- whoever gets it without us is told why it fails
                    future.set_result(None)
                    return None
        return None


def _settle(future: Future[Any], end: Callable[[], Any]) -> None:
    """Get the result; None for an error, whose traceback would keep what it was met in."""
    try:
        future.set_result(end())
    except Exception:  # noqa: BLE001 -- whoever gets it without us is told why it fails
        future.set_result(None)
