"""The frames of our own Matroska files, by their cues."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from .frame_table import FrameTable
from .matroska import is_ours

_MOST_IN_A_GROUP = 64
"""Frames a keyframe: of fewer cues, some are missing."""


@dataclass(frozen=True)
class CuesTable(FrameTable):
    """A table with exact times for keyframes, and an even pace between.

    Attributes
    ----------
    tolerance : int
        Largest difference of an even time from the frame's own, less than half of the pace.
    """

    tolerance: int = 0

    def index_of(self, pts: int | None) -> int | None:
        """Return the index of the frame with about a presentation time, or None."""
        if pts is None:
            return None
        index = int(self.pts.searchsorted(pts - self.tolerance))
        return index if index < len(self.pts) and self.pts[index] <= pts + self.tolerance else None


def table_from_cues(container: Any, stream: Any, frames: int | None) -> FrameTable | None:
    """Build the table of a finished file of ours; None for any other.

    Parameters
    ----------
    container : av.container.InputContainer
        The container. Its position changes.
    stream : av.VideoStream
        The video.
    frames : int or None
        Number of frames in the chunk's index.
    """
    import av

    if not frames or 'matroska' not in container.format.name or not is_ours(container):
        return None
    with contextlib.suppress(av.FFmpegError):
        container.seek(0, stream=stream)  # only that reads the cues
        times = [entry.timestamp for entry in stream.index_entries]
        if stream.average_rate and container.duration and len(times) * _MOST_IN_A_GROUP >= frames:
            pace, tick = float(1 / stream.average_rate / stream.time_base), float(stream.time_base)
            pace_of_all = container.duration / av.time_base / tick / frames
            return _table(np.array(times, np.int64), frames, pace, pace_of_all)
    return None


def _table(times: Any, frames: int, pace: float, pace_of_all: float) -> FrameTable | None:
    """Return the table, unless frames or times of the file differ."""
    indexes = np.rint((times - times[0]) / pace_of_all).astype(np.intp)
    is_even = abs(pace_of_all - pace) * frames < pace / 2 and np.all(np.diff(indexes) > 0)
    if not is_even or times[0] not in (0, 1) or indexes[-1] >= frames:
        return None
    if np.max(np.abs(times - times[0] - indexes * pace_of_all)) > pace / 8 + 1:
        return None
    every = np.arange(frames)
    after = times[-1] + (every - indexes[-1]) * pace_of_all
    pts = np.where(every > indexes[-1], after, np.interp(every, indexes, times))
    return CuesTable(np.rint(pts).astype(np.int64), indexes, tolerance=max(1, int(pace / 4)))
