"""Frame numbers and times of all chunks as numpy arrays: read when a question needs them, looked up by bisection."""

from __future__ import annotations

import bisect
import contextlib
import operator
import os
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, SupportsIndex, cast

import numpy as np
import numpy.typing as npt

from . import index_sqlite
from ._files import aside, remove_if_there, text_path
from ._numbers import seconds
from .chunk_index import Numbers, Times, count_frames, read_chunk_index
from .constants import FRAME_MD, STORE_SAVED_INDEX_FILENAME
from .errors import CorruptFileError, ImgStoreError, InvalidArgumentError, StoreIOError
from .lookup import Lookup
from .saved_index import WORTH_SAVING, SavedIndex, save
from .saved_index import load as load_saved
from .sharing import one_at_a_time

NOT_FOUND = (-1, -1)
_SUMMARY = ('frame_time_min', 'frame_time_max', 'frame_min', 'frame_max')


class _Chunk:
    """Frame numbers and times of one chunk, read when first asked for."""

    def __init__(self, number: int, stem: str, frames: tuple[Numbers, Times] | None = None,
                 is_open: bool = False) -> None:
        self.number, self.stem, self.is_open = number, stem, is_open
        self._frames = frames
        self.known_count = None if frames is None else len(frames[0])

    @property
    def count(self) -> int:
        if self.known_count is None:
            self.known_count = count_frames(self.stem)
        return self.known_count

    @property
    def frames(self) -> tuple[Numbers, Times]:
        if self._frames is None:
            self._frames = read_chunk_index(self.stem)
            self.known_count = len(self._frames[0])
        return self._frames

    def forget(self) -> None:
        """Free what is kept in one piece with all others, and can be read again."""
        if not self.is_open:
            self._frames = None


class ImgStoreIndex:
    """Which frames a store has, and in which chunk each is.

    Nothing is read before a question needs it: the number of frames takes the headers of the chunks' indexes, a
    frame's number and time the index of its chunk, a search all of them (16 bytes a frame in memory).

    A chunk whose index turns out to be damaged is left out, with one warning.
    """

    VERSION = index_sqlite.VERSION

    def __init__(self, chunks: Iterable[_Chunk] = (), saved: SavedIndex | None = None) -> None:
        self._chunks = sorted(chunks, key=lambda chunk: chunk.number)
        self.lock = threading.RLock()
        self._learn(saved)

    def _learn(self, saved: SavedIndex | None) -> None:
        self._saved = saved
        self._first: npt.NDArray[np.int64] | None = saved.starts if saved else None
        self._all: tuple[Numbers, Times] | None = (saved.numbers, saved.times) if saved else None
        self._lookups: dict[str, Lookup] = {}

    def _forget(self) -> None:
        self._learn(None)

    @one_at_a_time
    def release(self) -> None:
        """Let go of a file that is mapped into memory; what is asked for later is read from the chunks."""
        if self._saved is not None:
            self._forget()

    @classmethod
    def new_from_chunks(cls, chunk_n_and_chunk_paths: Iterable[tuple[int, str]]) -> ImgStoreIndex:
        """Index of chunks given as (number, path of the chunk's index less its extension)."""
        return cls(_Chunk(int(number), os.fspath(path)) for number, path in chunk_n_and_chunk_paths)

    @classmethod
    def new_for_store(cls, basedir: str, chunks: list[tuple[int, str]]) -> ImgStoreIndex:
        """Index of a store's chunks, from what `save_beside` saved if that still fits them."""
        saved = load_saved(os.path.join(basedir, STORE_SAVED_INDEX_FILENAME), chunks)
        return cls((_Chunk(number, stem) for number, stem in chunks), saved)

    def with_chunks(self, chunks: Iterable[tuple[int, str]],
                    frames: dict[int, tuple[Numbers, Times]]) -> ImgStoreIndex:
        """Index of these chunks, of which some have no index of their own yet; what is known of others stays known."""
        known = {chunk.number: chunk for chunk in self._chunks if not chunk.is_open}
        return type(self)(_Chunk(number, stem, frames[number], True) if number in frames
                          else known.get(number) or _Chunk(number, stem) for number, stem in chunks)

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
            raise StoreIOError(f'{path}: the index could not be saved: {error}') from error

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
            raise CorruptFileError(f'{path}: there is no such index file')
        return cls(_Chunk(number, stem, (numbers, times)) for number, stem, numbers, times in index_sqlite.read(path))

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
            raise StoreIOError(f'{path}: the index could not be saved: {error}') from error
        finally:
            remove_if_there(temporary)

    # --- levels of knowledge: counts, then everything

    def _drop(self, chunk: _Chunk, why: Exception) -> None:
        warnings.warn(f'chunk {chunk.number} is skipped: {why}', stacklevel=4)
        self._chunks.remove(chunk)
        self._forget()

    @property
    @one_at_a_time
    def _starts(self) -> npt.NDArray[np.int64]:
        """Index in the store of each chunk's first frame, and the number of frames at the end."""
        while self._first is None:
            counts = []
            for chunk in self._chunks:
                try:
                    counts.append(chunk.count)
                except CorruptFileError as error:
                    self._drop(chunk, error)
                    break
            else:
                self._first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        return self._first

    @one_at_a_time
    def _chunk_frames(self, chunk: _Chunk) -> tuple[Numbers, Times] | None:
        if self._all is not None and self._first is not None:
            own = slice(*self._first[self._rank(chunk.number):][:2].tolist())
            return self._all[0][own], self._all[1][own]
        try:
            counted, frames = chunk.known_count, chunk.frames
        except CorruptFileError as error:
            self._drop(chunk, error)
            return None
        if counted not in (None, len(frames[0])):
            self._forget()
        return frames

    def _by_chunk(self) -> Iterator[tuple[Numbers, Times]]:
        return (frames for chunk in list(self._chunks) if (frames := self._chunk_frames(chunk)))

    @property
    @one_at_a_time
    def _frames(self) -> tuple[Numbers, Times]:
        """Numbers and times of all frames, in one piece each."""
        if self._all is None:
            self._all = _in_one_piece(self._by_chunk())
            for chunk in self._chunks:
                chunk.forget()
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
        if self._saved is not None:
            return self._saved.ranges[column]
        values = self._frames[column]
        return np.fmin.reduce(values).item(), np.fmax.reduce(values).item()

    def get_all_metadata(self) -> dict[str, list[Any]]:
        """Numbers and times of all frames, in the order of writing."""
        return _as_lists(self._all or _in_one_piece(self._by_chunk()))

    def get_chunk_metadata(self, chunk_n: int) -> dict[str, list[Any]]:
        """Numbers and times of a chunk's frames; empty lists for a chunk that is not there."""
        for chunk in self._chunks:
            if chunk.number == chunk_n:
                return _as_lists(self._chunk_frames(chunk) or _NO_FRAMES)
        return _as_lists(_NO_FRAMES)

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
        if self._all is not None:
            return (int(self._all[0][index]), float(self._all[1][index])) if 0 <= index < self.frame_count else None
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
            raise InvalidArgumentError(f'frames are found by frame_number, frame_time or index, not by {what!r}')
        frames = self._frames
        if what not in self._lookups:
            column = FRAME_MD.index(what)
            self._lookups[what] = Lookup(frames[column], self._saved.ascend[column] if self._saved else None)
        lookup = self._lookups[what]
        return lookup.nearest(key) if nearest else lookup.find(key)

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


_NO_FRAMES = (np.empty(0, np.int64), np.empty(0, np.float64))


def _in_one_piece(parts: Iterable[tuple[Numbers, Times]]) -> tuple[Numbers, Times]:
    numbers, times = zip(_NO_FRAMES, *parts, strict=True)
    return np.concatenate(numbers), np.concatenate(times)


def _as_lists(frames: tuple[Numbers, Times]) -> dict[str, list[Any]]:
    return {key: values.tolist() for key, values in zip(FRAME_MD, frames, strict=True)}


def save_if_worth_it(basedir: str, chunks: list[tuple[int, str]]) -> None:
    """Save the index of a store of many chunks, so that it opens at once; it does as well without."""
    if len(chunks) >= WORTH_SAVING:
        with contextlib.suppress(ImgStoreError):
            ImgStoreIndex.new_from_chunks(chunks).save_beside(basedir)
