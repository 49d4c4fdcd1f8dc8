"""The queue between the thread of a camera and the thread of its store."""

from __future__ import annotations

import queue
import threading
from typing import Generic, Protocol, TypeVar


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


_Item = TypeVar('_Item', bound=_Sized)


class FrameQueue(Generic[_Item]):
    """Items in order, up to a number of bytes.

    Parameters
    ----------
    limit
        Bytes that may wait. One item may be larger than that.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._waiting = limit, 0
        self._lock = threading.Lock()
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()

    @property
    def waiting(self) -> int:
        """Bytes that wait."""
        return self._waiting

    def put(self, item: _Item) -> bool:
        """Add an item without a wait; return False if there is no room for it."""
        size = item.nbytes
        with self._lock:
            if size and self._waiting and self._waiting + size > self._limit:
                return False
            self._waiting += size
        self._items.put(item)
        return True

    def end(self) -> None:
        """Mark the end: `get` returns None after the items before."""
        self._items.put(None)

    def get(self) -> _Item | None:
        """Wait for the next item. None: there is no other."""
        item = self._items.get()
        if item is not None:
            with self._lock:
                self._waiting -= item.nbytes
        return item
