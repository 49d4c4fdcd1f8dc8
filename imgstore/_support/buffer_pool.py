"""Reuse of arrays: first-touch page allocation is slow."""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt


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
        self._most, self._lock = most, threading.Lock()
        self._arrays: list[npt.NDArray[Any]] = []

    def empty(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """Return an uninitialised array of bytes."""
        with self._lock:  # no loop here: in one, an interrupt leaves Python 3.13's lock locked
            return self._find(shape)

    def _find(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        for i in range(len(self._arrays)):
            if _references(self._arrays, i) == _NOBODY_ELSE and self._arrays[i].shape == shape:
                return self._arrays[i][:]
        self._arrays = [*self._arrays, np.empty(shape, np.uint8)][-self._most :]
        return self._arrays[-1][:]


def _references(arrays: list[npt.NDArray[Any]], i: int) -> int:
    """Count the references to an array, including views."""
    return sys.getrefcount(arrays[i])


_NOBODY_ELSE = _references([np.empty(1)], 0)
