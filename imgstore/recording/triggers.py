"""Comparison of the frames of cameras with a common trigger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

Times = Sequence[tuple[int, float]]
"""Numbers of frames and their times in seconds."""

_MOST = 0.5  # intervals by which the times of one trigger differ


def trigger_mismatches(first: Mapping[str, Times], latest: Mapping[str, Times]) -> list[str]:
    """Return what is wrong with the numbers of cameras with a common trigger.

    Parameters
    ----------
    first
        First frames of each camera.
    latest
        Latest frames of each camera.

    Returns
    -------
    list of str
        A sentence for each camera and end of the recording where it differs from the first camera.
    """
    return [
        f'{name}: {when} of trigger {number} came {abs(late) * 1e3:.1f} ms {"after" if late > 0 else "before"} that of '
        f'{reference}, so their numbers are not of the same triggers'
        for when, frames in (('the first frame', first), ('a frame at the end', latest))
        for reference, name, number, late in _differences(frames)
    ]


def _differences(frames: Mapping[str, Times]) -> Iterator[tuple[str, str, int, float]]:
    if not frames:
        return
    reference, *others = frames
    known = dict(frames[reference])
    for name in others:
        common = [(number, at - known[number]) for number, at in frames[name] if number in known]
        limit = _MOST * min(_interval(frames[reference]), _interval(frames[name]))
        if common and abs(late := median(difference for _, difference in common)) > limit:
            yield reference, name, common[-1][0], late


def _interval(frames: Times) -> float:
    """Return the usual time of one trigger to the next."""
    steps = [(at - before) / (number - last) for (last, before), (number, at) in pairwise(frames) if number > last]
    return median(steps) if steps else float('inf')
