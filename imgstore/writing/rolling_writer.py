"""The chunks of a store being written.

The open one takes frames and records, and is completed when full.
"""

from __future__ import annotations

import math
import os
import zipfile  # noqa: F401 -- before it is needed: with no free file descriptor, an import fails
from collections.abc import Callable, Iterable

import numpy as np

from .._support.regular_files import read_regular
from .._support.syncing import sync
from .._support.validation import as_runs
from ..chunks import ChunkIO, ChunkWriter, Encoded
from ..constants import STORE_MD_FILENAME
from ..errors import FrameWriteError, StoreIOError
from ..extra_data.records import record_as_json, records_file
from ..frame_rate import FrameRate
from ..ondisk.checksums import UNKNOWN, Checksums, as_checksums
from ..ondisk.chunk_files import check_folder
from ..ondisk.chunk_index import Numbers, Times, write_chunk_index
from ..ondisk.emptying import empty_store, finish_emptying
from ..ondisk.extra_data_file import replace_extra_data
from ..ondisk.files import make_folder, move_or_copy
from ..ondisk.layout import Layout
from .chunk_journal import ChunkJournal
from .chunk_state import NO_LOSS, ChunkStats, FillingChunk, Loss, extremes
from .completing import Completer
from .stopping import WritingStop


class RollingChunkWriter:
    """Writes prepared frames into one chunk after another. Not thread-safe.

    Parameters
    ----------
    layout : Layout
    chunks : ChunkIO
        Opens the chunks.
    chunksize : int
        Frames per chunk.
    durability : {'chunk', 'frame', 'fsync'}
        What survives. 'chunk': complete chunks, at the end of this process. 'frame': each added frame, too. 'fsync':
        each added frame, even after a power cut.
    rate : FrameRate, optional
        Frame rate in the header of videos; measured if not given.

    Attributes
    ----------
    stop : WritingStop
        Whether the disk has failed. Then no frame is taken any more.
    """

    def __init__(
        self, layout: Layout, chunks: ChunkIO, chunksize: int, durability: str, rate: FrameRate | None = None
    ) -> None:
        self._layout, self._chunks, self._chunksize = layout, chunks, chunksize
        self._rate = rate or FrameRate()
        self._syncs = durability == 'fsync'
        self._journal = ChunkJournal(layout, durability != 'chunk', self._syncs)
        self._completer = Completer(layout)
        self._forget()

    def _forget(self) -> None:
        self._open: FillingChunk | None = None
        self._next_chunk = 0
        self._early_records: list[str] = []
        self._complete: list[ChunkStats] = []
        self._complete_frames = 0
        self.stop = WritingStop(self._layout.basedir)
        self.latest: tuple[float, float] = (math.nan, math.nan)
        """Number and time of the latest frame written."""

    # --- state

    @property
    def _summaries(self) -> list[ChunkStats]:
        return [*self._complete, ChunkStats.of(self._open)] if self._open else self._complete

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self._complete_frames + (self._open.count if self._open else 0)

    @property
    def frame_number_range(self) -> tuple[int, ...]:
        """Smallest and largest frame number; () without frames."""
        return extremes([number for summary in self._summaries for number in summary.numbers])

    @property
    def frame_time_range(self) -> tuple[float, ...]:
        """Earliest and latest frame time; () without frames."""
        return extremes([time for summary in self._summaries for time in summary.times])

    @property
    def chunk_numbers(self) -> list[int]:
        """Numbers of the chunks that have frames."""
        return [summary.chunk for summary in self._summaries if summary.count]

    @property
    def complete_chunks(self) -> list[tuple[int, str]]:
        """Complete chunks, and the paths of their indexes without extension."""
        chunks = [summary.chunk for summary in self._complete]
        if self._open and not (self._open.writer or self._open.is_left):
            chunks.append(self._open.number)
        return [(chunk, self._layout.index_stem(chunk)) for chunk in chunks]

    @property
    def all_chunks(self) -> list[tuple[int, str]]:
        """Chunks as in `complete_chunks`, and the open one."""
        opened = {self._open.number} if self._open else set()
        return [(chunk, self._layout.index_stem(chunk)) for chunk in sorted({*dict(self.complete_chunks), *opened})]

    @property
    def open_frames(self) -> dict[int, tuple[Numbers, Times]]:
        """Numbers and times of the open chunk's frames, perhaps not in its index yet."""
        return {self._open.number: self._open.arrays} if self._open else {}

    @property
    def position(self) -> tuple[int, int]:
        """The open chunk, and the index of its latest frame, -1 before the first."""
        return (self._open.number, self._open.count - 1) if self._open else (self._next_chunk, -1)

    @property
    def has_records(self) -> bool:
        """Whether any record was added."""
        return bool(
            self._early_records
            or (self._open and self._open.records)
            or any(self._layout.extra_data_files(number) for number, _ in self.complete_chunks)
        )

    # --- frames and records

    def add(self, prepared: Encoded, number: int, time: float) -> None:
        """Write a frame and index it, or raise FrameWriteError.

        Earlier frames are kept.
        """
        if self._completer.error is not None:
            self.stop.note(self._completer.error)
        self.stop.check(number)
        try:
            self._write(prepared, number, time)
        except OSError as error:
            raise self.stop.failure(error, number) from error
        self._index(number, time)

    def _write(self, prepared: Encoded, number: int, time: float) -> None:
        """Write a frame to the open chunk, or to the next if it takes no more."""
        chunk = self._open
        if not (chunk and chunk.writer and chunk.count < self._chunksize):
            self.finish_chunk()
            self.stop.check(number)
            with self._journal.frames(self._next_chunk, [(number, time)], prepared.checksum):
                writer = self._writer_of_first(prepared)
            self._begin_chunk(writer)
            self._journal.add_checksum(writer, prepared)
            return
        try:
            check_folder(self._layout.basedir, 'the folder of the store')  # an open video notices it only when full
            with self._journal.frames(chunk.number, [(number, time)], prepared.checksum):
                self._write_to(chunk.writer, prepared)
            self._journal.add_checksum(chunk.writer, prepared)
        except OSError as error:
            lost = self._abandon_chunk(error)
            raise FrameWriteError(f'{error}{lost.told}', frame_numbers=lost.numbers) from error
        except BaseException as error:  # it is unknown whether a video got the frame
            self._abandon_chunk(error)
            raise

    def _writer_of_first(self, prepared: Encoded) -> ChunkWriter:
        """Make the writer of the next chunk, with its first frame written."""
        writer = self._chunks.writer(self._next_chunk)
        try:
            self._write_to(writer, prepared)
            if self._syncs:  # lists the chunk's new files
                sync(self._layout.basedir)
        except BaseException:
            writer.discard()
            raise
        return writer

    def _write_to(self, writer: ChunkWriter, prepared: Encoded) -> None:
        writer.write(prepared)
        if self._syncs:
            writer.sync()

    def _index(self, number: int, time: float) -> None:
        assert self._open
        self._open.frames.append((number, time))
        self.latest = number, time

    def add_record(self, data: str, number: float, time: float) -> None:
        """Add a record, JSON of a mapping, to the frame of that number and time.

        It should be the latest frame.
        """
        if self._open and self._open.is_left:
            self.stop.check(None)
        record = record_as_json(data, number, time, self.frame_count - 1)
        (self._open.records if self._open else self._early_records).append(record)
        self._journal.add_record(self._open.number if self._open else self._next_chunk, record)

    # --- chunks

    def _begin_chunk(self, writer: ChunkWriter | None) -> None:
        if self._open:
            self._complete.append(ChunkStats.of(self._open))
            self._complete_frames += self._open.count
        self._open = FillingChunk(self._next_chunk, writer, self._early_records)
        self._next_chunk, self._early_records = self._next_chunk + 1, []

    def finish_chunk(self) -> None:
        """Put the open chunk on disk.

        It takes records until the next chunk begins, but no frames.

        FrameWriteError names the lost frames. An index that could not be written is tried again next time.
        """
        chunk = self._open
        if chunk is None or chunk.is_left:
            return
        lost = self._write_index_and_records(chunk, self._finish_frames(chunk))
        assert self._open
        if not self._open.is_left and (self._journal or not self._open.is_on_disk):
            self._journal.close()
            if self._open.is_on_disk:  # it got records since, in another journal
                self._completer.wait()
            self._completer.put(self._open.number)
            self._open.is_on_disk = True
        if lost.numbers:
            raise FrameWriteError(
                f'{self._layout.basedir}: chunk {self._open.number} could not be completed{lost.told}',
                store=self._layout.basedir,
                chunk=self._open.number,
                frame_numbers=lost.numbers,
            )

    def _finish_frames(self, chunk: FillingChunk) -> Loss:
        """Close the chunk's writer.

        After an error, keep only readable frames and report the loss.
        """
        if chunk.writer is None:
            return NO_LOSS
        writer, chunk.writer = chunk.writer, None
        chunk.checksums = writer.checksums
        try:
            writer.close(self._rate.of(chunk.frame_times))
        except Exception as error:  # noqa: BLE001 -- after any error the lost frames are named
            if self._leaves_after(error):
                return self._leave(chunk, writer)
            writer.keep()
            chunk.checksums = chunk.checksums[: len(chunk.checksums) - writer.unsettled]
            count = self._chunks.count_readable(chunk.number, chunk.count, if_unknown=chunk.count)
            lost = chunk.truncate(count)
            return Loss(tuple(lost), f'; frames {as_runs(lost)} are lost: {error}') if lost else NO_LOSS
        return NO_LOSS

    def _write_index_and_records(self, chunk: FillingChunk, lost: Loss) -> Loss:
        """Complete a chunk whose writer is closed; return the lost frames."""
        if not (chunk.count or chunk.records or (chunk.number == 0 and not self._layout.is_image_folder)):
            return lost
        if chunk.is_left or (chunk.is_on_disk and len(chunk.records) == chunk.written_records):
            return lost
        stem = self._layout.index_stem(chunk.number)
        try:
            if self._layout.is_image_folder:
                make_folder(self._layout.chunk(chunk.number))
            elif chunk.count and not os.path.exists(path := self._layout.chunk(chunk.number)):
                os.replace(self._layout.current_path(chunk.number), path)  # this failed before
            if not (self._syncs or chunk.is_on_disk):
                self._completer.announce(chunk.number)
            records = chunk.records
            extra_data = replace_extra_data(stem, records_file(records), chunk.is_on_disk) if records else None
            chunk.written_records = len(records)
            if not chunk.is_on_disk:  # a power cut must not take the only index
                self._write_index(chunk, stem, extra_data)
        except Exception as error:
            if self._leaves_after(error):
                return Loss((*lost.numbers, *self._leave(chunk).numbers), lost.told)
            raise FrameWriteError(
                f'{stem}: the index of {chunk.count} frames could not be written: {error}{chunk.named}{lost.told}',
                store=self._layout.basedir,
                chunk=chunk.number,
                frame_numbers=(*chunk.frame_numbers, *lost.numbers),
            ) from error
        return lost

    def _write_index(self, chunk: FillingChunk, stem: str, extra_data: Checksums | None) -> None:
        checksums = self._chunks.checksums(chunk.number, chunk.count, chunk.checksums)
        decoder = self._chunks.decoder_checksum(chunk.number) if chunk.count else UNKNOWN
        write_chunk_index(stem, *chunk.arrays, as_checksums(checksums), decoder, extra_data)

    def _leaves_after(self, error: BaseException) -> bool:
        """Return whether the open chunk is left to a repair, as after a kill."""
        return self.stop.note(error) and bool(self._journal)

    def _leave(self, chunk: FillingChunk, writer: ChunkWriter | None = None) -> Loss:
        """Leave the open chunk to a repair; return the frames that are lost."""
        chunk.writer, chunk.is_left = None, True
        if writer is not None:
            writer.leave()
        lost = chunk.truncate(self._chunks.count_readable(chunk.number, chunk.count, if_unknown=chunk.count))
        self.stop.left(chunk.count, self._journal.lacking_records)
        if writer is not None and not chunk.count and self.stop.is_full:
            writer.discard()
            self._journal.remove()
        self._journal.close()
        return Loss(tuple(lost))

    def _abandon_chunk(self, error: BaseException) -> Loss:
        """Keep the open chunk's frames after an error; return what else failed.

        The next frame begins another chunk.
        """
        if self._leaves_after(error) and self._open:
            return self._leave(self._open, self._open.writer)
        try:
            self.finish_chunk()
        except FrameWriteError as failure:
            return Loss(failure.frame_numbers, f'; {failure}')
        return NO_LOSS

    def append_video(self, video_path: str, numbers: Iterable[int], times: Iterable[float], move: bool) -> None:
        """Take a checked video as the next chunk, or raise FrameWriteError."""
        self.finish_chunk()
        self.stop.check(None)
        frames = list(zip(numbers, times, strict=True))
        try:
            with self._journal.frames(self._next_chunk, frames):
                move_or_copy(video_path, self._layout.chunk(self._next_chunk), move)
        except OSError as error:
            raise FrameWriteError(
                f'{video_path!r} could not be added to the store: {error}', store=self._layout.basedir, path=video_path
            ) from error
        self._begin_chunk(None)
        for number, time in frames:
            self._index(number, time)
        self.finish_chunk()

    # --- the complete store

    def empty(self) -> None:
        """Remove all frames and records and begin again."""
        basedir = self._layout.basedir
        self._completer.wait()
        try:
            empty_store(basedir, read_regular(os.path.join(basedir, STORE_MD_FILENAME)))
            if self._open and self._open.writer:
                self._open.writer.discard()
            self._journal.remove()
            finish_emptying(basedir)
        except OSError as error:
            raise StoreIOError(f'{basedir} could not be emptied: {error}', store=basedir) from error
        self._forget()

    def close(self, black: Callable[[], Encoded]) -> None:
        """Complete the open chunk.

        Records before the first frame get a chunk without frames. So does a video store without frames, since imgstore
        0.4 opens the first video of every store. A video needs a frame, so it gets the one from ``black``.
        """
        try:
            self._complete_last(black)
        except OSError as error:
            if self.stop.note(error):
                raise self.stop.error(None, getattr(error, 'frame_numbers', ())) from error
            raise
        finally:
            self._journal.close()
            self._completer.wait()
        self.stop.check_told()
        self._completer.check()

    def _complete_last(self, black: Callable[[], Encoded]) -> None:
        if self._open is None and not self._layout.is_image_folder and not self.stop.reason:
            # first, so that a repair does not take the black frame of a killed process for an added one
            write_chunk_index(self._layout.index_stem(0), np.empty(0, np.int64), np.empty(0), as_checksums(()))
            self._begin_chunk(self._writer_of_first(black()))
        elif self._early_records:
            self._begin_chunk(None)
        self.finish_chunk()
