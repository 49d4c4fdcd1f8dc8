"""Reuse of arrays: first-touch page allocation is slow."""

from __future__ import annotations

import math
import sys
import threading
from collections import deque
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .forking import register_fork_handler

_LINE = 64  # bytes


class BufferPool:
    """Thread-safe pool of arrays of one shape and dtype.

    It holds as many as were ever in use at once.
    """

    def __init__(self) -> None:
        self._free: deque[npt.NDArray[Any]] = deque()

    def copy(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Copy an array in C order, into a returned buffer if there is one."""
        try:
            buffer = self._free.pop()
        except IndexError:
            buffer = np.empty(array.shape, array.dtype)
        np.copyto(buffer, array)
        return buffer

    def give_back(self, copy: npt.NDArray[Any]) -> None:
        """Return a buffer of `copy` to the pool. Do not use it afterwards."""
        self._free.append(copy)


class RefcountedBufferPool:
    """Pool of arrays, reused once nothing references any part of them.

    Thread-safe.

    Parameters
    ----------
    most : int
        Maximum number of arrays in the pool; further ones are not reused.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.clear()
        register_fork_handler(self, RefcountedBufferPool.clear)  # another thread may hold the lock

    def clear(self) -> None:
        """Forget all arrays. Those in use stay valid."""
        self._lock = threading.Lock()
        self._lent: list[_Lent] = []

    def empty(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """Return an uninitialised array of bytes, at the start of a cache line."""
        size = math.prod(shape)
        with self._lock:  # no loop here: in one, an interrupt leaves Python 3.13's lock locked
            return self._find(size).reshape(shape)

    def _find(self, size: int) -> npt.NDArray[np.uint8]:
        for i in range(len(self._lent)):
            if _references(self._lent, i) == _NOBODY_ELSE and len(self._lent[i].array) == size + _LINE:
                return self._lent[i].array[self._lent[i].start : self._lent[i].start + size]
        array = np.empty(size + _LINE, np.uint8)
        start = _start_of_line(array)
        self._lent = [*self._lent, _Lent(array, start)][-self._most :]
        return array[start : start + size]


class _Lent(NamedTuple):
    array: npt.NDArray[np.uint8]
    start: int


def _start_of_line(array: npt.NDArray[np.uint8]) -> int:
    """Return the index of the first byte that begins a cache line.

    Large arrays begin 16 bytes after a page. There, the system takes twice as long to copy a page of a file.
    """
    return int(-array.__array_interface__['data'][0] % _LINE)


def _references(lent: list[_Lent], i: int) -> int:
    """Count the references to an array, including views."""
    return sys.getrefcount(lent[i].array)


_NOBODY_ELSE = _references([_Lent(np.empty(1, np.uint8), 0)], 0)
