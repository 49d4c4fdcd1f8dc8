"""Reading many frames in one call."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from .._support.cpu import THREADS
from .._support.forking import leak
from ..chunks import Image
from .image_reader import ImageReader
from .position import FrameLocation, Place


class BatchReader:
    """Reader of batches, each frame once and in the order of the store.

    Parameters
    ----------
    images : ImageReader
        Reads the images.
    ahead : int
        Maximum number of prefetched frames.
    chunks_at_once : bool
        Read several chunks in parallel.
    """

    def __init__(self, images: ImageReader, ahead: int, chunks_at_once: bool) -> None:
        self._images, self._ahead, self._chunks_at_once = images, ahead, chunks_at_once
        self._pool: ThreadPoolExecutor | None = None

    def reset_after_fork(self) -> None:
        """Leave the threads to the parent in a forked child."""
        leak(self._pool)
        self._pool = None

    def read(
        self, frames: Sequence[FrameLocation], shape: tuple[int, ...], dtype: npt.DTypeLike
    ) -> Image | list[Image]:
        """Read images into one array of a shape and dtype.

        Into a list if images differ.

        They differ only if somebody changed the store's files.
        """
        images = np.empty((0, *shape), dtype)
        rows = defaultdict(list)
        for row, frame in enumerate(frames):
            rows[frame.place].append(row)
        others = {}
        for place, image in self._in_order(frames):
            if (image.shape, image.dtype) == (images.shape[1:], images.dtype):
                if not len(images):  # allocated only after one image really had this size
                    images = np.empty((len(frames), *image.shape), image.dtype)
                images[rows[place]] = image
            else:
                others.update(dict.fromkeys(rows[place], image))
        return [others[row] if row in others else images[row] for row in range(len(frames))] if others else images

    def _in_order(self, frames: Sequence[FrameLocation]) -> Iterator[tuple[Place, Image]]:
        """Read each image once, in the order of the store.

        Chunks are read in parallel, or frames prefetched.
        """
        once = sorted({frame.place: frame for frame in frames}.values(), key=lambda frame: frame.place)
        by_chunk = [list(group) for _, group in itertools.groupby(once, lambda frame: frame.place[0])]
        if not self._chunks_at_once or len(by_chunk) == 1:
            yield from self._read_in_turn(once)
            return
        # kept, since OpenCV holds a lock while a thread ends: a child forked at that moment would deadlock
        self._pool = self._pool or ThreadPoolExecutor(THREADS, 'imgstore')
        for images in self._pool.map(self._images.read_chunk, by_chunk):
            yield from images

    def _read_in_turn(self, frames: Sequence[FrameLocation]) -> Iterator[tuple[Place, Image]]:
        for rank, frame in enumerate(frames):
            self._images.prefetch(frame.place for frame in frames[rank : rank + self._ahead])
            yield frame.place, self._images.read(frame)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
