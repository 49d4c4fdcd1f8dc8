"""Reading by keys such as ``[10:20]``, in any thread, without a position."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._support.forking import leak, register_fork_handler
from ..chunks import Image
from ..errors import FrameReadError, StoreClosedError
from ..index.store_index import ImgStoreIndex
from .array_batch import ArrayBatch, ImageKind, OtherImageError
from .batch import BatchReader
from .image_reader import ImageReader
from .indexing import Indexes, Selection, in_order, select
from .known_frames import KnownFrames
from .position import FrameLocation, locate, places
from .sequential import SequentialPolicy

_MOST_READERS = 4


class _Reader:
    """Reader of images and batches for one thread at a time.

    Attributes
    ----------
    lock : RLock
        Held while a thread uses the reader.
    changed : set of int
        Chunks to close before the next use.
    """

    def __init__(self, images: ImageReader, ahead: int, in_parallel: bool) -> None:
        self.lock, self.changed = threading.RLock(), set[int]()
        self.images, self._policy, self._before = images, SequentialPolicy(ahead), -1
        self.batches = BatchReader(images, ahead, in_parallel)

    def prepare(self, is_decoding: bool) -> None:
        """Close changed chunks, and follow `disable_decoding`."""
        if self.changed:
            self.images.prefetch(())
            self.images.close_chunks([self.changed.pop() for _ in range(len(self.changed))])
        if self.images.is_decoding and not is_decoding:
            self.images.disable_decoding()

    def image(self, known: ImgStoreIndex, frame: FrameLocation) -> Image:
        """Read one image, and prefetch if several in a row were read."""
        if self._policy.ahead:
            expected = self._policy.expect(frame.frame_index, self._before)
            self.images.prefetch(places(known, frame, expected), in_sequence=True)
        self._before = frame.frame_index
        return self.images.read(frame)

    def close(self) -> None:
        """Close files and end threads."""
        self.images.stop_prefetching()
        self.batches.close()
        self.images.close()


class ArrayReader:
    """Reader of frames by key. Thread-safe.

    Parameters
    ----------
    store : str
        The store's folder, for error messages.
    known : KnownFrames
        Frames of the store.
    make_images : callable
        Makes a reader of images. Several threads need one each.
    ahead : int
        Maximum number of prefetched frames.
    in_parallel : bool
        Decode several groups of frames in parallel.
    """

    def __init__(
        self,
        store: str,
        known: KnownFrames,
        make_images: Callable[[], ImageReader],
        ahead: int,
        in_parallel: bool,
    ) -> None:
        self._store, self._known = store, known
        self._make_images, self._ahead, self._in_parallel = make_images, ahead, in_parallel
        self._lock, self._readers, self._closed = threading.Lock(), list[_Reader](), False
        register_fork_handler(self, ArrayReader.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Leave threads and open files to the parent in a forked child."""
        leak(self._readers)
        self._lock, self._readers = threading.Lock(), []

    # --- frames

    def get(self, key: Any, shape: tuple[int, ...], dtype: Any, is_decoding: bool) -> Any:
        """Read the images that a key selects, as numpy would.

        Parameters
        ----------
        key : object
            The key in brackets.
        shape : tuple of int
            Shape of the images.
        dtype : dtype
            dtype of the images.
        is_decoding : bool
            Whether raw images are converted to BGR.
        """
        while True:
            known = self._known.index
            count = known.frame_count
            selection = select(key, count, len(shape))
            is_plain = isinstance(selection.frames, int) and not isinstance(key, tuple)
            kind = ImageKind(shape, dtype, selection.crop)
            found = self._read(known, selection, None if is_plain else kind, kind, is_decoding)
            if found is not None:
                return found[(None,) * selection.new_axes] if selection.new_axes else found

    def _read(
        self, known: ImgStoreIndex, selection: Selection, check: ImageKind | None, kind: ImageKind, is_decoding: bool
    ) -> Any:
        """Read images; None if a chunk turned out to be damaged."""
        with self._borrow(is_decoding) as reader:
            if isinstance(selection.frames, int):
                return self._one(reader, known, selection.frames, check)
            return self._many(reader, known, selection.frames, kind)

    def _one(self, reader: _Reader, known: ImgStoreIndex, index: int, kind: ImageKind | None) -> Any:
        frame = locate(known, index)
        if frame is None:
            return None
        image = reader.image(known, frame)
        if kind is None:
            return image
        try:
            part = kind.part(frame.place, image)
        except OtherImageError as error:
            raise kind.error(self._store, frame, error.what) from None
        return part.copy() if part.nbytes < image.nbytes else part

    def get_into(
        self, images: Image, rows: Sequence[int], indexes: Indexes, kind: ImageKind, is_decoding: bool
    ) -> None:
        """Read images into rows of an array.

        Parameters
        ----------
        images : ndarray
            Receives the images.
        rows : sequence of int
            Its row for each image.
        indexes : range or ndarray
            Indexes of the frames, from 0. The chunks' indexes were read.
        kind : ImageKind
            Shape and dtype of the images, and the part of each.
        is_decoding : bool
            Whether raw images are converted to BGR.
        """
        known = self._known.index
        with self._borrow(is_decoding) as reader:
            if self._fill(reader, known, indexes, ArrayBatch(kind, images), kind, rows) is None:
                raise FrameReadError(f'{self._store}: a chunk is damaged; open the store again', store=self._store)

    def _many(self, reader: _Reader, known: ImgStoreIndex, indexes: Indexes, kind: ImageKind) -> Any:
        batch = ArrayBatch(kind, kind.empty(len(indexes)))
        return self._fill(reader, known, indexes, batch, kind, range(len(indexes)))

    def _fill(
        self,
        reader: _Reader,
        known: ImgStoreIndex,
        indexes: Indexes,
        batch: ArrayBatch,
        kind: ImageKind,
        rows: Sequence[int],
    ) -> Image | None:
        """Read images into a batch; None if a chunk turned out to be damaged."""
        count = known.frame_count
        found = [locate(known, index) for index in in_order(indexes)]
        frames = [frame for frame in found if frame is not None]
        if len(frames) < len(found) or known.frame_count != count:
            return None
        batch.expect(frames, rows)
        try:
            reader.batches.read_into(frames, batch.put)
        except OtherImageError as error:
            frame = next(frame for frame in frames if frame.place == error.place)
            raise kind.error(self._store, frame, error.what) from None
        return batch.images

    # --- readers

    @contextlib.contextmanager
    def _borrow(self, is_decoding: bool) -> Iterator[_Reader]:
        """Lend a reader to this thread."""
        reader = self._take()
        try:
            self.check_open()
            reader.prepare(is_decoding)
            yield reader
        finally:
            reader.lock.release()

    def _take(self) -> _Reader:
        """Lock a reader: an idle one, a new one, or the first after waiting."""
        with self._lock:
            self.check_open()
            for reader in self._readers:
                if reader.lock.acquire(blocking=False):
                    return reader
            if len(self._readers) < _MOST_READERS:
                reader = _Reader(self._make_images(), self._ahead, self._in_parallel)
                reader.lock.acquire()
                self._readers.append(reader)
                return reader
            reader = self._readers[0]
        reader.lock.acquire()
        return reader

    def check_open(self) -> None:
        """Raise StoreClosedError after `close`."""
        if self._closed:
            raise StoreClosedError(f'{self._store} is closed; open it again to read', store=self._store)

    def close_chunks(self, numbers: set[int]) -> None:
        """Open changed chunks again before their next use."""
        with self._lock:
            for reader in self._readers:
                reader.changed.update(numbers)

    @property
    def is_own_thread(self) -> bool:
        """Whether the current thread is a prefetching one."""
        return any(reader.images.is_own_thread for reader in self._readers)

    def close(self) -> None:
        """Close all readers; wait for those in use."""
        with self._lock:
            self._closed, readers = True, self._readers
            self._readers = []
        for reader in readers:
            with reader.lock:
                reader.close()
