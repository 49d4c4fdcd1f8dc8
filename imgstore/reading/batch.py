"""Reading many frames in one call."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .._support.cpu import THREADS
from .._support.forking import leak
from ..chunks import Image
from .image_reader import ImageReader, Put
from .position import FrameLocation, Place

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_MOST_PARTS = 2 * THREADS  # submitted at once


class Batch:
    """The images of a batch: an array, or a list if they differ.

    They differ only if somebody changed the store's files.

    Parameters
    ----------
    frames : sequence of FrameLocation
        The requested frames, perhaps some of them several times.
    shape : tuple of int
        Expected shape of the images.
    dtype : dtype
        Expected dtype of the images.
    """

    def __init__(self, frames: Sequence[FrameLocation], shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._images = np.empty((0, *shape), dtype)
        self._rows: defaultdict[Place, list[int]] = defaultdict(list)
        for row, frame in enumerate(frames):
            self._rows[frame.place].append(row)
        self._count, self._lock = len(frames), threading.Lock()
        self._others: dict[int, Image] = {}

    def put(self, place: Place, image: Image) -> None:
        """Add an image; thread-safe."""
        if (image.shape, image.dtype) != (self._images.shape[1:], self._images.dtype):
            self._others.update(dict.fromkeys(self._rows[place], image))
            return
        with self._lock:
            if not len(self._images):  # allocated only after one image really had this size
                self._images = np.empty((self._count, *image.shape), image.dtype)
        for row in self._rows[place]:
            self._images[row] = image

    def result(self) -> Image | list[Image]:
        """Return the images in the order of the frames."""
        others = self._others
        if not others:
            return self._images
        return [others[row] if row in others else self._images[row] for row in range(self._count)]


class BatchReader:
    """Reader of batches, each frame once and in the order of the store.

    Parameters
    ----------
    images : ImageReader
        Reads the images.
    ahead : int
        Maximum number of prefetched frames.
    in_parallel : bool
        Read several chunks, or groups of a chunk's frames, in parallel.
    """

    def __init__(self, images: ImageReader, ahead: int, in_parallel: bool) -> None:
        self._images, self._ahead, self._in_parallel = images, ahead, in_parallel
        self._pool: ThreadPoolExecutor | None = None

    def reset_after_fork(self) -> None:
        """Leave the threads to the parent in a forked child."""
        leak(self._pool)
        self._pool = None

    def read(
        self, frames: Sequence[FrameLocation], shape: tuple[int, ...], dtype: npt.DTypeLike
    ) -> Image | list[Image]:
        """Read images into one array, or into a list if they differ."""
        batch = Batch(frames, shape, dtype)
        self.read_into(frames, batch.put)
        return batch.result()

    def read_into(self, frames: Iterable[FrameLocation], put: Put) -> None:
        """Read each image once, and pass it on in any thread and any order."""
        once = sorted({frame.place: frame for frame in frames}.values(), key=lambda frame: frame.place)
        by_chunk = [list(group) for _, group in itertools.groupby(once, lambda frame: frame.place[0])]
        if not self._in_parallel:
            self._read_in_turn(once, put)
        elif len(by_chunk) >= THREADS > 1:
            self._at_once(partial(self._images.read_chunk, put), by_chunk)
        else:
            for chunk in by_chunk:
                self._read_chunk(chunk, put)

    def _read_chunk(self, frames: Sequence[FrameLocation], put: Put) -> None:
        """Read images of one chunk, groups of frames in parallel."""
        parts = self._images.parts_of(frames)
        if len(parts) < THREADS or THREADS == 1:
            self._read_in_turn(frames, put)
            return
        with self._images.spare_readers(frames[0].place[0]) as readers:
            self._at_once(partial(self._images.read_part, readers, put), parts)

    def _at_once(
        self, read: Callable[[Sequence[FrameLocation]], None], parts: Sequence[Sequence[FrameLocation]]
    ) -> None:
        """Read parts in parallel up to the first error, and wait for all of them."""
        from concurrent.futures import ThreadPoolExecutor, wait

        # kept, since OpenCV holds a lock while a thread ends: a child forked at that moment would deadlock
        self._pool = self._pool or ThreadPoolExecutor(THREADS, 'imgstore')
        futures: deque[Future[None]] = deque()
        try:
            for part in parts:
                futures.append(self._pool.submit(read, part))
                if len(futures) == _MOST_PARTS:
                    futures.popleft().result()
            while futures:
                futures.popleft().result()
            self._images.warn_if_unverified()
        finally:
            for future in futures:
                future.cancel()
            wait(futures)

    def _read_in_turn(self, frames: Sequence[FrameLocation], put: Put) -> None:
        """Read images one by one, with prefetching."""
        for rank, frame in enumerate(frames):
            self._images.prefetch(frame.place for frame in frames[rank : rank + self._ahead])
            put(frame.place, self._images.read(frame))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
