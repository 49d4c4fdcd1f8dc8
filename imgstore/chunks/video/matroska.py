"""Matroska, RFC 9559, with one track of H.264 or FFV1.

Each cluster has one frame and is written in one call, so a killed writer loses at most the last frame. Times are
multiples of the frame index. The rate can be changed: it is in header fields of fixed size, and `finish` changes these
in place. With any mixture of their old and new bytes, all frames are found.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
from fractions import Fraction
from typing import Any, NamedTuple

from ..._support.syncing import write_all
from ...formats import VIDEO_FRAMES_PER_SECOND
from .h264 import record_with_rate, with_reordering

_SEGMENT, _SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x18538067, 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_INFO, _SCALE, _DURATION, _MUXING_APP, _WRITING_APP = 0x1549A966, 0x2AD7B1, 0x4489, 0x4D80, 0x5741
_TRACKS, _TRACK_ENTRY, _FRAME_DURATION = 0x1654AE6B, 0xAE, 0x23E383
_CLUSTER, _TIMESTAMP, _SIMPLE_BLOCK = 0x1F43B675, 0xE7, 0xA3
_CUES, _CUE_POINT, _CUE_TIME, _CUE_POSITIONS, _CUE_TRACK, _CUE_CLUSTER = 0x1C53BB6B, 0xBB, 0xB3, 0xB7, 0xF7, 0xF1

_UNKNOWN_SIZE = 2**56 - 1
_NUMBER_BYTES = 8
_TRACK, _PROGRESSIVE = 1, 2
_KEYFRAME = 0x80
_NANOSECONDS, _MICROSECONDS, _MICROSECOND = 10**9, 10**6, 1000
_VOID, _CODEC_PRIVATE, _UNKNOWN_BYTE = 0xEC, 0x63A2, b'\xa3'  # of the ID 63A3, ignored by readers
_LONGER, _MOST_ROOM = 32, 256  # bytes: spare room for new numbers and padding, with its size in one byte
_TICKS = 10
"""Ticks between frames: with more the rate is less exact, with fewer slow rates are impossible."""
_INEXACT = Fraction(1, 10**5)  # maximum error of rounded ticks; otherwise ticks as in OpenCV's files
_MOST_NANOSECONDS = 2**32 - 1  # FFmpeg's maximum for a tick
_FRAMES_TO_DATE = 8
"""FFmpeg reports no decoding times of H.264 before decoding this many frames, unless frames may be reordered. Without
them OpenCV 4.6 seeks to wrong frames, and it treats a time of 0 as missing, too."""

MATROSKA_FASTEST = Fraction(30_000)
"""Frames per second. For faster files FFmpeg reports this rate, and OpenCV counts too few frames."""

_SLOW = 2
"""Frames per second. Below, FFmpeg does not read that many frames in advance."""
_APPLICATION = b'imgstore'

Color = tuple[int, int, int, int]
"""Matrix, primaries, transfer and range, numbered as in ITU-T H.273; range 1 is the limited one."""

BT601: Color = 6, 1, 1, 1
"""Colours of our planes. Without it players use the matrix of BT.709 for large images."""

_RGB, _UNSPECIFIED, _FULL_RANGE = 0, 2, 2


class MatroskaTrack(NamedTuple):
    """Kind of a track.

    Attributes
    ----------
    codec : bytes
        Codec ID: https://www.matroska.org/technical/codec_specs.html
    color : Color
        Colours of the planes.
    """

    codec: bytes
    color: Color

    @property
    def is_h264(self) -> bool:
        """Whether the configuration has a rate, and frames may be reordered."""
        return self.codec == _AVC


_AVC = b'V_MPEG4/ISO/AVC'
H264 = MatroskaTrack(_AVC, BT601)


def ffv1_track(pixel_format: str) -> MatroskaTrack:
    """Return the kind of a track of FFV1 with a pixel format of FFmpeg."""
    matrix = _RGB if 'gb' in pixel_format else _UNSPECIFIED
    return MatroskaTrack(b'V_FFV1', (matrix, _UNSPECIFIED, _UNSPECIFIED, _FULL_RANGE))


def _id(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, 'big')


def _size(count: int) -> bytes:
    """Return a size in 8 bytes, also a small one."""
    return (2**56 | count).to_bytes(_NUMBER_BYTES, 'big')


def _element(number: int, *content: bytes) -> bytes:
    data = b''.join(content)
    return _id(number) + _size(len(data)) + data


def _opened(number: int, content: bytes, more: int) -> bytes:
    """Return the start of an element whose content has ``more`` bytes after it."""
    return _id(number) + _size(len(content) + more) + content


def _short(number: int, *content: bytes) -> bytes:
    """Return an element of less than 127 bytes, with its size in one."""
    data = b''.join(content)
    return _id(number) + bytes((0x80 | len(data),)) + data


def _short_number(number: int, value: int) -> bytes:
    return _short(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8), 'big'))


def _number(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(_NUMBER_BYTES, 'big'))


class _Times(NamedTuple):
    """Display times: the first and the interval, in ticks and nanoseconds."""

    first: int
    step: Fraction
    tick: int
    interval: int

    def of(self, frame: int) -> int:
        return self.first + round(self.step * frame)

    def duration(self, frames: int) -> float:
        """Return the duration in ticks, as a whole number of microseconds.

        Programs count frames by it.
        """
        rate = min(_rate_of(self.interval), _NANOSECONDS / (self.step * self.tick))
        duration = math.ceil(frames / rate * _MICROSECONDS)
        duration += int(duration / _MICROSECONDS * float(rate)) < frames  # rounding of floats
        ticks = duration * _MICROSECOND / self.tick
        is_less = int(ticks * self.tick * 1000 / _MICROSECONDS) < duration  # the same computation as FFmpeg's
        return (duration + is_less / 4) * _MICROSECOND / self.tick


def _rate_of(interval: int) -> Fraction:
    """Return FFmpeg's rate for an interval in ns, a fraction of limited numbers."""
    most = int(MATROSKA_FASTEST)
    rate = Fraction(_NANOSECONDS, interval)
    return 1 / (1 / rate).limit_denominator(most) if rate > 1 else rate.limit_denominator(most)


class _Head:
    """The file's head before the clusters, and positions of its variable numbers."""

    def __init__(self, width: int, height: int, configuration: bytes, track: MatroskaTrack) -> None:
        self.usual = configuration
        beginning = _ebml() + _id(_SEGMENT)
        self.size_at, self.segment_at = len(beginning), len(beginning) + _NUMBER_BYTES
        info, tracks = _info(), _tracks(width, height, configuration, track)
        info_at = len(_seek_head(0, 0, 0))
        tracks_at = info_at + len(info)
        self.cluster_at = self.segment_at + tracks_at + len(tracks)
        self.seek_position_at = self.segment_at + info_at - _NUMBER_BYTES
        self.seek_id_at = self.seek_position_at - len(_number(_SEEK_POSITION, 0)[:-_NUMBER_BYTES]) - len(_id(_CLUSTER))
        self.data = b''.join(
            (
                beginning,
                _size(_UNKNOWN_SIZE),
                _seek_head(info_at, tracks_at, self.cluster_at - self.segment_at),
                info,
                tracks,
            )
        )

        usual, room = _configurations(configuration, track)
        self.room_size_at = self.cluster_at - len(room) + _NUMBER_BYTES if room else None
        self.room = len(room) - len(_element(_VOID))
        self.usual_id_at = self.cluster_at - len(room) - len(usual) + len(_id(_CODEC_PRIVATE)) - 1

    def configuration(self, rate: Fraction, with_dates: bool) -> bytes | None:
        """Return the configuration for a finished file.

        None if it is not one of x264's.
        """
        known = with_reordering(self.usual) if with_dates else self.usual
        return None if known is None or self.room_size_at is None else record_with_rate(known, rate)

    def place_of(self, number: int) -> int:
        """Return the position of an element's value."""
        before = _id(number) + _size(_NUMBER_BYTES)
        return self.data.index(before, self.segment_at) + len(before)


def _ebml() -> bytes:
    versions = (0x4286, 1), (0x42F7, 1), (0x42F2, 4), (0x42F3, 8), (0x4287, 4), (0x4285, 2)
    numbers = [_number(*pair) for pair in versions]
    return _element(0x1A45DFA3, _element(0x4282, b'matroska'), *numbers)


def _seek_head(info_at: int, tracks_at: int, last_at: int) -> bytes:
    """Return the positions of the other parts.

    The last one is a cluster until there are cues.
    """
    parts = ((_INFO, info_at), (_TRACKS, tracks_at), (_CLUSTER, last_at))
    return _element(
        _SEEK_HEAD,
        *(_element(_SEEK, _element(_SEEK_ID, _id(part)), _number(_SEEK_POSITION, place)) for part, place in parts),
    )


def _info() -> bytes:
    return _element(
        _INFO,
        _number(_SCALE, _NANOSECONDS // VIDEO_FRAMES_PER_SECOND // _TICKS),
        _element(_DURATION, bytes(_NUMBER_BYTES)),
        _element(_MUXING_APP, _APPLICATION),
        _element(_WRITING_APP, _APPLICATION),
    )


def _tracks(width: int, height: int, configuration: bytes, track: MatroskaTrack) -> bytes:
    colors = _element(0x55B0, *map(_number, (0x55B1, 0x55BB, 0x55BA, 0x55B9), track.color))
    video = _element(0xE0, _number(0xB0, width), _number(0xBA, height), _number(0x9A, _PROGRESSIVE), colors)
    numbers = [
        _number(*pair)
        for pair in (
            (0xD7, _TRACK),
            (0x73C5, _TRACK),
            (0x83, 1),
            (0x9C, 0),
            (_FRAME_DURATION, _NANOSECONDS // VIDEO_FRAMES_PER_SECOND),
        )
    ]
    codec = _element(0x86, track.codec), *_configurations(configuration, track)
    return _element(_TRACKS, _element(_TRACK_ENTRY, *numbers, _element(0x22B59C, b'und'), video, *codec))


def _configurations(usual: bytes, track: MatroskaTrack) -> tuple[bytes, bytes]:
    """Return the configuration, with spare room if its rate can be changed."""
    room = len(_element(_CODEC_PRIVATE, usual)) + _LONGER
    has_rate = track.is_h264 and record_with_rate(usual, Fraction(VIDEO_FRAMES_PER_SECOND)) is not None
    return _element(_CODEC_PRIVATE, usual), _element(_VOID, bytes(room)) if has_rate and room < _MOST_ROOM else b''


def is_ours(container: Any) -> bool:
    """Return whether a PyAV container is a file of this module."""
    return _APPLICATION.decode() in (container.metadata.get(name) for name in ('ENCODER', 'encoder'))


class MatroskaFile:
    """Writer of one file.

    Parameters
    ----------
    path : str
        Path of the file, empty until the first frame. An existing one is replaced.
    width : int
        Width in pixels.
    height : int
        Height in pixels.
    track : MatroskaTrack
        Kind of the track.
    """

    def __init__(self, path: str, width: int, height: int, track: MatroskaTrack) -> None:
        self._path, self._width, self._height, self._track = path, width, height, track
        self._file = open(path, 'wb', buffering=0)  # noqa: SIM115 -- until `close`
        self._head: _Head | None = None
        self._size, self._clusters, self._keyframes = 0, dict[int, int](), list[int]()

    @property
    def _next(self) -> int:
        """Index of the frame after the latest one."""
        return next(reversed(self._clusters), -1) + 1

    def add(self, packet: bytes, is_keyframe: bool, configuration: bytes, index: int | None = None) -> None:
        """Append a frame; OSError if the disk is full.

        Parameters
        ----------
        packet : bytes
            For H.264, the result of `imgstore.chunks.video.h264.length_prefixed`.
        is_keyframe : bool
            Whether decoding can start at the frame.
        configuration : bytes
            For H.264, the result of `imgstore.chunks.video.h264.configuration`; only that of the first frame is used.
        index : int, optional
            Index of the frame, if earlier ones are lost.
        """
        index = self._next if index is None else index
        if index < self._next:
            raise ValueError(f'{self._path}: index is {index}; the next frame has at least {self._next}')
        head = self._head or _Head(self._width, self._height, configuration, self._track)
        start = (self._size or head.cluster_at) - head.segment_at
        block = _opened(_SIMPLE_BLOCK, bytes((0x80 | _TRACK, 0, 0, _KEYFRAME * is_keyframe)), len(packet))
        cluster = _opened(_CLUSTER, _number(_TIMESTAMP, _TICKS * index) + block, len(packet))
        self._append(b''.join((b'' if self._head else head.data, cluster, packet)))  # large packets are copied once
        self._head = head
        if is_keyframe:
            self._keyframes.append(index)
        self._clusters[index] = start

    def _append(self, data: bytes) -> None:
        try:
            write_all(self._file.fileno(), [data])
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)
                self._file.seek(self._size)
            raise
        self._size += len(data)

    def finish(self, rate: Fraction) -> None:
        """Write the rate (frames/s), the duration, and the positions of keyframes.

        If the process is killed meanwhile, the file has all frames.
        """
        head, rate = self._head, min(rate, MATROSKA_FASTEST)
        if head is None:
            return
        times = self._times(head, rate)
        # first of all, so that a reader of the file sees that the times of its frames change
        self._put(head.place_of(_FRAME_DURATION), times.interval.to_bytes(_NUMBER_BYTES, 'big'))
        if times != _Times(0, Fraction(_TICKS), times.tick, times.interval):
            self._move_frames(head, times)
        self._put_configuration(head, rate)
        self._put(head.place_of(_SCALE), times.tick.to_bytes(_NUMBER_BYTES, 'big'))
        self._put(head.place_of(_DURATION), struct.pack('>d', times.duration(self._next)))
        cues_at = self._size - head.segment_at
        self._append(self._cues(times))
        self._put(head.seek_position_at, cues_at.to_bytes(_NUMBER_BYTES, 'big'))
        self._put(head.seek_id_at, _id(_CUES))
        self._put(head.size_at, _size(self._size - head.segment_at))

    def _times(self, head: _Head, rate: Fraction) -> _Times:
        lacks_dates = self._needs_dates(rate) and head.configuration(rate, True) is None
        interval = _NANOSECONDS / (Fraction(VIDEO_FRAMES_PER_SECOND) if lacks_dates and rate < _SLOW else rate)
        step = Fraction(max(_TICKS, math.ceil(interval / _MOST_NANOSECONDS)))
        tick = round(interval / step)
        if abs(tick * step / interval - 1) > _INEXACT:
            step, tick = interval / _MICROSECOND, _MICROSECOND
        return _Times(int(lacks_dates and len(self._clusters) < _FRAMES_TO_DATE), step, tick, round(interval))

    def _needs_dates(self, rate: Fraction) -> bool:
        return self._track.is_h264 and (rate < _SLOW or len(self._clusters) < _FRAMES_TO_DATE)

    def _put_configuration(self, head: _Head, rate: Fraction) -> None:
        """Set the rate in the decoder's configuration, and decoding times if needed."""
        other = head.configuration(rate, self._needs_dates(rate))
        if other is None or head.room_size_at is None or other == head.usual:
            return
        element = _element(_CODEC_PRIVATE, other)
        filling = _element(_VOID, bytes(head.room - len(element) - len(_element(_VOID))))
        self._put(head.room_size_at + 1, element + filling)
        self._put(head.room_size_at, b'\0')  # reveals the new one, before hiding the old one
        self._put(head.usual_id_at, _UNKNOWN_BYTE)

    def _cues(self, times: _Times) -> bytes:
        return _element(_CUES, *(self._cue(frame, times) for frame in self._keyframes))

    def _cue(self, frame: int, times: _Times) -> bytes:
        place = _short_number(_CUE_TRACK, _TRACK) + _short_number(_CUE_CLUSTER, self._clusters[frame])
        return _short(_CUE_POINT, _short_number(_CUE_TIME, times.of(frame)), _short(_CUE_POSITIONS, place))

    def _move_frames(self, head: _Head, times: _Times) -> None:
        """Set frames' times, the last one first, so that they always ascend."""
        inner = head.segment_at + len(_element(_CLUSTER)) + len(_number(_TIMESTAMP, 0)) - _NUMBER_BYTES
        for frame, place in reversed(self._clusters.items()):
            self._put(inner + place, times.of(frame).to_bytes(_NUMBER_BYTES, 'big'))

    def _put(self, place: int, data: bytes) -> None:
        self._file.seek(place)
        self._file.write(data)
        self._file.seek(self._size)

    def sync(self) -> None:
        """Sync the file to the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
