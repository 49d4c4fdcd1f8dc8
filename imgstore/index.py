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

from . import index_sqlite
from ._files import aside, remove_if_there, text_path
from ._numbers import seconds
from ._warn import warn
from .chunk_index import Numbers, Times
from .constants import FRAME_MD, STORE_SAVED_INDEX_FILENAME
from .errors import ChunkSkippedWarning, CorruptFileError, ImgStoreError, InvalidArgumentError, StoreIOError
from .pieces import NO_FRAMES, Frames, KnownChunk, Piece, Starts, in_one_piece
from .saved_index import WORTH_SAVING, SavedIndex, save
from .saved_index import load as load_saved
from .sharing import one_at_a_time

NOT_FOUND = (-1, -1)
_SUMMARY = ('frame_time_min', 'frame_time_max', 'frame_min', 'frame_max')


class ImgStoreIndex:
    """Which frames a store has, and in which chunk each is.

    Nothing is read before a question needs it: the number of frames takes the headers of the chunks' indexes, a
    frame's number and time the index of its chunk, a search all of them (16 bytes a frame in memory).

    A chunk whose index turns out to be damaged is left out, with one warning.
    """

    VERSION = index_sqlite.VERSION

    def __init__(self, chunks: Iterable[KnownChunk] = (), base: Piece | None = None,
                 saved: SavedIndex | None = None) -> None:
        self._chunks = sorted(chunks, key=lambda chunk: chunk.number)
        self.lock = threading.RLock()
        self._learn(base or Piece(), saved)

    def _learn(self, base: Piece, saved: SavedIndex | None = None) -> None:
        """Know the frames of the first chunks, those of ``base``, which may be of a file."""
        self._base, self.saved = base, saved
        self._forget()

    def _forget(self) -> None:
        """Forget what is known of all chunks behind them."""
        self._first: Starts | None = None
        self._rest: Piece | None = None
        self._all: Frames | None = None

    @one_at_a_time
    def release(self) -> None:
        """Let go of a file that is mapped into memory; what is asked for later is read from the chunks."""
        if self.saved is not None:
            self._learn(Piece())

    @classmethod
    def new_from_chunks(cls, chunk_n_and_chunk_paths: Iterable[tuple[int, str]]) -> ImgStoreIndex:
        """Index of chunks given as (number, path of the chunk's index less its extension)."""
        return cls(KnownChunk(int(number), os.fspath(path)) for number, path in chunk_n_and_chunk_paths)

    @classmethod
    def new_for_store(cls, basedir: str, chunks: list[tuple[int, str]]) -> ImgStoreIndex:
        """Index of a store's chunks, from what `save_beside` saved if that still fits them."""
        saved = load_saved(os.path.join(basedir, STORE_SAVED_INDEX_FILENAME), chunks)
        if saved is None:
            return cls.new_from_chunks(chunks)
        known = (KnownChunk(*chunk, seen=look) for chunk, look in zip(chunks, saved.looks, strict=True))
        frames = saved.numbers, saved.times
        return cls(known, Piece(frames, saved.starts, saved.ascend, saved.ranges, saved.is_sound), saved)

    @one_at_a_time
    def with_chunks(self, chunks: Iterable[tuple[int, str]],
                    frames: dict[int, tuple[Numbers, Times]]) -> ImgStoreIndex:
        """Index of these chunks, of which some have no index of their own yet.

        What is known of others stays known while their files are the same, so just what is new is read.
        """
        known = {chunk.number: chunk for chunk in self._chunks if not chunk.is_open and chunk.is_unchanged}
        index = type(self)(KnownChunk(number, stem, frames[number], True) if number in frames
                           else known.get(number) or KnownChunk(number, stem) for number, stem in chunks)
        index._take_over(self)
        return index

    def _take_over(self, other: ImgStoreIndex) -> None:
        """Know of the first chunks what another index does, as far as they are the same."""
        pairs = zip(self._chunks, other._chunks, strict=False)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] is pair[1], pairs))
        base, saved = other._base.head(min(same, other._base.chunks)), other.saved
        if same > base.chunks and other._rest is not None:
            behind = other._rest.head(same - base.chunks)
            # not for every chunk, or all frames would be copied each time
            if len(behind) > len(base) and base.is_sound(slice(0, len(base))):
                base, saved = base.joined(behind), None
        self._learn(base, saved)

    def save_beside(self, basedir: str, stem_of: Callable[[int], str] | None = None) -> None:
        """Save the index in the store's folder, for `new_for_store`.

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
        return cls(KnownChunk(number, stem, (numbers, times))
                   for number, stem, numbers, times in index_sqlite.read(path))

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Save as an SQLite database that imgstore 0.4 reads too; an older one at ``path`` is replaced.

        Raises
        ------
        StoreIOError
            It cannot be written there; an older one is untouched.
        """
        path = text_path(path, 'path')
        temporary = aside(path)
        remove_if_there(temporary)
        try:
            index_sqlite.write(temporary, self._each_chunk(), {name: float(getattr(self, name)) for name in _SUMMARY})
            os.replace(temporary, path)
        except (sqlite3.Error, OSError) as error:
            raise StoreIOError(f'{path}: the index could not be saved: {error}', path=path) from error
        finally:
            remove_if_there(temporary)

    def _is_base_sound(self, own: slice, columns: Sequence[int] = (0, 1)) -> bool:
        """Whether those frames of the base are as they were saved; if not, the chunks are read instead of all of it."""
        if not self._base.is_sound(own, columns):
            self.release()
            return False
        return True

    # --- levels of knowledge: counts, then everything

    def _drop(self, chunk: KnownChunk, why: CorruptFileError) -> None:
        warn(ChunkSkippedWarning(chunk.store, chunk.number, why))
        self._chunks.remove(chunk)
        self._forget()

    @property
    @one_at_a_time
    def _starts(self) -> Starts:
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

    @one_at_a_time
    def _chunk_frames(self, chunk: KnownChunk) -> Frames | None:
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

    def _by_chunk(self) -> Iterator[Frames]:
        return (frames for chunk in list(self._chunks) if (frames := self._chunk_frames(chunk)))

    @property
    @one_at_a_time
    def _behind(self) -> Piece:
        """The frames of all chunks behind the base."""
        if self._rest is None:
            parts = [(chunk, frames) for chunk in self._chunks[self._base.chunks:]
                     if (frames := self._chunk_frames(chunk)) is not None]
            self._rest = Piece.of([frames for _, frames in parts])
            for rank, (chunk, _) in enumerate(parts):
                chunk.keep(self._rest.of_chunk(rank))  # and not twice
        return self._rest

    @property
    @one_at_a_time
    def _frames(self) -> Frames:
        """Numbers and times of all frames, in one piece each."""
        if self._all is None:
            self._is_base_sound(slice(0, len(self._base)))
            self._all = self._base.joined(self._behind).frames
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
        return _as_lists(self._all or in_one_piece(list(self._by_chunk())))

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

    def parts(self) -> list[tuple[int, str, slice]]:
        """Number of each chunk, path of its index less the extension, and where in the store its frames are."""
        starts = self._starts.tolist()
        return [(chunk.number, chunk.stem, slice(start, end))
                for chunk, start, end in zip(self._chunks, starts[:-1], starts[1:], strict=True)]

    def _each_chunk(self) -> Iterator[index_sqlite.ChunkFrames]:
        numbers, times = self._frames
        for chunk, stem, own in self.parts():
            yield chunk, stem, numbers[own], times[own]

    # --- from index to frame and back

    def locate(self, index: int) -> tuple[int, int]:
        """The chunk of the frame with that index in the store, and its index in there; (-1, -1) if there is none."""
        starts = self._starts
        if not 0 <= index < starts[-1]:
            return NOT_FOUND
        position = int(starts.searchsorted(index, 'right')) - 1
        return self._chunks[position].number, int(index - starts[position])

    def index_of(self, chunk: int, within: int) -> int:
        """Index in the store of a chunk's frame; of the frame before it in the store if the chunk is left out."""
        starts = self._starts
        return int(starts[self._rank(chunk)]) + (within if self.size_of(chunk) else -1)

    def size_of(self, chunk: int) -> int:
        """Number of frames of a chunk; 0 if it is not there."""
        starts, rank = self._starts, self._rank(chunk)
        there = rank < len(self._chunks) and self._chunks[rank].number == chunk
        return int(starts[rank + 1] - starts[rank]) if there else 0

    def _rank(self, chunk: int) -> int:
        return bisect.bisect_left(self._chunks, chunk, key=lambda known: known.number)

    @one_at_a_time
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

    @one_at_a_time
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
        return NOT_FOUND if index is None else self.locate(index)

    def find_chunk_nearest(self, what: str, value: object) -> tuple[int, int]:
        """(chunk, index in the chunk) of the frame with the nearest number or time; (-1, -1) in an empty store."""
        index = self.find(what, value, nearest=True)
        return NOT_FOUND if index is None else self.locate(index)


def _as_key(what: str, value: object) -> float:
    """The value that is looked for as Python's own int or float, an int exactly."""
    try:
        return operator.index(cast(SupportsIndex, value))
    except TypeError:
        return seconds(value, what)


def _as_lists(frames: Frames) -> dict[str, list[Any]]:
    return {key: values.tolist() for key, values in zip(FRAME_MD, frames, strict=True)}


def save_if_worth_it(basedir: str, chunks: list[tuple[int, str]]) -> None:
    """Save the index of a store of many chunks, so that it opens at once; it does as well without."""
    if len(chunks) >= WORTH_SAVING:
        with contextlib.suppress(ImgStoreError):
            ImgStoreIndex.new_from_chunks(chunks).save_beside(basedir)
