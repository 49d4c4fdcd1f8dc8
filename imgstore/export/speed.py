"""Faster and slower than recorded."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from .._support.validation import not_allowed
from ..errors import InvalidArgumentError
from ..frame_rate import median_interval
from .selection import Frames

FASTEST_SHOWN = 60
"""Frames per second that screens show; of faster videos, frames are left out."""

MIN_SPEED, MAX_SPEED = 0.001, 100_000


def checked_speed(speed: Any) -> float:
    """Return the speed as float.

    Raises InvalidArgumentError if it is not from 0.001 to 100,000.
    """
    try:
        value = float(speed)
    except (TypeError, ValueError):
        value = math.nan
    if not MIN_SPEED <= value <= MAX_SPEED:
        raise not_allowed('speed', speed, f'it must be from {MIN_SPEED} to {MAX_SPEED:,}, such as 4 or 0.5')
    return value


def thin_out(frames: Frames, speed: float, most: float = FASTEST_SHOWN) -> Frames:
    """Keep every n-th frame, if there are too many to show at a speed.

    Parameters
    ----------
    frames : Frames
    speed : float
        How many times as fast as recorded the frames are shown.
    most : float
        Maximum frames per second.
    """
    interval = median_interval(frames.times)
    step = 1 if interval is None else max(1, math.ceil(speed / (interval * most) - 1e-3))
    if step == 1:
        return frames
    kept = slice(None, None, step)
    return replace(frames, indices=frames.indices[kept], numbers=frames.numbers[kept], times=frames.times[kept])


def refuse_sound(speed: float, **given: object) -> None:
    """Raise InvalidArgumentError for tracks that cannot follow another speed."""
    for name, value in given.items():
        if value and speed != 1:
            raise InvalidArgumentError(
                f'{name} cannot be played at {speed:g} times the recorded speed; leave out the speed, or {name}',
                argument=name,
            )
