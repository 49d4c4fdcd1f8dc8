"""Times of frames in the unit of a video's container."""

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
_TICKS = {'.mp4': (Fraction(1, 90_000), _MILLISECOND), '.mkv': (_MILLISECOND,)}
"""The units of frame times, the finest first; Matroska as FFmpeg writes it has milliseconds."""

_MAX_TICKS_OF_MP4 = 2**31 - 1  # between two frames
_MAX_TICKS_TO_REORDER = 2**28  # from decoding to showing: FFmpeg 5.1 ignores all such times if one is longer
_MAX_FRAMES_TO_REORDER = 16  # that are decoded earlier than they are shown, of H.264
_MAX_TICKS = 2**53  # in all
_MAX_SETBACK = 1.0  # seconds that a clock may go back, so that frames are shown later than they were taken

EXTENSIONS = tuple(_TICKS)
"""Of the containers."""


class Ticks:
    """Times of frames in a container's unit, from 0, strictly ascending.

    Parameters
    ----------
    extension : {'.mp4', '.mkv'}
        Of the container.
    frames : Frames

    Attributes
    ----------
    unit : Fraction
        Seconds.
    starts, durations : ndarray of int64
        When and how long each frame is shown.
    options : dict
        What FFmpeg is told for that unit.
    rate : Fraction
        Frames a second, by their times; by the metadata if there is one frame.
    can_reorder : bool
        Whether the container holds how much later than decoded each frame is shown, if an encoder reorders them.

    Raises
    ------
    InvalidArgumentError
        The container cannot hold the times.
    """

    def __init__(self, extension: str, frames: Frames) -> None:
        if not np.all(np.isfinite(frames.times)):
            raise InvalidArgumentError('a frame has no time, so a video cannot show it at one')
        _check_setbacks(frames)
        self.unit = _unit(extension, frames)
        self.rate = _rate(frames)
        self.options = {'video_track_timescale': str(self.unit.denominator)} if extension == '.mp4' else {}
        wanted = np.rint((frames.times - frames.times[0]) / float(self.unit)).astype(np.int64)
        self.starts: npt.NDArray[np.int64] = _ascending(wanted)
        steps = np.diff(self.starts)
        last = round(float(np.median(steps))) if len(steps) else round(Fraction(1, 25) / self.unit)
        self.durations: npt.NDArray[np.int64] = np.append(steps, max(1, last))
        self.can_reorder = extension != '.mp4' or 2 * _widest(self.starts) < _MAX_TICKS_TO_REORDER

    @property
    def seconds(self) -> float:
        """How long the video is."""
        return float((self.starts[-1] + self.durations[-1]) * self.unit)


def _rate(frames: Frames) -> Fraction:
    user = frames.store.user_metadata
    return FrameRate().of(frames.times.tolist()) or FrameRate(metadata=user).of([]) or Fraction(
        VIDEO_FRAMES_PER_SECOND)


def _widest(starts: npt.NDArray[np.int64]) -> int:
    """The longest time that a frame may be decoded before it is shown; those at the start as much earlier again."""
    apart = min(_MAX_FRAMES_TO_REORDER, len(starts) - 1)
    return int((starts[apart:] - starts[:len(starts) - apart]).max())


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
            f'the time goes back by {seconds:.3f} s at index {index}, where the clock was set, and no video can show '
            f'that; export the frames before index {index} and from there on as two videos, or as images or a table',
            frame_index=index)


def _unit(extension: str, frames: Frames) -> Fraction:
    """The finest unit in which the container holds all intervals."""
    steps = np.diff(frames.times)
    longest = float(steps.max(initial=0.0))
    if extension != '.mp4':
        return _checked(_TICKS[extension][-1], frames)
    for unit in _TICKS[extension]:
        if longest / unit <= _MAX_TICKS_OF_MP4:
            return _checked(unit, frames)
    index = int(frames.indices[steps.argmax()])
    raise InvalidArgumentError(
        f'there are {longest / 3600:.0f} hours between the frames at index {index} and the next, and an interval in '
        f'.mp4 can have {int(_MAX_TICKS_OF_MP4 * _MILLISECOND) // 3600} hours; export to .mkv', frame_index=index)


def _checked(unit: Fraction, frames: Frames) -> Fraction:
    span = float(np.ptp(frames.times))
    if span / unit > _MAX_TICKS:
        raise InvalidArgumentError(f'the frames span {span:.4g} s, which no video can hold; export them as images or a '
                                   'table, or choose a range of them')
    return unit
