"""Damaged packet headers in an AVI, corrected by its index.

FFmpeg would look for the next intact header, and all later frames would get wrong numbers and times. See Microsoft's
"AVI RIFF File Reference" and the "OpenDML AVI File Format Extensions".
"""

from __future__ import annotations

import io
import os
import re
import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, pairwise
from typing import IO, NamedTuple

from .damage import Damage

_HEADER = struct.Struct('<4sI')
_OLD_ENTRY = struct.Struct('<4sIII')
_INDEX_HEAD, _ENTRY = struct.Struct('<HBBI4sQI'), struct.Struct('<II')
_SUPER_ENTRY = struct.Struct('<QII')
_OF_CHUNKS = 1  # kind of an index
_SIZE_BITS = 2**31 - 1  # the other bit is clear for keyframes
_NAME = re.compile(rb'\d\d(?:dc|db|wb|tx|sb|pc)|ix\d\d|JUNK|idx1|LIST')
_OF_A_STREAM = re.compile(rb'\d\d[a-z]{2}')
_BEHIND = (b'idx1', b'JUNK', b'LIST', b'RIFF')
"""Names of chunks after the packets."""

_LIST_HEAD = 12  # bytes
_BLOCK = 2**20
_LARGEST_INDEX = 2**28  # bytes
_SAMPLES = 100  # entries for finding the origin of the offsets
_ALIKE = 2  # letters of a damaged name that may differ


class _Chunk(NamedTuple):
    place: int
    """Position of the header."""
    name: bytes
    size: int

    @property
    def end(self) -> int:
        return self.place + _HEADER.size + self.size + self.size % 2


class MendedFile(io.FileIO):
    """A file with its damaged headers corrected on reading."""

    def __init__(self, path: str, headers: dict[int, bytes]) -> None:
        super().__init__(path)
        self._headers = sorted(headers.items())

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes."""
        begin = self.tell()
        data = bytearray(super().read(-1 if size is None else size) or b'')
        for place, header in self._headers:
            first, last = max(place, begin), min(place + len(header), begin + len(data))
            if first < last:
                data[first - begin : last - begin] = header[first - place : last - place]
        return bytes(data)


def find_damaged_headers(path: str) -> Damage:
    """Compare the headers of an AVI's packets with its index.

    Other files have no damage.
    """
    try:
        with open(path, 'rb') as file:
            head = file.read(_LIST_HEAD)
            if head[:4] != b'RIFF' or head[8:11] != b'AVI':
                return Damage()
            return _damage(file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError, struct.error):
        return Damage()


def _damage(file: IO[bytes], size: int) -> Damage:
    layout = _Layout(file, size)
    found, breaks = Damage(), list[int | None]()
    for begin, end in layout.movies:
        expected = [chunk for chunk in layout.index if begin <= chunk.place and chunk.end <= end + 1]
        if expected:
            found.headers.update(_wrong_headers(file, expected, begin, end))
        else:
            breaks.append(_break(file, begin, end, size))
            breaks.append(end if end < size and _read(file, end + end % 2).name not in _BEHIND else None)
    found.broken_at = min((place for place in breaks if place is not None), default=None)
    return found


class _Layout:
    """Positions of the packets in an AVI, by its lists and its indexes.

    Attributes
    ----------
    movies : list of (int, int)
        Start and end of the lists of packets.
    index : list of _Chunk
        Entries in file order; empty if most of them point elsewhere.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size
        self.movies: list[tuple[int, int]] = []
        self._standard: list[_Chunk] = []
        old: _Chunk | None = None
        for chunk in self._chunks(0, size):
            for child in self._chunks(chunk.place + _LIST_HEAD, min(chunk.end, size) if chunk.size else size):
                old = child if child.name == b'idx1' and old is None else old
                self._enter(child)
        known = {chunk.place: chunk for chunk in (*self._old(old), *self._standard) if chunk.size}
        chunks = sorted(known.values())
        fitting = sum(_read(file, chunk.place) == chunk for chunk in chunks)
        self.index = chunks if fitting > len(chunks) / 2 else []

    def _chunks(self, place: int, end: int) -> Iterator[_Chunk]:
        while place + _HEADER.size <= end:
            chunk = _read(self._file, place)
            yield chunk
            place = chunk.end

    def _enter(self, chunk: _Chunk) -> None:
        if chunk.name == b'indx':
            self._add_standard(chunk)
        elif chunk.name == b'LIST':
            form = _at(self._file, chunk.place + _HEADER.size, 4)
            begin, end = chunk.place + _LIST_HEAD, min(chunk.end, self._size) if chunk.size > 4 else self._size
            if form == b'movi':
                self.movies.append((begin, end))
            elif form in (b'hdrl', b'strl'):
                for child in self._chunks(begin, end):
                    self._enter(child)

    def _old(self, chunk: _Chunk | None) -> list[_Chunk]:
        """Return the entries of the old index, from the file's or packets' start."""
        if chunk is None or chunk.size > _LARGEST_INDEX or not self.movies:
            return []
        data = _at(self._file, chunk.place + _HEADER.size, chunk.size)
        entries = [
            (offset, name, size)
            for name, _, offset, size in _OLD_ENTRY.iter_unpack(data[: len(data) // _OLD_ENTRY.size * _OLD_ENTRY.size])
        ]
        samples = [entry for entry in entries if entry[2]][:: max(1, len(entries) // _SAMPLES)]
        begin = self.movies[0][0]
        base = max(
            (begin - 4, 0, begin),
            key=lambda base: sum(
                _read(self._file, base + offset) == (base + offset, name, size) for offset, name, size in samples
            ),
        )
        return [_Chunk(base + offset, name, size) for offset, name, size in entries if _NAME.fullmatch(name)]

    def _add_standard(self, chunk: _Chunk) -> None:
        """Add the entries of an OpenDML index, and of the indexes it lists."""
        head = _at(self._file, chunk.place + _HEADER.size, _INDEX_HEAD.size)
        _, _, kind, count, name, base, _ = _INDEX_HEAD.unpack(head)
        begin = chunk.place + _HEADER.size + _INDEX_HEAD.size
        entry = _ENTRY if kind == _OF_CHUNKS else _SUPER_ENTRY
        data = _at(self._file, begin, min(count * entry.size, chunk.size, _LARGEST_INDEX))
        for found in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
            if kind == _OF_CHUNKS:
                self._standard.append(_Chunk(base + found[0] - _HEADER.size, name, found[1] & _SIZE_BITS))
            elif not chunk.name.startswith(b'ix'):  # no index lists itself
                other = _read(self._file, found[0])
                if other.name.startswith(b'ix'):
                    self._add_standard(other)


def _wrong_headers(file: IO[bytes], expected: Sequence[_Chunk], begin: int, end: int) -> dict[int, bytes]:
    """Find wrong headers between intact ones, and their bytes by the index."""
    borders, rest, wrong = [begin], list[_Chunk](), dict[int, bytes]()
    for chunk in expected:
        if _fits(_read(file, chunk.place), chunk):
            borders += [chunk.place, chunk.end]
        else:
            rest.append(chunk)
    names = {
        Counter(chunk.name for chunk in group).most_common(1)[0][0]
        for _, group in groupby(sorted(expected, key=_stream), _stream)
    }
    for first, last in zip(borders[::2], [*borders[1::2], end], strict=True):
        inside = [
            chunk for chunk in rest[bisect_left(rest, (first,)) : bisect_left(rest, (last,))] if chunk.end <= last + 1
        ]
        apart = all(earlier.end <= later.place for earlier, later in pairwise(inside))
        if inside and apart and not _is_chain(file, first, last, names):
            wrong.update((chunk.place, _HEADER.pack(chunk.name, chunk.size)) for chunk in inside)
    return wrong


def _stream(chunk: _Chunk) -> bytes:
    return chunk.name[:2]


def _fits(chunk: _Chunk, expected: _Chunk) -> bool:
    """Return whether a header fits the index.

    Some name another packet kind of the stream.
    """
    alike = _NAME.fullmatch(chunk.name) is not None and chunk.name[:2] == expected.name[:2]
    return chunk.size == expected.size and alike


def _is_chain(file: IO[bytes], begin: int, end: int, names: Collection[bytes]) -> bool:
    """Return whether headers with these packet names form a complete chain."""
    place = begin
    while place + _HEADER.size <= end:
        chunk = _read(file, place)
        if not _NAME.fullmatch(chunk.name) or (_OF_A_STREAM.fullmatch(chunk.name) and chunk.name not in names):
            return False
        place = place + _LIST_HEAD if chunk.name == b'LIST' else chunk.end
    return place <= end + 1


def _break(file: IO[bytes], begin: int, end: int, size: int) -> int | None:
    """Return where the chain of headers breaks.

    A cut-off or zero-padded end is no break.
    """
    place, before = begin, begin
    while place + _HEADER.size <= end:
        chunk = _read(file, place)
        is_name = _may_be(chunk.name)
        if not is_name and not _has_data(file, place, end):
            return None
        if not is_name or (end < size and chunk.end > end + 1):
            is_end = chunk.end == end or _may_be(_read(file, chunk.end).name)
            return place if is_end or is_name else before  # after a senseless size, the header before is wrong
        before, place = place, place + _LIST_HEAD if chunk.name == b'LIST' else chunk.end
    return None


def _may_be(name: bytes) -> bool:
    """Return whether a name may be right: AVI's own, or unlike all of those.

    Cameras write their own chunks, too.
    """
    if _NAME.fullmatch(name):
        return True
    is_text = all(32 <= letter < 127 for letter in name) and len(name) == 4
    return is_text and not any(
        sum(a != b for a, b in zip(name, usual, strict=True)) <= _ALIKE for usual in (b'00dc', b'00db', b'01wb')
    )


def _has_data(file: IO[bytes], place: int, end: int) -> bool:
    """Return whether there are bytes other than zeros."""
    return any(any(_at(file, at, min(_BLOCK, end - at))) for at in range(place, end, _BLOCK))


def _read(file: IO[bytes], place: int) -> _Chunk:
    head = _at(file, place, _HEADER.size)
    return _Chunk(place, *_HEADER.unpack(head)) if len(head) == _HEADER.size else _Chunk(place, b'', 0)


def _at(file: IO[bytes], place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)
