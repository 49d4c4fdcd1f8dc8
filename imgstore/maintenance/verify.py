"""Comparison of every frame with its checksum, without decoding."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .._support.cpu import CORES
from .._support.validation import as_int_min
from ..chunks import ChunkIO, is_for_lack
from ..errors import (
    CorruptFileError,
    FrameReadError,
    ImgStoreError,
    InvalidArgumentError,
    StoreIOError,
)
from ..formats import format_of
from ..ondisk.checksums import UNKNOWN, Checksums, as_checksums, read_checksums, read_decoder_checksum
from ..ondisk.chunk_index import has_room_for_checksums, read_chunk_index, rewrite_checksums
from ..ondisk.files import StrPath
from ..ondisk.layout import Layout, existing_store_folder, local_folder
from ..ondisk.lock import locked
from ..ondisk.metadata import load_metadata
from ..reading.chunk_listing import has_sound_records
from .reindex import renewed_index
from .verify_log import VerifyLog
from .verify_report import VerifiedChunk, VerifyReport

Flags = npt.NDArray[np.bool_]


def verify(
    path: StrPath,
    *,
    add: bool = False,
    update: bool = False,
    resume: StrPath | None = None,
    workers: int | None = None,
    progress: Callable[[int], object] = lambda frames: None,
) -> VerifyReport:
    """Compare every frame of a store with its checksum.

    Files and packets are read as they are stored, and not decoded. Chunks that a killed writer left incomplete are
    listed and not compared: `repair` completes them.

    Parameters
    ----------
    path : str or PathLike
        Path of the store.
    add : bool
        Compute checksums for frames without one, as recordings of imgstore 0.4 have none. They say that the frames
        stay as they are now.
    update : bool
        Accept images that you replaced on purpose: those that can be read get a new checksum. Not for videos.
    resume : str or PathLike, optional
        File that notes each finished chunk. Chunks noted there are not compared again, unless their index changed.
    workers : int, optional
        Number of chunks to read at once. By default one per core.
    progress : callable, optional
        Called with the number of frames of each finished chunk.

    Returns
    -------
    VerifyReport
        True in a condition if no frame is damaged and all chunks could be read.

    Raises
    ------
    StoreNotFoundError
        There is no store at the path.
    InvalidArgumentError
        ``update`` for a video, or ``resume`` belongs to another store.
    StoreLockedError
        A writer has the store open, and ``add`` or ``update`` was asked for.
    StoreIOError
        A file could not be written.

    Examples
    --------
    >>> report = imgstore.verify('recording')
    >>> bool(report), report.frames, report.verified
    (True, 5, 5)
    """
    folder = local_folder(existing_store_folder(path), 'verify a store')
    count = CORES if workers is None else as_int_min(workers, 'workers', 1)
    try:
        verification = _Verification(folder, add, update, resume)
        with locked(folder) if add or update else contextlib.nullcontext():
            return verification.run(count, progress)
    except ImgStoreError:
        raise
    except OSError as error:
        raise StoreIOError(f'{folder}: the store could not be verified: {error}', store=folder) from error


class _Verification:
    """The verification of one store."""

    def __init__(self, folder: str, add: bool, update: bool, resume: StrPath | None) -> None:
        metadata = load_metadata(folder)
        self._fmt = format_of(metadata, folder)
        if update and not self._fmt.is_image_folder:
            raise InvalidArgumentError(
                f'{folder} has videos, and update=True is for images that were replaced; insert_chunk replaces a video',
                argument='update',
                store=folder,
            )
        self._folder, self._add, self._update = folder, add, update
        self._log = None if resume is None else VerifyLog(resume, metadata.uuid)
        self._layout = Layout(folder, self._fmt.extension, self._fmt.is_image_folder)
        self._chunks = ChunkIO(
            self._layout,
            self._fmt,
            metadata.imgshape,
            'read',
            image_bytes=metadata.image_bytes,
            dtype=metadata.imgdtype,
        )

    def run(self, workers: int, progress: Callable[[int], object]) -> VerifyReport:
        """Verify all chunks, several at once."""
        found = self._layout.find_chunks()
        complete = [number for number in found.complete if number not in found.journals]
        incomplete = {*found.journals, *found.skipped, *found.unindexed} - {*complete}
        chunks = []
        with ThreadPoolExecutor(workers) as pool:
            for chunk in _a_few_ahead(pool, self._look_at, complete, workers):
                if self._log is not None:
                    self._log.note(self._layout.index_stem(chunk.number), chunk)
                progress(chunk.frames)
                chunks.append(chunk)
        if any(chunk.changed for chunk in chunks):
            renewed_index(self._layout, self._layout.index_stems(found.complete))
        return VerifyReport(self._folder, tuple(chunks), tuple(sorted(incomplete)))

    def _look_at(self, number: int) -> VerifiedChunk:
        known = self._log and self._log.find(number, self._layout.index_stem(number))
        if known and not (self._add and known.unverified):
            return known
        return self._verify(number)

    # --- one chunk

    def _verify(self, number: int) -> VerifiedChunk:
        try:
            numbers, _ = read_chunk_index(self._layout.index_stem(number))
        except CorruptFileError as error:
            return VerifiedChunk(number, 0, problem=str(error))
        try:
            frames = self._compared(number, len(numbers))
        except CorruptFileError as error:
            return VerifiedChunk(number, len(numbers), unverified=len(numbers), problem=str(error))
        except FrameReadError as error:
            if is_for_lack(error):
                raise
            return VerifiedChunk(number, len(numbers), damaged=tuple(numbers.tolist()), problem=str(error))
        is_new = self._renewed(number, frames)
        return VerifiedChunk(
            number,
            len(numbers),
            unverified=int(np.sum(frames.is_unknown & ~is_new)),
            damaged=tuple(numbers[frames.is_damaged & ~is_new].tolist()),
            changed=tuple(numbers[is_new].tolist()),
            problem='' if has_sound_records(self._layout.index_stem(number)) else 'its extra data are damaged',
        )

    def _compared(self, number: int, count: int) -> _Frames:
        """Compare a chunk's frames.

        CorruptFileError for its checksums, FrameReadError for its video.
        """
        stem = self._layout.index_stem(number)
        expected, decoder = read_checksums(stem), read_decoder_checksum(stem)
        expected = np.zeros(count, np.uint64) if expected is None else expected
        actual = as_checksums(self._chunks.stored_checksums(number, count))
        is_damaged = (expected != UNKNOWN) & (actual != expected)
        is_damaged |= decoder != UNKNOWN and self._chunks.decoder_checksum(number) != decoder
        if self._fmt.is_image_folder:
            is_damaged |= actual == UNKNOWN  # it is missing
        return _Frames(expected, actual, is_damaged)

    def _renewed(self, number: int, frames: _Frames) -> Flags:
        """Write the wanted checksums, and return which frames got one."""
        is_new = np.zeros(len(frames.actual), bool)
        stem = self._layout.index_stem(number)
        if not has_room_for_checksums(stem) or self._layout.is_linked(number):
            return is_new
        if self._add:
            is_new |= frames.is_unknown & (frames.actual != UNKNOWN)
        if self._update:
            is_new[[index for index in np.flatnonzero(frames.is_damaged).tolist() if self._can_read(number, index)]] = 1
        if is_new.any():
            checksums = np.where(is_new, frames.actual, frames.expected)
            rewrite_checksums(stem, checksums, self._chunks.decoder_checksum(number))
        return is_new

    def _can_read(self, number: int, index: int) -> bool:
        with contextlib.suppress(FrameReadError), self._chunks.reader(number, None) as reader:
            reader.read(index)
            return True
        return False


class _Frames(NamedTuple):
    """Checksums of a chunk's frames."""

    expected: Checksums
    actual: Checksums
    is_damaged: Flags

    @property
    def is_unknown(self) -> Flags:
        """Whether each has no checksum to compare with."""
        unknown: Flags = (self.expected == UNKNOWN) & ~self.is_damaged
        return unknown


def _a_few_ahead(
    pool: ThreadPoolExecutor, look_at: Callable[[int], VerifiedChunk], numbers: list[int], count: int
) -> Iterator[VerifiedChunk]:
    """Yield the chunks in order.

    Only so many more are begun, so that Ctrl-C ends soon.
    """
    begun: deque[Future[VerifiedChunk]] = deque()
    for number in numbers:
        begun.append(pool.submit(look_at, number))
        if len(begun) > count:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()
