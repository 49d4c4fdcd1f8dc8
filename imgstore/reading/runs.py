"""Runs of consecutive frames, decoded in parallel before they are read.

A run is one short group of a chunk, or a few very short ones: frames that one thread decodes alone, from a keyframe on.
Long groups are left to the threads of one decoder.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .._support.cpu import THREADS
from .._support.forking import leak
from ..chunks import ChunkReader, Image
from ..chunks.base import MOST_RUNS, SHORT_GROUP
from .position import Place

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_LEAST_FRAMES = 8  # fewer are not worth a seek, nor starting a thread
_ENOUGH = 2**20  # bytes of images that are worth a lock, and waking the caller

LEAST_IN_RUNS = 2 * SHORT_GROUP
"""Frames decoded and not requested yet, needed to decode in parallel."""


@dataclass(eq=False)
class Run:
    """Consecutive frames of one chunk.

    Attributes
    ----------
    chunk : int
        Number of the chunk.
    start : int
        Index of the first frame in the chunk.
    end : int or None
        Index after the last frame; None until a thread has opened the chunk.
    next : int
        Index of the next frame to decode.
    reader : ChunkReader or None
        Its reader, between the first and the last frame.
    images : dict of int to ndarray
        Images decoded and not taken yet, by index.
    is_running : bool
        Whether a thread decodes it, or is about to.
    is_over : bool
        Whether no more frames will come.
    """

    chunk: int
    start: int
    end: int | None
    next: int = field(init=False)
    reader: ChunkReader | None = None
    images: dict[int, Image] = field(default_factory=dict)
    is_running: bool = False
    is_over: bool = False

    def __post_init__(self) -> None:
        self.next = self.start

    def has(self, place: Place) -> bool:
        """Return whether a frame belongs to the run."""
        chunk, index = place
        return chunk == self.chunk and self.start <= index and (self.end is None or index < self.end)

    def forget_before(self, index: int) -> None:
        """Forget frames that were skipped."""
        for skipped in [each for each in self.images if each < index]:
            del self.images[skipped]


class RunReader:
    """Decodes the next runs of frames in threads of its own. Thread-safe.

    A thread without room for more frames ends; no thread waits for the caller.

    Parameters
    ----------
    open_reader : callable
        Opens a reader of a chunk that decodes with one thread.
    length : callable
        Returns the number of frames of a chunk; 0 if it must not be read in runs.
    finish : callable
        Makes the image that is returned from a decoded one.
    most : int
        Maximum number of frames decoded and not taken yet.
    """

    def __init__(
        self,
        open_reader: Callable[[int], ChunkReader],
        length: Callable[[int], int],
        finish: Callable[[Image], Image],
        most: int,
    ) -> None:
        self._open_reader, self._length, self._finish, self._most = open_reader, length, finish, most
        self._change = threading.Condition()
        self._runs: deque[Run] = deque()
        self._idle: defaultdict[int, list[ChunkReader]] = defaultdict(list)
        self._pool: ThreadPoolExecutor | None = None

    # --- for the caller

    @property
    def is_busy(self) -> bool:
        """Whether there are runs."""
        return bool(self._runs)

    @property
    def longest_group(self) -> int:
        """Number of frames of the longest group that is decoded by one thread."""
        return min(SHORT_GROUP, self._most // 2)

    def will_have(self, place: Place) -> bool:
        """Return whether a frame belongs to a run, or to one that will follow."""
        with self._change:
            return bool(self._runs) and place >= (self._runs[0].chunk, self._runs[0].start)

    def expect(self, place: Place) -> None:
        """Decode runs from a keyframe on, or after those begun already."""
        with self._change:
            if self._runs or self._add(place):
                while len(self._runs) < MOST_RUNS and (end := self._runs[-1].end) is not None:
                    if not self._add((self._runs[-1].chunk, end)):
                        return

    def _add(self, place: Place) -> bool:
        chunk, index = place
        if index >= self._length(chunk):
            chunk, index = chunk + 1, 0
        count = self._length(chunk)
        if count:
            self._runs.append(Run(chunk, index, None))
            self._resume()
        return bool(count)

    def take(self, place: Place) -> Image | None:
        """Wait for a frame of a run; None if it is in none, or could not be decoded."""
        with self._change:
            rank = next((rank for rank, run in enumerate(self._runs) if run.has(place)), None)
            if rank is None:
                return None
            self._drop(rank)
            run, index = self._runs[0], place[1]
            run.forget_before(index)
            self._resume()
            self._change.wait_for(lambda: index < run.next or run.is_over)
            image = run.images.pop(index, None)
            if run.is_over and not run.images and self._runs and self._runs[0] is run:
                self._drop(1)
            self._resume()
            return image

    def cancel(self) -> None:
        """Forget all runs."""
        with self._change:
            self._drop(len(self._runs))

    def _drop(self, count: int) -> None:
        for _ in range(count):
            run = self._runs.popleft()
            run.is_over = True
            run.images.clear()
            if not run.is_running:
                self._end(run)
        self._change.notify_all()

    # --- threads

    def _resume(self) -> None:
        """Decode on where there is room for several frames."""
        for run in self._runs:
            if not (run.is_running or run.is_over) and self._room_of(run) >= min(_LEAST_FRAMES, self._most // 2):
                from concurrent.futures import ThreadPoolExecutor

                self._pool = self._pool or ThreadPoolExecutor(THREADS, 'imgstore')
                try:
                    self._pool.submit(self._decode, run)
                    run.is_running = True
                except RuntimeError:  # Python ends, or no thread can be started
                    run.is_over = True

    def _room_of(self, run: Run) -> int:
        """Return how many more frames a run may decode; the first run always some."""
        room = self._most - sum(len(each.images) for each in self._runs)
        return max(room, _LEAST_FRAMES - len(run.images)) if run is self._runs[0] else room

    def _decode(self, run: Run) -> None:
        """Decode frames of a run while there is room for them."""
        try:
            reader = self._reader_of(run)
            while count := self._count_allowed(run):
                self._decode_some(run, reader, count)
        except Exception:  # noqa: BLE001 -- the caller reads the frame directly, and gets the error
            run.is_over = True
        with self._change:
            run.is_running = False
            run.is_over |= run.next == run.end
            if run.is_over:
                self._end(run)
            self._resume()
            self._change.notify_all()

    def _reader_of(self, run: Run) -> ChunkReader:
        """Return the reader of a run; find the end of a new one in a long chunk."""
        with self._change:
            if run.reader is None and self._idle[run.chunk]:
                run.reader = self._idle[run.chunk].pop()
            known = next((each.reader for each in self._runs if each.chunk == run.chunk and each.reader), None)
        run.reader = reader = run.reader or (known and known.another()) or self._open_reader(run.chunk)
        if run.end is None:
            end = reader.next_keyframe(run.start + _LEAST_FRAMES)
            with self._change:
                run.end = run.start if end is None else end
                run.is_over |= run.end - run.start > self.longest_group
        return reader

    def _count_allowed(self, run: Run) -> int:
        """Return how many more frames of a run may be decoded now."""
        with self._change:
            assert run.end is not None
            return 0 if run.is_over else max(0, min(run.end - run.next, self._room_of(run)))

    def _decode_some(self, run: Run, reader: ChunkReader, count: int) -> None:
        """Decode frames and put them in the run, small ones several at once."""
        images = list[Image]()
        try:
            while len(images) < count and sum(image.nbytes for image in images) < _ENOUGH:
                images.append(self._finish(reader.read(run.next + len(images))))
        finally:
            self._put(run, images)

    def _put(self, run: Run, images: list[Image]) -> None:
        with self._change:
            if not run.is_over:
                run.images.update(enumerate(images, run.next))
                run.next += len(images)
                self._change.notify_all()

    def _end(self, run: Run) -> None:
        """Keep a run's reader for its chunk, and close those of other chunks."""
        reader, run.reader = run.reader, None
        if reader is not None:
            self._idle[run.chunk].append(reader)
        used = {each.chunk for each in self._runs}
        self.close_chunks(self._idle.keys() - used if used else ())

    def close_chunks(self, chunks: Iterable[int]) -> None:
        """Close the idle readers of chunks."""
        with self._change:
            idle = [reader for chunk in chunks for reader in self._idle.pop(chunk, ())]
        for reader in idle:
            reader.close()

    # --- the end

    @property
    def is_own_thread(self) -> bool:
        """Whether the current thread is one of those that decode."""
        return self._pool is not None and threading.current_thread() in self._pool._threads

    def close(self) -> None:
        """Forget all runs, end the threads and close the files."""
        self.cancel()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self.close_chunks([*self._idle])

    def leak(self) -> None:
        """Leave threads and open files to the parent, in a forked child."""
        leak((self._pool, self._runs, self._idle))
