"""Writer of a store.

Images are checked in the caller's thread, encoded in others and committed in order.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from .._support.buffer_pool import BufferPool
from .._support.validation import as_finite_seconds, as_int, as_seconds
from .._support.warn import warn
from ..chunks import ChunkIO, Image
from ..color import decoded_shape
from ..constants import FRAME_NUMBER, FRAME_TIME
from ..errors import (
    FrameWriteError,
    ImageRejectedError,
    ImgStoreError,
    ImgStoreWarning,
    StoreClosedError,
)
from ..formats import Format
from ..frame_rate import FrameRate
from ..index.store_index import ImgStoreIndex, save_cache_if_large
from ..ondisk.layout import Layout
from ..ondisk.lock import StoreLock
from ..ondisk.metadata import StoreMetadata
from .image_spec import ImageSpec
from .inserted_video import check_video
from .rolling_writer import RollingChunkWriter
from .sigterm import SignalGuard, wait_for_end_of_program
from .user_records import record_text
from .write_queue import Task, WriteQueue

_Answer = TypeVar('_Answer')


class StoreWriter:
    """Writes the frames of one store, from any number of threads.

    Arguments are checked in the caller's thread. The queue's thread owns the files and their state, so a caller may be
    interrupted at any line.

    Parameters
    ----------
    metadata : StoreMetadata
    fmt : Format
    layout : Layout
    fit : ImageSpec
        The images it takes.
    chunks : ChunkIO
        Opens the chunks.
    lock : StoreLock
        Held until `close`.
    queue : WriteQueue
        Does the work.
    durability : {'chunk', 'frame', 'fsync'}
        See `imgstore.writing.rolling_writer.RollingChunkWriter`.
    rate : FrameRate
        Frame rate in the header of videos.
    """

    mode = 'w'

    def __init__(
        self,
        metadata: StoreMetadata,
        fmt: Format,
        layout: Layout,
        fit: ImageSpec,
        chunks: ChunkIO,
        lock: StoreLock,
        queue: WriteQueue,
        durability: str,
        rate: FrameRate,
    ) -> None:
        self.metadata, self.fmt, self.layout = metadata, fmt, layout
        self._fit, self._chunks, self._lock, self._queue = fit, chunks, lock, queue
        self._recorder = RollingChunkWriter(layout, chunks, metadata.chunksize, durability, rate)
        self._hashes_meanwhile = chunks.is_uncompressed and not queue.workers and durability != 'fsync'
        self._buffers, self._index = BufferPool(), ImgStoreIndex()
        self._failures: deque[FrameWriteError] = deque()
        self._forget_given()
        recorder = self._recorder
        queue.watch(lambda: (recorder.frame_count, recorder.latest))
        self._signal_guard = SignalGuard(self.close)

    def __del__(self) -> None:
        """Complete a store whose creation was interrupted."""
        if hasattr(self, '_signal_guard') and not self._queue.is_closing:
            self.close()

    def _forget_given(self) -> None:
        self._given: tuple[int | float, float] = (math.nan, math.nan)

    # --- state

    def _ask(self, question: Callable[[RollingChunkWriter], _Answer]) -> _Answer:
        """Ask the recorder after all given frames are written."""
        return self._queue.ask(lambda: question(self._recorder))

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images in a reader."""
        return decoded_shape(self.metadata.imgshape, self.metadata.encoding)

    @property
    def frame_count(self) -> int:
        """Number of frames, including those in the queue."""
        (written, _), pending = self._queue.look()
        return int(written) + len(pending)

    @property
    def latest(self) -> tuple[int | float, float]:
        """Number and time of the latest added frame."""
        (_, written), pending = self._queue.look()
        latest: tuple[int | float, float] = [written, *pending][-1]
        return latest

    @property
    def index(self) -> ImgStoreIndex:
        """Numbers and times of all added frames, from known chunks."""
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
    def chunks(self) -> list[int]:
        """Numbers of the chunks with frames."""
        return self._ask(lambda recorder: recorder.chunk_numbers)

    def list_chunks(self) -> list[tuple[int, str]]:
        """List the complete chunks, with their indexes' paths without extension."""
        return self._ask(lambda recorder: recorder.complete_chunks)

    @property
    def listed_chunks(self) -> list[tuple[int, str]]:
        """List the same as `list_chunks`."""
        return self.list_chunks()

    def check_complete(self) -> None:
        """Do nothing, since all chunks of `complete_index` are complete."""

    @property
    def has_extra_data(self) -> bool:
        """Whether any record was added."""
        return self._ask(lambda recorder: recorder.has_records)

    @property
    def is_live(self) -> bool:
        """Whether the store is open."""
        return not self._queue.is_closing

    @property
    def chunk_position(self) -> tuple[int, int]:
        """The open chunk, and the index of its latest frame, -1 before the first."""
        return self._ask(lambda recorder: recorder.position)

    # --- frames and records

    def add_image(
        self, image: object, frame_number: object, frame_time: object, data: Mapping[str, Any] | None = None
    ) -> None:
        """Append a frame, and its record of extra data.

        Raises
        ------
        InvalidArgumentError
            The image, number or time does not fit. Nothing was written.
        FrameWriteError
            This or an earlier frame could not be written. It is not indexed, and earlier frames are kept. This frame
            was not taken.
        """
        self._check()
        frame = as_int(frame_number, FRAME_NUMBER), as_seconds(frame_time, FRAME_TIME)
        record = None if data is None else record_text(data, self.layout.basedir)
        try:
            stored, copy = self._fit(image), None
        except ImageRejectedError as error:
            error.store, error.frame_number = self.layout.basedir, frame[0]
            raise
        if self._hashes_meanwhile:
            self._add_uncompressed(stored, frame, record)
            return
        if self._queue.workers and np.may_share_memory(stored, np.asarray(image)):
            stored = copy = self._buffers.copy(stored)
        self._do(
            Task(partial(self._add, frame, record, copy), partial(self._chunks.encode, stored), stored.nbytes, frame),
            wait=not self._queue.workers,
        )

    def _add_uncompressed(self, image: Image, frame: tuple[int, float], record: str | None) -> None:
        """Append a frame while this thread computes its checksum."""
        prepared, checksum = self._chunks.encode_unchecked(image)
        commit = partial(self._add, frame, record, None)
        self._do(Task(commit, lambda: prepared, image.nbytes, frame), checksum.compute)

    def _add(self, frame: tuple[int, float], record: str | None, copy: Image | None, prepared: Any) -> None:
        self._given = frame
        try:
            if isinstance(prepared, BaseException):
                raise prepared
            self._recorder.add(prepared, *frame)
            if record is not None:
                self._recorder.add_record(record, *frame)
        except Exception as error:
            if not self._queue.workers:
                raise
            text = f'{self.layout.basedir}: frame #{frame[0]} could not be written: {error!r}'
            self._failures.append(_as_failure(error, text, frame[0]))
        finally:
            if copy is not None:
                self._buffers.give_back(copy)

    def add_extra_data(self, data: dict[str, Any]) -> None:
        """Append a record to the latest frame.

        Raise ExtraDataTypeError if JSON cannot hold it.
        """
        self._check()
        record = record_text(data, self.layout.basedir)
        self._do(
            Task(lambda _: self._recorder.add_record(record, *self._given), size=len(record)),
            wait=not self._queue.workers,
        )

    def insert_chunk(
        self, video_path: str, frame_numbers: Iterable[object], frame_times: Iterable[object], move: bool
    ) -> None:
        """Take a finished video file as the next chunk.

        Raises
        ------
        InvalidArgumentError
            The file is not such a video, or there is not one number and time per frame. Nothing was changed.
        FrameWriteError
            The file could not be moved or copied.
        """
        self._check()
        numbers = [as_int(number, f'frame_numbers[{at}] for {video_path!r}') for at, number in enumerate(frame_numbers)]
        times = [
            as_finite_seconds(time, f'frame_times[{at}] for {video_path!r}') for at, time in enumerate(frame_times)
        ]
        check_video(video_path, self.layout.extension, self._chunks, self._fit, len(numbers), len(times))
        self._do(Task(lambda _: self._insert(video_path, numbers, times, move)))

    def _insert(self, video_path: str, numbers: list[int], times: list[float], move: bool) -> None:
        self._recorder.append_video(video_path, numbers, times, move)
        self._given = numbers[-1], times[-1]

    # --- the complete store

    def empty(self) -> None:
        """Remove all frames and extra data and begin again."""
        self._check()
        self._do(Task(lambda _: self._empty()))

    def _empty(self) -> None:
        self._recorder.empty()
        self._failures.clear()
        self._forget_given()

    def close(self) -> None:
        """Complete the store; a second call only waits for the first.

        Raises
        ------
        FrameWriteError
            Frames could not be written. The message names those not named before.
        """
        try:
            self._queue.close(Task(lambda _: self._complete()))
            self._raise_failures()
        finally:
            self._signal_guard.release()

    def check_stop(self) -> None:
        """Raise FrameWriteError if the disk failed, even if that was raised before."""
        self._recorder.stop.check(None)

    def close_with(self, owner: object) -> None:
        """Complete the store when its owner is deleted or this process ends."""
        weakref.finalize(owner, _close_in_the_end, self, os.getpid())
        multiprocessing = sys.modules.get('multiprocessing')
        if multiprocessing and multiprocessing.parent_process():  # these processes skip Python's own finalizers
            multiprocessing.util.Finalize(owner, _close_in_the_end, (self, os.getpid()), exitpriority=0)

    def _complete(self) -> None:
        try:
            self._recorder.close(lambda: self._chunks.encode(np.zeros(self._fit.stored_shape, self._fit.dtype)))
            if not self._recorder.stop.reason:
                save_cache_if_large(self.layout.basedir, self._recorder.complete_chunks)
        except Exception as error:  # noqa: BLE001 -- `close` raises it with the other failures
            text = f'{self.layout.basedir}: the store could not be completed: {error!r}'
            self._failures.append(_as_failure(error, text))
        finally:
            self._lock.release()

    # --- tasks and failures

    def _do(self, task: Task, meanwhile: Callable[[], object] = lambda: None, wait: bool = True) -> None:
        """Run a task in order; without a wait, keep a failure for the next call."""
        try:
            self._queue.run(task, meanwhile) if wait else self._queue.submit(task)
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
        return StoreClosedError(
            f'{self.layout.basedir}: the store is closed, nothing can be added', store=self.layout.basedir
        )

    def _raise_failures(self) -> None:
        """Raise the failures since the last call.

        After an interrupt, the next call does.
        """
        if not self._failures:
            return
        self._queue.ask(lambda: None)  # so that the error names all frames added before
        failures = tuple(self._failures)
        if not failures:  # another thread has just raised them
            return
        try:
            raise self._recorder.stop.joined(failures)
        finally:
            for failure in failures:
                with contextlib.suppress(ValueError):  # another thread raised it, too
                    self._failures.remove(failure)


def _as_failure(error: BaseException, text: str, number: int | None = None) -> FrameWriteError:
    """Make the failure to raise later, without the traceback, which holds images."""
    if isinstance(error, FrameWriteError):
        return copy.copy(error)
    return FrameWriteError(text, frame_number=number, frame_numbers=() if number is None else (number,))


def _close_in_the_end(writer: StoreWriter, pid: int) -> None:
    """Complete a store never closed by its owner.

    A forked child leaves it to its parent.
    """
    if os.getpid() == pid:
        try:
            was_open = writer.is_live
            writer.close()
            if was_open:
                writer.check_stop()
        except (KeyboardInterrupt, SystemExit):  # an interrupt during the wait
            pass
        except ImgStoreError as error:  # at the end of a program it would be a traceback of this module
            store = writer.layout.basedir
            warn(ImgStoreWarning(f'{store!r} was not closed, and could not be completed: {error}; repair it'))
