"""Frames of a video store taken over as they are encoded, each at its own time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chunks.video.container_checks import open_container
from ..chunks.video.frame_table import FrameTable, table_from_packets
from ..chunks.video.h264 import record_with_rate, unified
from ..chunks.video.matroska import is_ours
from ..chunks.video.mp4_tail import LastPacket
from ..stores.factories import DirectoryImgStore
from .atomic_output import Progress
from .selection import Frames
from .ticks import Ticks

if TYPE_CHECKING:
    from av.container import OutputContainer

_PLAYED = {'.mp4': ('h264', 'hevc'), '.mkv': ('h264', 'hevc', 'mjpeg')}
_POSSIBLE = ('h264', 'hevc', 'mjpeg')


@dataclass(frozen=True)
class CopySegment:
    """Frames that follow each other in one video file.

    Attributes
    ----------
    path : str
        Of the video.
    table : FrameTable
        Of all its frames.
    first, end : int
        Which of them: from the first one, to before the end.
    form : tuple
        What must be the same in all pieces of one video.
    """

    path: str
    table: FrameTable
    first: int
    end: int
    form: tuple[Any, ...]


class _CannotCopyError(Exception):
    """Says why."""


def plan_stream_copy(frames: Frames, extension: str, forced: bool) -> list[CopySegment] | str:
    """Look whether frames can be copied.

    Parameters
    ----------
    frames : Frames
    extension : {'.mp4', '.mkv'}
        Of the video to be.
    forced : bool
        Even if few players will play it.

    Returns
    -------
    list of Piece, or str
        Why they cannot be.
    """
    if isinstance(frames.store, DirectoryImgStore):
        return 'the store holds images, not videos'
    if frames.store.encoding:
        return 'the store holds raw images that are converted when read'
    try:
        pieces = [_piece(path, *own) for path, own in _runs(frames)]
        _check(pieces, _POSSIBLE if forced else _PLAYED[extension])
    except _CannotCopyError as why:
        return str(why)
    return pieces


def _runs(frames: Frames) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """The frames of each chunk as (its start in the store, first and end from there, frames of the chunk)."""
    if np.any(np.diff(frames.indices) != 1):
        raise _CannotCopyError('the frames do not follow each other in the store')
    first, end = int(frames.indices[0]), int(frames.indices[-1]) + 1
    paths = frames.store.chunk_paths()
    for chunk, _, own in frames.store.index.chunk_ranges():
        inner = max(first, own.start), min(end, own.stop)
        if inner[0] < inner[1]:
            yield (paths[chunk],
                   (own.start, inner[0] - own.start, inner[1] - own.start, own.stop - own.start))


def _piece(path: str, start: int, first: int, end: int, count: int) -> CopySegment:
    import av

    name = os.path.basename(path)
    try:
        with open_container(path) as container:
            stream: Any = container.streams.video[0]
            context = stream.codec_context
            reordered = bool(context.has_b_frames) and not is_ours(container)
            form = (context.name, context.width, context.height, unified(bytes(context.extradata or b'')))
            table = table_from_packets(container, stream, LastPacket(path))
            hides = any(entry.is_discard for entry in stream.index_entries)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise _CannotCopyError(f'{name} cannot be read: {error}') from error
    if table is None or len(table) != count:
        raise _CannotCopyError(f'the packets of {name} are not one each a frame')
    if hides:
        raise _CannotCopyError(f'{name} hides frames that others are made from')
    if reordered or table.reordered:
        raise _CannotCopyError(f'the frames of {name} are not in the order in which they are shown')
    if first not in table.keyframes:
        before = int(table.keyframes[max(0, table.keyframe_rank(first))])
        raise _CannotCopyError(f'the first frame cannot be decoded by itself, that at index {start + before} can')
    return CopySegment(path, table, first, end, form)


def _check(pieces: list[CopySegment], codecs: tuple[str, ...]) -> None:
    codec, *_, extradata = pieces[0].form
    if codec not in codecs:
        raise _CannotCopyError(f'few players would play {codec} in such a file')
    if codec != 'mjpeg' and extradata[:1] != b'\1':
        raise _CannotCopyError(f'{codec} is not in the form that such a file needs')
    if any(piece.form != pieces[0].form for piece in pieces):
        raise _CannotCopyError('the chunks were encoded with different settings')


def copied_packets(container: OutputContainer, pieces: list[CopySegment], ticks: Ticks,
                   progress: Progress) -> Iterator[tuple[float, Any]]:
    """Copy frames into a container.

    Parameters
    ----------
    container : of PyAV
        Gets a stream, at once.
    pieces : list of CopySegment
    ticks : Ticks
        When and how long each frame is shown.
    progress : callable
        Is called after each frame.

    Returns
    -------
    iterator of (float, packet)
        Each with the time in seconds at which it is due.
    """
    with open_container(pieces[0].path) as source:
        template: Any = source.streams.video[0]
        stream: Any = container.add_stream_from_template(template)
    stream.time_base = ticks.unit
    context = stream.codec_context
    if context is not None:  # FFmpeg has an encoder of that codec
        context.framerate = ticks.rate
        context.extradata = record_with_rate(context.extradata or b'', ticks.rate) or context.extradata
    return _copying(stream, pieces, ticks, progress)


def _copying(stream: Any, pieces: list[CopySegment], ticks: Ticks, progress: Progress) -> Iterator[tuple[float, Any]]:
    written = 0
    for piece in pieces:
        for packet in _packets(piece):
            packet.stream, packet.time_base = stream, ticks.unit
            packet.pts = packet.dts = int(ticks.starts[written])
            packet.duration = int(ticks.durations[written])
            yield float(packet.pts * ticks.unit), packet
            written += 1
            progress()


def _packets(piece: CopySegment) -> Iterator[Any]:

    with open_container(piece.path) as source:
        stream: Any = source.streams.video[0]
        for packet in LastPacket(piece.path).append_to(source.demux(stream), stream):
            index = piece.table.index_of(packet.pts) if packet.size and not packet.is_discard else None
            if index is not None and piece.first <= index < piece.end:
                yield packet
            if index == piece.end:
                return
