"""Frame times in the time unit of a video container."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .._support.warn import warn
from ..errors import FramesDelayedWarning, InvalidArgumentError
from ..formats import VIDEO_FRAMES_PER_SECOND
from ..frame_rate import FrameRate
from ..timestamps import Times
from .selection import Frames

_MILLISECOND = Fraction(1, 1000)
_TICKS = {
    '.mp4': (Fraction(1, 90_000), _MILLISECOND),
    '.mkv': (_MILLISECOND,),
    '.gif': (Fraction(1, 100),),
    '.webp': (_MILLISECOND,),
}
"""Units of frame times, the finest first. FFmpeg writes Matroska in milliseconds."""

_MAX_INTERVALS = {'.mp4': 2**31 - 1, '.gif': 2**16 - 1, '.webp': 2**24 - 1}
"""Maximum units between two frames."""

_MAX_TICKS_TO_REORDER = 2**28  # from decoding to display; FFmpeg 5.1 ignores all of them if one is longer
_MAX_FRAMES_TO_REORDER = 16  # frames of H.264 decoded before their display
_MAX_TICKS = 2**53  # from the first frame to the last
_MAX_SETBACK = 1.0  # seconds a clock may go back; frames are then displayed late

EXTENSIONS = ('.mp4', '.mkv')
"""File name extensions of videos."""

ANIMATIONS = ('.gif', '.webp')
"""File name extensions of animated images."""


class Ticks:
    """Frame times in the time unit of a container, from 0, strictly ascending.

    Parameters
    ----------
    extension : {'.mp4', '.mkv', '.gif', '.webp'}
        Extension of the container.
    frames : Frames
    speed : float
        How many times as fast as recorded the frames are shown.

    Attributes
    ----------
    unit : Fraction
        Time unit in seconds.
    starts : ndarray of int64
        Start of each frame, in units.
    durations : ndarray of int64
        Duration of each frame, in units.
    options : dict
        Options of FFmpeg's muxer for this unit.
    rate : Fraction
        Frames per second by the times, or by the metadata for a single frame.
    can_reorder : bool
        Whether the container can hold the delay from decoding to display of reordered frames.

    Raises
    ------
    InvalidArgumentError
        The container cannot hold the times.
    """

    def __init__(self, extension: str, frames: Frames, speed: float = 1.0) -> None:
        if not np.all(np.isfinite(frames.times)):
            raise InvalidArgumentError('a frame has no time, so no video can hold it; export images or a table')
        _check_setbacks(frames)
        since: Times = (frames.times - frames.times[0]) / speed
        self.unit = _unit(extension, frames, since)
        self.rate = _rate(frames, since, speed)
        self.options = {'video_track_timescale': str(self.unit.denominator)} if extension == '.mp4' else {}
        wanted = np.rint(since / float(self.unit)).astype(np.int64)
        self.starts: npt.NDArray[np.int64] = _ascending(wanted)
        steps = np.diff(self.starts)
        last = round(float(np.median(steps))) if len(steps) else round(Fraction(1, 25) / self.unit)
        self.durations: npt.NDArray[np.int64] = np.append(steps, max(1, last))
        self.can_reorder = extension != '.mp4' or 2 * _widest(self.starts) < _MAX_TICKS_TO_REORDER

    @property
    def seconds(self) -> float:
        """Duration of the video."""
        return float((self.starts[-1] + self.durations[-1]) * self.unit)


def _rate(frames: Frames, since: Times, speed: float) -> Fraction:
    shown = FrameRate().of(since.tolist())
    recorded = FrameRate(metadata=frames.store.user_metadata).of([]) or Fraction(VIDEO_FRAMES_PER_SECOND)
    return shown or recorded * Fraction(speed).limit_denominator(1000)


def _widest(starts: npt.NDArray[np.int64]) -> int:
    """Return the longest span of frames between the decoding and display of one."""
    apart = min(_MAX_FRAMES_TO_REORDER, len(starts) - 1)
    return int((starts[apart:] - starts[: len(starts) - apart]).max())


def _ascending(wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    places = np.arange(len(wanted))
    starts: npt.NDArray[np.int64] = np.maximum.accumulate(wanted - places) + places
    shifted = int(np.count_nonzero(starts != wanted))
    if shifted:
        warn(FramesDelayedWarning(shifted))
    return starts


def _check_setbacks(frames: Frames) -> None:
    """Refuse times that go back further than a video can hide."""
    behind: Times = np.maximum.accumulate(frames.times) - frames.times
    late = np.flatnonzero(behind > _MAX_SETBACK)
    if len(late):
        index, seconds = int(frames.indices[late[0]]), float(behind[late[0]])
        raise InvalidArgumentError(
            f'the time goes back by {seconds:.3f} s at index {index}, because the clock was set, and no video can show '
            f'that; export the frames before index {index} and from there on as two videos, or as images or a table',
            frame_index=index,
        )


def _unit(extension: str, frames: Frames, since: Times) -> Fraction:
    """Return the finest unit for all intervals in the container."""
    steps = np.diff(since)
    longest, units = float(steps.max(initial=0.0)), _TICKS[extension]
    most = _MAX_INTERVALS.get(extension)
    for unit in units:
        if most is None or longest / unit <= most:
            return _checked(unit, since)
    index, limit = int(frames.indices[steps.argmax()]), float((most or 0) * units[-1])
    raise InvalidArgumentError(
        f'there are {_duration(longest)} between the frame at index {index} and the next, but an interval in '
        f'{extension} has at most {_duration(limit)}; export to .mkv',
        frame_index=index,
    )


def _duration(seconds: float) -> str:
    return f'{int(seconds / 3600)} hours' if seconds >= 3600 else f'{int(seconds)} s'


def _checked(unit: Fraction, since: Times) -> Fraction:
    span = float(np.ptp(since))
    if span / unit > _MAX_TICKS:
        raise InvalidArgumentError(
            f'the frames span {span:.4g} s and no video can hold that; export images or a '
            'table, or choose a range of them'
        )
    return unit
