"""Thread-safe objects, and their reset in a forked child.

A forked child has only the thread that forked. Locks held by other threads are never released. Objects with their own
threads, such as a decoder, do not work, and freeing them waits forever. Open files share their position with the
parent: a read in the child moves it for both.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, Protocol, TypeVar

_Arguments = ParamSpec('_Arguments')
_Result = TypeVar('_Result')
_Thing = TypeVar('_Thing')


class _Locked(Protocol):
    @property
    def lock(self) -> Any: ...


_Owner = TypeVar('_Owner', bound=_Locked)


def synchronized(
    method: Callable[Concatenate[_Owner, _Arguments], _Result],
) -> Callable[Concatenate[_Owner, _Arguments], _Result]:
    """Hold the object's ``lock`` while the method runs."""

    @functools.wraps(method)
    def locked(self: _Owner, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class BackgroundThread(threading.Thread):
    """Thread that writes a store.

    A finalizer in this thread must not wait for a store.
    """

    def __init__(self, target: Callable[[], object], name: str) -> None:
        super().__init__(target=target, name=f'imgstore {name}', daemon=True)


class ObjectPool(Generic[_Thing]):
    """Pool of expensive objects, each used by one thread at a time.

    Thread-local objects would not do: in a forked child, Python frees those of the missing threads.

    Parameters
    ----------
    make : callable
        Makes an object.
    most : int
        Maximum number of unused objects in the pool.
    """

    def __init__(self, make: Callable[[], _Thing], most: int) -> None:
        self._make, self._most = make, most
        self._idle: deque[_Thing] = deque(maxlen=most)
        register_fork_handler(self, ObjectPool.reset_after_fork)

    @contextmanager
    def borrow(self) -> Iterator[_Thing]:
        """Lend an object to the block."""
        try:
            thing = self._idle.pop()
        except IndexError:
            thing = self._make()
        try:
            yield thing
        finally:
            self._idle.append(thing)

    def reset_after_fork(self) -> None:
        """Drop all objects in a forked child, without freeing them."""
        leak(self._idle)
        self._idle = deque(maxlen=self._most)


# --- forked children


class _Rules(NamedTuple):
    in_child: Callable[[Any], None]
    lock_of: Callable[[Any], Any] | None


_survivors: weakref.WeakKeyDictionary[Any, _Rules] = weakref.WeakKeyDictionary()
_held: list[Any] = []
_PATIENCE = 5.0  # seconds

fork_lock = threading.RLock()
"""Held while the process forks."""


def register_fork_handler(
    thing: _Thing, in_child: Callable[[_Thing], None], lock_of: Callable[[_Thing], Any] | None = None
) -> None:
    """Register a function that resets an object in every forked child.

    Parameters
    ----------
    thing : object
    in_child : callable
        Called with the object in the child.
    lock_of : callable, optional
        Called with the object before a fork. Returns its lock, which is held during the fork, so no other thread
        changes the object. ``in_child`` must replace the lock.
    """
    with fork_lock:
        _survivors[thing] = _Rules(in_child, lock_of)


def leak(thing: object) -> None:
    """Never free an object and its references, even at the end of the process."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _before() -> None:
    fork_lock.acquire()
    for thing, rules in list(_survivors.items()):
        lock = rules.lock_of(thing) if rules.lock_of else None
        if lock and lock.acquire(timeout=_PATIENCE):  # its holder may be waiting for this thread
            _held.append(lock)


def _in_parent() -> None:
    while _held:
        _held.pop().release()
    fork_lock.release()


def _in_child() -> None:
    _held.clear()
    for thing, rules in list(_survivors.items()):
        rules.in_child(thing)
    fork_lock.release()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
