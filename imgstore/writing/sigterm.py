"""Completion of open stores before SIGTERM or SIGHUP ends the program.

A signal stays as it is if the program ignores or handles it. Python runs handlers only in the main thread, and only
that thread may set them. So there are two cases:

- A store opened in the main thread: the signal raises SystemExit there, as `sys.exit` does, and the program's own
  ``with`` and ``finally`` run.
- A store opened in another thread: `faulthandler.register`, allowed in any thread, makes the signal write into a pipe.
  A thread reads the pipe, completes the stores and has the signal end the program.
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

_SIGNALLED = 128  # plus the signal's number, as in a shell
_SIGNALS = [getattr(signal, name) for name in ('SIGTERM', 'SIGHUP') if hasattr(signal, name)]

_lock = threading.RLock()  # a handler may run between any two lines of its thread
_guards: list[SignalGuard] = []
_has_ended = _is_ending = False
_LONGEST_END = 10.0  # seconds


def wait_for_end_of_program() -> None:
    """Wait for the end of the program if a signal is about to end it."""
    end = time.monotonic() + _LONGEST_END
    while _is_ending and time.monotonic() < end:
        time.sleep(0.01)


class SignalGuard:
    """Completes a store when a signal ends the program, until `release`.

    Parameters
    ----------
    complete : bound method
        Completes the store. Any thread may call it, repeatedly. Its object is not kept alive.
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
        """Whether the store still exists; an interrupt may have kept its guard."""
        return self._complete() is not None

    def complete(self) -> None:
        """Complete the store now."""
        complete = self._complete()
        if complete is not None:
            complete()

    def release(self) -> None:
        """Stop guarding the store; a second call does nothing."""
        with _lock:  # no loop in here: Python 3.13 lets an interrupt leave one without unlocking
            self._leave()

    def _leave(self) -> None:
        _guards[:] = [guard for guard in _guards if guard is not self and guard.is_needed]
        for watcher in _watchers if not _guards else []:
            watcher.end()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _complete(guards: Iterable[SignalGuard]) -> None:
    for guard in guards:
        with contextlib.suppress(Exception):  # the next store must be completed, too
            guard.complete()


def _end(number: int, frame: FrameType | None) -> None:
    """End the program as `sys.exit` does, from the main thread."""
    global _has_ended
    if not _guards:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    elif not _has_ended:  # another signal must not interrupt the end
        _has_ended = True
        with contextlib.suppress(RuntimeError):  # no thread can be started
            _thread.start_new_thread(_complete_in_turn, ())  # a handler must not wait: its thread may hold any lock
        raise SystemExit(_SIGNALLED + number)


def _complete_in_turn() -> None:
    """Complete other threads' stores at once, the main thread's after its end.

    Other threads that keep recording would not let the program end.
    """
    _complete([guard for guard in _guards if not guard.is_of_main_thread])
    threading.main_thread().join()
    _complete(_guards[:])


class _Watcher:
    """Handling of one signal while stores are written."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._forget()

    def _forget(self) -> None:
        self._pipe: tuple[int, int] | None = None
        self._disposition = _DEFAULT

    def take_over(self) -> None:
        """Make the signal raise SystemExit in the main thread, if unhandled."""
        self._unwatch()
        if signal.getsignal(self._number) is signal.SIG_DFL and _disposition(self._number) == _DEFAULT:
            signal.signal(self._number, _end)

    def begin(self) -> None:
        """Make the signal write into a pipe, if unhandled so far."""
        if _disposition(self._number) != _DEFAULT or not hasattr(faulthandler, 'register'):  # Windows has none
            return
        self._unwatch()
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[1], False)
        try:
            _thread.start_new_thread(self._watch, (self._pipe[0],))
        except RuntimeError:  # no thread can be started: the signal stays, and the journal remains
            os.close(self._pipe[0])
            self._unwatch()
            return
        faulthandler.unregister(self._number)  # otherwise a replaced handler would stay unset
        faulthandler.register(self._number, file=self._pipe[1], all_threads=False)
        self._disposition = _disposition(self._number)

    def end(self) -> None:
        """Return the signal to the system, unless the program handles it."""
        self._unwatch()
        if _in_main_thread() and signal.getsignal(self._number) is _end:
            signal.signal(self._number, signal.SIG_DFL)

    def _unwatch(self) -> None:
        if self._pipe is None:
            return
        if self._disposition == _disposition(self._number):
            faulthandler.unregister(self._number)
        os.close(self._pipe[1])  # ends the thread
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
        """Forget the stores in a forked child.

        Its parent writes them, and it may end in any way.
        """
        if self._pipe is not None:
            os.close(self._pipe[0])
        self._unwatch()
        if signal.getsignal(self._number) is _end:
            signal.signal(self._number, signal.SIG_DFL)


_DEFAULT = 0


def _disposition(number: int) -> int:
    """Return the address of the signal's action, set in any language."""
    look_up = ctypes.pythonapi.PyOS_getsig
    look_up.restype = ctypes.c_void_p
    return look_up(number) or _DEFAULT


_watchers = [_Watcher(number) for number in _SIGNALS]


# --- forks: a signal to a child that still has its parent's pipe must not end the parent

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
