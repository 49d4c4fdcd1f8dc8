"""Iteration over frames, in order and with prefetching."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy.typing as npt

from .._support.forking import register_fork_handler
from ..chunks import Image
from ..chunks.base import SHORT_GROUP
from ..errors import FrameReadError, StoreClosedError
from ..index.store_index import ImgStoreIndex
from .batch import BatchReader
from .image_reader import ImageReader
from .indexing import Indexes
from .position import FrameLocation, locate, places

_Item = TypeVar('_Item')
Make = Callable[[FrameLocation, Image], _Item]


class Frame(NamedTuple):
    """A frame of a store, with its image.

    Attributes
    ----------
    image : ndarray
        The image.
    number : int
        Number of the frame.
    time : float
        Time of the frame in seconds.
    index : int
        Index of the frame in the store.
    """

    image: npt.NDArray[Any]
    number: int
    time: float
    index: int  # type: ignore[assignment]  # hides tuple.index


def as_frame(found: FrameLocation, image: Image) -> Frame:
    """Make a frame for `ImgStore.frames`."""
    return Frame(image, *found.number_and_time, found.frame_index)


def as_pair(found: FrameLocation, image: Image) -> tuple[Image, tuple[int, float]]:
    """Make the pair that a store yields."""
    return image, found.number_and_time


def as_found(found: FrameLocation, image: Image) -> tuple[FrameLocation, Image]:
    """Make an item for a batch."""
    return found, image


class FrameStream(Iterator[_Item], Generic[_Item]):
    """Frames of a store in order, read by a reader of its own. Thread-safe.

    After a FrameReadError the next call reads the frame after.

    Parameters
    ----------
    known : ImgStoreIndex
        Index of the store at the start.
    indexes : range or ndarray
        Indexes of the frames, in any order. Ascending ones are read fastest.
    images : ImageReader
        Reader of the images, closed with this object.
    ahead : int
        Maximum number of prefetched frames.
    store : str
        The store's folder, for error messages.
    make : callable
        Makes an item of a frame and its image.

    Attributes
    ----------
    lock : RLock
        Held while frames are read.
    batches : BatchReader
        Reads several of the frames at once.
    keeps : object
        An object to keep alive during the iteration.
    """

    def __init__(
        self, known: ImgStoreIndex, indexes: Indexes, images: ImageReader, ahead: int, store: str, make: Make[_Item]
    ) -> None:
        self.known, self._indexes, self._rank = known, indexes, 0
        self._is_in_order = _is_monotonic(indexes)
        self.images, self.batches = images, BatchReader(images, ahead, in_parallel=True)
        self._ahead, self._store, self._make = ahead, store, make
        self.lock, self._is_over, self._is_closed = threading.RLock(), False, False
        self.keeps: object = None
        weakref.finalize(self, _close_dropped, self.images, self.batches).atexit = False
        register_fork_handler(self, FrameStream.reset_after_fork, lambda stream: stream.known.lock)

    def reset_after_fork(self) -> None:
        """Leave threads and open files to the parent in a forked child."""
        self.lock, self.known.lock = threading.RLock(), threading.RLock()
        self.images.reset_after_fork(threading.Lock())
        self.batches.reset_after_fork()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Item:
        with self.lock:
            found = self._find()
            if found is None:
                self.end()
                raise StopIteration
            self._prefetch(found)
            try:
                image = self.images.read(found)
            except FrameReadError:
                self._rank += 1
                raise
            self._rank += 1
            return self._make(found, image)

    def _find(self) -> FrameLocation | None:
        """Find the next frame; None after the last."""
        if self._is_over or self._rank == len(self._indexes):
            return None
        if self._is_closed:
            raise StoreClosedError(f'{self._store} was closed during the iteration; open it again', store=self._store)
        return locate(self.known, int(self._indexes[self._rank]))

    def _prefetch(self, found: FrameLocation) -> None:
        """Schedule the next frames; near the end all of them are scheduled already."""
        end = self._rank + self._ahead + 1
        if self._ahead and (end <= len(self._indexes) or not self._rank):
            upcoming: Sequence[int] = _as_ints(self._indexes[self._rank : end])
            in_sequence = abs(upcoming[-1] - upcoming[0]) <= SHORT_GROUP * (len(upcoming) - 1)
            if self._is_in_order:
                self.images.prefetch(places(self.known, found, upcoming), in_sequence)
            else:
                self.images.prefetch([self.known.to_chunk(index) for index in upcoming])

    def upcoming(self, count: int) -> list[FrameLocation]:
        """Return the next frames without reading them; StoreClosedError if closed."""
        if self._find() is None:
            return []
        indexes = _as_ints(self._indexes[self._rank : self._rank + count])
        found = itertools.takewhile(lambda each: each is not None, (locate(self.known, index) for index in indexes))
        return [each for each in found if each is not None]  # takewhile tells mypy nothing

    def move(self, count: int) -> None:
        """Go on by some frames, or back."""
        self._rank += count

    def __len__(self) -> int:
        return len(self._indexes) - self._rank

    def end(self) -> None:
        """End the iteration, as there are no more frames."""
        self._is_over, self.keeps = True, None
        _close(self.images, self.batches)

    def close(self) -> None:
        """End the iteration, as its store is closed."""
        with self.lock:
            if not self._is_over:
                self._is_closed, self.keeps = True, None
                _close(self.images, self.batches)


def _is_monotonic(indexes: Indexes) -> bool:
    if isinstance(indexes, range):
        return True
    return bool((indexes[:-1] <= indexes[1:]).all() or (indexes[:-1] >= indexes[1:]).all())


def _as_ints(indexes: Indexes) -> Sequence[int]:
    return indexes if isinstance(indexes, range) else indexes.tolist()


def _close(images: ImageReader, batches: BatchReader) -> None:
    images.stop_prefetching()
    batches.close()
    images.close()


def _close_dropped(images: ImageReader, batches: BatchReader) -> None:
    """Close the readers of an object that was freed, in any thread."""
    if not images.is_own_thread:  # a prefetching thread cannot wait for itself
        _close(images, batches)


class FrameStreams:
    """Unfinished iterations over a store. Thread-safe.

    Parameters
    ----------
    store : str
        The store's folder, for error messages.
    make_images : callable
        Makes a reader of images for each iteration.
    ahead : int
        Maximum number of prefetched frames of each.
    """

    def __init__(self, store: str, make_images: Callable[[], ImageReader], ahead: int) -> None:
        self._store, self._make_images, self._ahead = store, make_images, ahead
        self._lock, self._closed = threading.Lock(), False
        self._streams: weakref.WeakSet[FrameStream[Any]] = weakref.WeakSet()
        register_fork_handler(self, FrameStreams.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Replace the lock in a forked child."""
        self._lock = threading.Lock()

    def open(self, known: ImgStoreIndex, indexes: Indexes, make: Make[_Item], is_decoding: bool) -> FrameStream[_Item]:
        """Begin an iteration; StoreClosedError after `close`."""
        with self._lock:
            if self._closed:
                raise StoreClosedError(f'{self._store} is closed; open it again to read', store=self._store)
            images = self._make_images()
            images.is_decoding, images.index = is_decoding, known
            stream = FrameStream(known, indexes, images, self._ahead, self._store, make)
            self._streams.add(stream)
            return stream

    def close(self) -> None:
        """Close all readers; wait for those in use."""
        with self._lock:
            self._closed, streams = True, list(self._streams)
        for stream in streams:
            stream.close()
