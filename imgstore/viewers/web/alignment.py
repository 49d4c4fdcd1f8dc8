"""Frames in the order of their numbers, also of several recordings.

Those are side by side, as in `imgstore.align`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...align.matching import keys_of

Numbers = npt.NDArray[np.int64]

POLICIES = ('drop', 'zoh', 'black')
"""Policies for numbers missing from a store, named as in `imgstore.align.StoreAligner`."""

_MOST_STEPS = 10_000
"""Limit of the search for a number in all stores, per request."""


class NumberOrder:
    """Unique frame numbers in ascending order, with their first frames.

    Parameters
    ----------
    numbers : numpy.ndarray of int64
        Frame numbers in the order of the store.
    """

    def __init__(self, numbers: Numbers) -> None:
        self.source = numbers
        self._indices: npt.NDArray[np.intp] | None = None
        self._numbers = numbers
        if not bool(np.all(numbers[:-1] < numbers[1:])):
            self._numbers, self._indices = keys_of(numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def index_at(self, place: int) -> int:
        """Return the frame index at a position in the order."""
        return place if self._indices is None else int(self._indices[place])

    def indices_at(self, places: Numbers) -> Numbers:
        """Return the frame indexes at several positions."""
        return places if self._indices is None else self._indices[places].astype(np.int64)

    def place(self, number: float) -> int:
        """Return the position of the nearest number in the order."""
        right = int(np.searchsorted(self._numbers, number))
        if right == len(self):
            return max(0, right - 1)
        nearer = right > 0 and number - self._numbers[right - 1] <= self._numbers[right] - number
        return right - 1 if nearer else right

    def at_or_before(self, number: int) -> int | None:
        """Return the largest number up to this one, or None."""
        rank = int(np.searchsorted(self._numbers, number, 'right')) - 1
        return int(self._numbers[rank]) if rank >= 0 else None

    def at_or_behind(self, number: int) -> int | None:
        """Return the smallest number from this one on, or None."""
        rank = int(np.searchsorted(self._numbers, number))
        return int(self._numbers[rank]) if rank < len(self) else None

    def index_of(self, number: int) -> int | None:
        """Return the index of the first frame with a number, or None."""
        rank = int(np.searchsorted(self._numbers, number))
        return self.index_at(rank) if rank < len(self) and self._numbers[rank] == number else None


def aligned(
    orders: Sequence[NumberOrder], number: int, direction: int, count: int, policy: str
) -> list[dict[str, Any]]:
    """List frames of several recordings with equal numbers, from one number on.

    Parameters
    ----------
    orders : sequence of NumberOrder
    number : int
        Lowest or highest number, by direction.
    direction : int
        1: ascending; -1: descending.
    count : int
        Count of numbers.
    policy : str
        One of `POLICIES`.

    Returns
    -------
    list of dict
        For each number ``number``; ``index`` in each store, None without a frame to show; ``held``, whether that is an
        earlier frame.
    """
    rows = []
    for found in _walk(orders, number, direction, policy):
        rows.append(_row(orders, found, policy))
        if len(rows) == count:
            break
    return rows


def _walk(orders: Sequence[NumberOrder], number: int, direction: int, policy: str) -> Iterator[int]:
    choose = min if (policy == 'drop') == (direction < 0) else max
    for _ in range(_MOST_STEPS):
        near = [order.at_or_behind(number) if direction > 0 else order.at_or_before(number) for order in orders]
        there = [found for found in near if found is not None]
        if not there or (policy == 'drop' and len(there) < len(near)):
            return
        found = choose(there)
        if policy != 'drop' or all(other == found for other in near):
            yield found
            number = found + direction
        else:
            number = found


def _row(orders: Sequence[NumberOrder], number: int, policy: str) -> dict[str, Any]:
    exact = [order.index_of(number) for order in orders]
    shown = [
        _held(order, number) if index is None and policy == 'zoh' else index
        for order, index in zip(orders, exact, strict=True)
    ]
    return {'number': number, 'index': shown, 'held': [was != now for was, now in zip(exact, shown, strict=True)]}


def _held(order: NumberOrder, number: int) -> int | None:
    before = order.at_or_before(number)
    return None if before is None else order.index_of(before)
