"""Detection of lost packets in an AVI by gaps; AVI has no times.

See Microsoft's "AVI RIFF File Reference".
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

from ..._support.regular_files import open_regular
from ...ondisk.files import final_path
from .container_checks import unreadable_video

_LISTS = (b'RIFF', b'LIST')
_FILLERS = re.compile(rb'JUNK|idx1|ix\d\d')
_OF_A_STREAM = re.compile(rb'(\d\d)(dc|db|wb|tx|sb|pc)')
_HEADER_BYTES = 8
_MOST_BETWEEN = 10_000  # chunks between two packets of a video, a limit for damaged files


class _Chunk(NamedTuple):
    kind: bytes
    size: int
    form: bytes
    """Type of a list."""


def count_before_gap(path: str, places: Iterable[int]) -> int:
    """Count the packets before the first lost one.

    Parameters
    ----------
    path : str
        Path of the AVI.
    places : iterable of int
        Positions in the file of the packets of one video stream, or of their data, in order.

    Raises
    ------
    FrameReadError
        The file is gone.
    """
    count, end = 0, None
    with _opened(path) as file:
        for place in places:
            start, chunk = _around(file, place)
            if start != end and start not in itertools.islice(_starts(file, end, chunk.kind), _MOST_BETWEEN):
                return count
            count, end = count + 1, _behind(start, chunk)
    return count


def _opened(path: str) -> IO[bytes]:
    """Open the file under its old name or under that of the completed file."""
    for name in (path, final_path(path)):
        with contextlib.suppress(FileNotFoundError):
            return open_regular(name, buffering=0)
    raise unreadable_video(path, 'it no longer exists')


def _around(file: IO[bytes], place: int) -> tuple[int, _Chunk]:
    """Return the start of a packet's chunk, and the chunk."""
    before = place - _HEADER_BYTES
    chunk = _read(file, before)
    return (before, chunk) if _OF_A_STREAM.fullmatch(chunk.kind) else (place, _read(file, place))


def _read(file: IO[bytes], place: int) -> _Chunk:
    file.seek(max(0, place))
    head = file.read(12)
    return _Chunk(head[:4], int.from_bytes(head[4:8], 'little'), head[8:])


def _behind(place: int, chunk: _Chunk) -> int:
    return place + _HEADER_BYTES + chunk.size + chunk.size % 2


def _starts(file: IO[bytes], end: int | None, own: bytes) -> Iterator[int]:
    """Yield the starts of chunks, up to the first that must not be skipped.

    They begin at an end, or at the file's start.
    """
    place, among_packets = end or 0, end is not None
    while (chunk := _read(file, place)).kind:
        yield place
        if chunk.kind in _LISTS:
            among_packets |= chunk.form == b'movi'
            place += _HEADER_BYTES + len(chunk.form)
        elif among_packets and not _may_lie_between(chunk, own):
            return
        else:
            place = _behind(place, chunk)


def _may_lie_between(chunk: _Chunk, own: bytes) -> bool:
    """Return whether a chunk has no frame of the video.

    It is no packet of it, or an empty one for a dropped frame.
    """
    stream = _OF_A_STREAM.fullmatch(chunk.kind)
    return bool(_FILLERS.fullmatch(chunk.kind) or (stream and (stream[1] != own[:2] or not chunk.size)))
