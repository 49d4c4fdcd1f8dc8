"""Iteration over frames, in order and with prefetching."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np
import numpy.typing as npt

from .._support.forking import register_fork_handler
from ..chunks import Image
from ..errors import FrameReadError, StoreClosedError
from ..index.store_index import ImgStoreIndex
from ..ondisk.chunk_index import Numbers, Times
from .array_batch import ImageKind, OtherImageError
from .image_reader import ImageReader
from .indexing import Indexes
from .position import FrameLocation, locate, places

_Item = TypeVar('_Item')
Make = Callable[[FrameLocation, Image], _Item]
Batch = tuple[Image, Numbers, Times]


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
        Indexes of the frames, ascending or descending.
    images : ImageReader
        Reader of the images, closed with this object.
    ahead : int
        Maximum number of prefetched frames.
    store : str
        The store's folder, for error messages.
    make : callable
        Makes an item of a frame and its image.
    """

    def __init__(
        self, known: ImgStoreIndex, indexes: Indexes, images: ImageReader, ahead: int, store: str, make: Make[_Item]
    ) -> None:
        self._known, self._indexes, self._rank = known, indexes, 0
        self._images, self._ahead, self._store, self._make = images, ahead, store, make
        self.lock, self._is_over, self._is_closed = threading.RLock(), False, False
        self.keeps: object = None  # an object to keep alive during the iteration
        weakref.finalize(self, _close_dropped, images).atexit = False
        register_fork_handler(self, FrameStream.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Leave threads and open files to the parent in a forked child."""
        self.lock = threading.RLock()
        self._images.reset_after_fork(threading.Lock())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Item:
        with self.lock:
            found = self._find()
            if found is None:
                self._end()
                raise StopIteration
            self._prefetch(found)
            try:
                image = self._images.read(found)
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
        return locate(self._known, int(self._indexes[self._rank]))

    def _prefetch(self, found: FrameLocation) -> None:
        """Schedule the next frames; near the end all of them are scheduled already."""
        end = self._rank + self._ahead + 1
        if self._ahead and (end <= len(self._indexes) or not self._rank):
            upcoming: Sequence[int] = _as_ints(self._indexes[self._rank : end])
            in_sequence = abs(upcoming[-1] - upcoming[0]) == len(upcoming) - 1
            self._images.prefetch(places(self._known, found, upcoming), in_sequence)

    def rewind(self, count: int) -> None:
        """Go back by some frames."""
        self._rank -= count

    def __len__(self) -> int:
        return len(self._indexes) - self._rank

    def _end(self) -> None:
        self._is_over, self.keeps = True, None
        self._images.stop_prefetching()
        self._images.close()

    def close(self) -> None:
        """End the iteration, as its store is closed."""
        with self.lock:
            if not self._is_over:
                self._is_closed, self.keeps = True, None
                self._images.stop_prefetching()
                self._images.close()


def _as_ints(indexes: Indexes) -> Sequence[int]:
    return indexes if isinstance(indexes, range) else indexes.tolist()


def _close_dropped(images: ImageReader) -> None:
    """Close the reader of an object that was freed, in any thread."""
    if not images.is_own_thread:  # a prefetching thread cannot wait for itself
        images.stop_prefetching()
        images.close()


class BatchStream(Iterator[Batch]):
    """Batches of consecutive frames of a stream. Thread-safe.

    A batch with an error raises it again on the next call.

    Parameters
    ----------
    frames : FrameStream
        The frames.
    size : int
        Frames per batch. The last one may have fewer.
    kind : ImageKind
        Shape and dtype of the images.
    store : str
        The store's folder, for error messages.
    """

    def __init__(
        self, frames: FrameStream[tuple[FrameLocation, Image]], size: int, kind: ImageKind, store: str
    ) -> None:
        self._frames, self._size, self._kind, self._store = frames, size, kind, store

    def __next__(self) -> Batch:
        with self._frames.lock:
            before = len(self._frames)
            count = min(self._size, before)
            batch = self._kind.empty(count), np.empty(count, np.int64), np.empty(count, np.float64)
            try:
                for row, (found, image) in enumerate(itertools.islice(self._frames, self._size)):
                    self._put(batch, row, found, image)
            except BaseException:
                self._frames.rewind(before - len(self._frames))
                raise
            if not count:
                raise StopIteration
            return batch

    def _put(self, batch: Batch, row: int, found: FrameLocation, image: Image) -> None:
        images, numbers, times = batch
        try:
            images[row] = self._kind.part(found.place, image)
        except OtherImageError as error:
            raise self._kind.error(self._store, found, error.what) from None
        numbers[row], times[row] = found.number_and_time


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
            images.is_decoding = is_decoding
            stream = FrameStream(known, indexes, images, self._ahead, self._store, make)
            self._streams.add(stream)
            return stream

    def close(self) -> None:
        """Close all readers; wait for those in use."""
        with self._lock:
            self._closed, streams = True, list(self._streams)
        for stream in streams:
            stream.close()
