"""Reading a store: frames in sequence, by random access, and in batches."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from .._support.cpu import THREADS
from .._support.forking import register_fork_handler, synchronized
from .._support.validation import as_int
from ..chunks import ChunkIO, Image
from ..color import decoded_shape
from ..constants import FRAME_NUMBER, FRAME_TIME, STORE_MD_FILENAME
from ..errors import CorruptFileError, EndOfStoreError, InvalidArgumentError, StoreClosedError
from ..formats import Format
from ..index.store_index import ImgStoreIndex
from ..ondisk.files import join
from ..ondisk.layout import Layout
from ..ondisk.metadata import StoreMetadata
from .array_batch import ImageKind
from .array_reader import ArrayReader
from .batch import BatchReader
from .batch_stream import BatchStream, ParallelBatchStream
from .blocks import block_edges
from .finding import asked_indexes, find_frame, index_not_found
from .following import follow
from .frame_stream import FrameStream, FrameStreams, Make, as_found
from .image_reader import ImageReader
from .indexing import Indexes
from .known_frames import KnownFrames
from .position import FrameLocation, Place
from .reader_info import ReaderInfo
from .replaced import KnownMetadata
from .sequential import SequentialPolicy

NumberedImage = tuple[Image, tuple[int, float]]
Frames = tuple[Image | list[Image], list[int], list[float]]

_Item = TypeVar('_Item')

_READ_AHEAD = 2 * THREADS  # frames


class StoreReader(ReaderInfo):
    """Reader of the frames of one store.

    Parameters
    ----------
    metadata : StoreMetadata
        Content of metadata.yaml.
    fmt : Format
        Format of the store.
    layout : Layout
        Paths of the store's files.
    index : ImgStoreIndex, optional
        Index of the frames. Default: read from the chunks.
    chunks : ChunkIO
        Opens the chunks.
    ahead_bytes : int
        Memory limit in bytes for prefetched images.
    """

    def __init__(
        self,
        metadata: StoreMetadata,
        fmt: Format,
        layout: Layout,
        index: ImgStoreIndex | None,
        chunks: ChunkIO,
        ahead_bytes: int,
    ) -> None:
        super().__init__(metadata, fmt, layout, KnownFrames(layout, chunks, index))
        self.lock, self._turn = threading.RLock(), threading.Lock()
        self._chunks, self._closed = chunks, False
        most = 0 if chunks.is_uncompressed else ahead_bytes // self._image_bytes
        images = partial(ImageReader, self._store, self._known, chunks, metadata.encoding, most_decoded=most)
        self._images = images(self._turn)
        ahead = min(_READ_AHEAD, most)
        self._policy, self._ahead_bytes = SequentialPolicy(ahead), ahead_bytes
        self._batches = BatchReader(self._images, ahead, in_parallel=not fmt.is_image_folder)
        self._array = ArrayReader(
            self._store, self._known, lambda: images(threading.Lock()), ahead, not fmt.is_image_folder
        )
        self._streams = FrameStreams(self._store, lambda: images(threading.Lock()), ahead)
        self._known_metadata = KnownMetadata(self._store, metadata)
        register_fork_handler(self, StoreReader.reset_after_fork, lambda reader: reader.index.lock)

    def reset_after_fork(self) -> None:
        """Leave threads and open files to the parent in a forked child.

        Keep the position.
        """
        self.lock, self._turn = threading.RLock(), threading.Lock()
        self.index.lock = threading.RLock()
        self._images.reset_after_fork(self._turn)
        self._batches.reset_after_fork()
        self._chunks.reset_after_fork()

    @synchronized
    def refresh(self) -> int:
        """Update the index, and return the number of new frames."""
        self.check_open()
        self.metadata = self._known_metadata.refreshed()
        before = self.index.frame_count
        self._images.prefetch(())
        changed = self._known.refresh()
        self._images.close_chunks(changed)
        self._array.close_chunks(changed)
        return self.index.frame_count - before

    def follow(self) -> Iterator[NumberedImage]:
        """Read each frame after the position, until the writer closes the store."""
        return follow(self)

    # --- images and position

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images returned by reading."""
        shape = self.metadata.imgshape
        try:
            return decoded_shape(shape, self.metadata.encoding) if self._images.is_decoding else shape
        except InvalidArgumentError as error:
            path = join(self._store, STORE_MD_FILENAME)
            raise CorruptFileError(f'{path}: {error}; disable_decoding() gives the raw images', path=path) from error

    @property
    def _image_bytes(self) -> int:
        """Bytes of an image, at most: conversion to BGR triples them."""
        stored = math.prod(self.metadata.imgshape) * np.dtype(self.metadata.imgdtype).itemsize
        return max(1, stored * (3 if self.metadata.encoding else 1))

    @synchronized
    def disable_decoding(self) -> None:
        """Return raw images from now on."""
        self._images.disable_decoding()

    @property
    def state(self) -> tuple[Place | None, bool]:
        """State for a copy in another process: position, and decoding to BGR."""
        if self._closed:
            raise StoreClosedError(f'{self._store} is closed and cannot be copied; open it again', store=self._store)
        return self._position.place, self._images.is_decoding

    @state.setter
    def state(self, state: tuple[Place | None, bool]) -> None:
        self._position.place, self._images.is_decoding = state

    @property
    def is_decoding(self) -> bool:
        """Whether raw images are converted to BGR."""
        return self._images.is_decoding

    @synchronized
    def block_edges(self, known: ImgStoreIndex, most: int) -> list[int]:
        """Return the frame indexes at which independent blocks of frames begin.

        See `imgstore.reading.blocks`.
        """
        self.check_open()
        ranges = [(chunk, own.start, own.stop) for chunk, _, own in known.chunk_ranges() if own.start < own.stop]
        return block_edges(ranges, most, self._images.keyframe_after)

    # --- frames

    @synchronized
    def next_frame_number(self) -> int:
        """Return the number of the next frame; EndOfStoreError after the last."""
        return self._locate_next().number_and_time[0]

    @synchronized
    def next(self) -> NumberedImage:
        """Read the frame after the position; EndOfStoreError after the last."""
        frame = self._locate_next()
        self.check_open()
        self._policy.assume_forward()
        return self._read(frame, frame.frame_index - 1)

    def _locate_next(self) -> FrameLocation:
        latest = self._position.index_in(self._known.index)
        frame = self._known.locate(latest + 1)
        if frame is None:
            raise self._end(latest)
        return frame

    def _end(self, latest: int) -> EndOfStoreError:
        if latest < 0 and not self.index.frame_count:
            return EndOfStoreError(f'{self._store}: the store is empty', store=self._store)
        return EndOfStoreError(
            f'{self._store}: there is no frame after index {latest}', store=self._store, frame_index=latest
        )

    @synchronized
    def by_number(self, frame_number: object, exact_only: bool) -> NumberedImage:
        """Read the first frame with a number, or the frame with the nearest.

        Raises FrameNotFoundError.
        """
        return self.at(self.find(FRAME_NUMBER, frame_number, not exact_only))

    @synchronized
    def nearest_in_time(self, frame_time: object) -> NumberedImage:
        """Read the frame nearest in time.

        Raises FrameNotFoundError in an empty store, and for nan.
        """
        return self.at(self.find(FRAME_TIME, frame_time, nearest=True))

    @synchronized
    def find(self, what: str, value: object, nearest: bool = False, argument: str = '') -> int:
        """Return the first frame with a number or time, or the nearest.

        FrameNotFoundError if there is none.
        """
        return find_frame(self, self._store, self._store, what, value, nearest, argument)

    @synchronized
    def at(self, frame_index: object) -> NumberedImage:
        """Read the frame with an index in the store.

        Raises FrameNotFoundError, FrameReadError.
        """
        frame = self._locate(as_int(frame_index, 'frame_index'))
        return self._read(frame, self._position.index_in(self._known.index))

    def _locate(self, index: int) -> FrameLocation:
        self.check_open()
        while True:
            count = self.index.frame_count if index < 0 else 0
            frame = self._known.locate(index + count)
            if frame is not None:
                return frame
            if index >= 0 or count == self.index.frame_count:  # otherwise a chunk turned out to be damaged
                raise index_not_found(self._store, self._store, index, self.index.frame_count)

    def _read(self, frame: FrameLocation, before: int) -> NumberedImage:
        """Read a frame, and prefetch the next ones expected.

        The frame before had the index `before`.
        """
        if self._policy.ahead:
            expected = self._policy.expect(frame.frame_index, before)
            self._images.prefetch(self._known.places(frame, expected), in_sequence=True)
        image = self._images.read(frame)
        self._position.move_to(frame)
        return image, frame.number_and_time

    @synchronized
    def many(self, frame_numbers: Iterable[object] | None, frame_indices: Iterable[object] | None) -> Frames:
        """Read frames by numbers or by indexes, in that order.

        Raises FrameNotFoundError before reading any.
        """
        indexes = asked_indexes(
            frame_numbers, frame_indices, partial(self.find, FRAME_NUMBER), partial(as_int, what='frame_index')
        )
        frames = [self._locate(index) for index in indexes]
        images = self._batches.read(frames, self.image_shape, self.metadata.imgdtype)
        if frames:
            self._position.move_to(frames[-1])
        numbers, times = [frame.number_and_time[0] for frame in frames], [frame.number_and_time[1] for frame in frames]
        return images, numbers, times

    # --- without the position

    def get(self, key: Any) -> Any:
        """Read the images that a key such as ``3`` or ``slice(0, 9)`` selects."""
        return self._array.get(key, self.image_shape, self.metadata.imgdtype, self._images.is_decoding)

    def get_into(self, images: Image, rows: Sequence[int], indexes: Indexes, kind: ImageKind) -> None:
        """Read images into rows of an array; see `ArrayReader.get_into`."""
        self._array.get_into(images, rows, indexes, kind, self._images.is_decoding)

    def stream(self, known: ImgStoreIndex, indexes: Indexes, make: Make[_Item]) -> FrameStream[_Item]:
        """Iterate over frames of an index, with a reader of its own."""
        return self._streams.open(known, indexes, make, self._images.is_decoding)

    def batches(self, known: ImgStoreIndex, indexes: range, size: int) -> BatchStream:
        """Iterate over batches of frames of an index."""
        kind = ImageKind(self.image_shape, self.metadata.imgdtype)
        frames = self.stream(known, indexes, as_found)
        if indexes.step == 1 or self.fmt.is_image_folder:
            return BatchStream(frames, size, kind, self._store)
        most_kept = self._ahead_bytes // max(1, self._image_bytes)
        return ParallelBatchStream(frames, size, kind, self._store, most_kept)

    @property
    def verifies(self) -> bool:
        """Whether frames are compared with their checksums."""
        return self._chunks.verifies

    # --- the end

    def check_open(self) -> None:
        """Raise StoreClosedError after `close`."""
        if self._closed:
            raise StoreClosedError(f'{self._store} is closed; open it again to read', store=self._store)

    @synchronized
    def close(self) -> None:
        """Close files and end threads."""
        self._closed = True
        self._streams.close()
        self._array.close()
        self._images.stop_prefetching()
        self._batches.close()
        self.index.close()
        self._images.close()
        self._chunks.close()

    def close_dropped(self) -> None:
        """Close for a garbage-collected owner, in any thread."""
        if not (self._images.is_own_thread or self._array.is_own_thread):  # a prefetching thread cannot wait for itself
            self.close()
