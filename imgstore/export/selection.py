"""Selection of frames by ranges of numbers, indexes and times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .._support.moments import as_moment
from .._support.validation import as_int, as_seconds
from ..color import Image
from ..errors import InvalidArgumentError
from ..stores.base import ImgStore
from ..timestamps import Numbers, Times, format_time

Indices = npt.NDArray[np.intp]
_Number = TypeVar('_Number', int, float)


@dataclass(frozen=True)
class Frames:
    """Frames of a store, in the order of the store.

    Attributes
    ----------
    store : VideoImgStore or DirectoryImgStore
        The store, open for reading.
    indices : ndarray of int, shape (n,)
        Frame indexes, from 0.
    numbers : ndarray of int64, shape (n,)
        Frame numbers.
    times : ndarray of float64, shape (n,)
        Frame times in seconds.
    """

    store: ImgStore
    indices: Indices
    numbers: Numbers
    times: Times

    def __len__(self) -> int:
        return len(self.indices)

    def images(self) -> Iterator[Image]:
        """Read the images, one after the other."""
        for index in self.indices.tolist():
            yield self.store.get_image(None, frame_index=index)[0]


def select(
    store: ImgStore,
    *,
    from_number: int | None = None,
    to_number: int | None = None,
    from_index: int | None = None,
    to_index: int | None = None,
    from_time: Any = None,
    to_time: Any = None,
    from_seconds: float | None = None,
    to_seconds: float | None = None,
) -> Frames:
    """Select frames of a store by ranges. Without a range, select all.

    Ranges include their start and exclude their end. With several ranges you get the frames in all of them.

    Parameters
    ----------
    store : VideoImgStore or DirectoryImgStore
        A store, open for reading.
    from_number : int, optional
        First frame number.
    to_number : int, optional
        Frame number after the last one.
    from_index : int, optional
        First frame index, from 0. Negative ones count from the end.
    to_index : int, optional
        Frame index after the last one.
    from_time : float, datetime, datetime64 or str, optional
        First frame time, as `find` of a store takes it.
    to_time : float, datetime, datetime64 or str, optional
        Frame time after the last one.
    from_seconds : float, optional
        Start in seconds since the first frame of the store, rounded to microseconds.
    to_seconds : float, optional
        End in seconds since the first frame of the store, rounded to microseconds.

    Returns
    -------
    Frames
        The frames, for the functions of export.

    Raises
    ------
    InvalidArgumentError
        A range is empty, or holds no frame.

    Examples
    --------
    >>> from imgstore.export import select
    >>> select(store, from_number=101, to_number=105).numbers.tolist()
    [101, 102]
    """
    numbers, times = store.frame_numbers, store.frame_times
    first = float(times[0]) if len(times) else 0.0

    def moment(value: Any, what: str) -> float:
        return as_moment(value, what, store.created[1], first).seconds

    number = _limits(as_int, from_number=from_number, to_number=to_number)
    index = _limits(as_int, from_index=from_index, to_index=to_index)
    time = _limits(moment, from_time=from_time, to_time=to_time)
    seconds = _limits(as_seconds, from_seconds=from_seconds, to_seconds=to_seconds)
    _check_ranges(store, numbers, times, number=number, index=index, time=time, seconds=seconds)
    indices = np.arange(len(numbers))[slice(*index)]
    since = np.round(times[indices] - first, 6)  # a double has times since 1970 to about 0.25 µs
    inside = _inside(numbers[indices], *number) & _inside(times[indices], *time) & _inside(since, *seconds)
    indices = indices[inside]
    if not len(indices):
        raise InvalidArgumentError(_nothing_in_range(store, numbers, times), store=store.filename)
    return Frames(store, indices, numbers[indices], times[indices])


def _limits(convert: Callable[[Any, str], _Number], **given: Any) -> tuple[_Number | None, _Number | None]:
    """Convert start and end of a range; None for one that was not given."""
    start, end = (None if value is None else convert(value, what) for what, value in given.items())
    return start, end


def _check_ranges(store: ImgStore, numbers: Numbers, times: Times, **ranges: tuple[float | None, float | None]) -> None:
    """Refuse a range with its end at or before its start."""
    for what, (start, end) in ranges.items():
        if start is None or end is None or (what == 'index' and (start < 0) != (end < 0)):
            continue
        if start >= end:
            told = [format_time(store.created[1], value) if what == 'time' else str(value) for value in (start, end)]
            raise InvalidArgumentError(
                f'the range by {what} from {told[0]} to {told[1]} is empty: its end is excluded and must be larger '
                f'than its start. {_what_there_is(store, numbers, times)}',
                argument=what,
                store=store.filename,
            )


def _inside(values: npt.NDArray[Any], start: float | None, end: float | None) -> npt.NDArray[np.bool_]:
    inside = np.ones(len(values), np.bool_)
    if start is not None:
        inside &= values >= start
    if end is not None:
        inside &= values < end
    return inside


def _nothing_in_range(store: ImgStore, numbers: Numbers, times: Times) -> str:
    if not len(numbers):
        return f'there are no frames in {store.filename!r}'
    return f'no frame of {store.filename!r} is in that range. {_what_there_is(store, numbers, times)}'


def _what_there_is(store: ImgStore, numbers: Numbers, times: Times) -> str:
    if not len(numbers):
        return 'There are no frames'
    if len(numbers) == 1:
        return f'The only frame has the number {numbers[0]} and the time {format_time(store.created[1], times[0])}'
    first, last = (format_time(store.created[1], time) for time in (times.min(), times.max()))
    return (
        f'The {len(numbers)} frames are numbered from {numbers.min()} to {numbers.max()}. Their times are {first} '
        f'to {last}'
    )
