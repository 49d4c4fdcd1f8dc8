"""Callbacks that get the frames of a recording as they come."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

from .._support.validation import as_int_min, not_allowed
from .frames import RecordedFrame

Drop = Literal['oldest', 'newest']
FrameCallback = Callable[[RecordedFrame], object]


class FrameListener:
    """Calls a function with frames, in a thread of its own.

    Parameters
    ----------
    callback
        Gets each frame.
    queue_size
        Number of frames that may wait for it.
    drop
        Which frame it does not get if the queue is full: the 'oldest' in it, or the 'newest', which has just come.

    Attributes
    ----------
    called : int
        Number of frames it got.
    dropped : int
        Number of frames it did not get. They are in the store.
    error : Exception or None
        What it raised. After that it is not called again.
    """

    def __init__(self, callback: FrameCallback, queue_size: int = 1, drop: Drop = 'oldest') -> None:
        if not callable(callback):
            raise not_allowed('callback', callback, 'it must be a function that takes a frame')
        if drop not in ('oldest', 'newest'):
            raise not_allowed('drop', drop, "it must be 'oldest' or 'newest'")
        self._callback, self._drop = callback, drop
        self._size = as_int_min(queue_size, 'queue_size', 1)
        self._waiting: deque[RecordedFrame] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._has_ended = False
        self.called = self.dropped = 0
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name='imgstore callback', daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def offer(self, frame: RecordedFrame) -> None:
        """Queue a frame; this never waits for the callback."""
        with self._changed:
            if self._has_ended:
                return
            if len(self._waiting) >= self._size:
                self.dropped += 1
                if self._drop == 'newest':
                    return
                self._waiting.popleft()
            self._waiting.append(frame)
            self._changed.notify()

    def end(self, timeout: float) -> None:
        """Let it get the frames that wait, and end the thread."""
        with self._changed:
            self._has_ended = True
            self._changed.notify()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while (frame := self._next()) is not None:
            try:
                self._callback(frame)
            except Exception as error:  # noqa: BLE001 -- `Recording.stop` raises it
                self._give_up(error)
                return
            self.called += 1

    def _next(self) -> RecordedFrame | None:
        with self._changed:
            while not self._waiting and not self._has_ended:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None

    def _give_up(self, error: Exception) -> None:
        with self._changed:
            self.error, self._has_ended = error, True
            self._waiting.clear()
