"""Chunks open for reading, by one thread or by several."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable

from .._support.cpu import THREADS
from .._support.forking import ObjectPool
from .base import ChunkReader


class OpenChunks:
    """The most recently used readers, and spare ones of their chunks.

    Older ones are closed, and all when this object is freed.

    Parameters
    ----------
    most : int
        Maximum number of open chunks.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._readers: OrderedDict[int, list[ChunkReader]] = OrderedDict()
        weakref.finalize(self, _close_all, self._readers).atexit = False

    def reader(self, number: int, make: Callable[[], ChunkReader]) -> ChunkReader:
        """Return the reader of a chunk; open it if needed."""
        if number not in self._readers:
            self._readers[number] = [make()]
            if len(self._readers) > self._most:
                _close(self._readers.popitem(last=False)[1])
        self._readers.move_to_end(number)
        return self._readers[number][0]

    def get(self, number: int) -> ChunkReader | None:
        """Return the reader of a chunk if it is open."""
        return self._readers.get(number, [None])[0]

    def take_spares(self, number: int) -> list[ChunkReader]:
        """Return the spare readers of a chunk, which the caller owns from here on."""
        readers = self._readers.get(number, [])
        spares, readers[1:] = readers[1:], []
        return spares

    def keep_spares(self, number: int, spares: Iterable[ChunkReader]) -> None:
        """Keep spare readers of a chunk as long as it is open."""
        readers = self._readers.get(number)
        if readers is None:
            _close(spares)
        else:
            readers.extend(spares)

    def close_one(self, number: int) -> None:
        """Close the readers of a chunk if it is open."""
        _close(self._readers.pop(number, ()))

    def close(self) -> None:
        """Close all readers."""
        _close_all(self._readers)


def _close_all(readers: OrderedDict[int, list[ChunkReader]]) -> None:
    while readers:
        _close(readers.popitem()[1])


def _close(readers: Iterable[ChunkReader]) -> None:
    for reader in readers:
        reader.close()


class SpareReaders(ObjectPool[ChunkReader]):
    """Readers of one chunk, each used by one thread at a time.

    Parameters
    ----------
    make : callable
        Opens a reader.
    idle : iterable of ChunkReader
        Open ones.
    """

    def __init__(self, make: Callable[[], ChunkReader], idle: Iterable[ChunkReader]) -> None:
        super().__init__(make, most=THREADS)
        self._idle.extend(idle)

    def take_all(self) -> list[ChunkReader]:
        """Take all readers out, used by no thread any more."""
        return [self._idle.pop() for _ in range(len(self._idle))]
