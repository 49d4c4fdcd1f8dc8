"""Images read from chunks, on request and by prefetching."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from .._support.cpu import THREADS
from .._support.forking import leak
from ..chunks import ChunkIO, ChunkReader, Image
from ..chunks.base import MOST_IN_RUNS
from ..chunks.opened import OpenChunks, SpareReaders
from ..color import decode_to_bgr
from ..errors import CorruptFileError, FrameReadError, InvalidArgumentError
from ..index.store_index import ImgStoreIndex
from .known_frames import KnownFrames
from .position import FrameLocation, Place
from .prefetch import Prefetcher
from .runs import LEAST_IN_RUNS, RunReader

Put = Callable[[Place, Image], None]
"""Takes an image, in any thread."""

_OPEN_CHUNKS = 2  # one to read, and the next to prefetch
_UNREADABLE = (FrameReadError, CorruptFileError, InvalidArgumentError)


class ImageReader:
    """Reader of the images of one store.

    Parameters
    ----------
    store : str
        The store's folder, for error messages.
    known : KnownFrames
        Frames of the store.
    chunks : ChunkIO
        Opens the chunks.
    encoding : str or None
        Encoding of the raw images. They are converted to BGR until `disable_decoding`.
    turn : Lock
        Held while reading from a chunk.
    most_decoded : int
        Maximum number of decoded frames in memory before they are requested.

    Attributes
    ----------
    index : ImgStoreIndex or None
        The index by which frames are requested. None: the latest of the store.
    """

    index: ImgStoreIndex | None

    def __init__(
        self,
        store: str,
        known: KnownFrames,
        chunks: ChunkIO,
        encoding: str | None,
        turn: threading.Lock,
        most_decoded: int,
    ) -> None:
        can_run = THREADS > 1 and chunks.has_runs and not chunks.decodes_ahead and most_decoded >= LEAST_IN_RUNS
        self._most_in_runs = min(most_decoded, MOST_IN_RUNS) if can_run else 0
        self._store, self._known, self._chunks, self._encoding = store, known, chunks, encoding
        self.is_decoding, self.index = bool(encoding), None
        self._get_ready(turn)

    def _get_ready(self, turn: threading.Lock) -> None:
        self._turn, self._open = turn, OpenChunks(_OPEN_CHUNKS)
        self._prefetcher = Prefetcher(self._begin, turn, THREADS)
        self._runs = (
            RunReader(self._one_thread, self._length, self._decoded, self._most_in_runs) if self._most_in_runs else None
        )

    def reset_after_fork(self, turn: threading.Lock) -> None:
        """Start new threads and open files again in a forked child."""
        leak((self._prefetcher, self._open))
        if self._runs is not None:
            self._runs.leak()
        self._get_ready(turn)

    def disable_decoding(self) -> None:
        """Return raw images from now on."""
        self.prefetch(())
        self.is_decoding = False

    def prefetch(self, places: Iterable[Place], in_sequence: bool = False) -> None:
        """Start to read these frames; cancel all others.

        Parameters
        ----------
        places : iterable of (int, int)
            The frames, in the order of requests.
        in_sequence : bool
            The frames after them will be requested next.
        """
        places, runs = list(places), self._runs
        if self._chunks.decodes_ahead and places[:1] <= places[-1:]:
            places = []  # in any case, those of another direction are cancelled
        if runs is not None and in_sequence and len(places) > 1 and places[0] < places[-1]:
            self._expect_runs(runs, places[-1])
            places = [place for place in places if not runs.will_have(place)]
        elif runs is not None:
            runs.cancel()
        self._prefetcher.schedule(places)

    def _expect_runs(self, runs: RunReader, after: Place) -> None:
        """Decode the groups after a frame in parallel, if groups are short."""
        if runs.is_busy:
            runs.expect(after)
            return
        chunk, index = after
        reader = self._open.get(chunk)
        begin = reader.next_keyframe(index + 1) if reader else None
        if begin is not None and begin - index <= runs.longest_group:
            runs.expect((chunk, begin))

    def read(self, frame: FrameLocation) -> Image:
        """Read one image; FrameReadError names the frame.

        Warn of a chunk that lost its checksums.
        """
        image = self._read(frame)
        self.warn_if_unverified()
        return image

    def warn_if_unverified(self) -> None:
        """Warn of the first chunk that lost its checksums, once."""
        self._chunks.warn_if_unverified()

    def _read(self, frame: FrameLocation) -> Image:
        prefetched: Image | None = self._prefetcher.result(frame.place)
        runs = self._runs
        if prefetched is None and runs is not None:
            prefetched = runs.take(frame.place)
        if prefetched is not None:
            return prefetched
        chunk, index = frame.place
        try:
            with self._turn:
                return self._decoded(self._chunk(chunk).read(index))
        except _UNREADABLE as error:
            raise self._named(error, frame) from error

    def parts_of(self, frames: Sequence[FrameLocation]) -> list[list[FrameLocation]]:
        """Split ascending frames of a chunk into parts decoded independently."""
        chunk, at = frames[0].place[0], iter(frames)
        try:
            with self._turn:
                reader = self._chunk(chunk)
                groups = reader.groups_of([frame.place[1] for frame in frames])
        except _UNREADABLE:
            return [list(frames)]  # reading them raises the error of the first
        return [list(itertools.islice(at, len(group))) for group in groups]

    def keyframe_after(self, chunk: int, index: int) -> int | None:
        """Return a chunk's first keyframe from an index on, or its end.

        None if it is unknown.
        """
        if not self._chunks.has_runs:
            return index
        try:
            with self._turn:
                return self._chunk(chunk).next_keyframe(index)
        except _UNREADABLE:
            return None  # reading the block raises the error

    @contextlib.contextmanager
    def spare_readers(self, chunk: int) -> Iterator[SpareReaders]:
        """Lend readers of a chunk for `read_part`.

        They stay open for the next batch if the chunk is open.
        """
        with self._turn:
            readers = SpareReaders(partial(self._one_thread, chunk), self._open.take_spares(chunk))
        try:
            yield readers
        finally:
            with self._turn:
                self._open.keep_spares(chunk, readers.take_all())

    def read_part(self, readers: SpareReaders, put: Put, frames: Sequence[FrameLocation]) -> None:
        """Read images of one chunk with a spare reader of it; thread-safe."""
        frame = frames[0]
        try:
            with readers.borrow() as reader:
                for frame in frames:
                    put(frame.place, self._decoded(reader.read(frame.place[1])))
        except _UNREADABLE as error:
            raise self._named(error, frame) from error

    def read_chunk(self, put: Put, frames: Sequence[FrameLocation]) -> None:
        """Read images of one chunk with a reader of their own; thread-safe."""
        with self.spare_readers(frames[0].place[0]) as readers:
            self.read_part(readers, put, frames)

    def _named(
        self, error: FrameReadError | CorruptFileError | InvalidArgumentError, frame: FrameLocation
    ) -> FrameReadError:
        """Return an error for the frame."""
        (chunk, at), (number, _) = frame.place, frame.number_and_time
        what = f'frame #{number}, at index {at} of chunk {chunk}'
        return FrameReadError(
            f'{self._store}: {what}, cannot be read: {error}',
            store=self._store,
            chunk=chunk,
            index_in_chunk=at,
            frame_index=frame.frame_index,
            frame_number=number,
            path=error.path,
            reason=error.reason or str(error),
        )

    def _begin(self, place: Place) -> Callable[[], Image]:
        """Start to read a frame in advance."""
        deferred = self._chunk(place[0]).read_deferred(place[1])
        return lambda: self._decoded(deferred())

    def _chunk(self, number: int) -> ChunkReader:
        """Return the reader of a chunk; only the latest ones stay open."""
        return self._open.reader(number, lambda: self._new_reader(number))

    def _one_thread(self, number: int) -> ChunkReader:
        main = self._open.get(number)
        another = main.another() if main else None
        return another or self._new_reader(number, in_parallel=True)

    def _new_reader(self, number: int, in_parallel: bool = False) -> ChunkReader:
        incomplete = self._known.listing.incomplete.get(number)
        journaled = incomplete.checksums if incomplete and self._chunks.verifies else None
        check = partial(self._known.check_frames, number, index=self.index)
        return self._chunks.reader(number, self._known.chunk_length(number), in_parallel, journaled, check)

    def _length(self, number: int) -> int:
        """Return the number of frames of a chunk; 0 for one that is being written."""
        return 0 if number in self._known.listing.incomplete else self._known.chunk_length(number)

    def _decoded(self, image: Image) -> Image:
        return decode_to_bgr(image, self._encoding) if self.is_decoding else image

    def close_chunks(self, numbers: Iterable[int]) -> None:
        """Close the readers of changed chunks."""
        with self._turn:
            for number in numbers:
                self._open.close_one(number)
        if self._runs is not None:
            self._runs.close()

    @property
    def is_own_thread(self) -> bool:
        """Whether the current thread is a prefetching one."""
        return self._prefetcher.is_own_thread or (self._runs is not None and self._runs.is_own_thread)

    def stop_prefetching(self) -> None:
        """End the prefetching threads."""
        self._prefetcher.close()
        runs, self._runs = self._runs, None  # which refers to this reader: no cycle is left for the garbage collector
        if runs is not None:
            runs.close()

    def close(self) -> None:
        """Close all chunks."""
        self._open.close()
