"""Frames of several recordings matched by their numbers or times alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]

MISSING = -1
"""Index of a frame that a recording does not have."""

_Value = TypeVar('_Value', np.int64, np.float64)


class Keys(NamedTuple):
    """Distinct numbers or times of one recording, with their frames."""

    values: npt.NDArray[Any]
    """Numbers or times, ascending, each once."""
    indexes: Numbers
    """Index of the first frame with each."""


def keys_of(values: npt.NDArray[_Value]) -> Keys:
    """Return distinct values in ascending order, with their first frames.

    Times that are not finite are left out.
    """
    if bool(np.all(values[:-1] < values[1:])) and bool(np.all(np.isfinite(values[[0, -1]] if len(values) else values))):
        return Keys(values, np.arange(len(values)))
    indexes = np.flatnonzero(np.isfinite(values))
    order = indexes[np.argsort(values[indexes], kind='stable')]  # so that the first of equal ones comes first
    ordered = values[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    return Keys(ordered[is_new], order[is_new].astype(np.int64))


# --- by number


def match_numbers(stores: Sequence[Keys], join: str) -> Numbers:
    """Match frames with equal numbers.

    Parameters
    ----------
    stores : sequence of Keys
        The numbers of each recording.
    join : {'inner', 'left', 'outer'}
        See `imgstore.align.align`.

    Returns
    -------
    ndarray of int64, shape (n, k)
        Indexes of frames, in the order of numbers.
    """
    every = [keys.values for keys in stores]
    rows = every[0]
    if join == 'outer':
        rows = reduce(_union, every)
    elif join == 'inner':
        rows = reduce(lambda one, other: one[_find(one, other) >= 0], every)
    columns = [_indexes_at(keys, _find(rows, keys.values)) for keys in stores]
    return np.stack(columns, axis=1)


def _union(one: Numbers, other: Numbers) -> Numbers:
    if np.array_equal(one, other):
        return one
    merged = np.sort(np.concatenate([one, other]), kind='stable')  # which merges sorted parts quickly
    is_new = np.append(True, merged[1:] != merged[:-1])
    union: Numbers = merged[is_new]
    return union


def _find(wanted: npt.NDArray[Any], values: npt.NDArray[Any]) -> Numbers:
    """Return the positions of wanted values, -1 for those not there."""
    if np.array_equal(wanted, values):
        return np.arange(len(wanted))
    if not len(values):
        return np.full(len(wanted), MISSING)
    at = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[at] == wanted, at, MISSING)


def _indexes_at(keys: Keys, positions: Numbers) -> Numbers:
    if not len(keys.indexes):
        return np.full(len(positions), MISSING)
    return np.where(positions >= 0, keys.indexes[positions], MISSING)


# --- by time


def match_times(stores: Sequence[Keys], tolerance: float, join: str) -> Numbers:
    """Match frames that are nearest to each other in time.

    The arguments are those of `match_numbers`, with times. The first recording is the reference. With join 'outer',
    the remaining frames are matched in the same way, with the next recording as reference.

    Parameters
    ----------
    stores : sequence of Keys
        The times of each recording, by one clock.
    tolerance : float
        Maximum distance of two frames in seconds.
    join : {'inner', 'left', 'outer'}

    Returns
    -------
    ndarray of int64, shape (n, k)
        Indexes of frames, in the order of the times of the reference.
    """
    rows, times = _rows_of(stores, 0, tolerance)
    if join == 'inner':
        return rows[(rows >= 0).all(axis=1)]
    if join == 'left' or len(stores) == 1:
        return rows
    tables, instants, rest = [rows], [times], list(stores)
    for reference in range(1, len(stores)):
        rest = [_without(keys, tables[-1][:, column]) for column, keys in enumerate(rest)]
        rows, times = _rows_of(rest, reference, tolerance)
        tables.append(rows)
        instants.append(times)
    joined: Numbers = np.concatenate(tables)[np.argsort(np.concatenate(instants), kind='stable')]
    return joined


def _rows_of(stores: Sequence[Keys], reference: int, tolerance: float) -> tuple[Numbers, Times]:
    """Return a row for each frame of the reference, and its time."""
    own = stores[reference]
    rows = np.full((len(own.values), len(stores)), MISSING)
    rows[:, reference] = own.indexes
    for column, keys in enumerate(stores):
        if column > reference:
            here, there = mutual_nearest(own.values, keys.values, tolerance)
            rows[here, column] = keys.indexes[there]
    return rows, own.values


def _without(keys: Keys, used: Numbers) -> Keys:
    """Return the frames that are in no row yet."""
    is_used = np.zeros(int(keys.indexes.max(initial=-1)) + 1, bool)
    is_used[used[used >= 0]] = True
    free = ~is_used[keys.indexes]
    return Keys(keys.values[free], keys.indexes[free])


def mutual_nearest(one: Times, other: Times, tolerance: float) -> tuple[Numbers, Numbers]:
    """Return the positions of pairs, each nearest to the other of the pair.

    So no frame is in two pairs, and pairs never cross. Of two nearest ones the earlier counts.

    Parameters
    ----------
    one, other : ndarray of float64
        Times in seconds, ascending, each once.
    tolerance : float
        Maximum distance in seconds. Rounding of the times as float64 is allowed for.
    """
    if not len(one) or not len(other):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    there = nearest(one, other)
    distance, is_mutual = np.abs(one - other[there]), np.ones(len(one), bool)
    # as times ascend, no frame but the next one and the one before can be nearer to the other of the pair
    is_mutual[1:] = distance[1:] < np.abs(one[:-1] - other[there[1:]])
    is_mutual[:-1] &= distance[:-1] <= np.abs(one[1:] - other[there[:-1]])
    rounding = 2 * np.spacing(max(abs(one[0]), abs(one[-1]), abs(other[0]), abs(other[-1])))
    here = np.flatnonzero(is_mutual & (distance <= tolerance + rounding))
    return here, there[here]


def nearest(wanted: Times, values: Times) -> Numbers:
    """Return the position of the value nearest to each wanted one."""
    after = np.searchsorted(values, wanted)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(values) - 1)
    return np.where(wanted - values[before] <= values[after] - wanted, before, after)


def usual_tolerance(stores: Sequence[Keys]) -> float:
    """Return half the shortest median interval, 0.0 without intervals."""
    intervals = [float(np.median(np.diff(keys.values))) for keys in stores if len(keys.values) > 1]
    return min(intervals, default=0.0) / 2
