"""Frame numbers and times of all chunks as numpy arrays: read when a question needs them, looked up by bisection."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import operator
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, SupportsIndex, cast

import numpy as np

from .._support.forking import synchronized
from .._support.validation import as_seconds
from .._support.warn import warn
from ..constants import FRAME_MD, STORE_SAVED_INDEX_FILENAME
from ..errors import ChunkSkippedWarning, CorruptFileError, ImgStoreError, InvalidArgumentError, StoreIOError
from ..ondisk.chunk_index import Numbers, Times
from ..ondisk.files import replace_atomic, text_path
from . import sqlite_file
from .cache_file import MIN_CHUNKS_TO_CACHE, SavedIndex, save
from .cache_file import load as load_saved
from .segments import NO_FRAMES, ChunkOffsets, FrameTimes, IndexSegment, LazyChunkIndex, concatenate

NOT_FOUND = (-1, -1)
_SUMMARY = ('frame_time_min', 'frame_time_max', 'frame_min', 'frame_max')


class ImgStoreIndex:
    """Which frames a store has, and in which chunk each is.

    Nothing is read before a question needs it: the number of frames takes the headers of the chunks' indexes, a
    frame's number and time the index of its chunk, a search all of them (16 bytes a frame in memory).

    A chunk whose index turns out to be damaged is left out, with one warning.
    """

    VERSION = sqlite_file.VERSION

    def __init__(self, chunks: Iterable[LazyChunkIndex] = (), base: IndexSegment | None = None,
                 saved: SavedIndex | None = None) -> None:
        self._chunks = sorted(chunks, key=lambda chunk: chunk.number)
        self.lock = threading.RLock()
        self._learn(base or IndexSegment(), saved)

    def _learn(self, base: IndexSegment, saved: SavedIndex | None = None) -> None:
        """Know the frames of the first chunks, those of ``base``, which may be of a file."""
        self._base, self.saved = base, saved
        self._forget()

    def _forget(self) -> None:
        """Forget what is known of all chunks behind them."""
        self.generation = object()  # another one when the index in the store of some frame may be another
        self._first: ChunkOffsets | None = None
        self._rest: IndexSegment | None = None
        self._all: FrameTimes | None = None

    @synchronized
    def close(self) -> None:
        """Let go of a file that is mapped into memory; what is asked for later is read from the chunks."""
        if self.saved is not None:
            self._learn(IndexSegment())

    @classmethod
    def new_from_chunks(cls, chunk_n_and_chunk_paths: Iterable[tuple[int, str]]) -> ImgStoreIndex:
        """Index of chunks given as (number, path of the chunk's index less its extension)."""
        return cls(LazyChunkIndex(int(number), os.fspath(path)) for number, path in chunk_n_and_chunk_paths)

    @classmethod
    def open_cached(cls, basedir: str, chunks: list[tuple[int, str]]) -> ImgStoreIndex:
        """Index of a store's chunks, from what `save_cache` saved if that still fits them."""
        saved = load_saved(os.path.join(basedir, STORE_SAVED_INDEX_FILENAME), chunks)
        if saved is None:
            return cls.new_from_chunks(chunks)
        known = (LazyChunkIndex(*chunk, seen=look) for chunk, look in zip(chunks, saved.stamps, strict=True))
        frames = saved.numbers, saved.times
        return cls(known, IndexSegment(frames, saved.starts, saved.is_sorted, saved.ranges, saved.is_sound), saved)

    @synchronized
    def updated(self, chunks: Iterable[tuple[int, str]],
                frames: dict[int, tuple[Numbers, Times]]) -> ImgStoreIndex:
        """Index of these chunks, of which some have no index of their own yet.

        What is known of others stays known while their files are the same, so just what is new is read.
        """
        known = {chunk.number: chunk for chunk in self._chunks if not chunk.is_open and chunk.is_unchanged}
        index = type(self)(LazyChunkIndex(number, stem, frames[number], True) if number in frames
                           else known.get(number) or LazyChunkIndex(number, stem) for number, stem in chunks)
        index._take_over(self)
        return index

    def _take_over(self, other: ImgStoreIndex) -> None:
        """Know of the first chunks what another index does, as far as they are the same."""
        pairs = zip(self._chunks, other._chunks, strict=False)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] is pair[1], pairs))
        base, saved = other._base.first_chunks(min(same, other._base.chunks)), other.saved
        if same > base.chunks and other._rest is not None:
            behind = other._rest.first_chunks(same - base.chunks)
            # not for every chunk, or all frames would be copied each time
            if len(behind) > len(base) and base.is_sound(slice(0, len(base))):
                base, saved = base.concat(behind), None
        self._learn(base, saved)

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
        path = os.path.join(basedir, STORE_SAVED_INDEX_FILENAME)
        counts = np.diff(self._starts).tolist()
        try:
            save(path, [(c.number, stem_of(c.number) if stem_of else c.stem) for c in self._chunks], counts)
        except CorruptFileError:
            raise
        except OSError as error:
            raise StoreIOError(f'{path}: the index could not be saved: {error}', path=path) from error

    @classmethod
    def new_from_file(cls, path: str | os.PathLike[str]) -> ImgStoreIndex:
        """Load what `to_file` saved, here or in imgstore 0.4.

        Raises
        ------
        CorruptFileError
            There is no such file, or it holds no sound index; reading never makes or changes it.
        """
        path = text_path(path, 'path')
        if not os.path.isfile(path):
            raise CorruptFileError(f'{path}: there is no such index file', path=path)
        return cls(LazyChunkIndex(number, stem, (numbers, times))
                   for number, stem, numbers, times in sqlite_file.read(path))

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Save as an SQLite database that imgstore 0.4 reads too; an older one at ``path`` is replaced.

        Raises
        ------
        StoreIOError
            It cannot be written there; an older one is untouched.
        """
        path = text_path(path, 'path')
        summary = {name: float(getattr(self, name)) for name in _SUMMARY}
        try:
            with replace_atomic(path) as temporary:
                sqlite_file.write(temporary, self._each_chunk(), summary)
        except (sqlite3.Error, OSError) as error:
            raise StoreIOError(f'{path}: the index could not be saved: {error}', path=path) from error

    def _is_base_sound(self, own: slice, columns: Sequence[int] = (0, 1)) -> bool:
        """Whether those frames of the base are as they were saved; if not, the chunks are read instead of all of it."""
        if not self._base.is_sound(own, columns):
            self.close()
            return False
        return True

    # --- levels of knowledge: counts, then everything

    def _drop(self, chunk: LazyChunkIndex, why: CorruptFileError) -> None:
        warn(ChunkSkippedWarning(chunk.store, chunk.number, why))
        self._chunks.remove(chunk)
        self._forget()

    @property
    @synchronized
    def _starts(self) -> ChunkOffsets:
        """Index in the store of each chunk's first frame, and the number of frames at the end."""
        while self._first is None:
            counts = []
            for chunk in self._chunks[self._base.chunks:]:
                try:
                    counts.append(chunk.count)
                except CorruptFileError as error:
                    self._drop(chunk, error)
                    break
            else:
                known = self._base.starts
                self._first = np.concatenate([known, known[-1] + np.cumsum(counts, dtype=np.int64)])
        return self._first

    @synchronized
    def _chunk_frames(self, chunk: LazyChunkIndex) -> FrameTimes | None:
        rank = self._rank(chunk.number)
        if rank < self._base.chunks and self._is_base_sound(self._base.own(rank)):
            return self._base.of_chunk(rank)
        try:
            counted, frames = chunk.known_count, chunk.frames
        except CorruptFileError as error:
            self._drop(chunk, error)
            return None
        if counted not in (None, len(frames[0])):
            self._forget()
        return frames

    def _by_chunk(self) -> Iterator[FrameTimes]:
        return (frames for chunk in list(self._chunks) if (frames := self._chunk_frames(chunk)))

    @property
    @synchronized
    def _behind(self) -> IndexSegment:
        """The frames of all chunks behind the base."""
        if self._rest is None:
            parts = [(chunk, frames) for chunk in self._chunks[self._base.chunks:]
                     if (frames := self._chunk_frames(chunk)) is not None]
            self._rest = IndexSegment.of([frames for _, frames in parts])
            for rank, (chunk, _) in enumerate(parts):
                chunk.keep(self._rest.of_chunk(rank))  # and not twice
        return self._rest

    @property
    @synchronized
    def _frames(self) -> FrameTimes:
        """Numbers and times of all frames, in one piece each."""
        if self._all is None:
            self._is_base_sound(slice(0, len(self._base)))
            self._all = self._base.concat(self._behind).frames
        return self._all

    # --- what there is

    @property
    def chunks(self) -> tuple[int, ...]:
        """Numbers of the chunks that have frames."""
        counts = np.diff(self._starts)
        return tuple(chunk.number for chunk, count in zip(self._chunks, counts, strict=True) if count)

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return int(self._starts[-1])

    @property
    def frame_min(self) -> int | float:
        """Smallest frame number; nan without frames."""
        return self._range(0)[0] if self.frame_count else float('nan')

    @property
    def frame_max(self) -> int | float:
        """Largest frame number; nan without frames."""
        return self._range(0)[1] if self.frame_count else float('nan')

    @property
    def frame_time_min(self) -> float:
        """Earliest frame time in seconds; 0.0 without frames."""
        return self._range(1)[0] if self.frame_count else 0.0

    @property
    def frame_time_max(self) -> float:
        """Latest frame time in seconds; 0.0 without frames."""
        return self._range(1)[1] if self.frame_count else 0.0

    def _range(self, column: int) -> tuple[Any, Any]:
        """Smallest and largest of what is in there, nan left out."""
        both = np.array([piece.range(column) for piece in (self._base, self._behind) if len(piece)])
        return np.fmin.reduce(both[:, 0]).item(), np.fmax.reduce(both[:, 1]).item()

    def get_all_metadata(self) -> dict[str, list[Any]]:
        """Numbers and times of all frames, in the order of writing."""
        return _as_lists(self._all or concatenate(list(self._by_chunk())))

    def get_chunk_metadata(self, chunk_n: int) -> dict[str, list[Any]]:
        """Numbers and times of a chunk's frames; empty lists for a chunk that is not there."""
        for chunk in self._chunks:
            if chunk.number == chunk_n:
                return _as_lists(self._chunk_frames(chunk) or NO_FRAMES)
        return _as_lists(NO_FRAMES)

    def load(self) -> None:
        """Read all chunks' indexes now; a damaged one is left out."""
        assert self._frames

    @property
    def frame_numbers(self) -> Numbers:
        """Numbers of all frames, in the order of writing: int64, shape (frame_count,); not to be changed."""
        return self._frames[0]

    @property
    def frame_times(self) -> Times:
        """Their times in seconds: float64, of the same shape; not to be changed."""
        return self._frames[1]

    def chunk_ranges(self) -> list[tuple[int, str, slice]]:
        """Number of each chunk, path of its index less the extension, and where in the store its frames are."""
        starts = self._starts.tolist()
        return [(chunk.number, chunk.stem, slice(start, end))
                for chunk, start, end in zip(self._chunks, starts[:-1], starts[1:], strict=True)]

    def _each_chunk(self) -> Iterator[sqlite_file.ChunkFrames]:
        numbers, times = self._frames
        for chunk, stem, own in self.chunk_ranges():
            yield chunk, stem, numbers[own], times[own]

    # --- from index to frame and back

    def to_chunk(self, index: int) -> tuple[int, int]:
        """The chunk of the frame with that index in the store, and its index in there; (-1, -1) if there is none."""
        starts = self._starts
        if not 0 <= index < starts[-1]:
            return NOT_FOUND
        position = int(starts.searchsorted(index, 'right')) - 1
        return self._chunks[position].number, int(index - starts[position])

    def from_chunk(self, chunk: int, within: int) -> int:
        """Index in the store of a chunk's frame; of the frame before it in the store if the chunk is left out."""
        starts = self._starts
        return int(starts[self._rank(chunk)]) + (within if self.chunk_length(chunk) else -1)

    def chunk_length(self, chunk: int) -> int:
        """Number of frames of a chunk; 0 if it is not there."""
        starts, rank = self._starts, self._rank(chunk)
        there = rank < len(self._chunks) and self._chunks[rank].number == chunk
        return int(starts[rank + 1] - starts[rank]) if there else 0

    def _rank(self, chunk: int) -> int:
        return bisect.bisect_left(self._chunks, chunk, key=lambda known: known.number)

    @synchronized
    def frame(self, index: int) -> tuple[int, float] | None:
        """Number and time of the frame with that index in the store; None if there is none."""
        if 0 <= index < len(self._base) and self._is_base_sound(slice(index, index + 1)):
            return self._base.frame(index)
        if self._rest is not None:
            within = index - len(self._base)
            return self._rest.frame(within) if 0 <= within < len(self._rest) else None
        while 0 <= index < self.frame_count:
            starts = self._starts
            rank = int(starts.searchsorted(index, 'right')) - 1
            frames = self._chunk_frames(self._chunks[rank])
            if frames is not None and self._first is starts:
                within = index - int(starts[rank])
                return int(frames[0][within]), float(frames[1][within])
        return None

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
        column = FRAME_MD.index(what)
        self._is_base_sound(slice(0, len(self._base)), (column,))
        known = len(self._base)
        if nearest:
            both = self._base.nearest(column, key), self._behind.nearest(column, key)
            near = [(found[0], start + found[1]) for start, found in zip((0, known), both, strict=True) if found]
            return min(near)[1] if near else None
        index = self._base.find(column, key)
        if index is None and (index := self._behind.find(column, key)) is not None:
            index += known
        return index

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
    if len(chunks) >= MIN_CHUNKS_TO_CACHE:
        with contextlib.suppress(ImgStoreError):
            ImgStoreIndex.new_from_chunks(chunks).save_cache(basedir)
