"""Comparison of frames and extra data with their checksums.

Nothing is decoded.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .._support.cpu import CORES
from .._support.text import count_of
from .._support.validation import as_int_min
from ..chunks import ChunkIO, is_for_lack
from ..constants import EXTRA_DATA_CHECKSUMS, EXTRA_JSON
from ..errors import (
    CorruptFileError,
    FrameReadError,
    ImgStoreError,
    StoreIOError,
)
from ..formats import format_of
from ..ondisk.checksums import UNKNOWN, Checksums, as_checksums, read_checksums, read_decoder_checksum
from ..ondisk.chunk_index import checksum_members, has_room_for_checksums, is_empty, read_chunk_index, rewrite_members
from ..ondisk.extra_data_file import checksums_of, extra_data_checksums, has_sound_extra_data, lacks_extra_data
from ..ondisk.files import StrPath
from ..ondisk.layout import Layout, existing_store_folder, local_folder
from ..ondisk.lock import locked
from ..ondisk.metadata import load_metadata
from .reindex import renewed_index
from .repair import unreadable_chunks
from .report import UnreadableChunk
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
    listed and not compared: `repair` completes them. A chunk that it cannot complete counts as damaged.

    Parameters
    ----------
    path : str or PathLike
        Path of the store.
    add : bool
        Compute checksums for frames and extra data without one, as recordings of imgstore 0.4 have none. They say that
        the frames stay as they are now.
    update : bool
        Accept images and extra data that you changed on purpose: those that can be read get a new checksum. Not for
        videos.
    resume : str or PathLike, optional
        File that notes each finished chunk. Chunks noted there are not compared again, unless their index changed.
    workers : int, optional
        Number of chunks to read at once. By default one per core.
    progress : callable, optional
        Called with the number of frames of each finished chunk.

    Returns
    -------
    VerifyReport
        True in a condition if no frame is damaged, no chunk is unreadable, and no checksum is missing that the
        recording had.

    Raises
    ------
    StoreNotFoundError
        There is no store at the path.
    InvalidArgumentError
        ``resume`` belongs to another store.
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
        self._shape, self._has_checksums = metadata.imgshape, metadata.has_checksums
        self._folder, self._add, self._update, self._has_rewritten = folder, add, update, False
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
        if self._has_rewritten:
            renewed_index(self._layout, self._layout.index_stems(found.complete))
        unreadable = self._unreadable(incomplete & found.skipped.keys())
        incomplete -= {chunk.number for chunk in unreadable}
        return VerifyReport(self._folder, tuple(chunks), tuple(sorted(incomplete)), unreadable)

    def _unreadable(self, numbers: set[int]) -> tuple[UnreadableChunk, ...]:
        """Return which of these chunks no repair can complete."""
        found = unreadable_chunks(self._folder) if numbers else ()
        return tuple(chunk for chunk in found if chunk.number in numbers)

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
        is_new, has_new_extra_data = self._renewed(number, frames)
        left = frames.left(is_new)
        return VerifiedChunk(
            number,
            len(numbers),
            unverified=int(np.sum(left.is_unknown)),
            damaged=tuple(numbers[left.is_damaged].tolist()),
            changed=tuple(numbers[is_new].tolist()),
            changed_extra_data=has_new_extra_data,
            problem=self._problem(number, left),
        )

    def _compared(self, number: int, count: int) -> _Frames:
        """Compare a chunk's frames.

        CorruptFileError for its checksums, FrameReadError for its video.
        """
        stem = self._layout.index_stem(number)
        stored, decoder = self._expected(stem), read_decoder_checksum(stem)
        expected = np.zeros(count, np.uint64) if stored is None else stored
        actual = as_checksums(self._chunks.stored_checksums(number, count))
        is_damaged = (expected != UNKNOWN) & (actual != expected)
        is_damaged |= decoder != UNKNOWN and self._chunks.decoder_checksum(number) != decoder
        if self._fmt.is_image_folder:
            is_damaged |= actual == UNKNOWN  # it is missing
        should_have = self._has_checksums or stored is not None
        return _Frames(expected, actual, is_damaged, should_have & (expected == UNKNOWN) & (actual != UNKNOWN))

    def _expected(self, stem: str) -> Checksums | None:
        """Read the checksums; if some are to be added, damaged ones are none."""
        try:
            return read_checksums(stem)
        except CorruptFileError:
            if not self._add:
                raise
            return None

    def _renewed(self, number: int, frames: _Frames) -> tuple[Flags, bool]:
        """Write the wanted checksums.

        Return which frames got one, and whether the extra data did.
        """
        is_new = np.zeros(len(frames.actual), bool)
        stem = self._layout.index_stem(number)
        if not has_room_for_checksums(stem) or self._layout.is_linked(number):
            return is_new, False
        if self._add:
            is_new |= frames.is_unknown & (frames.actual != UNKNOWN)
        if self._update and self._fmt.is_image_folder:
            is_new[[index for index in np.flatnonzero(frames.is_damaged).tolist() if self._can_read(number, index)]] = 1
        members: dict[str, Checksums | None] = {}
        if is_new.any() or (self._add and self._has_checksums and self._lacks_decoder_checksum(number)):
            members |= checksum_members(frames.left(is_new).expected, self._chunks.decoder_checksum(number))
        if has_new_extra_data := self._accepts_extra_data(stem):
            members[EXTRA_DATA_CHECKSUMS] = checksums_of(stem)
        if members:
            rewrite_members(stem, members)
            self._has_rewritten = True
        return is_new, has_new_extra_data

    def _accepts_extra_data(self, stem: str) -> bool:
        """Return whether a chunk's extra data get another checksum.

        They must be readable.
        """
        if not (self._add or self._update):
            return False
        if not extra_data_checksums(stem):
            return self._add and os.path.lexists(stem + EXTRA_JSON) and has_sound_extra_data(stem)
        differ = self._update and (lacks_extra_data(stem) or not has_sound_extra_data(stem))
        return differ and has_sound_extra_data(stem, verify=False)

    def _problem(self, number: int, left: _Frames) -> str:
        """Return what else is wrong, and why damaged frames were not accepted."""
        stem = self._layout.index_stem(number)
        if lost := self._lost(number, int(left.is_lost.sum())):
            return f'no checksum of {" and ".join(lost)}; {self._how_to_add(number)}'
        if not has_sound_extra_data(stem):
            return 'its extra data are damaged'
        if lacks_extra_data(stem):
            return 'its extra data are missing'
        if not (self._update and left.is_damaged.any()):
            return ''
        if self._fmt.is_image_folder:
            return 'images that cannot be read, or have another shape, are not accepted'
        return 'a video is not accepted; insert_chunk replaces one'

    def _lost(self, number: int, frames: int) -> list[str]:
        """Return what lacks the checksum that it should have."""
        lost = [count_of(frames, 'frame')] if frames else []
        stem = self._layout.index_stem(number)
        if self._has_checksums and os.path.lexists(stem + EXTRA_JSON) and not extra_data_checksums(stem):
            lost.append('the extra data')
        if self._has_checksums and self._lacks_decoder_checksum(number):
            lost.append("the video's decoder configuration")
        return lost

    def _lacks_decoder_checksum(self, number: int) -> bool:
        stem = self._layout.index_stem(number)
        if is_empty(stem):  # the black video of an empty store
            return False
        return read_decoder_checksum(stem) == UNKNOWN and self._chunks.decoder_checksum(number) != UNKNOWN

    def _how_to_add(self, number: int) -> str:
        if self._layout.is_linked(number):
            return 'the chunk is a link: use --add on the store that has it'
        if has_room_for_checksums(self._layout.index_stem(number)):
            return '--add computes what is missing, if all is as recorded'
        return 'a .yaml index has no room for checksums; imgstore-convert makes a store that has them'

    def _can_read(self, number: int, index: int) -> bool:
        with contextlib.suppress(FrameReadError), self._chunks.reader(number, None) as reader:
            return reader.read(index).shape == self._shape
        return False


class _Frames(NamedTuple):
    """Checksums of a chunk's frames."""

    expected: Checksums
    actual: Checksums
    is_damaged: Flags
    is_lost: Flags
    """Whether each should have a checksum, and has none."""

    @property
    def is_unknown(self) -> Flags:
        """Whether each has no checksum to compare with."""
        unknown: Flags = (self.expected == UNKNOWN) & ~self.is_damaged
        return unknown

    def left(self, is_new: Flags) -> _Frames:
        """Return the frames after some got a new checksum."""
        expected = np.where(is_new, self.actual, self.expected)
        return _Frames(expected, self.actual, self.is_damaged & ~is_new, self.is_lost & ~is_new)


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
