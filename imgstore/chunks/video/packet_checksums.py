"""Checksums of a video's packets, read from the finished file."""

from __future__ import annotations

from typing import Any

from ...errors import FrameReadError
from ...ondisk.checksums import UNKNOWN, checksum_of
from .coded_streams import has_configuration
from .container_checks import NO_PIXEL_LIMIT, unreadable_video
from .frame_table import FrameTable, is_hidden, packets_of, table_from_packets
from .mp4_tail import LastPacket
from .tracks import video_stream


def packet_checksums(path: str, frames: int, pixels: int = NO_PIXEL_LIMIT) -> list[int]:
    """Return the checksum of each frame's packet, 0 where a frame has none.

    Hidden packets have none. Nor have frames of a video without display times.

    Parameters
    ----------
    path : str
        Path of the video.
    frames : int
        Number of its frames.
    pixels : int
        Maximum pixels of a frame.

    Raises
    ------
    FrameReadError
        The file cannot be read as video.
    """
    import av

    tail, checksums = LastPacket(path), [UNKNOWN] * frames
    try:
        with tail.open(path, pixels) as container:
            table = table_from_packets(container, _decodable(container, path), tail, frames)
        with tail.open(path, pixels) as container:
            for packet in packets_of(container, video_stream(container), tail):
                index = _index_of(table, packet)
                if index is not None and index < frames:
                    checksums[index] = checksum_of((packet,))
    except (av.FFmpegError, OSError, IndexError) as error:
        if isinstance(error, FrameReadError):
            raise
        raise unreadable_video(path, getattr(error, 'strerror', None) or error) from error
    return checksums


def _decodable(container: Any, path: str) -> Any:
    stream = video_stream(container)
    if stream.codec_context is None:
        raise unreadable_video(path, 'it is of an unknown codec')
    return stream


def decoder_checksum(path: str, pixels: int = NO_PIXEL_LIMIT) -> int:
    """Return the checksum of a decoder's configuration, of codecs that store one.

    0 for other codecs.
    """
    with LastPacket(path).open(path, pixels) as container:
        context = video_stream(container).codec_context
        record = bytes(context.extradata or b'')
        return checksum_of((record,)) if has_configuration(context.name, record) else UNKNOWN


def _index_of(table: FrameTable | None, packet: Any) -> int | None:
    """Return the index of a packet's frame; None for a hidden or damaged packet."""
    is_sound = table is not None and packet.size and not packet.is_corrupt and not is_hidden(packet)
    return table.index_of(packet.pts) if table is not None and is_sound else None
