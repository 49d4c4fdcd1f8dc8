"""Arrays that are used again: a system is slow to give memory that the process did not have."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt


class Buffers:
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
