"""Lookup of values by bisection."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class SortedLookup:
    """Lookup in a sorted or unsorted array; the first of equal values is found."""

    def __init__(self, values: npt.NDArray[Any], is_sorted: bool | None = None) -> None:
        self._order: npt.NDArray[np.intp] | None = None
        if not (bool(np.all(values[:-1] <= values[1:])) if is_sorted is None else is_sorted):
            self._order = np.argsort(values, kind='stable')
            values = values[self._order]
        self._values = values[: np.searchsorted(values, np.inf, 'right')] if values.dtype.kind == 'f' else values

    def _at(self, rank: int) -> int:
        return rank if self._order is None else int(self._order[rank])

    def _rank(self, value: float) -> int:
        """Count the smaller values."""
        if self._values.dtype.kind == 'i':
            limits = np.iinfo(self._values.dtype)
            value = min(max(value, limits.min), limits.max)
        return int(np.searchsorted(self._values, value))

    def find(self, value: float) -> int | None:
        """Return the index of the first equal value; None if there is none."""
        rank = self._rank(value)
        return self._at(rank) if rank < len(self._values) and self._values[rank].item() == value else None

    def nearest(self, value: float) -> int | None:
        """Return the index of the nearest value; ties go to the earlier.

        None in an empty array.
        """
        right = self._rank(value)
        ranks = [right] if right < len(self._values) else []
        if right > 0:
            ranks.append(self._rank(self._values[right - 1].item()))
        near = [(distance(self._values[rank].item(), value), self._at(rank)) for rank in ranks]
        return min(near)[1] if near else None


def distance(one: float, other: float) -> float:
    """Return the distance of two values."""
    return 0 if one == other else abs(one - other)  # inf - inf is nan
