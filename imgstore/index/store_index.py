"""The index of a store: frame numbers, times and chunks."""

from __future__ import annotations

import contextlib
import math
import operator
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, SupportsIndex, cast

from .._support.forking import synchronized
from .._support.validation import as_seconds
from .._support.warn import OldName
from ..constants import FRAME_MD
from ..errors import ImgStoreError, InvalidArgumentError
from ..ondisk.chunk_index import Numbers, Times
from ..ondisk.files import text_path
from . import cache_file, sqlite_file
from .frame_arrays import FrameTimes, concatenate
from .lazy_chunks import LazyChunkIndex
from .segment_list import SegmentList
from .sqlite_file import ChunkFrames

NOT_FOUND = (-1, -1)
_SUMMARY = ('frame_time_min', 'frame_time_max', 'frame_min', 'frame_max')


class ImgStoreIndex:
    """Numbers, times and chunks of a store's frames.

    Files are read on demand. The number of frames needs only the headers of the chunks' indexes, and the number and
    time of a frame only one chunk's index. A search needs all indexes, with 16 bytes per frame in memory.

    A chunk with a damaged index is skipped with one warning.

    Examples
    --------
    >>> store.index.frame_count, store.index.frame(2)
    (5, (102, 25.5))
    """

    VERSION = sqlite_file.VERSION

    def __init__(self, segments: SegmentList | None = None) -> None:
        self._segments = segments or SegmentList([])
        self.lock = threading.RLock()

    @classmethod
    def new_from_chunks(cls, chunk_n_and_chunk_paths: Iterable[tuple[int, str]]) -> ImgStoreIndex:
        """Return the index of chunks.

        They are given as (number, index path without extension).
        """
        return cls(
            SegmentList.of_chunks(
                LazyChunkIndex(int(number), os.fspath(path)) for number, path in chunk_n_and_chunk_paths
            )
        )

    @classmethod
    def new_from_frames(cls, chunks: Iterable[ChunkFrames]) -> ImgStoreIndex:
        """Return the index of chunks with known frames, in the form of `each_chunk`."""
        return cls(
            SegmentList.of_chunks(
                LazyChunkIndex(number, stem, (numbers, times)) for number, stem, numbers, times in chunks
            )
        )

    @classmethod
    def new_from_file(cls, path: str | os.PathLike[str]) -> ImgStoreIndex:
        """Load an index saved by `to_file`, also that of imgstore 0.4.

        The file is never created or changed.

        Raises
        ------
        CorruptFileError
            There is no such file, or it holds no valid index.
        """
        return cls.new_from_frames(sqlite_file.read(text_path(path, 'path')))

    @classmethod
    def open_cached(cls, basedir: str, chunks: list[tuple[int, str]]) -> ImgStoreIndex:
        """Return the index of a store's chunks, from its cache unless stale."""
        saved = cache_file.load(basedir, chunks)
        return cls.new_from_chunks(chunks) if saved is None else cls(SegmentList.of_saved(chunks, saved))

    @synchronized
    def updated(
        self, chunks: list[tuple[int, str]], frames: dict[int, tuple[Numbers, Times]], are_same: bool = False
    ) -> ImgStoreIndex:
        """Return the index of these chunks.

        Only new and changed index files are read.

        Parameters
        ----------
        chunks : list of (int, str)
            Numbers of the chunks, and index paths without extension.
        frames : dict of int to two arrays
            Numbers and times of the frames of chunks without an index file.
        are_same : bool
            These are the chunks of this index. Then only some hundred index files are checked for changes, others the
            next time.
        """
        segments = self._segments.with_open(len(chunks), frames) if are_same else None
        return type(self)(segments or self._segments.updated(chunks, frames))

    # --- saving it

    def save_cache(self, basedir: str, stem_of: Callable[[int], str] | None = None) -> None:
        """Save the index in the store's folder, for `open_cached`.

        Parameters
        ----------
        basedir : str
            The store's folder.
        stem_of : callable, optional
            Returns the index path of a chunk without extension. Default: the paths in this index. Those may come from
            a file and may lead elsewhere.

        Raises
        ------
        CorruptFileError
            A chunk's index was damaged or changed after it was read.
        StoreIOError
            The file cannot be written.
        """
        listed = self.chunk_ranges()
        cache_file.save(
            basedir,
            [(number, stem_of(number) if stem_of else stem) for number, stem, _ in listed],
            [own.stop - own.start for _, _, own in listed],
        )

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Save as an SQLite database, for imgstore 0.4. Replace an older one.

        Raises
        ------
        StoreIOError
            The file cannot be written. An older one is unchanged.
        """
        sqlite_file.save(
            text_path(path, 'path'), self.each_chunk(), {name: float(getattr(self, name)) for name in _SUMMARY}
        )

    @property
    def saved(self) -> cache_file.SavedIndex | None:
        """The index cache, if frames are mapped from one."""
        return self._segments.saved

    @synchronized
    def close(self) -> None:
        """Release a mapped file. Later reads use the chunks' indexes."""
        self._segments.close()

    # --- content

    @property
    def generation(self) -> object:
        """An object replaced by another one when indexes of frames may have changed."""
        return self._segments.generation

    @property
    @synchronized
    def frame_count(self) -> int:
        """Number of frames."""
        return self._segments.frame_count

    @property
    def chunks(self) -> tuple[int, ...]:
        """Numbers of the chunks with frames."""
        return tuple(number for number, _, own in self.chunk_ranges() if own.start < own.stop)

    @property
    def frame_min(self) -> int | float:
        """Smallest frame number, or nan without frames."""
        return self._range(0, math.nan)[0]

    @property
    def frame_max(self) -> int | float:
        """Largest frame number, or nan without frames."""
        return self._range(0, math.nan)[1]

    @property
    def frame_time_min(self) -> float:
        """Earliest frame time in seconds, or 0.0 without frames."""
        return self._range(1, 0.0)[0]

    @property
    def frame_time_max(self) -> float:
        """Latest frame time in seconds, or 0.0 without frames."""
        return self._range(1, 0.0)[1]

    @synchronized
    def _range(self, column: int, without_frames: float) -> tuple[float, float]:
        return self._segments.range(column) or (without_frames, without_frames)

    @synchronized
    def chunk_ranges(self) -> list[tuple[int, str, slice]]:
        """Return each chunk's number, index path without extension, and slice."""
        return [
            (chunk.number, chunk.stem, slice(start + first, start + end))
            for start, segment in self._segments.from_start()
            for chunk, first, end in segment.chunks.ranges()
        ]

    def get_all_metadata(self) -> dict[str, list[Any]]:
        """Return the numbers and times of all frames, in the order of writing."""
        with self.lock:
            frames = self._segments.frames()
        return _as_lists(concatenate(frames))

    @synchronized
    def get_chunk_metadata(self, chunk_n: int) -> dict[str, list[Any]]:
        """Return the numbers and times of a chunk's frames.

        Empty lists for a missing chunk.
        """
        return _as_lists(self._segments.chunk_frames(chunk_n))

    @synchronized
    def chunk_frames(self, chunk: int) -> FrameTimes:
        """Return the numbers and times of a chunk's frames.

        int64 and float64, both of shape (n,). Empty arrays for a missing chunk.
        """
        return self._segments.chunk_frames(chunk)

    @synchronized
    def changed_chunks(self, before: ImgStoreIndex) -> set[int]:
        """Return the chunks of an earlier index that were read again, or are gone."""
        return self._segments.changed_chunks(before._segments)

    @synchronized
    def load(self) -> None:
        """Read all chunks' indexes now. Skip damaged ones."""
        self._segments.frames()

    @property
    @synchronized
    def frame_numbers(self) -> Numbers:
        """Numbers of all frames, in the order of writing.

        int64, shape (frame_count,). Do not change them.
        """
        return self._segments.merged()[0]

    @property
    @synchronized
    def frame_times(self) -> Times:
        """Times of all frames in seconds: float64, shape (frame_count,).

        Do not change them.
        """
        return self._segments.merged()[1]

    def each_chunk(self) -> Iterator[ChunkFrames]:
        """Yield each chunk's number, index path, frame numbers and times.

        The path has no extension.
        """
        numbers, times = self.frame_numbers, self.frame_times
        for chunk, stem, own in self.chunk_ranges():
            yield chunk, stem, numbers[own], times[own]

    # --- from index to frame and back

    @synchronized
    def to_chunk(self, index: int) -> tuple[int, int]:
        """Return a frame's (chunk, index in it), or (-1, -1) without a frame."""
        return self._segments.place(index) or NOT_FOUND

    @synchronized
    def from_chunk(self, chunk: int, within: int) -> int:
        """Return the index in the store of a chunk's frame.

        For a skipped chunk, return the index of the frame before it.
        """
        start, end = self._segments.range_of(chunk)
        return start + (within if start < end else -1)

    @synchronized
    def chunk_length(self, chunk: int) -> int:
        """Return the number of frames of a chunk, or 0 for a missing one."""
        start, end = self._segments.range_of(chunk)
        return end - start

    @synchronized
    def frame(self, index: int) -> tuple[int, float] | None:
        """Return the number and time of the frame with an index in the store.

        None if there is none.
        """
        return self._segments.frame(index)

    # --- old names

    locate, index_of, size_of = OldName('to_chunk'), OldName('from_chunk'), OldName('chunk_length')
    parts, release, with_chunks = OldName('chunk_ranges'), OldName('close'), OldName('updated')
    new_for_store, save_beside = OldName('open_cached'), OldName('save_cache')

    # --- looking up

    @synchronized
    def find(self, what: str, value: object, nearest: bool = False) -> int | None:
        """Return the index of the frame with a number or time, or of the nearest.

        None if there is none.
        """
        key = _as_key(what, value)
        if key != key:
            return None
        if what == 'index' and not nearest:
            return int(key) if 0 <= key < self._segments.frame_count and key == int(key) else None
        if what not in FRAME_MD:
            raise InvalidArgumentError(
                f'what is {what!r}; it must be frame_number, frame_time or index', argument='what'
            )
        return (self._segments.nearest if nearest else self._segments.find)(FRAME_MD.index(what), key)

    def find_chunk(self, what: str, value: object) -> tuple[int, int]:
        """Return (chunk, index in the chunk) of a frame, or (-1, -1)."""
        index = self.find(what, value)
        return NOT_FOUND if index is None else self.to_chunk(index)

    def find_chunk_nearest(self, what: str, value: object) -> tuple[int, int]:
        """Return (chunk, index in it) of the nearest frame, or (-1, -1) if empty."""
        index = self.find(what, value, nearest=True)
        return NOT_FOUND if index is None else self.to_chunk(index)


def _as_key(what: str, value: object) -> float:
    """Return the value as int or float. Integers stay exact."""
    try:
        return operator.index(cast(SupportsIndex, value))
    except TypeError:
        return as_seconds(value, what)


def _as_lists(frames: FrameTimes) -> dict[str, list[Any]]:
    return {key: values.tolist() for key, values in zip(FRAME_MD, frames, strict=True)}


def save_cache_if_large(basedir: str, chunks: list[tuple[int, str]]) -> None:
    """Save an index cache for a store of many chunks, to open it faster.

    Ignore failures.
    """
    if len(chunks) >= cache_file.MIN_CHUNKS_TO_CACHE:
        with contextlib.suppress(ImgStoreError):
            ImgStoreIndex.new_from_chunks(chunks).save_cache(basedir)
