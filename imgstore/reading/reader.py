"""Reading a store: where its frames are, the position, the images."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import NoneType, TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.cpu import THREADS
from .._support.forking import leak, register_fork_handler, synchronized
from .._support.validation import as_int, as_int_min, as_seconds
from ..chunks import ChunkIO, ChunkReader
from ..chunks.opened import OpenChunks
from ..color import decode_to_bgr, decoded_shape
from ..constants import FRAME_NUMBER, FRAME_TIME, STORE_LOCK_FILENAME, STORE_MD_FILENAME
from ..errors import (
    CorruptFileError,
    EndOfStoreError,
    FrameNotFoundError,
    FrameReadError,
    InvalidArgumentError,
    StoreClosedError,
)
from ..formats import Format, parse_format
from ..index.store_index import ImgStoreIndex
from ..ondisk.layout import Layout
from ..ondisk.lock import is_held
from ..ondisk.metadata import StoreMetadata, load_metadata
from .chunk_listing import ChunkListing
from .prefetch import Prefetcher

Image = npt.NDArray[Any]
Place = tuple[int, int]
"""A chunk, and the index of a frame in it."""
Frame = tuple[Image, tuple[int, float]]
Frames = tuple[Image | list[Image], list[int], list[float]]

_READ_AHEAD = 2 * THREADS  # frames
_SEQUENTIAL = 2  # steps in a row, forwards or backwards, before the next ones are expected
_BETWEEN_LOOKS = 0.02  # seconds
_OPEN_CHUNKS = 2  # so that reading ahead may be in the next one


def open_reader(basedir: str, class_name: str, seek: bool, index: ImgStoreIndex | None,
                backend: str | None, cache_bytes: object) -> StoreReader:
    """Open a store of a class for reading; the arguments are those of `imgstore.new_for_filename`."""
    metadata = load_metadata(basedir)
    fmt = format_of(metadata, basedir)
    if fmt.class_name != class_name:
        raise InvalidArgumentError(f'{basedir!r} is a {fmt.class_name}, not a {class_name}', store=basedir)
    if not isinstance(index, (ImgStoreIndex, NoneType)):
        raise InvalidArgumentError(f'index is a {type(index).__name__}; it must be an ImgStoreIndex', argument='index')
    layout, bound = Layout(basedir, fmt.extension, fmt.is_image_folder), as_int_min(cache_bytes, 'cache_bytes', 0)
    chunks = ChunkIO(layout, fmt, metadata.imgshape, 'read', backend, seek, bound // 2, metadata.image_bytes)
    return StoreReader(metadata, fmt, layout, index, chunks, bound // 2)


def format_of(metadata: StoreMetadata, basedir: str) -> Format:
    """The format of the store in a folder; CorruptFileError if it is none that can be read."""
    return parse_format(metadata.format, metadata.class_name, metadata.extension,
                        os.path.join(basedir, STORE_MD_FILENAME))


class StoreReader:
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
        self.metadata, self.fmt, self.layout, self._store = metadata, fmt, layout, layout.basedir
        self._chunks, self.listing = chunks, ChunkListing(layout, chunks)
        self.index = index or self._new_index()
        self._decode = bool(metadata.encoding)
        self._frames_ahead = 0 if chunks.is_uncompressed else min(_READ_AHEAD, ahead_bytes // max(1, self._image_bytes))
        self._in_a_row, self._step = 0, 0
        self._closed = False
        self._latest: tuple[int, int] | None = None
        self._get_ready()
        register_fork_handler(self, StoreReader.reset_after_fork, lambda reader: reader.index.lock)

    def _get_ready(self) -> None:
        self.lock, self._turn = threading.RLock(), threading.Lock()
        self._ahead = Prefetcher(self._begin, self._turn, THREADS)
        self._open = OpenChunks(_OPEN_CHUNKS)
        self._pool: ThreadPoolExecutor | None = None

    def reset_after_fork(self) -> None:
        """In a forked child: leave to the parent what has threads and open files, and stand where the parent did."""
        leak((self._ahead, self._open, self._pool))
        self._chunks.reset_after_fork()
        self.index.lock = threading.RLock()
        self._get_ready()

    def _new_index(self) -> ImgStoreIndex:
        listed = self.listing.chunks()
        if self.listing.open_frames:
            return ImgStoreIndex().updated(listed, self.listing.open_frames)
        return ImgStoreIndex.open_cached(self.layout.basedir, listed)

    @synchronized
    def refresh(self) -> int:
        """Look again which frames there are; how many more they are now."""
        self._check_open()
        before, were_open = self.index.frame_count, set(self.listing.incomplete)
        self._ahead.schedule(())
        self.listing.rescan()
        self.index = self.index.updated(self.listing.chunks(), self.listing.open_frames)
        with self._turn:
            for number in were_open:
                self._open.close_one(number)
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

    @property
    def is_live(self) -> bool:
        """Whether a writer has the store open."""
        return is_held(os.path.join(self.layout.basedir, STORE_LOCK_FILENAME))

    def check_complete(self) -> None:
        """Raise InvalidArgumentError if a chunk is not complete."""
        if self.listing.incomplete:
            why = 'a writer has the store open' if self.is_live else 'imgstore.repair completes it'
            chunk = min(self.listing.incomplete)
            raise InvalidArgumentError(f'{self._store}: chunk {chunk} is not complete; {why}',
                                       store=self._store, chunk=chunk)

    # --- what it reads

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images that reading gives."""
        shape = self.metadata.imgshape
        return decoded_shape(shape, self.metadata.encoding) if self._decode else shape

    @property
    def _image_bytes(self) -> int:
        return math.prod(self.image_shape) * np.dtype(self.metadata.imgdtype).itemsize

    @synchronized
    def disable_decoding(self) -> None:
        """Give raw images from now on."""
        self._ahead.schedule(())
        self._decode = False

    @property
    def position(self) -> int:
        """Index in the store of the latest frame read; -1 before the first.

        It is not what is remembered, for it changes when a chunk before it turns out to be damaged.
        """
        return -1 if self._latest is None else self.index.from_chunk(*self._latest)

    @property
    def chunk_position(self) -> tuple[int, int]:
        """Chunk of the latest frame read and the frame's index in it; before the first frame that index is -1."""
        return self._latest or (self.index.to_chunk(0)[0] if self.index.frame_count else 0, -1)

    @property
    def latest(self) -> tuple[int | float, float]:
        """Number and time of the latest frame read; nan before the first."""
        return self.index.frame(self.position) or (math.nan, math.nan)

    @property
    def state(self) -> tuple[Place | None, bool]:
        """What a copy that is opened elsewhere has to be told: where it stands, and whether it decodes."""
        if self._closed:
            raise StoreClosedError(f'{self._store}: the store was closed, it cannot be copied', store=self._store)
        return self._latest, self._decode

    @state.setter
    def state(self, state: tuple[Place | None, bool]) -> None:
        self._latest, self._decode = state

    # --- frames

    @synchronized
    def next_frame_number(self) -> int:
        """Number of the frame that `next` would give; EndOfStoreError behind the last."""
        metadata = self.index.frame(self.position + 1)
        if metadata is None:
            raise EndOfStoreError(f'{self._store}: there is no frame behind index {self.position}', store=self._store,
                                  frame_index=self.position)
        return metadata[0]

    @synchronized
    def next(self) -> Frame:
        """The frame behind the position; EndOfStoreError behind the last."""
        self.next_frame_number()
        self._in_a_row, self._step = _SEQUENTIAL, 1
        return self.at(self.position + 1)

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
        key = as_int(value, what) if what == FRAME_NUMBER else as_seconds(value, what)
        index = self.index.find(what, key, nearest)
        if index is None:
            told = f'frame #{key}' if what == FRAME_NUMBER else f'frame {"near" if nearest else "at"} time {key}'
            raise FrameNotFoundError(f'{told} not found in {self._store}', store=self._store,
                                     frame_number=int(key) if what == FRAME_NUMBER else None)
        return index

    @synchronized
    def at(self, frame_index: object) -> Frame:
        """The frame with that index in the store; FrameNotFoundError, FrameReadError."""
        index = as_int(frame_index, 'frame_index')
        metadata = self._metadata(index)
        place = self.index.to_chunk(index)
        self._expect(index)
        image = self._read(place)
        self._latest = place
        return image, metadata

    @synchronized
    def many(self, frame_numbers: Iterable[object] | None, frame_indices: Iterable[object] | None) -> Frames:
        """The frames with those numbers or indexes, in that order; FrameNotFoundError before anything is read."""
        indices = self._indices(frame_numbers, frame_indices)
        metadata = [self._metadata(index) for index in indices]
        images = self._batch(indices)
        if indices:
            self._latest = self.index.to_chunk(indices[-1])
        return images, [number for number, _ in metadata], [time for _, time in metadata]

    def _indices(self, numbers: Iterable[object] | None, indices: Iterable[object] | None) -> list[int]:
        if numbers is not None and indices is None:
            return [self.find(FRAME_NUMBER, number) for number in numbers]
        if numbers is None and indices is not None:
            return [as_int(index, 'frame_index') for index in indices]
        raise InvalidArgumentError('give either frame_numbers or frame_indices, and not both', argument='frame_numbers')

    def _batch(self, indices: list[int]) -> Image | list[Image]:
        """The images of those indexes as one array; as a list where someone changed the store and they differ."""
        images = np.empty((0, *self.image_shape), self.metadata.imgdtype)
        rows = defaultdict(list)
        for row, index in enumerate(indices):
            rows[index].append(row)
        others = {}
        for index, image in self._in_order(sorted(rows)):
            if (image.shape, image.dtype) == (images.shape[1:], images.dtype):
                if not len(images):  # there is room for what was seen to be that large
                    images = np.empty((len(indices), *image.shape), image.dtype)
                images[rows[index]] = image
            else:
                others.update(dict.fromkeys(rows[index], image))
        return [others[row] if row in others else images[row] for row in range(len(indices))] if others else images

    def _in_order(self, indices: list[int]) -> Iterator[tuple[int, Image]]:
        """The images of ascending indexes: of several videos at once, else read ahead."""
        frames = [(index, self.index.to_chunk(index)) for index in indices]
        by_chunk = [list(group) for _, group in itertools.groupby(frames, lambda frame: frame[1][0])]
        if self.fmt.is_image_folder or len(by_chunk) == 1:
            yield from self._read_in_turn(frames)
            return
        # which is kept: OpenCV holds a lock while a thread ends, and a child that is forked then would find it locked
        self._pool = self._pool or ThreadPoolExecutor(THREADS, 'imgstore')
        for images in self._pool.map(self._read_in_chunk, by_chunk):
            yield from images

    def _read_in_turn(self, frames: list[tuple[int, Place]]) -> Iterator[tuple[int, Image]]:
        for rank, (index, place) in enumerate(frames):
            self._ahead.schedule(place for _, place in frames[rank:rank + self._frames_ahead])
            yield index, self._read(place)

    def _read_in_chunk(self, frames: list[tuple[int, Place]]) -> list[tuple[int, Image]]:
        """Images of one chunk, by a reader of their own."""
        first, images = frames[0][1], []
        with self._naming(first):
            reader = self._chunks.reader(first[0], self.index.chunk_length(first[0]), keep=False)
        with reader:
            for index, place in frames:
                with self._naming(place):
                    images.append((index, self._decoded(reader.read(place[1]))))
        return images

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError(f'{self._store}: the store was closed', store=self._store)

    def _metadata(self, index: int) -> tuple[int, float]:
        self._check_open()
        metadata = self.index.frame(index)
        if metadata is None:
            count = self.index.frame_count
            raise FrameNotFoundError(f'frame_index {index} not found in {self._store}, which has {count} frames',
                                     store=self._store, frame_index=index)
        return metadata

    def _read(self, place: Place) -> Image:
        image: Image | None = self._ahead.result(place)
        if image is not None:
            return image
        with self._turn, self._naming(place):
            return self._decoded(self._chunk(place[0]).read(place[1]))

    def _naming(self, place: Place) -> _Naming:
        """Say of a frame that cannot be read which one it is."""
        return _Naming(self, place)

    def _decoded(self, image: Image) -> Image:
        return decode_to_bgr(image, self.metadata.encoding) if self._decode else image

    def _begin(self, place: Place) -> Callable[[], Image]:
        """Begin to read a frame ahead."""
        end = self._chunk(place[0]).read_deferred(place[1])
        return lambda: self._decoded(end())

    def _expect(self, index: int) -> None:
        """Have a frame read, and those that are next if it seems that they will be asked for."""
        step = index - self.position
        self._in_a_row, self._step = (self._in_a_row + 1 if step == self._step else 1), step
        if abs(step) != 1 or self._in_a_row < _SEQUENTIAL or not self._frames_ahead:
            self._ahead.schedule(())
            return
        indices = range(index, index + step * (self._frames_ahead + 1), step)
        self._ahead.schedule([self.index.to_chunk(i) for i in indices if 0 <= i < self.index.frame_count])

    def _chunk(self, number: int) -> ChunkReader:
        """The reader of a chunk; just the latest ones are kept open."""
        return self._open.reader(number, lambda: self._chunks.reader(number, self.index.chunk_length(number)))

    @synchronized
    def close(self) -> None:
        """Free all that is held open."""
        self._closed = True
        self._ahead.close()
        if self._pool is not None:
            self._pool.shutdown()
        self.index.close()
        self._open.close()
        self._chunks.close()

    def let_go(self) -> None:
        """Close for an owner that was dropped, in whatever thread the garbage collector runs."""
        if not self._ahead.is_own_thread:  # which is amid a frame; what it holds goes with that
            self.close()


class _Naming:
    """Names a frame in errors. No `contextmanager`, whose errors keep each other, and the reader, in Python 3.13."""

    def __init__(self, reader: StoreReader, place: Place) -> None:
        self._reader, self._place = reader, place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(error, (FrameReadError, CorruptFileError, InvalidArgumentError)):
            store, (chunk, at) = self._reader._store, self._place
            frame_index = self._reader.index.from_chunk(chunk, at)
            number, _ = self._reader._metadata(frame_index)
            raise FrameReadError(f'{store}: frame #{number}, at index {at} of chunk {chunk}, cannot be read: {error}',
                                 store=store, chunk=chunk, index_in_chunk=at, frame_index=frame_index,
                                 frame_number=number, path=error.path) from error
