"""Queue for background threads: several encode at once, one commits.

A caller may be interrupted at any line, by Ctrl-C or by the SystemExit of a signal. A handler may also close the store
its own thread is adding to. So no caller holds a lock, and one C operation, `deque.append`, takes a task or does not.
Python's Condition and Event are not safe in this way.
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

_FIRST_TASKS = 16  # assumed to finish in time until the pace is known
_REMEMBERED_TASKS = 8  # the pace is a mean over about this many, weighted to later ones
_MAX_TASKS = 256  # bounds the loss of small frames
_POLL = 1.0  # seconds; bounds any wait for room


class Task:
    """One piece of work.

    Parameters
    ----------
    commit : callable
        Takes the result of `encode`, or its exception. Tasks are committed in the order they are taken.
    encode : callable, optional
        The thread-safe part; several threads run it at once, in any order.
    size : int
        Bytes held until the commit.
    frame : (int, float), optional
        Number and time of the frame added by the task.
    """

    def __init__(
        self,
        commit: Callable[[Any], Any],
        encode: Callable[[], Any] | None = None,
        size: int = 0,
        frame: tuple[int, float] | None = None,
    ) -> None:
        self.size, self.frame = size, frame
        self.begun = time.monotonic()
        self.position = math.inf
        """Place in the order of commits, after its turn has come."""
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
        """Claim the task for committing or dropping; return False if it is claimed."""
        return self._commit_claim.acquire(blocking=False)

    def encode(self) -> None:
        """Run the thread-safe part, unless another thread does."""
        if not self._encode_claim.acquire(blocking=False):
            return
        try:
            self._encoded = self._encode() if self._encode else None
        except BaseException as error:  # noqa: BLE001 -- `commit` gets it
            self._encoded = error
        self._encode = None  # frees the image
        self._is_encoded.release()

    def commit(self) -> bool:
        """Run the ordered part; return False if the task was dropped.

        Call `end` afterwards.
        """
        if not self.claim():
            return False
        self.encode()
        with self._is_encoded:
            pass
        try:
            assert self._commit
            self.result = self._commit(self._encoded)
        except BaseException as error:  # noqa: BLE001 -- the caller gets it
            self.error = error
        return True

    def refuse(self) -> None:
        """End the task with StoreClosedError, unless it was committed or dropped."""
        if self.claim():
            self.error = StoreClosedError('the store is closed')
            self.end()

    def end(self) -> None:
        """Let those who wait for the task go on."""
        self._commit = self._encode = self._encoded = None
        self._is_done.release()

    def wait(self) -> None:
        """Wait until the task has ended."""
        with self._is_done:
            return  # not `pass`: Python 3.11 leaves the block wrongly at a `pass`

    def wait_through_interrupts(self) -> None:
        """Wait until the task has ended, and raise an interrupt only then."""
        try:
            self.wait()
        except BaseException:
            self.wait_through_interrupts()
            raise


class _Progress(NamedTuple):
    """State after a commit."""

    position: int
    state: Any


class WriteQueue:
    """Runs tasks in its own threads.

    Parameters
    ----------
    workers : int
        Encoder threads, besides the one that commits.
    bound : int
        Memory limit in bytes. `submit` blocks while pending tasks would exceed it, or are too many.
    patience : float
        Time in seconds for committing a task. `submit` blocks while the oldest task takes longer, or the newest one
        would at the recent pace. As many tasks as workers start at once.

    Raises
    ------
    StoreIOError
        The system cannot start a thread.
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
            raise StoreIOError(
                f'no thread can be started for writing the store: {error}; end other programs or raise '
                f'the limit of threads (ulimit -u)'
            ) from error

    def watch(self, take_state: Callable[[], Any]) -> None:
        """Set a function to call after each commit; `look` returns its latest result."""
        self._take_state = take_state
        self._progress = _Progress(0, take_state())

    # --- for callers

    def submit(self, task: Task) -> None:
        """Take a task once there is room for it.

        Raise StoreClosedError after `close`.
        """
        self._refuse_background()
        while not self.is_closing and not self._has_room(task.size):
            self._wait_for_room(task.size)
        task.begun = time.monotonic()
        self._take(task)
        if self.is_closing:  # perhaps since before the task was taken
            self._settle(task)
            self._result(task)
        self._to_encode.put(task)

    def run(self, task: Task, meanwhile: Callable[[], object] = lambda: None) -> Any:
        """Run a task after all others and return its result.

        Call ``meanwhile`` before the wait.

        An interrupt of the wait is raised after the task has ended. A task not yet begun is dropped.

        Raises
        ------
        StoreClosedError
            `close` was called.
        Exception
            The error of the task.
        """
        self._refuse_background()
        try:
            self._take(task)
            meanwhile()
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
            task.error = None  # breaks the cycle of task, error and traceback

    def ask(self, question: Callable[[], _Result]) -> _Result:
        """Call a function after all earlier tasks, while none runs."""
        if _in_background():
            return question()
        try:
            result: _Result = self.run(Task(lambda _: question()))
            return result
        except StoreClosedError:
            self._committer.join()
            return question()

    def look(self) -> tuple[Any, list[tuple[int, float]]]:
        """Return the latest committed state, and the frames not yet in it."""
        pending = self._under_way()  # first, so that the progress knows at least as much
        progress = self._progress
        return progress.state, [task.frame for task in pending if task.frame and task.position > progress.position]

    def close(self, last: Task) -> bool:
        """Run one last task after all others, and end.

        Return False if another call did.

        An interrupt is raised after the last task has ended. The task's own exception is in its ``error``.
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
            raise StoreModeError(
                'a finalizer runs in a thread that writes a store and cannot wait for one here; '
                'write to the store from another thread'
            )

    def _take(self, task: Task, closing: bool = False) -> None:
        if self.is_closing and not closing:
            raise StoreClosedError('the store is closed')
        self._pending.append(task)  # the task is taken from here on
        self._wake.put(None)  # after an interrupt before this line, the task waits for the next one

    def _settle(self, task: Task, through_interrupts: bool = False) -> None:
        """Wait until a task has ended; refuse one that came after the last."""
        if self._is_closed:
            task.refuse()
        if through_interrupts:
            task.wait_through_interrupts()
        else:
            task.wait()

    def _under_way(self) -> list[Task]:
        while True:
            with contextlib.suppress(RuntimeError):  # the committer has just taken one
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
        return in_time and len(pending) * self._pace < self._patience / 3  # the pace may still fall

    def _wait_for_room(self, size: int) -> None:
        gate = threading.Lock()
        gate.acquire()
        self._gates.append(gate)
        self._wake.put(None)
        if not self._has_room(size):  # room may have come before the gate
            gate.acquire(timeout=_POLL)

    def _open_gates(self) -> None:
        while self._gates:
            self._gates.popleft().release()

    def _learn_pace(self, begun: float) -> None:
        """Update the pace by the time of a task that ends now."""
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
        is_committed = task.commit()
        self._progress = _Progress(position, self._take_state())
        if is_committed:  # not before: the caller may ask for the state at once
            task.end()
        self._pending.popleft()
        self._is_closed = task.is_last
        self._learn_pace(task.begun)
        self._open_gates()


def _in_background() -> bool:
    return isinstance(threading.current_thread(), BackgroundThread)
