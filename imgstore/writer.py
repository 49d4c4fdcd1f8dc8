"""Writing a store: an image is checked in the caller's thread, prepared in others, put into its chunk in order."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from ._files import Layout
from ._json import dumps
from ._numbers import seconds, whole_number
from .buffers import Buffers
from .chunks import Chunks, Image
from .chunks.tail import has_tail
from .color import decoded_shape
from .constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from .errors import FrameReadError, FrameWriteError, InvalidArgumentError, StoreClosedError
from .fit import Fit
from .formats import Format
from .frame_rate import FrameRate
from .index import save_if_worth_it
from .lock import StoreLock
from .metadata import StoreMetadata
from .pipeline import Pipeline, Task
from .recorder import Recorder
from .signals import OrderlyEnd

_OWN_KEYS = (FRAME_TIME, FRAME_NUMBER, FRAME_INDEX)


class StoreWriter:
    """Writes the frames of one store.

    Parameters
    ----------
    metadata : StoreMetadata
    fmt : Format
    layout : Layout
    fit : Fit
        Which images it takes.
    chunks : Chunks
        Opens the chunks.
    lock : StoreLock
        Held until `close`.
    pipeline : Pipeline
        Does the work.
    durability : {'chunk', 'frame', 'fsync'}
        See `imgstore.recorder.Recorder`.
    rate : FrameRate
        What videos say of their rate.
    """

    def __init__(self, metadata: StoreMetadata, fmt: Format, layout: Layout, fit: Fit, chunks: Chunks,
                 lock: StoreLock, pipeline: Pipeline, durability: str, rate: FrameRate) -> None:
        self.metadata, self.fmt, self.layout = metadata, fmt, layout
        self._fit, self._chunks, self._lock, self._pipeline = fit, chunks, lock, pipeline
        self._recorder = Recorder(layout, chunks, metadata.chunksize, durability, rate)
        self._buffers = Buffers()
        self._orderly_end = OrderlyEnd()
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._failures: list[str] = []
        self._given = 0
        self.latest: tuple[int | float, float] = (math.nan, math.nan)
        """Number and time of the latest frame given."""

    # --- what there is

    @property
    def recorder(self) -> Recorder:
        """What has been written, once all that was given is."""
        self._pipeline.settle()
        return self._recorder

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images that a reader will give."""
        return decoded_shape(self.metadata.imgshape, self.metadata.encoding)

    @property
    def frame_count(self) -> int:
        """Number of frames, those that are still being written among them."""
        return self.recorder.frame_count if self._failures else self._given

    @property
    def chunk_position(self) -> tuple[int, int]:
        """The open chunk and the index in it of the latest frame; before the first frame that index is -1."""
        return self.recorder.position

    # --- frames

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
        number, time = whole_number(frame_number, FRAME_NUMBER), seconds(frame_time, FRAME_TIME)
        stored = self._fit(image)
        copy = None
        if self._pipeline.workers and np.may_share_memory(stored, np.asarray(image)):
            stored = copy = self._buffers.copy(stored)
        self._pipeline.put(Task(partial(self._finish, number, time, copy), partial(self._chunks.prepare, stored),
                                stored.nbytes))
        if not self._pipeline.workers:
            self._raise_failures()
        self._given, self.latest = self._given + 1, (number, time)

    def _close_recorder(self) -> None:
        try:
            self._recorder.close(self._chunks.prepare(np.zeros(self._fit.stored_shape, self._fit.dtype)))
        except FrameWriteError as error:
            self._failures.append(str(error))

    def _finish(self, number: int, time: float, copy: Image | None, prepared: Any) -> None:
        try:
            self._record(number, time, prepared)
        finally:
            if copy is not None:
                self._buffers.give_back(copy)

    def _record(self, number: int, time: float, prepared: Any) -> None:
        try:
            if isinstance(prepared, BaseException):
                raise prepared
            self._recorder.add(prepared, number, time)
        except FrameWriteError as error:
            self._failures.append(str(error))
        except BaseException as error:
            if not self._pipeline.workers:
                raise
            self._failures.append(f'{self.layout.basedir}: frame #{number} could not be written: {error!r}')

    def _check(self) -> None:
        if self._closed:
            raise StoreClosedError(f'{self.layout.basedir}: the store was closed, nothing can be added')
        self._raise_failures()

    def _raise_failures(self) -> None:
        """Raise what has failed since the last call."""
        if not self._failures:
            return
        self._pipeline.settle()
        failures, self._failures = self._failures, []
        self._given, self.latest = self._recorder.frame_count, self._recorder.latest
        raise FrameWriteError('; '.join(failures))

    def add_extra_data(self, data: dict[str, Any]) -> None:
        """Append a record beside the latest frame; ExtraDataTypeError where JSON has no form for a value."""
        self._check()
        for key in _OWN_KEYS:
            if key in data:
                raise InvalidArgumentError(f'extra data must not have the key {key!r}: the store sets it')
        record, latest = dumps(data), self.latest  # the frame that it is of, even where that cannot be written
        self._pipeline.put(Task(lambda _: self._recorder.add_record(record, *latest), size=len(record)))

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
        numbers = [whole_number(number, FRAME_NUMBER) for number in frame_numbers]
        times = [seconds(time, FRAME_TIME) for time in frame_times]
        self._check_video(video_path, len(numbers), len(times))
        self.recorder.insert(video_path, numbers, times, move)
        self._given, self.latest = self._recorder.frame_count, self._recorder.latest

    def _check_video(self, path: str, numbers: int, times: int) -> None:
        extension = self.layout.extension
        if not os.path.isfile(path):
            raise InvalidArgumentError(f'{path!r} is no file')
        if os.path.splitext(path)[1].lower() != extension:
            raise InvalidArgumentError(f'{path!r} must be a {extension} video, as the store\'s chunks are')
        if has_tail(path):
            raise InvalidArgumentError(f'{path!r} lacks its latest frame, which is kept in a file beside it')
        try:
            with contextlib.closing(self._chunks.video_reader(path)) as reader:
                frames = reader.count()
            self._chunks.check_exact(path, {self._fit.stored_shape[:2], self._fit.shape[:2]})
        except FrameReadError as error:
            raise InvalidArgumentError(f'{path!r} is not a readable video: {error}') from error
        if not frames == numbers == times or not frames:
            raise InvalidArgumentError(f'{path!r} has {frames} frames, and {numbers} frame_numbers and '
                                       f'{times} frame_times were given; it must be one each a frame')

    # --- all of it

    def empty(self) -> None:
        """Remove all frames and extra data and begin again."""
        self._check()
        self.recorder.empty()
        self._begin()

    def close(self) -> None:
        """Complete the store; a second call does nothing."""
        if self._closed:
            return
        try:
            self._pipeline.stop()
            self._close_recorder()
            save_if_worth_it(self.layout.basedir, self._recorder.complete_chunks)
            self._raise_failures()
        finally:
            self._closed = True
            self._lock.release()
            self._orderly_end.release()
