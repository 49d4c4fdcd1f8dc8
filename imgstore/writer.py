"""Writing a store: an image is checked, given to the chunk that is open, and indexed once it is written."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ._files import Layout, aside, make_folder, remove_chunks, remove_if_there, write_whole
from ._json import dumps
from ._numbers import seconds, whole_number
from .chunk_index import write_chunk_index
from .chunks import ChunkReader, Chunks, ChunkWriter
from .color import decoded_shape
from .constants import EXTRA_JSON, FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from .errors import FrameReadError, FrameWriteError, InvalidArgumentError, StoreClosedError, StoreIOError
from .fit import Fit, Image
from .formats import Format
from .lock import StoreLock
from .metadata import StoreMetadata

_OWN_KEYS = (FRAME_TIME, FRAME_NUMBER, FRAME_INDEX)

_Value = TypeVar('_Value', int, float)


class _OpenChunk:
    """The chunk that frames are being added to; without a writer once no more can be."""

    def __init__(self, number: int, writer: ChunkWriter | None, records: list[str]) -> None:
        self.number, self.writer, self.records = number, writer, records
        self.frame_numbers: list[int] = []
        self.frame_times: list[float] = []

    @property
    def count(self) -> int:
        return len(self.frame_numbers)

    def keep(self, count: int) -> None:
        """Forget the frames behind the first ``count``."""
        del self.frame_numbers[count:], self.frame_times[count:]


@dataclass(frozen=True)
class _Summary:
    """What is remembered of a chunk that is complete."""

    chunk: int
    count: int
    numbers: tuple[int, ...]
    times: tuple[float, ...]

    @classmethod
    def of(cls, chunk: _OpenChunk) -> _Summary:
        times = [time for time in chunk.frame_times if time == time]
        return cls(chunk.number, chunk.count, _extremes(chunk.frame_numbers), _extremes(times))


def _extremes(values: Sequence[_Value]) -> tuple[_Value, ...]:
    return (min(values), max(values)) if values else ()


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
    """

    def __init__(self, metadata: StoreMetadata, fmt: Format, layout: Layout, fit: Fit, chunks: Chunks,
                 lock: StoreLock) -> None:
        self.metadata, self.fmt, self.layout = metadata, fmt, layout
        self._fit, self._chunks, self._lock = fit, chunks, lock
        self._closed = False
        self._forget()

    def _forget(self) -> None:
        self._open: _OpenChunk | None = None
        self._next_chunk = 0
        self._early_records: list[str] = []
        self._complete: list[_Summary] = []
        self.latest: tuple[int | float, float] = (math.nan, math.nan)
        """Number and time of the latest frame written."""

    # --- what there is

    @property
    def _summaries(self) -> list[_Summary]:
        return [*self._complete, _Summary.of(self._open)] if self._open else self._complete

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images that a reader will give."""
        return decoded_shape(self.metadata.imgshape, self.metadata.encoding)

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return sum(summary.count for summary in self._complete) + (self._open.count if self._open else 0)

    @property
    def frame_number_range(self) -> tuple[int, ...]:
        """Smallest and largest frame number; () without frames."""
        return _extremes([number for summary in self._summaries for number in summary.numbers])

    @property
    def frame_time_range(self) -> tuple[float, ...]:
        """Earliest and latest frame time; () without frames."""
        return _extremes([time for summary in self._summaries for time in summary.times])

    @property
    def chunk_numbers(self) -> list[int]:
        """Numbers of the chunks that have frames."""
        return [summary.chunk for summary in self._summaries if summary.count]

    @property
    def complete_chunks(self) -> list[tuple[int, str]]:
        """Chunks that get no more frames, and the paths of their indexes less the extension."""
        chunks = [summary.chunk for summary in self._complete]
        if self._open and not self._open.writer:
            chunks.append(self._open.number)
        return [(chunk, self.layout.stem(chunk)) for chunk in chunks]

    @property
    def chunk_position(self) -> tuple[int, int]:
        """The open chunk and the index in it of the latest frame; before the first frame that index is -1."""
        return (self._open.number, self._open.count - 1) if self._open else (self._next_chunk, -1)

    @property
    def has_extra_data(self) -> bool:
        """Whether any record was added."""
        return bool(self._early_records or (self._open and self._open.records)
                    or any(self.layout.extra_data_files(number) for number, _ in self.complete_chunks))

    # --- frames

    def add_image(self, image: object, frame_number: object, frame_time: object) -> None:
        """Append a frame.

        Raises
        ------
        InvalidArgumentError
            Image, number or time do not fit; nothing was written.
        FrameWriteError
            This frame could not be written; it is not indexed, and all before it is kept.
        """
        self._check_open()
        number, time = whole_number(frame_number, FRAME_NUMBER), seconds(frame_time, FRAME_TIME)
        stored = self._fit(image)
        try:
            self._write(stored)
        except OSError as error:
            raise FrameWriteError(f'{self.layout.basedir}: frame #{number} could not be written: {error}') from error
        self._index(number, time)

    def _write(self, image: Image) -> None:
        """Give an image to the open chunk; to the next one where that is full or was given up."""
        chunk = self._open
        if not (chunk and chunk.writer and chunk.count < self.metadata.chunksize):
            self._finish_chunk()
            self._begin_chunk(self._writer_of_first(image))
            return
        try:
            if not os.path.isdir(self.layout.basedir):  # an open video would not notice before it is full
                raise FrameWriteError('the folder of the store was removed')
            chunk.writer.write(image, chunk.count)
        except OSError as error:
            raise FrameWriteError(f'{error}{self._give_up_chunk()}') from error
        except BaseException:  # after Ctrl-C nobody knows whether a video has got the frame
            self._give_up_chunk()
            raise

    def _writer_of_first(self, image: Image) -> ChunkWriter:
        """A writer of the next chunk that has got its first image."""
        writer = self._chunks.writer(self._next_chunk)
        try:
            writer.write(image, 0)
        except BaseException:
            writer.discard()
            raise
        return writer

    def _index(self, number: int, time: float) -> None:
        assert self._open
        self._open.frame_numbers.append(number)
        self._open.frame_times.append(time)
        self.latest = number, time

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError(f'{self.layout.basedir}: the store was closed, nothing can be added')

    def add_extra_data(self, data: dict[str, Any]) -> None:
        """Append a record beside the latest frame; ExtraDataTypeError where JSON has no form for a value."""
        self._check_open()
        for key in _OWN_KEYS:
            if key in data:
                raise InvalidArgumentError(f'extra data must not have the key {key!r}: the store sets it')
        number, time = self.latest
        record = dumps({**data, FRAME_TIME: time, FRAME_NUMBER: number, FRAME_INDEX: self.frame_count - 1})
        (self._open.records if self._open else self._early_records).append(record)

    # --- chunks

    def _begin_chunk(self, writer: ChunkWriter | None) -> None:
        if self._open:
            self._complete.append(_Summary.of(self._open))
        self._open = _OpenChunk(self._next_chunk, writer, self._early_records)
        self._next_chunk, self._early_records = self._next_chunk + 1, []

    def _finish_chunk(self) -> None:
        """Put the open chunk on disk: it gets no more frames, but still records, until the next chunk begins.

        FrameWriteError names the frames that are lost. An index that could not be written is tried again next time.
        """
        if self._open is None:
            return
        lost = self._finish_frames(self._open)
        self._write_index_and_records(self._open, lost)
        if lost:
            raise FrameWriteError(f'{self.layout.basedir}: chunk {self._open.number} could not be completed{lost}')

    def _finish_frames(self, chunk: _OpenChunk) -> str:
        """Close the chunk's writer; where that fails keep just the frames that can be read back, and tell."""
        if chunk.writer is None:
            return ''
        writer, chunk.writer = chunk.writer, None
        try:
            writer.close(range(chunk.count))
        except OSError as error:
            numbers = chunk.frame_numbers[:]
            chunk.keep(self._count_whole(chunk))
            lost = numbers[chunk.count:]
            return f'; frames #{lost[0]} to #{lost[-1]} are lost: {error}' if lost else ''
        return ''

    def _count_whole(self, chunk: _OpenChunk) -> int:
        if self.fmt.folders:
            return next(i for i in itertools.count() if not os.path.isfile(self.layout.image(chunk.number, i)))
        try:
            with contextlib.closing(self._chunks.video_reader(self.layout.chunk(chunk.number))) as reader:
                return next(n for n in range(reader.count(), -1, -1) if n == 0 or _can_read(reader, n - 1))
        except FrameReadError:
            return 0

    def _write_index_and_records(self, chunk: _OpenChunk, lost: str = '') -> None:
        if not (chunk.count or chunk.records):
            return
        stem = self.layout.stem(chunk.number)
        try:
            if self.fmt.folders:
                make_folder(self.layout.chunk(chunk.number))
            if chunk.records:
                write_whole(stem + EXTRA_JSON, f'[{", ".join(chunk.records)}]'.encode())
            write_chunk_index(stem, np.array(chunk.frame_numbers, np.int64), np.array(chunk.frame_times, np.float64))
        except OSError as error:
            raise FrameWriteError(f'{stem}: the index of {chunk.count} frames could not be written: {error}{lost}'
                                  ) from error

    def _give_up_chunk(self) -> str:
        """After a frame that failed, keep what the chunk has; the next frame begins another. Tell what else failed."""
        try:
            self._finish_chunk()
        except FrameWriteError as error:
            return f'; {error}'
        return ''

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
        self._check_open()
        numbers = [whole_number(number, FRAME_NUMBER) for number in frame_numbers]
        times = [seconds(time, FRAME_TIME) for time in frame_times]
        self._check_video(video_path, len(numbers), len(times))
        self._finish_chunk()
        take = _move if move else _copy
        try:
            take(video_path, self.layout.chunk(self._next_chunk))
        except OSError as error:
            raise FrameWriteError(f'{video_path!r} could not be taken into the store: {error}') from error
        self._begin_chunk(None)
        for number, time in zip(numbers, times, strict=True):
            self._index(number, time)
        self._finish_chunk()

    def _check_video(self, path: str, numbers: int, times: int) -> None:
        extension = self.layout.extension
        if not os.path.isfile(path):
            raise InvalidArgumentError(f'{path!r} is no file')
        if os.path.splitext(path)[1].lower() != extension:
            raise InvalidArgumentError(f'{path!r} must be a {extension} video, as the store\'s chunks are')
        try:
            with contextlib.closing(self._chunks.video_reader(path)) as reader:
                frames = reader.count()
        except FrameReadError as error:
            raise InvalidArgumentError(f'{path!r} is not a readable video: {error}') from error
        if not frames == numbers == times or not frames:
            raise InvalidArgumentError(f'{path!r} has {frames} frames, and {numbers} frame_numbers and '
                                       f'{times} frame_times were given; it must be one each a frame')

    # --- all of it

    def empty(self) -> None:
        """Remove all frames and extra data and begin again."""
        self._check_open()
        try:
            if self._open and self._open.writer:
                self._open.writer.discard()
            remove_chunks(self.layout.basedir)
        except OSError as error:
            raise StoreIOError(f'{self.layout.basedir} could not be emptied: {error}') from error
        self._forget()

    def close(self) -> None:
        """Complete the store; a second call does nothing."""
        if self._closed:
            return
        try:
            if self._early_records:
                self._begin_chunk(None)
            self._finish_chunk()
        finally:
            self._closed = True
            self._lock.release()


def _can_read(reader: ChunkReader, index: int) -> bool:
    try:
        reader.read(index)
    except FrameReadError:
        return False
    return True


def _copy(source: str, target: str) -> None:
    try:
        shutil.copyfile(source, aside(target))
        os.replace(aside(target), target)
    except BaseException:
        remove_if_there(aside(target))
        raise


def _move(source: str, target: str) -> None:
    if not os.path.islink(source):  # which might be relative
        with contextlib.suppress(OSError):  # another file system
            os.replace(source, target)
            return
    _copy(source, target)
    os.unlink(source)
