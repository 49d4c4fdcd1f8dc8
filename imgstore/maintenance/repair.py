"""Repair of stores left incomplete by a killed writer or a full disk."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .._support.syncing import sync
from ..chunks import ChunkIO
from ..chunks.video.frame_table import display_times
from ..chunks.video.mp4_tail import last_packet_paths, remove_last_packet, rename_last_packet
from ..chunks.video.remux import check_is_copy, remux
from ..constants import (
    EXTRA_JSON,
    STORE_INDEX_FILENAME,
    STORE_LOCK_FILENAME,
    STORE_MD_FILENAME,
    STORE_SAVED_INDEX_FILENAME,
)
from ..errors import CorruptFileError, FrameReadError, FrameWriteError, ImgStoreError, StoreIOError, StoreLockedError
from ..extra_data.records import read_records, records_missing_from
from ..formats import VIDEO_FRAMES_PER_SECOND, format_of
from ..frame_rate import median_interval
from ..index.store_index import save_cache_if_large
from ..ondisk.checksums import UNKNOWN, as_checksums
from ..ondisk.chunk_files import partial_files, remove_tree, sync_chunk
from ..ondisk.chunk_index import Numbers, Times, is_empty, read_chunk_index, write_chunk_index
from ..ondisk.emptying import finish_emptying
from ..ondisk.extra_data_file import (
    checksums_of,
    forget_missing_extra_data,
    has_sound_extra_data,
    replace_extra_data,
)
from ..ondisk.files import StrPath, make_folder, partial_path, remove_if_there, rename_atomic
from ..ondisk.journal_reading import DEFAULT_PACE, fill_in, pace_of
from ..ondisk.layout import INDEX_EXTENSIONS, Layout, existing_store_folder, index_path, is_emptied, local_folder
from ..ondisk.lock import is_held, locked
from ..ondisk.metadata import StoreMetadata, load_metadata
from ..ondisk.repair_notes import add_repair_note, new_note
from ..ondisk.staging import finish, is_pending, uncounted
from ..reading.chunk_listing import (
    IncompleteChunk,
    find_incomplete_chunks,
    journaled_chunks,
    rate_of_chunk,
)
from ..writing.rolling_writer import RollingChunkWriter
from .report import RepairedChunk, RepairReport, UnreadableChunk

_DAMAGED = '.damaged'


def repair(path: StrPath, dry_run: bool = False) -> RepairReport:
    """Complete a store for good after its writer was killed.

    Older versions of imgstore can open it then.

    Incomplete chunks get their index, their records and a closed video. Chunks of older versions, which kept no
    journal, get an index of all readable frames. Readable frames are never removed, and complete chunks never changed.

    Parameters
    ----------
    path : str or PathLike
        Path of the store.
    dry_run : bool
        Change nothing, only report.

    Returns
    -------
    RepairReport
        True in a condition if there was something to repair.

    Raises
    ------
    StoreNotFoundError
        There is no store at the path.
    StoreLockedError
        A writer has the store open.
    StoreIOError
        The disk cannot be written. Complete chunks stay complete.

    Examples
    --------
    >>> report = imgstore.repair('recording')
    >>> bool(report)
    False
    """
    basedir = local_folder(existing_store_folder(path), 'repair a store')
    lock_path = os.path.join(basedir, STORE_LOCK_FILENAME)
    if is_held(lock_path):
        raise StoreLockedError(
            f'{basedir!r} is open in another writer, which holds {lock_path}', store=basedir, path=lock_path
        )
    emptied = is_emptied(basedir)
    if emptied and not dry_run:
        with locked(basedir):
            finish_emptying(basedir)
    patient = _Repair(basedir)
    chunks = list(patient.find())
    leftovers, unreadable = patient.leftover_files(lock_path, chunks), tuple(patient.unreadable(chunks))
    report = RepairReport(basedir, dry_run, chunks, leftovers, is_pending(basedir), emptied, unreadable)
    if report and not dry_run:
        try:
            with locked(basedir):
                finish(basedir)
                report = replace(report, removed=patient.apply(report))
                _note(basedir, report, lock_path in leftovers)
        except ImgStoreError:
            raise
        except OSError as error:
            raise StoreIOError(f'{basedir}: the store could not be repaired: {error}', store=basedir) from error
    return report


def unreadable_chunks(basedir: str) -> tuple[UnreadableChunk, ...]:
    """Return the chunks that no repair can complete, without changing files."""
    patient = _Repair(basedir)
    return tuple(patient.unreadable(list(patient.find())))


def _note(basedir: str, report: RepairReport, was_killed: bool) -> None:
    """Leave a trace of what was repaired."""
    if not (report.chunks or was_killed):
        return
    note = new_note(
        'its writer was killed' if was_killed else 'its writer could not complete it',
        tuple(chunk.number for chunk in report.chunks),
        sum(len(chunk.frame_numbers) for chunk in report.chunks),
        sum(len(chunk.lost) for chunk in report.chunks),
    )
    with contextlib.suppress(OSError):  # the frames are safe without it
        add_repair_note(basedir, note)


def _keep_damaged(paths: Iterable[str]) -> None:
    """Move damaged files aside under another name."""
    for path in filter(os.path.lexists, paths):
        os.replace(path, path + _DAMAGED)


class _Repair:
    """Repair of one store."""

    def __init__(self, basedir: str) -> None:
        self._metadata: StoreMetadata = load_metadata(basedir)
        self._fmt = format_of(self._metadata, basedir)
        self._layout = Layout(basedir, self._fmt.extension, self._fmt.is_image_folder)
        self._chunks = ChunkIO(
            self._layout,
            self._fmt,
            self._metadata.imgshape,
            'read',
            image_bytes=self._metadata.image_bytes,
            dtype=self._metadata.imgdtype,
        )
        self._damaged: set[int] = set()
        self._skipped: set[int] = set()
        self._unsynced: list[int] = []
        self._checksums: dict[int, list[int]] = {}

    # --- finding incomplete chunks

    def find(self) -> Iterator[RepairedChunk]:
        """Yield the incomplete chunks."""
        found = self._layout.find_chunks()
        journals = journaled_chunks(self._layout, found)
        journaled = find_incomplete_chunks(self._layout, self._chunks, journals)
        self._unsynced = [*{*found.complete_journals} - {*journals}]
        self._skipped = {number for number in found.skipped if not is_empty(self._layout.index_stem(number))}
        self._damaged = {number for number in found.complete if self._frames_of(number) is None}
        bare = {*found.skipped, *self._layout.find_unfinished_videos()} - set(found.complete)
        bare = {number for number in bare if index_path(self._layout.index_stem(number)) is None}
        incomplete = (n for n in {*journals, *bare, *self._damaged} if not self._layout.is_linked(n))
        for number in sorted(incomplete):
            if number in journaled and (len(journaled[number]) or len(journaled[number].lost)):
                yield self._journaled(number, journaled[number], found.complete)
            elif number in bare or number in self._damaged or number in journaled:
                yield from self._estimate(number, found.complete, number in journaled)
            else:  # complete except for later records
                numbers, times = read_chunk_index(self._layout.index_stem(number))
                yield RepairedChunk(number, numbers.tolist(), times.tolist(), [], False)

    def _journaled(self, number: int, chunk: IncompleteChunk, complete: list[int]) -> RepairedChunk:
        """Describe a chunk by its journal. Later frames have lost their entries."""
        self._checksums[number] = chunk.checksums.tolist()
        frames = dict(enumerate(zip(chunk.numbers.tolist(), chunk.times.tolist(), strict=True)))
        estimated = chunk.estimated
        if len(chunk) and not len(chunk.lost):
            before = self._before(number, complete)
            pace = before and pace_of(zip(*(values.tolist() for values in before), strict=True))
            estimated += fill_in(frames, self._chunks.count_readable(number, None), pace or DEFAULT_PACE)
        all_frames = [frames[index] for index in range(len(frames))]
        return RepairedChunk(
            number,
            [frame[0] for frame in all_frames],
            [frame[1] for frame in all_frames],
            chunk.lost.tolist(),
            False,
            estimated,
        )

    def _frames_of(self, number: int) -> tuple[Numbers, Times] | None:
        try:
            return read_chunk_index(self._layout.index_stem(number))
        except CorruptFileError:
            return None

    def _estimate(self, number: int, complete: list[int], may_be_empty: bool) -> Iterator[RepairedChunk]:
        count = self._chunks.count_readable(number, None)
        if not count:
            if may_be_empty:
                yield RepairedChunk(number, [], [], [], False)
            return
        before = self._before(number, complete)
        step = max(1, round(float(np.median(np.diff(before[0]))))) if before and len(before[0]) > 1 else 1
        first = int(before[0][-1]) + step if before else 0
        times = self._estimated_times(number, count, before[1] if before else None)
        yield RepairedChunk(number, list(range(first, first + step * count, step)), times.tolist(), [], True)

    def _before(self, number: int, complete: list[int]) -> tuple[Numbers, Times] | None:
        """Return numbers and times of the complete chunk before this one."""
        return next(
            (
                frames
                for other in reversed(complete)
                if other < number and (frames := self._frames_of(other)) is not None and len(frames[0])
            ),
            None,
        )

    def _estimated_times(self, number: int, count: int, before: Times | None) -> Times:
        interval = None if before is None else median_interval(before)
        shown = None if self._layout.is_image_folder else display_times(self._layout.current_path(number))
        if shown is not None and len(shown) >= count:
            steps = (shown.milliseconds[:count] - shown.milliseconds[0]) / 1000
            interval = interval or 1 / VIDEO_FRAMES_PER_SECOND
        elif interval is None and self._layout.is_image_folder:
            return np.array([os.stat(self._layout.image(number, index)).st_mtime for index in range(count)])
        else:
            interval = interval or 1 / VIDEO_FRAMES_PER_SECOND
            steps = np.arange(count) * interval
        start = self._metadata.created.timestamp() if before is None else float(before[-1]) + interval
        return np.asarray(start + steps)

    def leftover_files(self, lock_path: str, chunks: list[RepairedChunk]) -> list[str]:
        """List the writer's unfinished files without frames, and its lock."""
        whole = {chunk.number for chunk in chunks if chunk.frame_numbers}
        unread = {self._layout.current_path(number) for number in {*self._layout.find_unfinished_videos()} - whole}
        empty = [path for path in unread if os.path.isfile(path) and not os.path.getsize(path)]
        kept = {path for video in unread for path in last_packet_paths(video)}
        found = [path for path in partial_files(self._layout.basedir) if path not in kept or not os.path.getsize(path)]
        whole_files = (STORE_MD_FILENAME, STORE_INDEX_FILENAME, STORE_SAVED_INDEX_FILENAME)
        others = [*uncounted(self._layout.basedir), *map(partial_path, whole_files)]
        paths = [os.path.join(self._layout.basedir, name) for name in others]
        return [*found, *empty, *filter(os.path.lexists, [*paths, lock_path])]

    def unreadable(self, chunks: list[RepairedChunk]) -> Iterator[UnreadableChunk]:
        """Yield the chunks that stay unreadable after `find`."""
        for number in sorted({*self._skipped, *self._damaged} - {chunk.number for chunk in chunks}):
            yield UnreadableChunk(number, *self._why_unreadable(number))

    def _why_unreadable(self, number: int) -> tuple[str, str, str]:
        """Return the path of an unreadable chunk, the reason and the next step."""
        path = self._layout.current_path(number)
        name = os.path.basename(path)
        if self._layout.is_linked(number):
            return path, f'{name} is a link, and its index is missing or damaged', 'repair the store it points to'
        if self._layout.is_image_folder:
            why = f'{name} has no readable image before the first missing one'
            return path, why, 'restore its images from a backup'
        if not os.path.exists(path):
            why = f'it has no {self._layout.extension} video'
            return self._layout.chunk(number), why, 'restore the video from a backup'
        if not os.path.getsize(path):
            return path, f'{name} is empty (0 bytes)', 'nothing can be recovered from it, and you may remove it'
        return path, f'no frame of {name} can be read', 'keep it for a recovery program, or move it out of the store'

    # --- completing them

    def apply(self, report: RepairReport) -> list[str]:
        """Repair as reported and return the files removed after all."""
        for chunk in report.chunks:
            self._complete(chunk)
        for number in self._unsynced:
            sync_chunk(self._layout, number)
        remaining = [path for path in report.removed if os.path.lexists(path)]
        for path in remaining:
            remove_tree(path) if os.path.isdir(path) else remove_if_there(path)
        chunks = self._layout.find_chunks().complete
        if not (chunks or self._layout.is_image_folder or self._may_hold_frames()):
            self._close_empty_video_store()
        save_cache_if_large(self._layout.basedir, [(number, self._layout.index_stem(number)) for number in chunks])
        return remaining

    def _may_hold_frames(self) -> bool:
        """Return whether the first video exists and is unreadable.

        The black video of an empty store gets its index first.
        """
        return os.path.exists(self._layout.current_path(0)) and index_path(self._layout.index_stem(0)) is None

    def _close_empty_video_store(self) -> None:
        """Close the store as its writer would have, so that imgstore 0.4 can open it."""
        chunks = ChunkIO(self._layout, self._fmt, self._metadata.imgshape, 'write', dtype=self._metadata.imgdtype)
        black = np.zeros(self._metadata.imgshape, self._metadata.imgdtype)
        RollingChunkWriter(self._layout, chunks, self._metadata.chunksize, 'chunk').close(lambda: chunks.encode(black))

    def _complete(self, chunk: RepairedChunk) -> None:
        stem = self._layout.index_stem(chunk.number)
        if chunk.number in self._damaged or index_path(stem) is None:
            _keep_damaged([stem + extension for extension in INDEX_EXTENSIONS])
        if chunk.frame_numbers and not self._layout.is_image_folder:
            self._close_video(chunk)
        records = self._records(chunk.number)
        if not has_sound_extra_data(stem):  # a power cut lost it before it was on disk
            _keep_damaged([stem + EXTRA_JSON])
        if records and self._layout.is_image_folder:
            make_folder(self._layout.chunk(chunk.number))
        if records:
            replace_extra_data(stem, json.dumps(records).encode())
        if index_path(stem) is None and (chunk.frame_numbers or records):
            frames = np.array(chunk.frame_numbers, np.int64), np.array(chunk.frame_times, np.float64)
            checksums = self._chunks.checksums(chunk.number, len(frames[0]), self._checksums.get(chunk.number, ()))
            decoder = self._chunks.decoder_checksum(chunk.number) if chunk.frame_numbers else UNKNOWN
            write_chunk_index(stem, *frames, as_checksums(checksums), decoder, checksums_of(stem))
        forget_missing_extra_data(stem)  # they were damaged, and no journal had them
        sync_chunk(self._layout, chunk.number)  # a power cut must not take journal and frames
        for journal in (self._layout.journal(chunk.number), self._layout.complete_journal(chunk.number)):
            remove_if_there(journal)

    def _close_video(self, chunk: RepairedChunk) -> None:
        """Give the chunk's video its name, in a complete container if possible."""
        path, source = self._layout.chunk(chunk.number), self._layout.current_path(chunk.number)
        if source == path and not chunk.estimated:
            self._remove_original(path, len(chunk.frame_numbers))
            return
        target = partial_path(f'{os.path.splitext(path)[0]}.repaired{self._layout.extension}')
        try:
            times = [] if chunk.estimated else chunk.frame_times
            remux(
                source,
                target,
                len(chunk.frame_numbers),
                rate_of_chunk(self._layout, self._metadata, chunk.number, times),
            )
            self._check_video(target, len(chunk.frame_numbers))
            check_is_copy(source, target)
            rename_atomic(target, path, sync_it=True)
            remove_last_packet(path)
            if source != path:
                remove_if_there(source)
        except (FrameReadError, FrameWriteError):  # the video stays as it is and can still be read
            rename_last_packet(source, path)  # first, since it is found by the name of the open video
            os.replace(source, path)
        finally:
            remove_if_there(target)

    def _remove_original(self, path: str, frames: int) -> None:
        """Remove the incomplete video, if a killed repair completed a copy."""
        if os.path.exists(original := partial_path(path)):
            with contextlib.suppress(FrameReadError):
                self._check_video(path, frames)
                sync(path)
                remove_if_there(original)

    def _check_video(self, path: str, frames: int) -> None:
        with contextlib.closing(self._chunks.video_reader(path)) as reader:
            found = reader.count()
            if found != frames:
                raise FrameReadError(f'{path} has {found} frames instead of {frames}', path=path)
            reader.read(frames - 1)

    def _records(self, number: int) -> list[dict[str, Any]]:
        """Return all records of a chunk with a journal."""
        stem, journal = self._layout.index_stem(number), self._layout.journal_to_read(number)
        if not os.path.exists(journal):
            return []
        is_sound = os.path.isfile(stem + EXTRA_JSON) and has_sound_extra_data(stem)
        there = read_records(stem + EXTRA_JSON) if is_sound else []
        return [*there, *records_missing_from(journal, there)]
