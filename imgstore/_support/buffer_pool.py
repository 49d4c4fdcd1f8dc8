"""Arrays that are used again: a system is slow to give memory that the process did not have."""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt


class BufferPool:
    """Arrays of one shape and dtype, as many as were out at once. For several threads at once."""

    def __init__(self) -> None:
        self._free: deque[npt.NDArray[Any]] = deque()

    def copy(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A copy in C order, in an array that was given back if there is one."""
        try:
            buffer = self._free.pop()
        except IndexError:
            buffer = np.empty(array.shape, array.dtype)
        np.copyto(buffer, array)
        return buffer

    def give_back(self, copy: npt.NDArray[Any]) -> None:
        """Take back what `copy` gave; nothing may look at it any more."""
        self._free.append(copy)


class RefcountedBufferPool:
    """Arrays that are used again once nobody has any part of them, without being given back. For several threads.

    Parameters
    ----------
    most : int
        How many are remembered; what is lent beyond is not used again.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._arrays: list[npt.NDArray[Any]] = []

    def empty(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """An array of bytes with anything in them."""
        with self._lock:  # no loop here: from within one, Python 3.13 lets an interrupt out without unlocking
            return self._find(shape)

    def _find(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        for i in range(len(self._arrays)):
            if _references(self._arrays, i) == _NOBODY_ELSE and self._arrays[i].shape == shape:
                return self._arrays[i][:]
        self._arrays = [*self._arrays, np.empty(shape, np.uint8)][-self._most:]
        return self._arrays[-1][:]


def _references(arrays: list[npt.NDArray[Any]], i: int) -> int:
    """How many refer to an array, all that look at a part of its memory among them."""
    return sys.getrefcount(arrays[i])


_NOBODY_ELSE = _references([np.empty(1)], 0)
