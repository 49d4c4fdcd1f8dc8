"""The frames of a video file."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chunks.containers import open_input
from ..color import Image
from ..errors import FrameReadError, InvalidArgumentError

if TYPE_CHECKING:
    import av

_USUAL_RATE = Fraction(25)
_FIRST_YEAR = 1980  # what is told to be older was made by a program that does not know the time


def film_frames(path: str) -> Generator[tuple[Image, float]]:
    """Read all frames of a video file.

    Parameters
    ----------
    path
        Of any file, or URL, that FFmpeg reads.

    Yields
    ------
    image : numpy.ndarray
        (h, w, 3) BGR, uint8, upright.
    time : float
        The file's own timestamp in seconds.

    Raises
    ------
    InvalidArgumentError
        It is no video.
    FrameReadError
        A frame is damaged.
    """
    import av

    number = 0
    try:
        with open_input(path) as film:
            if not film.streams.video:
                raise InvalidArgumentError(f'{path!r} holds no video')
            stream = film.streams.video[0]
            stream.thread_type = 'SLICE'  # threads that each decode a frame lose the error of a film's cut-off end
            for frame in film.decode(stream):
                yield _upright(frame), _time(frame, number, stream.average_rate)
                number += 1
    except av.FFmpegError as error:
        if number == 0:
            raise InvalidArgumentError(f'{path!r} cannot be read as a video: {error.strerror}') from error
        raise FrameReadError(f'{path!r}: frame {number} cannot be read: {error.strerror}') from error


def _upright(frame: av.VideoFrame) -> Image:
    image: Image = frame.to_ndarray(format='bgr24')
    quarter_turns = round(frame.rotation / 90)
    return np.ascontiguousarray(np.rot90(image, quarter_turns))


def _time(frame: av.VideoFrame, number: int, rate: Any) -> float:
    if frame.pts is None or frame.time_base is None:
        return float(number / (rate or _USUAL_RATE))
    return float(frame.pts * frame.time_base)


def film_facts(path: str) -> tuple[int | None, float | None]:
    """Tell what a video file says of itself, which may be nothing.

    Parameters
    ----------
    path
        Of any file, or URL, that FFmpeg reads.

    Returns
    -------
    frames : int or None
        How many there are, about.
    created : float or None
        When the recording began, in seconds since 1970.
    """
    import av

    try:
        with open_input(path) as film:
            stream = film.streams.video[0]
            length = float(film.duration / av.time_base) if film.duration else 0.0
            count = stream.frames or round(length * float(stream.average_rate or 0))
            told = film.metadata.get('creation_time') or stream.metadata.get('creation_time')
    except (av.FFmpegError, IndexError):
        return None, None
    return count or None, _created(told)


def _created(text: str | None) -> float | None:
    import dateutil.parser

    try:
        date = dateutil.parser.isoparse(text or '')
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)
    return date.timestamp() if date.year >= _FIRST_YEAR else None
