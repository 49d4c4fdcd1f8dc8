"""Writing a store: an image is checked in the caller's thread, encoded in others, put into its chunk in order."""

from __future__ import annotations

import contextlib
import copy
import math
import os
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import numpy as np

from .._support.buffer_pool import BufferPool
from .._support.json import dumps
from .._support.validation import as_finite_seconds, as_int, as_seconds
from ..chunks import ChunkIO, Image
from ..chunks.video.mp4_tail import has_last_packet
from ..color import decoded_shape
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import FrameReadError, FrameWriteError, InvalidArgumentError, StoreClosedError
from ..formats import Format
from ..frame_rate import FrameRate
from ..index.store_index import ImgStoreIndex, save_cache_if_large
from ..ondisk.layout import Layout
from ..ondisk.lock import StoreLock
from ..ondisk.metadata import StoreMetadata
from .image_spec import ImageSpec
from .rolling_writer import RollingChunkWriter
from .sigterm import SignalGuard, wait_for_end_of_program
from .write_queue import Task, WriteQueue

_Answer = TypeVar('_Answer')

_OWN_KEYS = (FRAME_TIME, FRAME_NUMBER, FRAME_INDEX)


class StoreWriter:
    """Writes the frames of one store, for any number of threads.

    Arguments are checked in the caller's thread. What is written, and what is known of it, belongs to the thread of
    the queue: so a caller may be interrupted at any line.

    Parameters
    ----------
    metadata : StoreMetadata
    fmt : Format
    layout : Layout
    fit : ImageSpec
        Which images it takes.
    chunks : ChunkIO
        Opens the chunks.
    lock : StoreLock
        Held until `close`.
    queue : WriteQueue
        Does the work.
    durability : {'chunk', 'frame', 'fsync'}
        See `imgstore.writing.rolling_writer.RollingChunkWriter`.
    rate : FrameRate
        What videos say of their rate.
    """

    mode = 'w'

    def __init__(self, metadata: StoreMetadata, fmt: Format, layout: Layout, fit: ImageSpec, chunks: ChunkIO,
                 lock: StoreLock, queue: WriteQueue, durability: str, rate: FrameRate) -> None:
        self.metadata, self.fmt, self.layout = metadata, fmt, layout
        self._fit, self._chunks, self._lock, self._queue = fit, chunks, lock, queue
        self._recorder = RollingChunkWriter(layout, chunks, metadata.chunksize, durability, rate)
        self._buffers, self._index = BufferPool(), ImgStoreIndex()
        self._failures: deque[FrameWriteError] = deque()
        self._forget_given()
        recorder = self._recorder
        queue.watch(lambda: (recorder.frame_count, recorder.latest))
        self._signal_guard = SignalGuard(self.close)

    def __del__(self) -> None:
        """Complete a store whose making was interrupted before anyone had it."""
        if hasattr(self, '_signal_guard') and not self._queue.is_closing:
            self.close()

    def _forget_given(self) -> None:
        self._given: tuple[int | float, float] = (math.nan, math.nan)

    # --- what there is

    def _ask(self, question: Callable[[RollingChunkWriter], _Answer]) -> _Answer:
        """Ask the recorder something, once all that was given is written."""
        return self._queue.ask(lambda: question(self._recorder))

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images that a reader will give."""
        return decoded_shape(self.metadata.imgshape, self.metadata.encoding)

    @property
    def frame_count(self) -> int:
        """Number of frames, those that are still being written among them."""
        (written, _), pending = self._queue.look()
        return int(written) + len(pending)

    @property
    def latest(self) -> tuple[int | float, float]:
        """Number and time of the latest frame given."""
        (_, written), pending = self._queue.look()
        latest: tuple[int | float, float] = [written, *pending][-1]
        return latest

    @property
    def index(self) -> ImgStoreIndex:
        """Numbers and times of all frames given; what is known of complete chunks is not read again."""
        chunks, frames = self._ask(lambda recorder: (recorder.all_chunks, recorder.open_frames))
        self._index = self._index.updated(chunks, frames)
        return self._index

    @property
    def complete_index(self) -> ImgStoreIndex:
        """Numbers and times of the frames in complete chunks."""
        return ImgStoreIndex.new_from_chunks(self.list_chunks())

    @property
    def numbers_range(self) -> tuple[int | float, int | float]:
        """Smallest and largest frame number; nan in an empty store."""
        found = self._ask(lambda recorder: recorder.frame_number_range)
        return (found[0], found[-1]) if found else (math.nan, math.nan)

    @property
    def times_range(self) -> tuple[float, float]:
        """Earliest and latest frame time in seconds; 0.0 in an empty store."""
        found = self._ask(lambda recorder: recorder.frame_time_range)
        return (found[0], found[-1]) if found else (0.0, 0.0)

    @property
    def span(self) -> float:
        """Seconds from the earliest frame to the latest."""
        earliest, latest = self.times_range
        return latest - earliest

    @property
    def chunks(self) -> list[int]:
        """Numbers of the chunks that have frames."""
        return self._ask(lambda recorder: recorder.chunk_numbers)

    def list_chunks(self) -> list[tuple[int, str]]:
        """The complete chunks, and the paths of their indexes less the extension."""
        return self._ask(lambda recorder: recorder.complete_chunks)

    @property
    def listed_chunks(self) -> list[tuple[int, str]]:
        """The same."""
        return self.list_chunks()

    def check_complete(self) -> None:
        """Do nothing: all chunks of `complete_index` are complete."""

    @property
    def has_extra_data(self) -> bool:
        """Whether any record was added."""
        return self._ask(lambda recorder: recorder.has_records)

    @property
    def is_live(self) -> bool:
        """Whether it is open."""
        return not self._queue.is_closing

    @property
    def chunk_position(self) -> tuple[int, int]:
        """The open chunk and the index in it of the latest frame; before the first frame that index is -1."""
        return self._ask(lambda recorder: recorder.position)

    # --- frames and records

    def add_image(self, image: object, frame_number: object, frame_time: object) -> None:
        """Append a frame.

        Raises
        ------
        InvalidArgumentError
            Image, number or time do not fit; nothing was written.
        FrameWriteError
            A frame, this or an earlier one, could not be written; it is not indexed, and all before it is kept.
            This one was not taken.
        """
        self._check()
        frame = as_int(frame_number, FRAME_NUMBER), as_seconds(frame_time, FRAME_TIME)
        stored, copy = self._fit(image), None
        if self._queue.workers and np.may_share_memory(stored, np.asarray(image)):
            stored = copy = self._buffers.copy(stored)
        self._do(Task(partial(self._add, frame, copy), partial(self._chunks.encode, stored), stored.nbytes, frame),
                 wait=not self._queue.workers)

    def _add(self, frame: tuple[int, float], copy: Image | None, prepared: Any) -> None:
        self._given = frame
        try:
            if isinstance(prepared, BaseException):
                raise prepared
            self._recorder.add(prepared, *frame)
        except Exception as error:
            if not self._queue.workers:
                raise
            text = f'{self.layout.basedir}: frame #{frame[0]} could not be written: {error!r}'
            self._failures.append(_as_failure(error, text, frame[0]))
        finally:
            if copy is not None:
                self._buffers.give_back(copy)

    def add_extra_data(self, data: dict[str, Any]) -> None:
        """Append a record beside the latest frame; ExtraDataTypeError where JSON has no form for a value."""
        self._check()
        for key in _OWN_KEYS:
            if key in data:
                raise InvalidArgumentError(f'extra data must not have the key {key!r}: the store sets it',
                                           argument='data')
        record = dumps(data)
        self._do(Task(lambda _: self._recorder.add_record(record, *self._given), size=len(record)),
                 wait=not self._queue.workers)

    def insert_chunk(self, video_path: str, frame_numbers: Iterable[object], frame_times: Iterable[object],
                     move: bool) -> None:
        """Take a finished video file as the next chunk.

        Raises
        ------
        InvalidArgumentError
            The file is no such video, or numbers and times are not one a frame; nothing was changed.
        FrameWriteError
            It could not be moved or copied.
        """
        self._check()
        numbers = [as_int(number, f'frame_numbers[{at}] for {video_path!r}')
                   for at, number in enumerate(frame_numbers)]
        times = [as_finite_seconds(time, f'frame_times[{at}] for {video_path!r}') for at,
                 time in enumerate(frame_times)]
        self._check_video(video_path, len(numbers), len(times))
        self._do(Task(lambda _: self._insert(video_path, numbers, times, move)))

    def _insert(self, video_path: str, numbers: list[int], times: list[float], move: bool) -> None:
        self._recorder.append_video(video_path, numbers, times, move)
        self._given = numbers[-1], times[-1]

    def _check_video(self, path: str, numbers: int, times: int) -> None:
        extension = self.layout.extension
        if not os.path.isfile(path):
            raise InvalidArgumentError(f'{path!r} is no file', path=path, argument='video_path')
        if os.path.splitext(path)[1].lower() != extension:
            raise InvalidArgumentError(f'{path!r} must be a {extension} video, as the store\'s chunks are', path=path,
                                       argument='video_path')
        if has_last_packet(path):
            raise InvalidArgumentError(f'{path!r} lacks its latest frame, which is kept in a file beside it', path=path,
                                       argument='video_path')
        try:
            self._chunks.check_exact(path, {self._fit.stored_shape[:2], self._fit.shape[:2]})
            with contextlib.closing(self._chunks.video_reader(path)) as reader:
                frames = reader.count()
        except FrameReadError as error:
            why = error.reason or error
            raise InvalidArgumentError(f'{path!r} is not a readable video: {why}', path=path,
                                       argument='video_path') from error
        if not frames == numbers == times or not frames:
            raise InvalidArgumentError(f'{path!r} has {frames} frames, and {numbers} frame_numbers and '
                                       f'{times} frame_times were given; it must be one each a frame', path=path,
                                       argument='frame_numbers')

    # --- all of it

    def empty(self) -> None:
        """Remove all frames and extra data and begin again."""
        self._check()
        self._do(Task(lambda _: self._empty()))

    def _empty(self) -> None:
        self._recorder.empty()
        self._failures.clear()
        self._forget_given()

    def close(self) -> None:
        """Complete the store; a second call does nothing, but waits for the first.

        Raises
        ------
        FrameWriteError
            Frames could not be written; the message names them, and no earlier call did.
        """
        try:
            self._queue.close(Task(lambda _: self._complete()))
            self._raise_failures()
        finally:
            self._signal_guard.release()

    def close_with(self, owner: object) -> None:
        """Have the store completed when its owner is forgotten, or this process ends."""
        weakref.finalize(owner, _close_in_the_end, self, os.getpid())
        multiprocessing = sys.modules.get('multiprocessing')
        if multiprocessing and multiprocessing.parent_process():  # such processes end without Python's own finalizers
            multiprocessing.util.Finalize(owner, _close_in_the_end, (self, os.getpid()), exitpriority=0)

    def _complete(self) -> None:
        try:
            self._recorder.close(lambda: self._chunks.encode(np.zeros(self._fit.stored_shape, self._fit.dtype)))
            save_cache_if_large(self.layout.basedir, self._recorder.complete_chunks)
        except Exception as error:  # noqa: BLE001 -- the caller of `close` gets it, with what else failed
            text = f'{self.layout.basedir}: the store could not be completed: {error!r}'
            self._failures.append(_as_failure(error, text))
        finally:
            self._lock.release()

    # --- tasks and failures

    def _do(self, task: Task, wait: bool = True) -> None:
        """Do a task in order; if this does not wait, or is interrupted, a failure is kept for the next call."""
        try:
            (self._queue.run if wait else self._queue.submit)(task)
        except StoreClosedError as error:
            raise self._closed_error() from error
        except BaseException as error:
            if task.error is not None and task.error is not error:
                self._failures.append(_as_failure(task.error, str(task.error)))
            raise

    def _check(self) -> None:
        if self._queue.is_closing:
            raise self._closed_error()
        self._raise_failures()

    def _closed_error(self) -> StoreClosedError:
        wait_for_end_of_program()
        return StoreClosedError(f'{self.layout.basedir}: the store was closed, nothing can be added',
                                store=self.layout.basedir)

    def _raise_failures(self) -> None:
        """Raise what has failed since the last call; if this is interrupted, the next call does."""
        if not self._failures:
            return
        self._queue.ask(lambda: None)  # that the error names all that was given before
        failures = tuple(self._failures)
        if not failures:  # another thread raised them meanwhile
            return
        try:
            raise FrameWriteError(
                '; '.join(map(str, failures)), store=self.layout.basedir, chunk=failures[0].chunk,
                frame_number=failures[0].frame_number, path=failures[0].path,
                frame_numbers=[number for failure in failures for number in failure.frame_numbers])
        finally:
            for failure in failures:
                with contextlib.suppress(ValueError):  # another thread had it too
                    self._failures.remove(failure)


def _as_failure(error: BaseException, text: str, number: int | None = None) -> FrameWriteError:
    """What `_raise_failures` tells of an error, without its traceback, which holds images."""
    if isinstance(error, FrameWriteError):
        return copy.copy(error)
    return FrameWriteError(text, frame_number=number, frame_numbers=() if number is None else (number,))


def _close_in_the_end(writer: StoreWriter, pid: int) -> None:
    """Complete a store that its owner forgot to close; a forked child leaves it to its parent."""
    if os.getpid() == pid:
        with contextlib.suppress(KeyboardInterrupt, SystemExit):  # which came meanwhile
            writer.close()
