"""Checksums of frames as they are stored, in the indexes of their chunks.

Each is the XXH3 (64 bits) of a frame's file, or of its packet as a demuxer returns it: https://xxhash.com
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..constants import CHECKSUMS, DECODER_CHECKSUM
from ..errors import CorruptFileError, FrameReadError, StoreIOError
from ..remote.urls import is_url
from .chunk_index import Numbers, Times, count_frames, read_chunk_index, read_member
from .layout import index_path

Checksums = npt.NDArray[np.uint64]

_Answer = TypeVar('_Answer')

CheckFrames = Callable[[Numbers, Times], object]
"""Takes the frame numbers and times in a chunk's index; FrameReadError if they are not the expected ones."""

UNKNOWN = 0
"""Checksum of a frame that has none. One frame in 2**64 has it by chance."""


def checksum_of(parts: Iterable[Any]) -> int:
    """Return the checksum of bytes in parts, each with the buffer protocol."""
    import xxhash  # on first use: not every program reads or writes frames

    state = xxhash.xxh3_64()
    for part in parts:
        state.update(part)
    return state.intdigest()


class LateChecksum:
    """Checksum of bytes in parts, computed by one thread while another writes.

    Any thread may compute it, even twice, so an interrupt of one loses nothing.

    Parameters
    ----------
    parts : sequence
        The bytes, each part with the buffer protocol.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        import xxhash  # noqa: F401 -- if that fails, no frame has been taken yet

        self._parts, self._value = parts, UNKNOWN

    def compute(self) -> None:
        """Compute it."""
        self._value = checksum_of(self._parts)

    def value(self) -> int:
        """Return it, computed if no thread has done so."""
        if self._value == UNKNOWN:
            self.compute()
        return self._value


def as_checksums(values: Sequence[int]) -> Checksums:
    """Return checksums as an array."""
    return np.array(values, np.uint64)


NO_CHECKSUMS = as_checksums(())


def read_checksums(stem: str, check: CheckFrames = lambda numbers, times: None) -> Checksums | None:
    """Read the checksums of a chunk's frames.

    None if its index has none. CorruptFileError if they are damaged, or not one per frame.

    Parameters
    ----------
    stem : str
        Path of the index without the extension.
    check : callable, optional
        Checks the frame numbers and times. Not called for a YAML index in a folder, which takes long to read.
    """
    path = index_path(stem)
    if path is None or (path.endswith('.yaml') and not is_url(path)):
        return None
    frames = _check(stem, check)
    values = read_member(stem, CHECKSUMS)
    if values is None:
        return None
    frames = count_frames(stem) if frames is None else frames
    if values.dtype.kind != 'u' or len(values) != frames:
        raise CorruptFileError(
            f'{path} has {len(values)} checksums of dtype {values.dtype} for {frames} frames', path=path
        )
    return values.astype(np.uint64, copy=False)


def _check(stem: str, check: CheckFrames) -> int | None:
    """Check the numbers and times, and count them.

    None if they are damaged: then the chunk is skipped elsewhere.
    """
    try:
        numbers, times = read_chunk_index(stem)
    except CorruptFileError:
        return None
    check(numbers, times)
    return len(numbers)


def read_decoder_checksum(stem: str) -> int:
    """Read the checksum of a video's decoder configuration, or return `UNKNOWN`.

    Raises CorruptFileError.
    """
    values = read_member(stem, DECODER_CHECKSUM)
    return int(values[0]) if values is not None and values.dtype.kind == 'u' and len(values) else UNKNOWN


class ChunkChecksums:
    """Checksums of a chunk's frames, read on first use. Thread-safe.

    Parameters
    ----------
    stem : str
        Path of the chunk's index without the extension.
    on_lack : callable, optional
        Takes the reason why a chunk's index has no sound checksums. '' if it has no such member.
    known : ndarray of uint64, optional
        The checksums, of an incomplete chunk.
    check : callable, optional
        Checks the frame numbers and times that the index has with the checksums.
    """

    def __init__(
        self,
        stem: str,
        on_lack: Callable[[str], object] = lambda reason: None,
        known: Checksums | None = None,
        check: CheckFrames = lambda numbers, times: None,
    ) -> None:
        self._stem, self._on_lack, self._check = stem, on_lack, check
        self._lock, self._values = threading.Lock(), known
        self._decoder = None if known is None else UNKNOWN

    def _read(self) -> Checksums:
        with self._lock:
            if self._values is None:
                found, reason = None, ''
                try:
                    found = _read_unless_lacking(partial(read_checksums, check=self._check), self._stem)
                except CorruptFileError as error:
                    reason = str(error)
                self._values = NO_CHECKSUMS if found is None else found
                if len(self._values) and not self._values.any():
                    self._on_lack('all of its checksums are unknown')
                if found is None and (reason or index_path(self._stem)):  # not if it is just being completed
                    self._on_lack(reason)
            return self._values

    def check_frames(self) -> None:
        """Check the frame numbers and times, where no checksum is used."""
        with contextlib.suppress(CorruptFileError):
            _read_unless_lacking(partial(read_checksums, check=self._check), self._stem)

    def of(self, index: int) -> int:
        """Return the checksum of the chunk's frame ``index``, or `UNKNOWN`."""
        values = self._read() if self._values is None else self._values
        return int(values[index]) if 0 <= index < len(values) else UNKNOWN

    def decoder_differs(self, configuration: bytes) -> bool:
        """Return whether a video's decoder configuration differs from its checksum."""
        if self._decoder is None:
            try:
                self._decoder = _read_unless_lacking(read_decoder_checksum, self._stem)
            except CorruptFileError:  # reading the others warns of that
                self._decoder = UNKNOWN
        return self._decoder != UNKNOWN and checksum_of((configuration,)) != self._decoder

    def differs(self, index: int, content: Any) -> bool:
        """Return whether a frame has a checksum, and its bytes do not match it."""
        expected = self.of(index)
        return expected != UNKNOWN and checksum_of((content,)) != expected


def _read_unless_lacking(read: Callable[[str], _Answer], stem: str) -> _Answer:
    """Read checksums; FrameReadError for a lack of memory or descriptors."""
    try:
        return read(stem)
    except (CorruptFileError, FrameReadError):
        raise
    except StoreIOError as error:  # all others are for a lack
        raise FrameReadError(str(error), path=error.path) from error
