"""Chunks open for reading, by one thread or by several."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable

from .._support.cpu import THREADS
from .._support.forking import ObjectPool
from .base import ChunkReader


class OpenChunks:
    """The most recently used readers.

    Older ones are closed, and all when this object is freed.

    Parameters
    ----------
    most : int
        Maximum number of open readers.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._readers: OrderedDict[int, ChunkReader] = OrderedDict()
        weakref.finalize(self, _close_all, self._readers).atexit = False

    def reader(self, number: int, make: Callable[[], ChunkReader]) -> ChunkReader:
        """Return the reader of a chunk; open it if needed."""
        if number not in self._readers:
            self._readers[number] = make()
            if len(self._readers) > self._most:
                self._readers.popitem(last=False)[1].close()
        self._readers.move_to_end(number)
        return self._readers[number]

    def get(self, number: int) -> ChunkReader | None:
        """Return the reader of a chunk if it is open."""
        return self._readers.get(number)

    def close_one(self, number: int) -> None:
        """Close the reader of a chunk if it is open."""
        reader = self._readers.pop(number, None)
        if reader is not None:
            reader.close()

    def close(self) -> None:
        """Close all readers."""
        _close_all(self._readers)


def _close_all(readers: OrderedDict[int, ChunkReader]) -> None:
    while readers:
        readers.popitem()[1].close()


class SpareReaders(ObjectPool[ChunkReader]):
    """Readers of one chunk, each used by one thread at a time.

    Parameters
    ----------
    make : callable
        Opens a reader.
    """

    def __init__(self, make: Callable[[], ChunkReader]) -> None:
        super().__init__(make, most=THREADS)

    def close(self) -> None:
        """Close all readers, used by no thread any more."""
        while self._idle:
            self._idle.pop().close()
