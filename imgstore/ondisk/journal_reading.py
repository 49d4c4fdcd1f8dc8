"""Reading of journals, also damaged ones: the frames of intact entries."""

from __future__ import annotations

import contextlib
import json
import re
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .._support.regular_files import read_until_zeros
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from .checksums import UNKNOWN, Checksums, as_checksums
from .chunk_index import Numbers, Times
from .journal import (
    CHECK,
    FRAME,
    FRAME_CHECKSUM,
    FRAME_WITHOUT_INDEX,
    HEAD,
    IS_CHECKSUM,
    IS_FRAME,
    IS_OLD_FRAME,
    IS_RECORD,
    MAGIC,
    OLD_MAGIC,
)

_FRAMES = {IS_FRAME: FRAME, IS_OLD_FRAME: FRAME_WITHOUT_INDEX, IS_CHECKSUM: FRAME_CHECKSUM}
_AROUND = HEAD.size + CHECK.size
_OLD_FRAME_BYTES = FRAME_WITHOUT_INDEX.size + _AROUND
_BEGIN = re.compile(rb'(?=\x03\x18\0\0\0|[\x01\x04]\x10\0\0\0|\x02[\0-\xff]{4}\{)')
"""Start of an entry. JSON escapes control characters, so no record contains it."""

_MOST_SUMMED, _UNQUESTIONED_SUM = 16, 2**20
"""Bytes checksummed in the search for entries, in file sizes. It bounds the time for many false long ones."""

FrameEntry = tuple[int, float]
_FRAME = np.dtype([('number', np.int64), ('time', np.float64)])
DEFAULT_PACE: FrameEntry = (1, 1 / 25)
"""Steps between frames, in number and seconds, without two known frames."""


@dataclass(frozen=True)
class JournalContent:
    """Content of a journal.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    times : ndarray of float64, shape (n,)
        In seconds.
    records : list of str
        JSON objects.
    estimated : tuple of int
        Indexes of the frames with damaged entries. Their numbers and times are estimated.
    is_damaged : bool
        The first line is damaged, or an entry before the last intact one.
    checksums : ndarray of uint64, shape (n,)
        Checksum of each frame, 0 where it is unknown.
    """

    numbers: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    times: Times = field(default_factory=lambda: np.empty(0, np.float64))
    records: list[str] = field(default_factory=list)
    estimated: tuple[int, ...] = ()
    is_damaged: bool = False
    checksums: Checksums = field(default_factory=lambda: as_checksums(()))


def read_journal(path: str) -> JournalContent:
    """Read the intact entries of a journal; a missing file has none.

    A frame with a damaged entry takes number and time from its record of extra data, if there is one. Otherwise they
    are estimated from the frames around it. Bytes after the last intact entry were never written completely.
    """
    return GrowingJournal(path).read()


class GrowingJournal:
    """A journal that its writer may be extending. Each entry is parsed once.

    Parameters
    ----------
    path : str
        Path of the journal.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._begin()

    def _begin(self) -> None:
        self._parsed, self._content = b'', _Content()

    def read(self) -> JournalContent:
        """Read the intact entries, as `read_journal`."""
        try:
            data = read_until_zeros(self.path)
        except OSError:
            return JournalContent()
        if not data.startswith(self._parsed):  # cut or replaced meanwhile
            self._begin()
        end = len(self._parsed)
        for entry in _Entries(data, end):
            self._content.add(entry)
            end = entry.end
        content = self._content.journaled(bool(data) and not data.startswith((MAGIC, OLD_MAGIC)))
        self._parsed = data[:end]
        if content.is_damaged:  # by what follows, the lost entries may be found otherwise
            self._begin()
        return content


# --- entries


class _Entry(NamedTuple):
    kind: int
    content: bytes
    end: int
    lost: int | None = None
    """After damage: number of lost entries of frames without an index."""


class _Entries:
    """The intact entries of a journal in order, after those parsed already."""

    def __init__(self, data: bytes, parsed: int) -> None:
        self._data, self._parsed = data, parsed
        self._may_sum = _MOST_SUMMED * len(data) + _UNQUESTIONED_SUM

    def __iter__(self) -> Iterator[_Entry]:
        place = self._parsed or len(MAGIC)
        while place < len(self._data):
            entry = self._at(place) or self._after(place)
            if entry is None:
                return
            yield entry
            place = entry.end

    def _after(self, damage: int) -> _Entry | None:
        """Return the next intact entry."""
        for match in _BEGIN.finditer(self._data, damage + 1):
            if self._may_sum < 0:
                return None
            if (entry := self._at(match.start())) is not None:
                return entry._replace(lost=_count_old_frames(self._data[damage : match.start()]))
        return None

    def _at(self, place: int) -> _Entry | None:
        data = self._data
        if place + _AROUND > len(data):
            return None
        kind, length = HEAD.unpack_from(data, place)
        end = place + HEAD.size + length
        if end + CHECK.size > len(data):
            return None
        self._may_sum -= length
        content = data[place + HEAD.size : end]
        is_whole = CHECK.unpack_from(data, end)[0] == zlib.crc32(data[place:end])
        return _Entry(kind, content, end + CHECK.size) if is_whole and _is_sound(kind, content, place) else None


def _is_sound(kind: int, content: bytes, place: int) -> bool:
    if kind == IS_RECORD:
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode().startswith('{')
    if kind not in _FRAMES or len(content) != _FRAMES[kind].size:
        return False
    index = int.from_bytes(content[:8], 'little')
    return kind == IS_OLD_FRAME or index * FRAME.size < place  # there was room for the ones before


def _count_old_frames(damaged: bytes) -> int:
    """Count damaged entries of frames without an index, by their form."""
    places = [match.start() for match in _BEGIN.finditer(damaged)]
    starts = sorted({0, *places, *(end for place in [0, *places] if (end := _claimed_end(damaged, place)) > 0)})
    return sum(_old_frames_of(damaged[start:end]) for start, end in pairwise([*starts, len(damaged)]))


def _claimed_end(damaged: bytes, place: int) -> int:
    """Return the end of an entry by its own length, or 0 if that is impossible."""
    with contextlib.suppress(struct.error):
        kind, length = HEAD.unpack_from(damaged, place)
        end: int = place + length + _AROUND
        if kind in (*_FRAMES, IS_RECORD) and (_BEGIN.match(damaged, end) or end == len(damaged)):
            return end % len(damaged)
    return 0


def _old_frames_of(piece: bytes) -> int:
    if piece[:1] == bytes([IS_CHECKSUM]):
        return 0
    is_record = piece[HEAD.size : HEAD.size + 1] == b'{' or (piece[:1] == b'\x02' and len(piece) != _OLD_FRAME_BYTES)
    return 0 if is_record else max(1, round(len(piece) / _OLD_FRAME_BYTES))


# --- content of the entries


class _Content:
    """Frames and records of a chunk."""

    def __init__(self) -> None:
        self._frames: dict[int, FrameEntry] = {}
        self._checksums: dict[int, int] = {}
        self._records: list[str] = []
        self._places: list[int | None] = []  # per record: number of frames before it, if known
        self._count, self._is_damaged, self._is_sure, self._is_in_order = 0, False, True, True

    def add(self, entry: _Entry) -> None:
        """Add an entry."""
        if entry.lost is not None:
            self._is_damaged, self._is_sure = True, False
            self._count += entry.lost
        if entry.kind == IS_CHECKSUM:
            index, self._checksums[index] = FRAME_CHECKSUM.unpack(entry.content)
            return
        if entry.kind == IS_RECORD:
            self._records.append(entry.content.decode())
            self._places.append(self._count if self._is_sure else None)
            return
        if entry.kind == IS_FRAME:
            index, number, time = FRAME.unpack(entry.content)
        else:
            index, (number, time) = self._count, FRAME_WITHOUT_INDEX.unpack(entry.content)
        self._frames[index] = number, time
        self._is_in_order &= index == self._count
        self._count, self._is_sure = index + 1, True

    def journaled(self, is_damaged: bool) -> JournalContent:
        """Return all content; frames of damaged entries are estimated."""
        if self._is_in_order and not self._is_damaged:
            frames = np.fromiter(self._frames.values(), _FRAME, len(self._frames))
            sums = self._checksums_of(len(frames))
            return JournalContent(frames['number'], frames['time'], list(self._records), (), is_damaged, sums)
        count = self._count if self._frames else 0
        self._frames = {index: frame for index, frame in self._frames.items() if index < count}
        if len(self._frames) < count:
            self._frames = {**dict(self._told_by_records(count)), **self._frames}
        estimated = fill_in(self._frames, count)
        numbers, times = zip(*(self._frames[index] for index in range(count)), strict=True) if count else ((), ())
        return JournalContent(
            np.array(numbers, np.int64),
            np.array(times, np.float64),
            self._records,
            estimated,
            is_damaged or self._is_damaged,
            self._checksums_of(count),
        )

    def _checksums_of(self, count: int) -> Checksums:
        known = len(self._checksums)
        is_without_gap = next(reversed(self._checksums), -1) == known - 1
        if self._is_in_order and not self._is_damaged and is_without_gap:  # faster, for live stores
            found = np.zeros(max(count, known), np.uint64)
            found[:known] = np.fromiter(self._checksums.values(), np.uint64, known)
            return found[:count]
        return as_checksums([self._checksums.get(index, UNKNOWN) for index in range(count)])

    def _told_by_records(self, count: int) -> Iterator[tuple[int, FrameEntry]]:
        """Yield index in the chunk, number and time of frames with a record."""
        told = [_frame_of(record) for record in self._records]
        firsts = {
            index + 1 - place
            for (index, _), place in zip(told, self._places, strict=True)
            if index is not None and place is not None
        }
        if len(firsts) == 1:
            first = firsts.pop()
            yield from (
                (index - first, frame)
                for index, frame in told
                if index is not None and frame is not None and 0 <= index - first < count
            )


def _frame_of(record: str) -> tuple[int | None, FrameEntry | None]:
    """Return index in the store, number and time of a record's frame."""
    try:
        content: Any = json.loads(record)
        index, number, time = (content[key] for key in (FRAME_INDEX, FRAME_NUMBER, FRAME_TIME))
    except (ValueError, KeyError, RecursionError):
        return None, None
    is_frame = type(number) is int and -(2**63) <= number < 2**63 and type(time) in (int, float)
    return index if type(index) is int else None, (number, float(time)) if is_frame else None


# --- estimates


def pace_of(frames: Iterable[FrameEntry]) -> FrameEntry | None:
    """Return the usual step between frames, in number and seconds.

    None below two frames.
    """
    return _usual_step(pairwise(frames))


def _usual_step(neighbours: Iterable[tuple[FrameEntry, FrameEntry]]) -> FrameEntry | None:
    from statistics import median

    steps = [(number - before, time - earlier) for (before, earlier), (number, time) in neighbours]
    if not steps:
        return None
    numbers, times = zip(*steps, strict=True)
    return round(median(numbers)), median(times)


def fill_in(frames: dict[int, FrameEntry], count: int, pace: FrameEntry = DEFAULT_PACE) -> tuple[int, ...]:
    """Estimate unknown frames of the first ``count``; return their indexes."""
    known = sorted(frames)
    missing = tuple(sorted({*range(count)} - frames.keys()))
    if not missing:
        return ()
    steps = _usual_step((frames[index], frames[index + 1]) for index in known if index + 1 in frames) or pace
    for index in missing:
        rank = bisect_left(known, index)
        frames[index] = _estimated(frames, index, known[rank - 1 : rank], known[rank : rank + 1], steps)
    return missing


def _estimated(
    frames: dict[int, FrameEntry], index: int, before: list[int], after: list[int], steps: FrameEntry
) -> FrameEntry:
    """Interpolate between the neighbours, or extrapolate at the usual pace."""
    near = (before or after)[0]
    number, time = frames[near]
    away, gap = index - near, 1
    if before and after:
        gap = after[0] - near
        steps = frames[after[0]][0] - number, frames[after[0]][1] - time
    number += (2 * steps[0] * away + gap) // (2 * gap)  # rounded, exact for large numbers
    return min(max(number, -(2**63)), 2**63 - 1), time + steps[1] * away / gap
