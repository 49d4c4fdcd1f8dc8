"""Values found by bisection."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class SortedLookup:
    """Finds values in an array that need not be sorted; the first of equal values wins."""

    def __init__(self, values: npt.NDArray[Any], is_sorted: bool | None = None) -> None:
        self._order: npt.NDArray[np.intp] | None = None
        if not (bool(np.all(values[:-1] <= values[1:])) if is_sorted is None else is_sorted):
            self._order = np.argsort(values, kind='stable')
            values = values[self._order]
        self._values = values[:np.searchsorted(values, np.inf, 'right')] if values.dtype.kind == 'f' else values

    def _at(self, rank: int) -> int:
        return rank if self._order is None else int(self._order[rank])

    def _rank(self, value: float) -> int:
        """How many of the values are smaller."""
        if self._values.dtype.kind == 'i':
            limits = np.iinfo(self._values.dtype)
            value = min(max(value, limits.min), limits.max)
        return int(np.searchsorted(self._values, value))

    def find(self, value: float) -> int | None:
        """Index of the first that has that value; None if none has."""
        rank = self._rank(value)
        return self._at(rank) if rank < len(self._values) and self._values[rank].item() == value else None

    def nearest(self, value: float) -> int | None:
        """Index of the one nearest to a value, of two the earlier; None if there are none."""
        right = self._rank(value)
        ranks = [right] if right < len(self._values) else []
        if right > 0:
            ranks.append(self._rank(self._values[right - 1].item()))
        near = [(distance(self._values[rank].item(), value), self._at(rank)) for rank in ranks]
        return min(near)[1] if near else None


def distance(one: float, other: float) -> float:
    """How far two values are apart."""
    return 0 if one == other else abs(one - other)  # inf - inf is nan
