"""Damage in the structure of a Matroska file.

FFmpeg skips unknown elements silently.

See RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

import os
from typing import IO

from ..chunks.video.cut_off import ebml_number

_EBML, _SEGMENT, _CLUSTER, _TIMESTAMP = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xE7
_IN_SEGMENT = frozenset((_CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1043A770, 0x1941A469, 0x1254C367))
_FILLING, _CHECKSUM = 0xEC, 0xBF
_ANYWHERE = frozenset((_FILLING, _CHECKSUM))
_IN_CLUSTER = _ANYWHERE | {_TIMESTAMP, 0xA3, 0xA0, 0xA7, 0xAB, 0x5854, 0xAF}
_HEAD = 12  # bytes of the longest element header
_BLOCK = 2**20
_MOST = 1000  # positions
_TRACKS = range(0x81, 0x90)
"""First bytes of blocks."""


def find_tears(path: str) -> list[int]:
    """Find damage in the structure of a Matroska file; other files have none."""
    try:
        with open(path, 'rb') as file:
            walk = _Walk(file, os.fstat(file.fileno()).st_size)
            walk.go()
            return walk.tears
    except OSError:
        return []


class _Walk:
    """A walk from element to element; after damage, to the next cluster."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size
        self.tears: list[int] = []

    def go(self) -> None:
        kind, length, head = self._element(0)
        place = head + length
        kind_of_next, _, head_of_next = self._element(place)
        if kind != _EBML or kind_of_next != _SEGMENT:
            return
        place += head_of_next
        while place < self._size and len(self.tears) < _MOST:
            place = self._after(place)

    def _after(self, place: int) -> int:
        """Return the position of the segment's next element."""
        kind, length, head = self._element(place)
        if kind == _CLUSTER:
            return self._through(place + head, place + head + length if length >= 0 else self._size, length >= 0)
        if kind in (_EBML, _SEGMENT) or (not kind and not self._has_data(place)):
            return self._size
        end = place + head + length
        if kind in _IN_SEGMENT | _ANYWHERE and length >= 0:
            return end
        is_other = kind and length >= 0 and self._is_end(end) and not self._is_cluster(place + head)
        return end if is_other else self._resume(place)

    def _through(self, place: int, end: int, is_known: bool) -> int:
        """Walk through a cluster and return the next element's position."""
        while place < end:
            kind, length, head = self._element(place)
            if kind in _IN_SEGMENT and not is_known:
                return place
            behind = place + head + length
            if kind in _IN_CLUSTER and length >= 0 and behind <= end:
                place = behind
            elif behind > self._size >= end or place + _HEAD > self._size:
                return self._size  # cut off
            elif kind and length >= 0 and behind <= end and not self._is_block(place + head):
                place = behind
            else:
                return self._resume(place)
        return end

    def _is_cluster(self, place: int) -> bool:
        """Return whether an element begins like a cluster.

        Its first element is the time, or a checksum before that.
        """
        kind, length, head = self._element(place)
        if kind == _CHECKSUM:
            kind = self._element(place + head + length)[0]
        return kind == _TIMESTAMP

    def _is_block(self, place: int) -> bool:
        self._file.seek(place)
        return (self._file.read(1) or b'\0')[0] in _TRACKS

    def _is_end(self, place: int) -> bool:
        return place == self._size or self._element(place)[0] in _IN_SEGMENT | _ANYWHERE

    def _resume(self, place: int) -> int:
        """Note the damage and find the next cluster."""
        self.tears.append(place)
        mark, at = _CLUSTER.to_bytes(4, 'big'), place + 1
        while at < self._size:
            self._file.seek(at)
            data = self._file.read(_BLOCK)
            found = data.find(mark)
            if found >= 0:
                return at + found
            at += max(1, len(data) - len(mark) + 1)
        return self._size

    def _has_data(self, place: int) -> bool:
        """Return whether there are bytes other than zeros."""
        self._file.seek(place)
        while data := self._file.read(_BLOCK):
            if any(data):
                return True
        return False

    def _element(self, place: int) -> tuple[int, int, int]:
        """Return ID, length and header size of an element.

        ID 0: none; length -1: unknown.
        """
        self._file.seek(place)
        data = self._file.read(_HEAD)
        kind, used = ebml_number(data, keep_mark=True)
        length, more = ebml_number(data[used:], keep_mark=False)
        return (kind, length, used + more) if used and more else (0, 0, 0)
