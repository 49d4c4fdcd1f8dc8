"""Which packets of an AVI lie one behind the other: it tells no times, so a lost one is seen by its place alone.

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
_MOST_BETWEEN = 10_000  # chunks between two of a video, so that a damaged file takes no longer


class _Chunk(NamedTuple):
    kind: bytes
    size: int
    form: bytes
    """Of a list: what it is a list of."""


def count_before_gap(path: str, places: Iterable[int]) -> int:
    """How many packets there are before the first place where one is lost.

    Parameters
    ----------
    path : str
        Of the AVI.
    places : iterable of int
        Where the packets of one video stream are in the file, or their data, in their order.

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
    """The file, which its writer may have completed since it was found."""
    for name in (path, final_path(path)):
        with contextlib.suppress(FileNotFoundError):
            return open_regular(name, buffering=0)
    raise unreadable_video(path, 'it is gone')


def _around(file: IO[bytes], place: int) -> tuple[int, _Chunk]:
    """The chunk of a packet, and where it begins."""
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
    """Where chunks begin, from that end on or the file's start, up to the first that should not be passed over."""
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
    """Whether a chunk is no packet of the video's own, other than of a frame that its recorder dropped."""
    stream = _OF_A_STREAM.fullmatch(chunk.kind)
    return bool(_FILLERS.fullmatch(chunk.kind) or (stream and (stream[1] != own[:2] or not chunk.size)))
