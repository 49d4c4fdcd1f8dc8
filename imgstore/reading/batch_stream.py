"""Iteration over batches of frames."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from ..chunks import Image
from ..errors import FrameReadError
from ..ondisk.chunk_index import Numbers, Times
from .array_batch import ImageKind, OtherImageError
from .frame_stream import FrameStream
from .joined_stream import JoinedStream
from .position import FrameLocation, Place

Arrays = tuple[Image, Numbers, Times]
FoundStream = FrameStream[tuple[FrameLocation, Image]] | JoinedStream[tuple[FrameLocation, Image]]


class BatchStream(Iterator[Arrays]):
    """Batches of the frames of a stream. Thread-safe.

    A batch with an error raises it again on the next call.

    Parameters
    ----------
    frames : FrameStream or JoinedStream
        The frames.
    size : int
        Frames per batch. The last one may have fewer.
    kind : ImageKind
        Shape and dtype of the images.
    store : str
        The store's folder, for error messages.
    """

    def __init__(self, frames: FoundStream, size: int, kind: ImageKind, store: str) -> None:
        self._frames, self._size, self._kind, self._store = frames, size, kind, store

    def __next__(self) -> Arrays:
        with self._frames.lock:
            before = len(self._frames)
            batch = self._empty(min(self._size, before))
            try:
                count = self._fill(batch)
            except BaseException:
                self._frames.move(len(self._frames) - before)
                raise
            if not count:
                raise StopIteration
            return batch if count == len(batch[0]) else (batch[0][:count], batch[1][:count], batch[2][:count])

    @property
    def keeps(self) -> object:
        """An object to keep alive during the iteration."""
        return self._frames.keeps

    @keeps.setter
    def keeps(self, thing: object) -> None:
        self._frames.keeps = thing

    def _empty(self, count: int) -> Arrays:
        return self._kind.empty(count), np.empty(count, np.int64), np.empty(count, np.float64)

    def _fill(self, batch: Arrays) -> int:
        """Read the next frames one after the other, and count them."""
        count = 0
        while count < self._size and self._read_next(batch, count):
            count += 1
        return count

    def _read_next(self, batch: Arrays, row: int) -> bool:
        """Read the next frame into a row, if there is one.

        No name of the caller keeps its image, so the next one gets the same memory, which is in the processor's cache.
        """
        item = next(self._frames, None)
        if item is None:
            return False
        (images, numbers, times), (found, image) = batch, item
        images[row] = self._part(found, image)
        numbers[row], times[row] = found.number_and_time
        return True

    def _part(self, found: FrameLocation, image: Image) -> Image:
        try:
            part: Image = self._kind.part(found.place, image)
        except OtherImageError as error:
            raise self._kind.error(self._store, found, error.what) from None
        return part


class ParallelBatchStream(BatchStream):
    """Batches of frames of videos that are not consecutive.

    Several groups of pictures are decoded at once. The frames that later batches need of the last group are kept, so
    each group is decoded once.

    Parameters
    ----------
    most_kept : int
        Maximum number of kept images.
    """

    def __init__(
        self,
        frames: FrameStream[tuple[FrameLocation, Image]],
        size: int,
        kind: ImageKind,
        store: str,
        most_kept: int,
    ) -> None:
        super().__init__(frames, size, kind, store)
        self._frames: FrameStream[tuple[FrameLocation, Image]] = frames
        self._most_kept = most_kept
        self._kept: dict[Place, Image] = {}

    def _fill(self, batch: Arrays) -> int:
        """Read the next frames at once, and count them."""
        upcoming = self._frames.upcoming(self._size + self._most_kept)
        own, later = upcoming[: self._size], upcoming[self._size :]
        if not own:
            self._frames.end()
            return 0
        images, numbers, times = batch
        for row, found in enumerate(own):
            numbers[row], times[row] = found.number_and_time
        self._read(images, own, later)
        self._frames.move(len(own))
        return len(own)

    def _read(self, images: Image, own: Sequence[FrameLocation], later: Sequence[FrameLocation]) -> None:
        rows = {found.place: row for row, found in enumerate(own)}
        kept: dict[Place, Image] = {}

        def put(place: Place, image: Image) -> None:
            if place in rows:
                images[rows[place]] = self._part(own[rows[place]], image)
            else:
                kept[place] = image

        for place, image in self._kept.items():
            put(place, image)
        fresh = [found for found in own if found.place not in self._kept]
        if fresh:
            rest = self._rest_of_group(fresh[-1], later)
            try:
                self._frames.batches.read_into([*fresh, *rest], put)
            except FrameReadError:
                if not rest:
                    raise
                self._frames.batches.read_into(fresh, put)  # the damaged frame may be of a later batch
        self._kept = kept

    def _rest_of_group(self, last: FrameLocation, later: Sequence[FrameLocation]) -> Sequence[FrameLocation]:
        """Return the later frames that are decoded from the same keyframe."""
        if not later:
            return ()
        same_chunk = itertools.takewhile(lambda found: found.place[0] == last.place[0], later)
        return self._frames.images.parts_of([last, *same_chunk])[0][1:]
