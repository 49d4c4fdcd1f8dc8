"""Reading a store: its frames one after the other, anywhere, and many at once."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterable, Iterator

import numpy as np

from .._support.cpu import THREADS
from .._support.forking import register_fork_handler, synchronized
from .._support.validation import as_int
from ..chunks import ChunkIO, Image
from ..color import decoded_shape
from ..constants import FRAME_NUMBER, FRAME_TIME
from ..errors import EndOfStoreError, FrameNotFoundError, InvalidArgumentError, StoreClosedError
from ..formats import Format
from ..index.store_index import ImgStoreIndex
from ..ondisk.layout import Layout
from ..ondisk.metadata import StoreMetadata
from .batch import BatchReader
from .image_reader import ImageReader
from .known_frames import KnownFrames
from .position import FrameLocation, Place
from .reader_info import ReaderInfo
from .sequential import SequentialPolicy

Frame = tuple[Image, tuple[int, float]]
Frames = tuple[Image | list[Image], list[int], list[float]]

_READ_AHEAD = 2 * THREADS  # frames
_BETWEEN_LOOKS = 0.02  # seconds


class StoreReader(ReaderInfo):
    """Reads the frames of one store.

    Parameters
    ----------
    metadata : StoreMetadata
    fmt : Format
    layout : Layout
    index : ImgStoreIndex, optional
        Which frames there are; found out from the chunks if it is not given.
    chunks : ChunkIO
        Opens the chunks.
    ahead_bytes : int
        What images may hold that are read before they are asked for.
    """

    def __init__(self, metadata: StoreMetadata, fmt: Format, layout: Layout, index: ImgStoreIndex | None,
                 chunks: ChunkIO, ahead_bytes: int) -> None:
        super().__init__(metadata, fmt, layout, KnownFrames(layout, chunks, index))
        self.lock, self._turn = threading.RLock(), threading.Lock()
        self._chunks, self._closed = chunks, False
        self._images = ImageReader(self._store, self._known, chunks, metadata.encoding, self._turn)
        ahead = 0 if chunks.is_uncompressed else min(_READ_AHEAD, ahead_bytes // max(1, self._image_bytes))
        self._policy = SequentialPolicy(ahead)
        self._batches = BatchReader(self._images, ahead, chunks_at_once=not fmt.is_image_folder)
        register_fork_handler(self, StoreReader.reset_after_fork, lambda reader: reader.index.lock)

    def reset_after_fork(self) -> None:
        """In a forked child: leave to the parent what has threads and open files, and stand where the parent did."""
        self.lock, self._turn = threading.RLock(), threading.Lock()
        self.index.lock = threading.RLock()
        self._images.reset_after_fork(self._turn)
        self._batches.reset_after_fork()
        self._chunks.reset_after_fork()

    @synchronized
    def refresh(self) -> int:
        """Look again which frames there are; how many more they are now."""
        self._check_open()
        before = self.index.frame_count
        self._images.prefetch(())
        self._images.close_chunks(self._known.refresh())
        return self.index.frame_count - before

    def follow(self) -> Iterator[Frame]:
        """Each frame behind the position, those too that a writer adds until it closes the store."""
        while True:
            with contextlib.suppress(EndOfStoreError):
                yield self.next()
                continue
            was_live, began = self.is_live, time.monotonic()
            if not self.refresh():
                if not was_live:
                    return
                time.sleep(max(_BETWEEN_LOOKS, time.monotonic() - began))

    # --- what it reads, and where it stands

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images that reading gives."""
        shape = self.metadata.imgshape
        return decoded_shape(shape, self.metadata.encoding) if self._images.is_decoding else shape

    @property
    def _image_bytes(self) -> int:
        return math.prod(self.image_shape) * np.dtype(self.metadata.imgdtype).itemsize

    @synchronized
    def disable_decoding(self) -> None:
        """Give raw images from now on."""
        self._images.disable_decoding()

    @property
    def state(self) -> tuple[Place | None, bool]:
        """What a copy that is opened elsewhere has to be told: where it stands, and whether it decodes."""
        if self._closed:
            raise StoreClosedError(f'{self._store}: the store was closed, it cannot be copied', store=self._store)
        return self._position.place, self._images.is_decoding

    @state.setter
    def state(self, state: tuple[Place | None, bool]) -> None:
        self._position.place, self._images.is_decoding = state

    # --- frames

    @synchronized
    def next_frame_number(self) -> int:
        """Number of the frame that `next` would give; EndOfStoreError behind the last."""
        return self._locate_next().number_and_time[0]

    @synchronized
    def next(self) -> Frame:
        """The frame behind the position; EndOfStoreError behind the last."""
        frame = self._locate_next()
        self._check_open()
        self._policy.assume_forward()
        return self._read(frame, frame.frame_index - 1)

    def _locate_next(self) -> FrameLocation:
        latest = self._position.index_in(self._known.index)
        frame = self._known.locate(latest + 1)
        if frame is None:
            raise EndOfStoreError(f'{self._store}: there is no frame behind index {latest}', store=self._store,
                                  frame_index=latest)
        return frame

    @synchronized
    def by_number(self, frame_number: object, exact_only: bool) -> Frame:
        """The (first) frame with that number, or the one with the nearest; FrameNotFoundError."""
        return self.at(self.find(FRAME_NUMBER, frame_number, not exact_only))

    @synchronized
    def nearest_in_time(self, frame_time: object) -> Frame:
        """The frame whose time is nearest; FrameNotFoundError in an empty store, and for nan."""
        return self.at(self.find(FRAME_TIME, frame_time, nearest=True))

    @synchronized
    def find(self, what: str, value: object, nearest: bool = False) -> int:
        """Index of the (first) frame with that number or time, or of the one nearest to it; FrameNotFoundError."""
        return self._known.find(what, value, nearest)

    @synchronized
    def at(self, frame_index: object) -> Frame:
        """The frame with that index in the store; FrameNotFoundError, FrameReadError."""
        frame = self._locate(as_int(frame_index, 'frame_index'))
        return self._read(frame, self._position.index_in(self._known.index))

    def _locate(self, index: int) -> FrameLocation:
        self._check_open()
        frame = self._known.locate(index)
        if frame is None:
            count = self.index.frame_count
            raise FrameNotFoundError(f'frame_index {index} not found in {self._store}, which has {count} frames',
                                     store=self._store, frame_index=index)
        return frame

    def _read(self, frame: FrameLocation, before: int) -> Frame:
        """Read a frame, and have those read that are expected after it, as the one before was at that index."""
        if self._policy.ahead:
            self._images.prefetch(self._known.places(frame, self._policy.expect(frame.frame_index, before)))
        image = self._images.read(frame)
        self._position.move_to(frame)
        return image, frame.number_and_time

    @synchronized
    def many(self, frame_numbers: Iterable[object] | None, frame_indices: Iterable[object] | None) -> Frames:
        """The frames with those numbers or indexes, in that order; FrameNotFoundError before anything is read."""
        frames = [self._locate(index) for index in self._indices(frame_numbers, frame_indices)]
        images = self._batches.read(frames, self.image_shape, self.metadata.imgdtype)
        if frames:
            self._position.move_to(frames[-1])
        numbers, times = [frame.number_and_time[0] for frame in frames], [frame.number_and_time[1] for frame in frames]
        return images, numbers, times

    def _indices(self, numbers: Iterable[object] | None, indices: Iterable[object] | None) -> list[int]:
        if numbers is not None and indices is None:
            return [self.find(FRAME_NUMBER, number) for number in numbers]
        if numbers is None and indices is not None:
            return [as_int(index, 'frame_index') for index in indices]
        raise InvalidArgumentError('give either frame_numbers or frame_indices, not both', argument='frame_numbers')

    # --- the end

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError(f'{self._store}: the store was closed', store=self._store)

    @synchronized
    def close(self) -> None:
        """Free all that is held open."""
        self._closed = True
        self._images.stop_prefetching()
        self._batches.close()
        self.index.close()
        self._images.close()
        self._chunks.close()

    def let_go(self) -> None:
        """Close for an owner that was dropped, in whatever thread the garbage collector runs."""
        if not self._images.is_own_thread:  # which is amid a frame; what it holds goes with that
            self.close()
