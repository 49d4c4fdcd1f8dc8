"""The latest packet of an open MP4, kept in a separate file.

FFmpeg writes it only with the next one.

If the MP4 can never be closed, the file stays next to it and is read as the video's last frame.

Two such files are used in turn, so that one is intact while the other is written. Each has the frame's index (8 bytes),
length and CRC-32 of the rest (4 bytes each), then the stream's parameter sets and the packet as a byte stream, ITU-T
H.264 or H.265 Annex B.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import IO, Any

from ..._support.regular_files import open_regular
from ..._support.syncing import write_all
from ...constants import TAILS
from ...errors import FrameReadError
from ...formats import VIDEO_FRAMES_PER_SECOND
from ...ondisk.files import final_path, remove_if_there
from ...remote.urls import is_url
from .coded_streams import stream_of
from .container_checks import NO_PIXEL_LIMIT, open_container, open_input
from .container_rate import is_open_mp4

_HEAD = struct.Struct('<QII')
_MAX_PACKET = 2**28  # bytes


def last_packet_paths(video: str) -> list[str]:
    """Return the paths of a video's last packets."""
    return [os.path.splitext(video)[0] + extension for extension in TAILS]


def rename_last_packet(video: str, to: str) -> None:
    """Rename the last packets of a video to fit its new path."""
    for old, new in zip(last_packet_paths(video), last_packet_paths(to), strict=True):
        with contextlib.suppress(FileNotFoundError):
            os.replace(old, new)


def has_last_packet(video: str) -> bool:
    """Return whether a video has files of last packets."""
    return any(map(os.path.exists, last_packet_paths(video)))


def remove_last_packet(video: str) -> None:
    """Remove the last packets of a video, now complete."""
    for path in last_packet_paths(video):
        remove_if_there(path)


class LastPacketWriter:
    """Writer of the latest packet of a video.

    Parameters
    ----------
    video : str
        Path of the open video.
    """

    def __init__(self, video: str) -> None:
        self._paths = last_packet_paths(video)
        self._files: list[IO[bytes]] = []
        self._held: dict[int, int] = {}  # index of the packet by the place of its file
        try:
            for path in self._paths:
                remove_if_there(path)
                self._files.append(open(path, 'wb', buffering=0))  # noqa: SIM115 -- until `remove`
        except OSError:
            self.remove()
            raise

    def put(self, index: int, packet: bytes) -> None:
        """Keep the packet of the video's frame ``index``."""
        place = index % len(self._files)
        self._held.pop(place, None)
        self._files[place].seek(0)
        write_all(self._files[place].fileno(), [_HEAD.pack(index, len(packet), zlib.crc32(packet)), packet])
        self._held[place] = index

    def sync(self) -> None:
        """Sync the packets to the disk."""
        for file in self._files:
            os.fsync(file.fileno())

    def leave(self, end: int) -> None:
        """Close the files; remove those of frames from an index on."""
        for place, (file, path) in enumerate(zip(self._files, self._paths, strict=False)):
            file.close()
            if self._held.get(place, end) >= end:
                remove_if_there(path)

    def remove(self) -> None:
        """Remove the files."""
        for file, path in zip(self._files, self._paths, strict=False):  # fewer, if one could not be opened
            file.close()
            remove_if_there(path)


class LastPacket:
    """The last packets of a video, if any.

    Parameters
    ----------
    video : str
        Path of the video. While it is open, the packets may already have their final names.
    """

    def __init__(self, video: str) -> None:
        self._packets: dict[int, bytes] = {}
        if is_url(video):  # only finished videos are read there
            return
        for path in dict.fromkeys([*last_packet_paths(final_path(video)), *last_packet_paths(video)]):
            with contextlib.suppress(OSError, struct.error), open_regular(path) as file:
                index, length, checksum = _HEAD.unpack(file.read(_HEAD.size))
                packet = file.read(min(length, os.path.getsize(path), _MAX_PACKET))
                if len(packet) == length and zlib.crc32(packet) == checksum:
                    self._packets[index] = packet

    def open(self, video: str, pixels: int = NO_PIXEL_LIMIT, options: Mapping[str, str] = MappingProxyType({})) -> Any:
        """Open a video as `open_container`.

        Without a header, before the second frame, open the first packet.
        """
        import av

        try:
            return open_container(video, pixels, options=options)
        except (av.FFmpegError, FrameReadError):
            if 0 not in self._packets:
                raise
            first = self._packets[0]
            return open_input(io.BytesIO(first), format=stream_of(first).demuxer)

    def append_to(self, packets: Iterable[Any], stream: Any) -> Iterator[Any]:
        """Yield the packets of a PyAV stream, then the last ones from the files."""
        if not (self._packets and is_open_mp4(stream.time_base)):  # a finished video has them itself
            yield from packets
            return
        latest: int | None = None
        for packet in packets:
            if not packet.size:
                yield from self._after(latest, stream)
                latest = None
            elif packet.pts is not None:
                latest = packet.pts
            yield packet
        yield from self._after(latest, stream)

    def _after(self, latest: int | None, stream: Any) -> Iterator[Any]:
        import av

        index = None if latest is None else round(latest * stream.time_base * VIDEO_FRAMES_PER_SECOND) + 1
        while index in self._packets:
            kind = stream_of(self._packets[index])
            data = kind.in_mp4(self._packets[index])
            packet: Any = av.Packet(len(data))  # not made from bytes: a decoder's thread would free those in Python,
            packet.update(data)  # and deadlock with a Python thread waiting for it
            packet.stream, packet.time_base = stream, stream.time_base
            packet.pts = packet.dts = round(index / VIDEO_FRAMES_PER_SECOND / stream.time_base)
            packet.duration = round(1 / VIDEO_FRAMES_PER_SECOND / stream.time_base)
            packet.is_keyframe = kind.has_keyframe(self._packets[index])
            yield packet
            index += 1
