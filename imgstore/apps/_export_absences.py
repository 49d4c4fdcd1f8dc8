"""The text on another store without frames, for imgstore-export --mosaic."""

from __future__ import annotations

from ..export.mosaic import Absence
from ..stores.base import ImgStore
from ..timestamps import format_time

_MOST_SPANS = 3


def told_absence(first: ImgStore, absence: Absence, frames: int) -> str:
    """Return which store has no frames, and when.

    Parameters
    ----------
    first : store
        The store that sets the times.
    absence : Absence
        Times without frames of another store.
    frames : int
        Number of all frames of the first store.
    """
    zone = first.created[1]
    times = [[format_time(zone, time) for time in span] for span in absence.spans[:_MOST_SPANS]]
    spans = [f'from {start} to {end}' if start != end else f'at {end}' for start, end in times]
    if more := len(absence.spans) - len(spans):
        spans.append(f'{more} more')
    return f'{absence.store!r} is black at {absence.frames} of {frames} times, without a frame: {", ".join(spans)}'
