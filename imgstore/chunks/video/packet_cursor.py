"""Packets of a video as they are stored, for a decoder in another program."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...errors import FrameReadError
from ...ondisk.checksums import ChunkChecksums
from .coded_streams import has_configuration
from .container_checks import NO_PIXEL_LIMIT
from .cursor import VideoCursor
from .frame_cache import FrameCache
from .frame_table import is_hidden, table_from_container_index, table_from_packets
from .h264 import has_idr
from .pixels import has_neutral_chroma
from .video_frames import VideoFrames

_UNSPECIFIED = 2  # ITU-T H.273


class StoredPacket(NamedTuple):
    """A packet of a video.

    Attributes
    ----------
    frame : int
        Index in the video of its frame.
    data : bytes
        Its content.
    is_keyframe : bool
        Whether decoding can start with it.
    """

    frame: int
    data: bytes
    is_keyframe: bool


class CodedVideo(NamedTuple):
    """What a decoder must know of a video.

    Attributes
    ----------
    codec : str
        Name in WebCodecs: https://www.w3.org/TR/webcodecs-codec-registry/; 'jpeg' for Motion JPEG.
    description : bytes
        Configuration of the decoder; empty if the packets have it.
    width, height : int
        Size of a frame in pixels.
    has_colors : bool
        Whether the video says how its colours are coded.
    """

    codec: str
    description: bytes
    width: int
    height: int
    has_colors: bool


class PacketCursor(VideoCursor):
    """A place in a video between two packets.

    Parameters
    ----------
    path : str
        Path of the video.
    frames : int
        Expected number of frames.
    pixels : int
        Maximum pixels of a frame.
    checksums : ChunkChecksums, optional
        Checksums of the packets, to verify each.

    Raises
    ------
    FrameReadError
        The video cannot be read, or has no table of frames.
    """

    def __init__(
        self, path: str, frames: int, pixels: int = NO_PIXEL_LIMIT, checksums: ChunkChecksums | None = None
    ) -> None:
        super().__init__(VideoFrames(path, frames, True, pixels, checksums), FrameCache(0), one_thread=True)
        try:
            self.open()
            self._video.set_table(self._new_table(frames))
            if self._video.table is None:
                raise FrameReadError(f'{path} has no display times', path=path)
        except BaseException:
            self.close()
            raise

    def _new_table(self, frames: int) -> Any:
        table = table_from_container_index(self.stream, frames)
        if table is None:
            table = table_from_packets(self.from_the_start(), self.stream, self.tail, frames)
            self.invalidate()
        return table

    @property
    def video(self) -> CodedVideo | None:
        """What a decoder must know; None for a codec that few decoders know."""
        context = self.stream.codec_context
        description = bytes(context.extradata or b'')
        codec = codec_name(context.name, description)
        if codec is None:
            return None
        has_colors = int(context.colorspace) != _UNSPECIFIED
        with_description = context.name == 'h264'
        return CodedVideo(codec, description if with_description else b'', context.width, context.height, has_colors)

    def next_keyframe(self, index: int) -> int:
        """Return the index of the first keyframe from an index on, or of the end."""
        table = self._video.table
        assert table is not None
        return table.next_keyframe(index)

    def packets_from(self, index: int) -> Iterator[StoredPacket]:
        """Yield packets in decoding order, from the keyframe of a frame on.

        They end before a packet that does not match its checksum or has none: other decoders hide damage. And before
        one that is not displayed, or not where the container's index has it. FrameReadError if the file cannot be read
        further.
        """
        table = self._video.table
        assert table is not None
        rank = table.keyframe_rank(index)
        if rank < 0:
            return
        self._seek_to(table, int(table.keyframes[rank]))
        yield from itertools.dropwhile(lambda packet: not packet.is_keyframe, self._stored_packets(table))

    def _stored_packets(self, table: Any) -> Iterator[StoredPacket]:
        context = self.stream.codec_context
        record = bytes(context.extradata or b'') if context.name == 'h264' else None
        for packet in self._packets():
            index = None if is_hidden(packet) else table.index_of(packet.pts)
            if index is None or not packet.size or not self._is_announced(table, packet):
                return
            if not self._video.is_verified(index) or self._video.is_altered(index, packet):
                return
            data = bytes(packet)
            yield StoredPacket(index, data, packet.is_keyframe and (record is None or has_idr(data, record)))

    def has_color(self) -> bool:
        """Return whether the first frame has colours."""
        frame = self.decode_to(0)
        self.invalidate()
        return frame is not None and not has_neutral_chroma(frame)


def codec_name(decoder: str, description: bytes) -> str | None:
    """Return a codec's name in WebCodecs.

    Parameters
    ----------
    decoder : str
        Name of FFmpeg's decoder.
    description : bytes
        Its configuration, ISO/IEC 14496-15 or https://aomediacodec.github.io/av1-isobmff/.

    Returns
    -------
    str or None
        None if browsers do not decode it, or not without a configuration.
    """
    if decoder == 'mjpeg':
        return 'jpeg'
    if decoder == 'h264' and has_configuration(decoder, description):
        return f'avc1.{description[1:4].hex()}'
    if decoder == 'libdav1d' and has_configuration(decoder, description):
        return _av1_name(description)
    return None


def _av1_name(description: bytes) -> str:
    profile, level = description[1] >> 5, description[1] & 31
    tier, is_deep, is_12_bit = description[2] >> 7, description[2] >> 6 & 1, description[2] >> 5 & 1
    return f'av01.{profile}.{level:02d}{"MH"[tier]}.{8 + 2 * (is_deep + is_12_bit):02d}'
