"""A cache of parts of files, bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable


class BlockCache:
    """The parts used last.

    Parameters
    ----------
    most : int
        Limit in bytes.
    """

    def __init__(self, most: int) -> None:
        self._most, self._bytes, self._lock = most, 0, threading.Lock()
        self._blocks: OrderedDict[Hashable, bytes] = OrderedDict()

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self._bytes

    def get(self, key: Hashable) -> bytes | None:
        """Return a part; None if it is not there."""
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
            return self._blocks.get(key)

    def put(self, key: Hashable, data: bytes) -> None:
        """Keep a part, and drop those used longest ago."""
        if len(data) > self._most:
            return
        with self._lock:
            self._bytes += len(data) - len(self._blocks.pop(key, b''))
            self._blocks[key] = data
            while self._bytes > self._most:
                self._bytes -= len(self._blocks.popitem(last=False)[1])

    def drop_untagged(self, kind: str) -> None:
        """Drop the blocks of files whose server gives no mark of their content.

        Their keys have the kind, the name and the mark.
        """
        with self._lock:
            for key in [key for key in self._blocks if isinstance(key, tuple) and key[0] == kind and not key[2]]:
                self._bytes -= len(self._blocks.pop(key))

    def drop(self, kind: str) -> None:
        """Drop the parts whose key begins with a word."""
        with self._lock:
            for key in [key for key in self._blocks if isinstance(key, tuple) and key[0] == kind]:
                self._bytes -= len(self._blocks.pop(key))
