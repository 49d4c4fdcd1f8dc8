"""Selection of frames by index, number or time."""

from __future__ import annotations

import numpy as np

from ..index.frame_index import FrameIndex
from .indexing import Indexes


def by_index(count: int, start: int | None, stop: int | None, step: int) -> range:
    """Return the indexes of a slice of `count` frames."""
    return range(*slice(start, stop, step).indices(count))


def by_value(known: FrameIndex, column: int, start: float | None, stop: float | None, step: int) -> Indexes:
    """Return the indexes of frames from `start` up to, not including, `stop`.

    Parameters
    ----------
    known : FrameIndex
        The frames.
    column : {0, 1}
        0: compare numbers. 1: compare times.
    start, stop : int or float, optional
        Limits. A time of nan is within no limits.
    step : int
        Return every n-th of these frames.
    """
    if start is None and stop is None:
        return range(0, known.frame_count, step)
    values = known.frame_times if column else known.frame_numbers
    chosen = np.ones(len(values), bool)
    if start is not None:
        chosen &= values >= start
    if stop is not None:
        chosen &= values < stop
    return _as_range(np.flatnonzero(chosen)[::step], step)


def _as_range(indexes: np.ndarray[tuple[int], np.dtype[np.intp]], step: int) -> Indexes:
    """Return a range if the indexes are one, to save memory."""
    if not len(indexes):
        return range(0)
    first, last = int(indexes[0]), int(indexes[-1])
    evenly = range(first, last + 1, step)
    return evenly if len(evenly) == len(indexes) and last == evenly[-1] and _is(indexes, evenly) else indexes


def _is(indexes: np.ndarray[tuple[int], np.dtype[np.intp]], evenly: range) -> bool:
    return bool(np.array_equal(indexes, np.arange(evenly.start, evenly.stop, evenly.step)))
