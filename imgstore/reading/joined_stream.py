"""Iteration over the frames of several stores that follow each other."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .._support.forking import register_fork_handler
from ..chunks import Image
from ..index.joined_index import JoinedIndex
from .frame_stream import FrameStream, Make
from .indexing import Indexes
from .position import FrameLocation

_Item = TypeVar('_Item')


class Stretch(NamedTuple):
    """Consecutive rows with frames of one part."""

    part: int
    first_row: int
    indexes: Indexes
    """Indexes of the frames in the part."""


def stretches(indexes: Indexes, starts: Sequence[int]) -> list[Stretch]:
    """Split indexes of frames by the parts that have them.

    Parameters
    ----------
    indexes : range or ndarray
        Indexes from 0 to the number of frames, in any order.
    starts : sequence of int
        Index of the first frame of each part, and the number of all frames.
    """
    if isinstance(indexes, range):
        return _of_range(indexes, starts)
    part_of = np.searchsorted(starts, indexes, 'right') - 1
    edges = [0, *(np.flatnonzero(np.diff(part_of)) + 1).tolist(), len(indexes)]
    return [
        Stretch(part, begin, indexes[begin:end] - starts[part])
        for begin, end in pairwise(edges)
        if begin < end and (part := int(part_of[begin])) >= 0
    ]


def _of_range(indexes: range, starts: Sequence[int]) -> list[Stretch]:
    if indexes.step < 0:
        count = len(indexes)
        upwards = _of_range(indexes[::-1], starts)
        return [
            Stretch(part, count - first - len(own), own[::-1])  # the same frames in the other direction
            for part, first, own in reversed(upwards)
        ]
    found = []
    for part, (start, stop) in enumerate(pairwise(starts)):
        begin, end = bisect.bisect_left(indexes, start), bisect.bisect_left(indexes, stop)
        if begin < end:
            own = indexes[begin:end]
            found.append(Stretch(part, begin, range(own.start - start, own.stop - start, own.step)))
    return found


Open = Callable[[int, Indexes, Make[Any]], FrameStream[Any]]
"""Opens a stream of frames of a part."""


class JoinedStream(Iterator[_Item]):
    """Frames of several stores in order. Thread-safe.

    After a FrameReadError the next call reads the frame after.

    Parameters
    ----------
    known : JoinedIndex
        Index of the stores at the start.
    indexes : range or ndarray
        Indexes of the frames, in any order.
    open_part : callable
        Opens a stream of frames of a part.
    check_open : callable
        Raises StoreClosedError if the stores were closed together.
    make : callable
        Makes an item of a frame and its image.

    Attributes
    ----------
    lock : RLock
        Held while frames are read.
    keeps : object
        An object to keep alive during the iteration.
    """

    keeps: object

    def __init__(
        self, known: JoinedIndex, indexes: Indexes, open_part: Open, check_open: Callable[[], None], make: Make[_Item]
    ) -> None:
        self._known, self._stretches, self._count = known, stretches(indexes, known.starts), len(indexes)
        self._firsts = [stretch.first_row for stretch in self._stretches]
        self._open, self._check_open, self._make = open_part, check_open, make
        self._row, self._at = 0, -1
        self._stream: FrameStream[Any] | None = None
        self.lock, self.keeps = threading.RLock(), None
        register_fork_handler(self, JoinedStream.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Replace the lock in a forked child."""
        self.lock = threading.RLock()

    def __next__(self) -> _Item:
        with self.lock:
            if self._row == self._count:
                self._end_part()
                self.keeps = None
                raise StopIteration
            self._check_open()
            stream, ahead = self._part_stream()
            stream.move(ahead)
            self._row += 1
            item: _Item = next(stream)
            return item

    def _part_stream(self) -> tuple[FrameStream[Any], int]:
        """Return the stream with the next row, and how many frames to go on in it."""
        at = bisect.bisect_right(self._firsts, self._row) - 1
        stretch = self._stretches[at]
        if at != self._at or self._stream is None:
            self._end_part()
            self._stream, self._at = self._open(stretch.part, stretch.indexes, self._make_of(stretch.part)), at
        done = len(stretch.indexes) - len(self._stream)
        return self._stream, self._row - stretch.first_row - done

    def _end_part(self) -> None:
        if self._stream is not None:
            self._stream.end()
            self._stream = None

    def _make_of(self, part: int) -> Make[_Item]:
        start, shift, make = self._known.starts[part], self._known.shifts[part], self._make

        def make_joined(found: FrameLocation, image: Image) -> _Item:
            number, time = found.number_and_time
            return make(
                found._replace(frame_index=found.frame_index + start, number_and_time=(number + shift, time)), image
            )

        return make_joined

    def move(self, count: int) -> None:
        """Go on by some frames, or back."""
        self._row += count

    def __len__(self) -> int:
        return self._count - self._row
