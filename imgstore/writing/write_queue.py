"""Work that threads of its own do: several encode at once, one commits in order.

A caller may be interrupted at any line, by Ctrl-C or by the SystemExit of a signal, and a handler may close the store
that its thread is adding to. So no caller holds a lock, and a task is taken by a single operation of C, `deque.append`,
which happens or does not. Python's own Condition and Event are not safe in that way.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from .._support.forking import BackgroundThread
from ..errors import StoreClosedError, StoreIOError, StoreModeError

_Result = TypeVar('_Result')

_FIRST_TASKS = 16  # this many are assumed to finish in time, until the pace is known
_REMEMBERED_TASKS = 8  # the pace is a mean over about this many; later ones count more
_MAX_TASKS = 256  # so that of small frames no more wait, and might be lost, than of large ones
_POLL = 1.0  # seconds; the bound of any wait for room


class Task:
    """One piece of work.

    Parameters
    ----------
    commit : callable
        Takes what `encode` returned, or the exception that it raised. Tasks are committed in the order they are taken.
    encode : callable, optional
        The part whose order does not matter; several threads run it at once.
    size : int
        Bytes that the task holds until it is committed.
    frame : (int, float), optional
        Number and time of the frame that the task adds.
    """

    def __init__(self, commit: Callable[[Any], Any], encode: Callable[[], Any] | None = None, size: int = 0,
                 frame: tuple[int, float] | None = None) -> None:
        self.size, self.frame = size, frame
        self.begun = time.monotonic()
        self.position = math.inf
        """Place in the order of commits, once its turn has come."""
        self.is_last = False
        self.result: Any = None
        self.error: BaseException | None = None
        self._commit: Callable[[Any], Any] | None = commit
        self._encode = encode
        self._encoded: Any = None
        self._commit_claim, self._encode_claim = threading.Lock(), threading.Lock()
        self._is_encoded, self._is_done = threading.Lock(), threading.Lock()
        self._is_encoded.acquire()
        self._is_done.acquire()

    def claim(self) -> bool:
        """Take the right to commit the task or to drop it; False if it is taken."""
        return self._commit_claim.acquire(blocking=False)

    def encode(self) -> None:
        """Do the part whose order does not matter, unless another thread does."""
        if not self._encode_claim.acquire(blocking=False):
            return
        try:
            self._encoded = self._encode() if self._encode else None
        except BaseException as error:  # noqa: BLE001 -- it is handed on
            self._encoded = error
        self._encode = None  # and with it the image
        self._is_encoded.release()

    def commit(self) -> None:
        """Do the rest, unless the task was dropped."""
        if not self.claim():
            return
        self.encode()
        with self._is_encoded:
            pass
        try:
            assert self._commit
            self.result = self._commit(self._encoded)
        except BaseException as error:  # noqa: BLE001 -- it is handed on
            self.error = error
        self._end()

    def refuse(self) -> None:
        """End the task with StoreClosedError, unless it was committed or dropped."""
        if self.claim():
            self.error = StoreClosedError('the store was closed')
            self._end()

    def _end(self) -> None:
        self._commit = self._encode = self._encoded = None
        self._is_done.release()

    def wait(self) -> None:
        """Wait until the task has ended."""
        with self._is_done:
            return  # not `pass`, at which Python 3.11 would not leave the block in order

    def wait_through_interrupts(self) -> None:
        """Wait until the task has ended; raise only then what interrupted the wait."""
        try:
            self.wait()
        except BaseException:
            self.wait_through_interrupts()
            raise


class _Progress(NamedTuple):
    """What was true after a commit."""

    position: int
    state: Any


class WriteQueue:
    """Runs tasks in threads of its own.

    Parameters
    ----------
    workers : int
        Threads that encode, besides the one that commits.
    bound : int
        `submit` waits while the tasks under way would hold more bytes than this, or are very many.
    patience : float
        Seconds after which a task should be committed: `submit` waits while the oldest one takes longer, or the latest
        one would at the recent pace. As many tasks as there are workers begin at once.

    Raises
    ------
    StoreIOError
        The system starts no thread.
    """

    def __init__(self, workers: int, bound: int, patience: float = math.inf) -> None:
        self.workers = workers
        self._bound, self._patience = bound, patience
        self._pace = 0.0 if math.isinf(patience) else patience / _FIRST_TASKS
        self._latest_end = 0.0
        self._progress = _Progress(0, None)
        self._take_state: Callable[[], Any] = lambda: None
        self._pending: deque[Task] = deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._to_encode: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._gates: deque[threading.Lock] = deque()
        self.is_closing = False
        """Whether `close` was called."""
        self._is_closed = False
        self._encoders: list[threading.Thread] = []
        self._committer = BackgroundThread(self._commit_all, 'writer')
        self._start()

    def _start(self) -> None:
        try:
            self._committer.start()
            for _ in range(self.workers):
                thread = BackgroundThread(self._encode_all, 'encoder')
                thread.start()
                self._encoders.append(thread)
        except RuntimeError as error:
            if self._committer.ident:
                self.close(Task(lambda _: None))
            raise StoreIOError(f'the system starts no thread to write the store: {error}; end other programs or raise '
                               f'the limit of threads (ulimit -u)') from error

    def watch(self, take_state: Callable[[], Any]) -> None:
        """Have a function called after each commit, whose latest result `look` gives."""
        self._take_state = take_state
        self._progress = _Progress(0, take_state())

    # --- for callers

    def submit(self, task: Task) -> None:
        """Take a task once there is room for it; StoreClosedError after `close`."""
        self._refuse_background()
        while not self.is_closing and not self._has_room(task.size):
            self._wait_for_room(task.size)
        task.begun = time.monotonic()
        self._take(task)
        if self.is_closing:  # maybe since before the task was taken
            self._settle(task)
            self._result(task)
        self._to_encode.put(task)

    def run(self, task: Task) -> Any:
        """Do a task after all others and return its result.

        What interrupts the wait is raised once the task has ended; it is dropped if it did not begin.

        Raises
        ------
        StoreClosedError
            After `close`.
        Exception
            What the task raised.
        """
        self._refuse_background()
        try:
            self._take(task)
            self._settle(task)
        except BaseException:
            if not task.claim():
                task.wait_through_interrupts()
            raise
        return self._result(task)

    @staticmethod
    def _result(task: Task) -> Any:
        if task.error is None:
            return task.result
        try:
            raise task.error
        finally:
            task.error = None  # or the error's traceback would hold the task, and the task the error

    def ask(self, question: Callable[[], _Result]) -> _Result:
        """Call a function after all tasks taken before, while none runs."""
        if _in_background():
            return question()
        try:
            result: _Result = self.run(Task(lambda _: question()))
            return result
        except StoreClosedError:
            self._committer.join()
            return question()

    def look(self) -> tuple[Any, list[tuple[int, float]]]:
        """The state after the latest commit, and number and time of the frames that are taken and not in it."""
        pending = self._under_way()  # before the progress, which may only know more
        progress = self._progress
        return progress.state, [task.frame for task in pending if task.frame and task.position > progress.position]

    def close(self, last: Task) -> bool:
        """Do one last task, after all that was taken, and end; False if another call did its own.

        What interrupts it is raised once the last task has ended, what that raises is in its ``error``.
        """
        last.is_last = self.is_closing = True
        try:
            self._take(last, closing=True)
        except BaseException:
            self._take(last, closing=True)
            raise
        if _in_background():
            return False
        self._settle(last, through_interrupts=True)
        self._committer.join()
        return not isinstance(last.error, StoreClosedError)

    @staticmethod
    def _refuse_background() -> None:
        if _in_background():
            raise StoreModeError('a finalizer runs in a thread that writes a store, which must not wait for a store; '
                                 'write to the store from another thread')

    def _take(self, task: Task, closing: bool = False) -> None:
        if self.is_closing and not closing:
            raise StoreClosedError('the store was closed')
        self._pending.append(task)  # from here on it is taken
        self._wake.put(None)  # an interrupt before this delays the task until the next one comes

    def _settle(self, task: Task, through_interrupts: bool = False) -> None:
        """Wait until a task has ended; one that came after the last is refused."""
        if self._is_closed:
            task.refuse()
        if through_interrupts:
            task.wait_through_interrupts()
        else:
            task.wait()

    def _under_way(self) -> list[Task]:
        while True:
            with contextlib.suppress(RuntimeError):  # the committer took one meanwhile
                return list(self._pending)

    # --- room

    def _has_room(self, size: int) -> bool:
        pending = self._under_way()
        if not pending:
            return True
        room = sum(task.size for task in pending) + size <= self._bound and len(pending) < _MAX_TASKS
        return room and (len(pending) <= self.workers or self._is_in_time(pending))

    def _is_in_time(self, pending: list[Task]) -> bool:
        in_time = time.monotonic() - pending[0].begun < self._patience
        return in_time and len(pending) * self._pace < self._patience / 3  # as the pace may yet fall

    def _wait_for_room(self, size: int) -> None:
        gate = threading.Lock()
        gate.acquire()
        self._gates.append(gate)
        self._wake.put(None)
        if not self._has_room(size):  # it may have come before the gate was there
            gate.acquire(timeout=_POLL)

    def _open_gates(self) -> None:
        while self._gates:
            self._gates.popleft().release()

    def _learn_pace(self, begun: float) -> None:
        """Learn how long a task takes, from one that ends now."""
        now = time.monotonic()
        self._pace += (now - max(begun, self._latest_end) - self._pace) / _REMEMBERED_TASKS
        self._latest_end = now

    # --- threads

    def _encode_all(self) -> None:
        while (task := self._to_encode.get()) is not None:
            task.encode()

    def _commit_all(self) -> None:
        while not self._is_closed:
            self._wake.get()
            while self._pending and not self._is_closed:
                self._commit(self._pending[0])
        for _ in self._encoders:
            self._to_encode.put(None)
        for thread in self._encoders:
            thread.join()
        while self._pending:
            self._pending.popleft().refuse()

    def _commit(self, task: Task) -> None:
        position = self._progress.position + 1
        task.position = position
        task.commit()
        self._progress = _Progress(position, self._take_state())
        self._pending.popleft()
        self._is_closed = task.is_last
        self._learn_pace(task.begun)
        self._open_gates()


def _in_background() -> bool:
    return isinstance(threading.current_thread(), BackgroundThread)
