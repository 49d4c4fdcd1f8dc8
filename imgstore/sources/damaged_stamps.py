"""Detection of damaged timestamps, which do not ascend in display order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median

_UNSTEADY = 0.1  # allowed difference between intervals, as a share
_TICKS = 2  # or in units of the time base
_FEWEST = 5  # frames needed for a rate
_MOST_DAMAGED = 8  # at most one in this many

Stamp = tuple[int, int | Fraction]
"""Number and timestamp of a frame."""


def damaged(stamps: Sequence[Stamp]) -> set[int] | None:
    """Find the damaged timestamps.

    Parameters
    ----------
    stamps : sequence of (int, int or Fraction)
        Timestamps of frames in display order.

    Returns
    -------
    set of int or None
        Numbers of the frames with damaged timestamps; empty if all ascend. None if they are decoding times, which are
        right in ascending order.
    """
    values = [stamp for _, stamp in stamps]
    backwards = {len(values) - 1 - index for index in _longest_ascent([-value for value in reversed(values)])}
    sound, wrong = max(
        (_parted(stamps, kept) for kept in (_longest_ascent(values), backwards)), key=lambda parts: _is_steady(parts[0])
    )
    if not wrong:
        return set()
    numbers = [number for number, _ in stamps]
    ranked = list(zip(numbers, sorted(stamp for _, stamp in stamps), strict=True))
    few = len(wrong) <= max(1, len(stamps) // _MOST_DAMAGED)
    if not few or _is_steady(ranked):
        return None
    if _is_steady(sound) or all(_is_far(stamps, index) for index in wrong):
        return {numbers[index] for index in wrong}
    return None


def _parted(stamps: Sequence[Stamp], kept: set[int]) -> tuple[list[Stamp], list[int]]:
    return [stamps[index] for index in sorted(kept)], [index for index in range(len(stamps)) if index not in kept]


def _longest_ascent(values: Sequence[int | Fraction]) -> set[int]:
    """Return the indexes of the longest ascending subsequence."""
    ends, last, before = list[int | Fraction](), list[int](), list[int]()
    for index, value in enumerate(values):
        place = bisect_right(ends, value)
        ends[place : place + 1] = [value]
        last[place : place + 1] = [index]
        before.append(last[place - 1] if place else -1)
    found, index = set[int](), last[-1] if last else -1
    while index >= 0:
        found.add(index)
        index = before[index]
    return found


def _is_steady(stamps: Sequence[Stamp]) -> bool:
    """Return whether frames have one rate; lost frames leave their numbers free."""
    if len(stamps) < _FEWEST:
        return False
    steps = [(later[1] - earlier[1], later[0] - earlier[0]) for earlier, later in pairwise(stamps)]
    interval = median(float(time / count) for time, count in steps)
    allowed = max(_UNSTEADY * interval, min(_TICKS, interval / 2))
    return interval > 0 and all(abs(time - count * interval) <= allowed for time, count in steps)


def _is_far(stamps: Sequence[Stamp], index: int) -> bool:
    """Return whether a timestamp is further off than reordering explains.

    It is later than all that follow, or earlier than all before.
    """
    value = stamps[index][1]
    before, behind = [stamp for _, stamp in stamps[:index]], [stamp for _, stamp in stamps[index + 1 :]]
    return (len(behind) > 1 and value > max(behind)) or (len(before) > 1 and value < min(before))
