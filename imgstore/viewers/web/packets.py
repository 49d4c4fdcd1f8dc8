"""Runs of a recording's stored packets, for the browser's own decoder.

The browser decodes from keyframe to frame. Each packet is sent once, with the index of its frame.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import threading
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...chunks.video.container_checks import max_pixels_for
from ...chunks.video.packet_cursor import CodedVideo, PacketCursor, StoredPacket
from ...errors import FrameNotFoundError, FrameReadError
from ...reading.known_frames import checksums_of
from ...remote.urls import is_url
from ...stores.base import ImgStore
from ...stores.factories import VideoImgStore
from .jpeg import is_plain_jpeg

MOST_BYTES = 2 * 2**20
"""Bytes of a run after which it ends."""

_MOST_PLACES = 16  # open videos, one per viewer who plays


def may_have_packets(store: ImgStore) -> bool:
    """Return whether a browser may decode the videos of a store.

    Those at a URL stay there, and raw images are converted here.
    """
    is_video = isinstance(store, VideoImgStore) and not is_url(store.filename)
    return is_video and not store.encoding and store.dtype == np.uint8


class _Chunk(NamedTuple):
    """A chunk, and the store's indexes of its frames."""

    number: int
    stem: str
    start: int
    stop: int


class _NotPlayableError(Exception):
    """A browser cannot decode the chunk. The message says why."""


@dataclass
class _Place:
    """A place in a video, from which its packets are read on."""

    chunk: _Chunk
    cursor: PacketCursor
    video: CodedVideo
    packets: Iterator[StoredPacket]
    latest: int | None = None
    """Index in the store of the latest frame read."""
    furthest: int = -1
    """Index in the video of the last frame displayed, of those read."""
    has_ended: bool = False
    """Whether no packet is left that a browser may decode."""

    def read(self, count: int) -> list[StoredPacket]:
        """Read at most `count` packets, and about `MOST_BYTES`."""
        found: list[StoredPacket] = []
        while len(found) < count and sum(len(packet.data) for packet in found) < MOST_BYTES:
            packet = None if self.has_ended else next(self.packets, None)
            if packet is None or not self._is_sound(packet):
                self.has_ended = True
                break
            found.append(packet)
            self.latest = self.chunk.start + packet.frame
            self.furthest = max(self.furthest, packet.frame)
        return found

    def _is_sound(self, packet: StoredPacket) -> bool:
        video = self.video
        return video.codec != 'jpeg' or is_plain_jpeg(packet.data, video.width, video.height)


class PacketRuns:
    """Runs of packets of one store. Thread-safe.

    Parameters
    ----------
    store : ImgStore
        Open for reading.
    """

    def __init__(self, store: ImgStore) -> None:
        self._store, self._lock = store, threading.Lock()
        self._places: list[_Place] = []
        self._in_color: dict[str, bool] = {}

    def close(self) -> None:
        """Close all videos."""
        with self._lock:
            places, self._places = self._places, []
        for place in places:
            place.cursor.close()

    def run(self, index: int, after: bool, count: int) -> bytes:
        """Return a run of packets in decoding order.

        Parameters
        ----------
        index : int
            Index of a frame in the store.
        after : bool
            True: begin after the packet of this frame. False: begin at the keyframe from which it is decoded.
        count : int
            Maximum number of packets.

        Returns
        -------
        bytes
            The length of a header (4 bytes, big-endian), the header as JSON, and the packets.

        Raises
        ------
        FrameNotFoundError
            There is no such frame.
        """
        chunk = self._chunk_of(index)
        try:
            place = (self._taken(index) if after else None) or self._opened(chunk, index, after)
        except (FrameReadError, _NotPlayableError) as why:
            return _message({'why': str(why), 'first': chunk.start, 'stop': chunk.stop}, [])
        try:
            packets = place.read(count)
        except FrameReadError:  # the image of the next frame says so
            packets, place.has_ended = [], True
        header = _header(place, index, packets)
        self._put_back(place)
        return _message(header, packets)

    def _chunk_of(self, index: int) -> _Chunk:
        ranges = self._store.index.chunk_ranges()
        rank = bisect_right(ranges, index, key=lambda part: part[2].start) - 1
        if rank < 0 or index >= ranges[rank][2].stop:
            raise FrameNotFoundError(f'there is no frame with index {index}')
        number, stem, own = ranges[rank]
        return _Chunk(number, stem, own.start, own.stop)

    def _taken(self, latest: int) -> _Place | None:
        """Take the place after a frame, if one is there."""
        with self._lock:
            found = next((place for place in self._places if place.latest == latest), None)
            if found is not None:
                self._places.remove(found)
        return found

    def _put_back(self, place: _Place) -> None:
        with self._lock:
            self._places.insert(0, place)
            dropped, self._places = self._places[_MOST_PLACES:], self._places[:_MOST_PLACES]
        for old in dropped:
            old.cursor.close()

    def _opened(self, chunk: _Chunk, index: int, after: bool) -> _Place:
        path = self._store.chunk_paths().get(chunk.number, '')
        if not os.path.isfile(path):
            raise _NotPlayableError('the chunk is being written')
        store, shape = self._store, self._store.image_shape
        checksums = checksums_of(store.filename, store.index, chunk.number, chunk.stem) if store.verifies else None
        cursor = PacketCursor(path, chunk.stop - chunk.start, max_pixels_for(shape), checksums)
        try:
            video = self._video(path, cursor)
            packets = cursor.packets_from(index - chunk.start)
            return _Place(chunk, cursor, video, _after(packets, index - chunk.start) if after else packets)
        except BaseException:
            cursor.close()
            raise

    def _video(self, path: str, cursor: PacketCursor) -> CodedVideo:
        video, shape = cursor.video, self._store.image_shape
        if video is None:
            raise _NotPlayableError('browsers do not decode its codec')
        if (video.height, video.width) != shape[:2]:
            raise _NotPlayableError('its frames have another size')
        if len(shape) == 2 and path not in self._in_color:
            self._in_color[path] = cursor.has_color()
        if self._in_color.get(path):
            raise _NotPlayableError('its colours are converted to gray')
        return video


def _after(packets: Iterator[StoredPacket], index: int) -> Iterator[StoredPacket]:
    """Return the packets after that of a frame."""
    rest = itertools.dropwhile(lambda packet: packet.frame != index, packets)
    return itertools.islice(rest, 1, None)


def _header(place: _Place, index: int, packets: list[StoredPacket]) -> dict[str, Any]:
    chunk, video = place.chunk, place.video
    header: dict[str, Any] = {
        'codec': video.codec,
        'description': base64.b64encode(video.description).decode('ascii'),
        'width': video.width,
        'height': video.height,
        'tagged': video.has_colors,
        'first': chunk.start,
        'stop': chunk.stop,
        'packets': [[chunk.start + packet.frame, len(packet.data), int(packet.is_keyframe)] for packet in packets],
    }
    if place.has_ended:
        furthest = max(place.furthest, index - chunk.start - 1)
        header['resume'] = chunk.start + place.cursor.next_keyframe(furthest + 2)
    return header


def _message(header: dict[str, Any], packets: list[StoredPacket]) -> bytes:
    content = json.dumps({'packets': [], **header}, separators=(',', ':')).encode('ascii')
    return b''.join([len(content).to_bytes(4, 'big'), content, *(packet.data for packet in packets)])
