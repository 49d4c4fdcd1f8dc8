"""A store that is written is completed before SIGTERM or SIGHUP ends the program.

A signal that the program ignores, or handles itself, stays so. Python runs handlers in the main thread alone, and only
the main thread may set them. So there are two ways:

- A store opened in the main thread: the signal raises SystemExit there, as `sys.exit` does, and the program's own
  ``with`` and ``finally`` run.
- A store opened in another thread: `faulthandler.register`, which any thread may call, has the signal write into a
  pipe. A thread that reads the pipe completes the stores, then has the signal end the program.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import faulthandler
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from types import FrameType

_SIGNALLED = 128  # and the signal's number, as a shell tells it
_SIGNALS = [getattr(signal, name) for name in ('SIGTERM', 'SIGHUP') if hasattr(signal, name)]

_lock = threading.RLock()  # a handler runs between any two lines of its thread
_guards: list[SignalGuard] = []
_has_ended = _is_ending = False
_LONGEST_END = 10.0  # seconds


def wait_for_end_of_program() -> None:
    """Wait if a signal has completed the stores and is about to end the program, which must not go on without them."""
    end = time.monotonic() + _LONGEST_END
    while _is_ending and time.monotonic() < end:
        time.sleep(0.01)


class SignalGuard:
    """Has a store completed when a signal ends the program, until `release`.

    Parameters
    ----------
    complete : bound method
        Completes the store; any thread may call it, more than once. It does not keep its object.
    """

    def __init__(self, complete: Callable[[], None]) -> None:
        self._complete = weakref.WeakMethod(complete)
        self.is_of_main_thread = _in_main_thread()
        with _lock:
            self._join()

    def _join(self) -> None:
        _guards.append(self)
        for watcher in _watchers:
            watcher.take_over() if self.is_of_main_thread else watcher.begin()

    @property
    def is_needed(self) -> bool:
        """Whether the store is there; an interrupt may have kept its guard."""
        return self._complete() is not None

    def complete(self) -> None:
        """Complete the store now."""
        complete = self._complete()
        if complete is not None:
            complete()

    def release(self) -> None:
        """End that; a second call does nothing."""
        with _lock:  # the loops are elsewhere: from within one, Python 3.13 lets an interrupt out without unlocking
            self._leave()

    def _leave(self) -> None:
        _guards[:] = [guard for guard in _guards if guard is not self and guard.is_needed]
        for watcher in _watchers if not _guards else []:
            watcher.end()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _complete(guards: Iterable[SignalGuard]) -> None:
    for guard in guards:
        with contextlib.suppress(Exception):  # the next one shall be complete too
            guard.complete()


def _end(number: int, frame: FrameType | None) -> None:
    """End the program as `sys.exit` does, from the main thread."""
    global _has_ended
    if not _guards:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    elif not _has_ended:  # a further signal must not interrupt the end
        _has_ended = True
        with contextlib.suppress(RuntimeError):  # no thread can be started
            _thread.start_new_thread(_complete_in_turn, ())  # a handler must not wait: its thread may hold any lock
        raise SystemExit(_SIGNALLED + number)


def _complete_in_turn() -> None:
    """Complete what other threads record at once; what they record into the main thread's stores once that has ended.

    Threads that go on recording would not let the program end.
    """
    _complete([guard for guard in _guards if not guard.is_of_main_thread])
    threading.main_thread().join()
    _complete(_guards[:])


class _Watcher:
    """What is done about one signal while stores are written."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._forget()

    def _forget(self) -> None:
        self._pipe: tuple[int, int] | None = None
        self._disposition = _DEFAULT

    def take_over(self) -> None:
        """Have the signal raise SystemExit in this thread, the main one, if its action is the system's own."""
        self._unwatch()
        if signal.getsignal(self._number) is signal.SIG_DFL and _disposition(self._number) == _DEFAULT:
            signal.signal(self._number, _end)

    def begin(self) -> None:
        """Have the signal write into a pipe, if its action is the system's own."""
        if _disposition(self._number) != _DEFAULT or not hasattr(faulthandler, 'register'):  # Windows has none
            return
        self._unwatch()
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[1], False)
        try:
            _thread.start_new_thread(self._watch, (self._pipe[0],))
        except RuntimeError:  # no thread can be started: the signal stays as it is, the journal remains
            os.close(self._pipe[0])
            self._unwatch()
            return
        faulthandler.unregister(self._number)  # or, where its handler was replaced since, it would set none
        faulthandler.register(self._number, file=self._pipe[1], all_threads=False)
        self._disposition = _disposition(self._number)

    def end(self) -> None:
        """Leave the signal to the system again; what the program has set itself stays."""
        self._unwatch()
        if _in_main_thread() and signal.getsignal(self._number) is _end:
            signal.signal(self._number, signal.SIG_DFL)

    def _unwatch(self) -> None:
        if self._pipe is None:
            return
        if self._disposition == _disposition(self._number):
            faulthandler.unregister(self._number)
        os.close(self._pipe[1])  # which ends the thread
        self._forget()

    def _watch(self, reading: int) -> None:
        global _is_ending
        with open(reading, 'rb', buffering=0) as pipe:
            came = pipe.read(1)
        if came:
            _is_ending = True
            _complete(_guards[:])
            with _lock:
                self._unwatch()
            os.kill(os.getpid(), self._number)
            _is_ending = False

    def leave_to_parent(self) -> None:
        """In a forked child, which has no part in what its parent writes, and may be ended in any way."""
        if self._pipe is not None:
            os.close(self._pipe[0])
        self._unwatch()
        if signal.getsignal(self._number) is _end:
            signal.signal(self._number, signal.SIG_DFL)


_DEFAULT = 0


def _disposition(number: int) -> int:
    """Address of what the process does about a signal; other libraries' and other languages' handlers count too."""
    look_up = ctypes.pythonapi.PyOS_getsig
    look_up.restype = ctypes.c_void_p
    return look_up(number) or _DEFAULT


_watchers = [_Watcher(number) for number in _SIGNALS]


# --- forks: a signal that a child gets before it has left its parent's pipe must not end the parent

_masks = threading.local()


def _before_fork() -> None:
    _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)


def _in_child() -> None:
    global _lock, _has_ended, _is_ending
    _lock, _has_ended, _is_ending = threading.RLock(), False, False
    _guards.clear()
    for watcher in _watchers:
        watcher.leave_to_parent()
    _in_parent()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
