"""Which frames a store has: their numbers, times and chunks, asked of a short list of segments."""

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
    """Which frames a store has, and in which chunk each is.

    Nothing is read before a question needs it: the number of frames takes the headers of the chunks' indexes, a
    frame's number and time the index of its chunk, a search all of them (16 bytes a frame in memory).

    A chunk whose index turns out to be damaged is left out, with one warning.
    """

    VERSION = sqlite_file.VERSION

    def __init__(self, segments: SegmentList | None = None) -> None:
        self._segments = segments or SegmentList([])
        self.lock = threading.RLock()

    @classmethod
    def new_from_chunks(cls, chunk_n_and_chunk_paths: Iterable[tuple[int, str]]) -> ImgStoreIndex:
        """Index of chunks given as (number, path of the chunk's index less its extension)."""
        return cls(SegmentList.of_chunks(
            LazyChunkIndex(int(number), os.fspath(path)) for number, path in chunk_n_and_chunk_paths))

    @classmethod
    def new_from_frames(cls, chunks: Iterable[ChunkFrames]) -> ImgStoreIndex:
        """Index of chunks whose frames are known, as `each_chunk` gives them."""
        return cls(SegmentList.of_chunks(
            LazyChunkIndex(number, stem, (numbers, times)) for number, stem, numbers, times in chunks))

    @classmethod
    def new_from_file(cls, path: str | os.PathLike[str]) -> ImgStoreIndex:
        """Load what `to_file` saved, here or in imgstore 0.4.

        Raises
        ------
        CorruptFileError
            There is no such file, or it holds no sound index; reading never makes or changes it.
        """
        return cls.new_from_frames(sqlite_file.read(text_path(path, 'path')))

    @classmethod
    def open_cached(cls, basedir: str, chunks: list[tuple[int, str]]) -> ImgStoreIndex:
        """Index of a store's chunks, from what `save_cache` saved if that still fits them."""
        saved = cache_file.load(basedir, chunks)
        return cls.new_from_chunks(chunks) if saved is None else cls(SegmentList.of_saved(chunks, saved))

    @synchronized
    def updated(self, chunks: Iterable[tuple[int, str]],
                frames: dict[int, tuple[Numbers, Times]]) -> ImgStoreIndex:
        """Index of these chunks, of which some have no index of their own yet.

        What is known of others stays known while their files are the same, so just what is new is read.
        """
        return type(self)(self._segments.updated(chunks, frames))

    # --- saving it

    def save_cache(self, basedir: str, stem_of: Callable[[int], str] | None = None) -> None:
        """Save the index in the store's folder, for `open_cached`.

        ``stem_of`` tells where a chunk is, if what is known in here may come from a file and is not to be followed.

        Raises
        ------
        CorruptFileError
            A chunk's index was damaged or changed since it was read.
        StoreIOError
            It cannot be written there.
        """
        listed = self.chunk_ranges()
        cache_file.save(basedir, [(number, stem_of(number) if stem_of else stem) for number, stem, _ in listed],
                        [own.stop - own.start for _, _, own in listed])

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Save as an SQLite database that imgstore 0.4 reads too; an older one at ``path`` is replaced.

        Raises
        ------
        StoreIOError
            It cannot be written there; an older one is untouched.
        """
        sqlite_file.save(text_path(path, 'path'), self.each_chunk(),
                         {name: float(getattr(self, name)) for name in _SUMMARY})

    @property
    def saved(self) -> cache_file.SavedIndex | None:
        """The file of `save_cache` that frames are mapped from, if one is."""
        return self._segments.saved

    @synchronized
    def close(self) -> None:
        """Let go of a mapped file; what is asked for later is read from the chunks."""
        self._segments.close()

    # --- what there is

    @property
    def generation(self) -> object:
        """An object that becomes another one when the index in the store of some frame may be another."""
        return self._segments.generation

    @property
    @synchronized
    def frame_count(self) -> int:
        """Number of frames."""
        return self._segments.frame_count

    @property
    def chunks(self) -> tuple[int, ...]:
        """Numbers of the chunks that have frames."""
        return tuple(number for number, _, own in self.chunk_ranges() if own.start < own.stop)

    @property
    def frame_min(self) -> int | float:
        """Smallest frame number; nan without frames."""
        return self._range(0, math.nan)[0]

    @property
    def frame_max(self) -> int | float:
        """Largest frame number; nan without frames."""
        return self._range(0, math.nan)[1]

    @property
    def frame_time_min(self) -> float:
        """Earliest frame time in seconds; 0.0 without frames."""
        return self._range(1, 0.0)[0]

    @property
    def frame_time_max(self) -> float:
        """Latest frame time in seconds; 0.0 without frames."""
        return self._range(1, 0.0)[1]

    @synchronized
    def _range(self, column: int, without_frames: float) -> tuple[float, float]:
        return self._segments.range(column) or (without_frames, without_frames)

    @synchronized
    def chunk_ranges(self) -> list[tuple[int, str, slice]]:
        """Number of each chunk, path of its index less the extension, and where in the store its frames are."""
        return [(chunk.number, chunk.stem, slice(start + first, start + end))
                for start, segment in self._segments.from_start() for chunk, first, end in segment.chunks.ranges()]

    def get_all_metadata(self) -> dict[str, list[Any]]:
        """Numbers and times of all frames, in the order of writing."""
        with self.lock:
            frames = self._segments.frames()
        return _as_lists(concatenate(frames))

    @synchronized
    def get_chunk_metadata(self, chunk_n: int) -> dict[str, list[Any]]:
        """Numbers and times of a chunk's frames; empty lists for a chunk that is not there."""
        return _as_lists(self._segments.chunk_frames(chunk_n))

    @synchronized
    def load(self) -> None:
        """Read all chunks' indexes now; a damaged one is left out."""
        self._segments.frames()

    @property
    @synchronized
    def frame_numbers(self) -> Numbers:
        """Numbers of all frames, in the order of writing: int64, shape (frame_count,); not to be changed."""
        return self._segments.in_one_piece()[0]

    @property
    @synchronized
    def frame_times(self) -> Times:
        """Their times in seconds: float64, of the same shape; not to be changed."""
        return self._segments.in_one_piece()[1]

    def each_chunk(self) -> Iterator[ChunkFrames]:
        """Number of each chunk, path of its index less the extension, numbers and times of its frames."""
        numbers, times = self.frame_numbers, self.frame_times
        for chunk, stem, own in self.chunk_ranges():
            yield chunk, stem, numbers[own], times[own]

    # --- from index to frame and back

    @synchronized
    def to_chunk(self, index: int) -> tuple[int, int]:
        """The chunk of the frame with that index in the store, and its index in there; (-1, -1) if there is none."""
        return self._segments.place(index) or NOT_FOUND

    @synchronized
    def from_chunk(self, chunk: int, within: int) -> int:
        """Index in the store of a chunk's frame; of the frame before it in the store if the chunk is left out."""
        start, end = self._segments.range_of(chunk)
        return start + (within if start < end else -1)

    @synchronized
    def chunk_length(self, chunk: int) -> int:
        """Number of frames of a chunk; 0 if it is not there."""
        start, end = self._segments.range_of(chunk)
        return end - start

    @synchronized
    def frame(self, index: int) -> tuple[int, float] | None:
        """Number and time of the frame with that index in the store; None if there is none."""
        return self._segments.frame(index)

    # --- looking up

    @synchronized
    def find(self, what: str, value: object, nearest: bool = False) -> int | None:
        """Index in the store of the frame with that number or time, or of the one nearest to it; None if none is."""
        key = _as_key(what, value)
        if key != key:
            return None
        if what == 'index' and not nearest:
            return int(key) if 0 <= key < self.frame_count and key == int(key) else None
        if what not in FRAME_MD:
            raise InvalidArgumentError(f'frames are found by frame_number, frame_time or index, not by {what!r}',
                                       argument='what')
        return (self._segments.nearest if nearest else self._segments.find)(FRAME_MD.index(what), key)

    def find_chunk(self, what: str, value: object) -> tuple[int, int]:
        """(chunk, index in the chunk) of a frame; (-1, -1) if there is none."""
        index = self.find(what, value)
        return NOT_FOUND if index is None else self.to_chunk(index)

    def find_chunk_nearest(self, what: str, value: object) -> tuple[int, int]:
        """(chunk, index in the chunk) of the frame with the nearest number or time; (-1, -1) in an empty store."""
        index = self.find(what, value, nearest=True)
        return NOT_FOUND if index is None else self.to_chunk(index)


def _as_key(what: str, value: object) -> float:
    """The value that is looked for as Python's own int or float, an int exactly."""
    try:
        return operator.index(cast(SupportsIndex, value))
    except TypeError:
        return as_seconds(value, what)


def _as_lists(frames: FrameTimes) -> dict[str, list[Any]]:
    return {key: values.tolist() for key, values in zip(FRAME_MD, frames, strict=True)}


def save_cache_if_large(basedir: str, chunks: list[tuple[int, str]]) -> None:
    """Save the index of a store of many chunks, so that it opens at once; it does as well without."""
    if len(chunks) >= cache_file.MIN_CHUNKS_TO_CACHE:
        with contextlib.suppress(ImgStoreError):
            ImgStoreIndex.new_from_chunks(chunks).save_cache(basedir)
