"""Stream copy: encoded frames of a video store, each at its own time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chunks.video.coded_streams import has_configuration
from ..chunks.video.container_checks import open_container
from ..chunks.video.frame_table import FrameTable, table_from_packets
from ..chunks.video.h264 import record_with_rate, unified
from ..chunks.video.matroska import is_ours
from ..chunks.video.mp4_tail import LastPacket
from ..chunks.video.tracks import copied_stream
from ..errors import FrameReadError
from ..ondisk.checksums import ChunkChecksums
from ..reading.known_frames import checksums_of
from ..stores.factories import DirectoryImgStore
from .atomic_output import Progress
from .selection import Frames
from .ticks import Ticks

if TYPE_CHECKING:
    from av.container import OutputContainer

_PLAYED = {'.mp4': ('h264', 'hevc'), '.mkv': ('h264', 'hevc', 'mjpeg')}
_POSSIBLE = {'.mp4': ('h264', 'hevc', 'mjpeg', 'libdav1d'), '.mkv': ('h264', 'hevc', 'mjpeg', 'ffv1')}
_WITHOUT_RECORD = ('mjpeg', 'ffv1')  # of a decoder's configuration, as H.264 has


@dataclass(frozen=True)
class CopySegment:
    """Consecutive frames of one video file.

    Attributes
    ----------
    path : str
        Path of the video.
    table : FrameTable
        Table of all its frames.
    first : int
        Index of the first copied frame.
    end : int
        Index after the last copied frame.
    form : tuple
        Properties that all segments of one video must share.
    start : int
        Index in the store of the video's first frame.
    checksums : ChunkChecksums or None
        Checksums to verify the packets.
    """

    path: str
    table: FrameTable
    first: int
    end: int
    form: tuple[Any, ...]
    start: int
    checksums: ChunkChecksums | None


class _CannotCopyError(Exception):
    """The frames cannot be copied. The message says why."""


def plan_stream_copy(frames: Frames, extension: str, forced: bool) -> list[CopySegment] | str:
    """Plan a copy of the frames, or say why they cannot be copied.

    Parameters
    ----------
    frames : Frames
    extension : {'.mp4', '.mkv'}
        Extension of the new video.
    forced : bool
        Copy even if few players can play the result.

    Returns
    -------
    list of CopySegment, or str
        The segments, or the reason against a copy.
    """
    if isinstance(frames.store, DirectoryImgStore):
        return 'the store holds images, not videos'
    if not hasattr(frames.store, 'chunk_paths'):
        return 'the frames are in several stores'
    if frames.store.encoding:
        return 'the store holds raw images, which are converted on reading'
    try:
        pieces = [_piece(*run) for run in _runs(frames)]
        _check(pieces, (_POSSIBLE if forced else _PLAYED)[extension])
    except _CannotCopyError as why:
        return str(why)
    return pieces


def _runs(frames: Frames) -> Iterator[tuple[str, ChunkChecksums | None, int, int, int, int]]:
    """Yield the range of frames in each chunk.

    Each is the path, its checksums, index of the chunk's first frame, first, end and frames of the chunk. first and end
    count from that index.
    """
    if np.any(np.diff(frames.indices) != 1):
        raise _CannotCopyError('the frames are not consecutive in the store')
    first, end = int(frames.indices[0]), int(frames.indices[-1]) + 1
    paths = frames.store.chunk_paths()
    for chunk, stem, own in frames.store.index.chunk_ranges():
        inner = max(first, own.start), min(end, own.stop)
        if inner[0] < inner[1]:
            store = frames.store
            checksums = checksums_of(store.filename, store.index, chunk, stem) if store.verifies else None
            begin, stop = inner[0] - own.start, inner[1] - own.start
            yield paths[chunk], checksums, own.start, begin, stop, own.stop - own.start


def _piece(path: str, checksums: ChunkChecksums | None, start: int, first: int, end: int, count: int) -> CopySegment:
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
        raise _CannotCopyError(f'{name} does not have one packet per frame')
    if hides:
        raise _CannotCopyError(f'{name} hides frames needed for decoding others')
    if reordered or table.reordered:
        raise _CannotCopyError(f'the frames of {name} are not stored in display order')
    if first not in table.keyframes:
        before = int(table.keyframes[max(0, table.keyframe_rank(first))])
        raise _CannotCopyError(f'the range does not start at a keyframe (nearest before: index {start + before})')
    return CopySegment(path, table, first, end, form, start, checksums)


def _check(pieces: list[CopySegment], codecs: tuple[str, ...]) -> None:
    codec, *_, extradata = pieces[0].form
    if codec not in codecs:
        raise _CannotCopyError(f'few players play {codec} in such a file')
    if codec not in _WITHOUT_RECORD and not has_configuration(codec, extradata):
        raise _CannotCopyError(f'{codec} has the wrong form for such a file')
    if any(piece.form != pieces[0].form for piece in pieces):
        raise _CannotCopyError('the chunks were encoded with different settings')


def copied_packets(
    container: OutputContainer, pieces: list[CopySegment], ticks: Ticks, progress: Progress
) -> Iterator[tuple[float, Any]]:
    """Copy frames into a container.

    The container gets a new stream at once.

    Parameters
    ----------
    container : of PyAV
        Container for the copy.
    pieces : list of CopySegment
    ticks : Ticks
        Start and duration of each frame.
    progress : callable
        Called after each frame.

    Returns
    -------
    iterator of (float, packet)
        Packets, each with its time in seconds.
    """
    with open_container(pieces[0].path) as source:
        template: Any = source.streams.video[0]
        stream: Any = copied_stream(container, template)
    stream.time_base = ticks.unit
    context = stream.codec_context
    if context is not None:  # FFmpeg has an encoder for this codec
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
                _verify(piece, index, packet)
                yield packet
            if index == piece.end:
                return


def _verify(piece: CopySegment, index: int, packet: Any) -> None:
    if piece.checksums is not None and piece.checksums.differs(index, packet):
        raise FrameReadError(
            f'{piece.path} was damaged or replaced: the frame at index {piece.start + index} of the store differs from '
            'its checksum; open the store with verify=False to copy it',
            path=piece.path,
            frame_index=piece.start + index,
        )
