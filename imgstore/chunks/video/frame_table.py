"""The frames of a video file and their display times, without decoding."""

from __future__ import annotations

import contextlib
import itertools
import operator
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import FrameReadError
from .avi_gaps import count_before_gap
from .container_checks import NO_PIXEL_LIMIT, open_container, path_of_url
from .matroska import is_ours
from .mp4_index import display_delays
from .mp4_tail import LastPacket
from .tracks import is_avi, is_mp4, video_stream

_OPENCV_TICK = 0.001  # ms: OpenCV rounds times to this
_DAMAGED_ONE_IN = 100  # packets, at most


@dataclass(frozen=True)
class FrameTable:
    """The frames of a video in display order.

    Attributes
    ----------
    pts : ndarray of int64, shape (n,)
        Presentation times in units of the stream's time base, strictly ascending.
    keyframes : ndarray of intp
        Indexes of the keyframes, ascending.
    positions : ndarray of int64, shape (n,), or None
        Position in the file of each frame's packet, if known from the container's index.
    missing : int
        Number of lost frames at the end.
    reordered : bool
        Whether packets have another order in the file.
    """

    pts: npt.NDArray[np.int64]
    keyframes: npt.NDArray[np.intp]
    positions: npt.NDArray[np.int64] | None = None
    missing: int = 0
    reordered: bool = False

    def __len__(self) -> int:
        return len(self.pts)

    def index_of(self, pts: int | None) -> int | None:
        """Return the index of the frame with a presentation time.

        None if there is none.
        """
        if pts is None:
            return None
        index = int(self.pts.searchsorted(pts))
        return index if index < len(self.pts) and self.pts[index] == pts else None

    def keyframe_rank(self, index: int) -> int:
        """Return the rank of the last keyframe up to the frame; -1 if there is none."""
        return int(self.keyframes.searchsorted(index, 'right')) - 1

    def next_keyframe(self, index: int) -> int:
        """Return the index of the first keyframe from an index on, or of the end."""
        rank = int(self.keyframes.searchsorted(index))
        return int(self.keyframes[rank]) if rank < len(self.keyframes) else len(self)

    @cached_property
    def longest_group(self) -> int:
        """Number of frames decoded from one keyframe, at most."""
        return int(np.diff([0, *self.keyframes.tolist(), len(self)]).max())

    def group(self, index: int) -> range:
        """Return the indexes of all frames decoded from the same keyframe as a frame."""
        rank = self.keyframe_rank(index)
        return range(int(self.keyframes[rank]) if rank >= 0 else 0, self.next_keyframe(index + 1))


def _table(times: Sequence[int | None], keys: Sequence[bool], positions: Sequence[int] = ()) -> FrameTable | None:
    if None in times:
        return None
    pts = np.array(times, np.int64)
    order = np.argsort(pts, kind='stable')
    pts = pts[order]
    if np.any(pts[1:] == pts[:-1]):
        return None
    return FrameTable(
        pts,
        np.flatnonzero(np.array(keys, bool)[order]),
        np.array(positions, np.int64)[order] if positions else None,
        reordered=bool(np.any(order[1:] < order[:-1])),
    )


def table_from_container_index(stream: Any, frames: int | None = None) -> FrameTable | None:
    """Build the table from the container's index; None if that is incomplete.

    FFmpeg's index has decoding times. Where frames are reordered, MP4's own has the difference from display times. The
    table is wrong if a packet has a different display time.

    Parameters
    ----------
    stream : av.VideoStream
        The video.
    frames : int, optional
        Number of frames in the chunk's index.

    Raises
    ------
    FrameReadError
        The chunk's index counts hidden frames, and it is ambiguous which.
    """
    entries = list(stream.index_entries)
    whole = len(entries) > 1 and len(entries) == stream.frames and all(entry.size for entry in entries)
    if not whole or stream.codec_context.name in _SHOWN_BIT:
        return None
    if stream.codec_context.has_b_frames:
        return _table_of_reordered(stream, entries)
    shown = [entry for entry in entries if not entry.is_discard]
    hidden = [entry.timestamp for entry in entries if entry.is_discard]
    if _counts_hidden([entry.timestamp for entry in shown], hidden, len(shown), frames):
        shown = entries
    return _table(
        [entry.timestamp for entry in shown], [entry.is_keyframe for entry in shown], [entry.pos for entry in shown]
    )


def _table_of_reordered(stream: Any, entries: Sequence[Any]) -> FrameTable | None:
    delays = display_delays(stream) if not any(entry.is_discard for entry in entries) else None
    if delays is None or len(delays) != len(entries):
        return None
    times = (np.array([entry.timestamp for entry in entries]) + delays).tolist()
    return _table(times, [entry.is_keyframe for entry in entries], [entry.pos for entry in entries])


def _counts_hidden(times: Sequence[int | None], hidden: Sequence[int | None], shown: int, frames: int | None) -> bool:
    """Return whether a chunk's index counts hidden frames.

    Older versions and other programs write such indexes.

    Then hidden frames keep their numbers, though they are never decoded. FrameReadError if the count fits neither way.
    """
    if not hidden or frames is None or frames <= shown:
        return False
    known = [time for time in (*hidden, *times) if time is not None]
    leading = len(known) == len(hidden) + len(times) and max(known[: len(hidden)]) < min(known[len(hidden) :])
    if frames != shown + len(hidden) or not leading:
        raise FrameReadError(
            f"the video shows {shown} frames and hides {len(hidden)}, but the chunk's index counts "
            f'{frames}: it is ambiguous which'
        )
    return True


class _Packet(NamedTuple):
    pts: int | None
    dts: int | None
    is_key: bool
    place: int
    is_hidden: bool


_SHOWN_BIT = {'vp8': 0x10}
"""Bit of displayed frames in a packet's first byte, for codecs with hidden reference frames."""


def is_hidden(packet: Any) -> bool:
    """Return whether an edit list or the codec hides a packet's frame."""
    return _is_hidden(packet, _SHOWN_BIT.get(packet.stream.codec_context.name))


def _is_hidden(packet: Any, bit: int | None) -> bool:
    return packet.is_discard or (bit is not None and packet.size > 0 and not memoryview(packet)[0] & bit)


def packets_of(container: Any, stream: Any, tail: LastPacket) -> Iterator[Any]:
    """Yield the packets of a video stream with display times.

    AVI has no such times, and FFmpeg's guesses change after a seek. So they are replaced by the number of the packet,
    if nothing is reordered.
    """
    counted = is_avi(container) and not stream.codec_context.has_b_frames
    for packet in tail.append_to(container.demux(stream), stream):
        if counted:
            packet.pts = packet.dts
        yield packet


def table_from_packets(container: Any, stream: Any, tail: LastPacket, frames: int | None = None) -> FrameTable | None:
    """Build the table from all packets; None if they have no display times.

    Parameters
    ----------
    container : av.container.InputContainer
        The container.
    stream : av.VideoStream
        The video.
    tail : LastPacket
        Last packets of the video, kept in separate files.
    frames : int, optional
        Expected number of frames. If packets are lost, later frames keep their indexes at an even pace. Otherwise
        frames with uncertain indexes are left out.
    """
    import av

    if is_avi(container) and stream.codec_context.has_b_frames:
        return None  # AVI has only decoding times, and FFmpeg's guesses at display times are unreliable
    packets: list[_Packet] = []
    bit = _SHOWN_BIT.get(stream.codec_context.name)  # once: a live chunk may have many packets
    with contextlib.suppress(av.FFmpegError):
        packets.extend(
            _Packet(packet.pts, packet.dts, packet.is_keyframe, packet.pos, _is_hidden(packet, bit))
            for packet in packets_of(container, stream, tail)
            if packet.size
        )
    if is_avi(container):  # its times are numbers of packets, so a lost packet shifts them
        packets = packets[: count_before_gap(path_of_url(container.name), (packet.place for packet in packets))]
    shown = _numbered(container, stream, packets, frames)
    times = [packet.pts for packet in shown]
    if not stream.codec_context.has_b_frames or is_ours(container):
        times = _ascending(times)
    elif _are_of_decoding(shown):
        return None
    table = _table(times, [packet.is_key for packet in shown])
    if not table or frames is None or len(table) >= frames:
        return table
    pace = 1 / stream.average_rate / stream.time_base if stream.average_rate else 0
    return _with_gaps(table, frames, float(pace)) or _truncate_at(table, packets[-1].dts)


def _numbered(container: Any, stream: Any, packets: list[_Packet], frames: int | None) -> list[_Packet]:
    """Return the packets counted by a chunk's index of so many frames."""
    shown = [packet for packet in packets if not packet.is_hidden]
    hidden = [packet.pts for packet in packets if packet.is_hidden]
    entries = [entry.is_discard for entry in stream.index_entries]
    count = max(len(shown), entries.count(False))  # in a cut-off file the index may list more
    if 0 < len(entries) < stream.frames and is_mp4(container):  # an edit list hides the others
        hidden += [None] * (stream.frames - len(entries))
    return packets if _counts_hidden([packet.pts for packet in shown], hidden, count, frames) else shown


def _are_of_decoding(packets: Sequence[_Packet]) -> bool:
    """Return whether reordered packets have only decoding times."""
    return len(packets) > 1 and all(packet.pts == packet.dts for packet in packets)


def _ascending(times: list[int | None]) -> list[int | None]:
    """Interpolate damaged times, in a file without reordering.

    A frame with such a time is never found and raises an error; later frames keep their indexes. If many times seem
    damaged, frames are reordered after all.
    """
    known = [time for time in times if time is not None]
    if len(known) < len(times) or all(itertools.starmap(operator.lt, itertools.pairwise(known))):
        return times
    sound = _longest_ascent(known)
    if len(known) - len(sound) > 1 + len(known) // _DAMAGED_ONE_IN:
        return times
    nearest = np.searchsorted(sound, np.arange(len(known)), 'right') - 1
    before = np.array(sound)[nearest.clip(0)]
    return [known[at] + rank - at for rank, at in enumerate(before.tolist())]


def _longest_ascent(values: list[int]) -> list[int]:
    """Return ranks of the longest ascending subsequence.

    https://doi.org/10.1016/0012-365X(75)90103-X
    """
    ends: list[int] = []
    ranks: list[int] = []
    before: list[int] = []
    for rank, value in enumerate(values):
        place = bisect_left(ends, value)
        before.append(ranks[place - 1] if place else -1)
        ends[place : place + 1], ranks[place : place + 1] = [value], [rank]
    rank, ascent = ranks[-1], []
    while rank >= 0:
        ascent.append(rank)
        rank = before[rank]
    return ascent[::-1]


def _with_gaps(table: FrameTable, frames: int, pace: float) -> FrameTable | None:
    """Insert lost frames into the table; None if the others break this pace."""
    places = np.rint(table.pts / max(pace, 1)).astype(np.intp)
    even = np.all(np.abs(table.pts - places * pace) <= 1) and np.all(np.diff(places) > 0)
    if not even or places[0] < 0 or places[-1] >= frames:
        return None
    pts = np.rint(np.arange(frames) * pace).astype(np.int64)
    pts[places] = table.pts
    return FrameTable(pts, places[table.keyframes], missing=frames - 1 - int(places[-1]))


def _truncate_at(table: FrameTable, time: int | None) -> FrameTable:
    """Cut the table at a time; later, a lost packet may belong anywhere."""
    count = len(table) if time is None else int(np.searchsorted(table.pts, time, 'right'))
    return FrameTable(table.pts[:count], table.keyframes[table.keyframes < count])


@dataclass(frozen=True)
class DisplayTimes:
    """Display times of a video's frames.

    Attributes
    ----------
    milliseconds : ndarray of float64, shape (n,)
        Times in ms from the stream's start, ascending, with the precision of the time base.
    tolerance : float
        Largest negligible difference in ms.
    size : tuple of int
        Width and height of the frames in pixels.
    guessed : bool
        Whether other versions of FFmpeg may report times one frame later, for lack of times in the container.
    """

    milliseconds: npt.NDArray[np.float64]
    tolerance: float
    size: tuple[int, int]
    guessed: bool

    def __len__(self) -> int:
        return len(self.milliseconds)

    def index_of(self, milliseconds: float) -> int | None:
        """Return the index of the frame displayed at a time; None if there is none."""
        behind = int(np.searchsorted(self.milliseconds, milliseconds))
        near = self.milliseconds[max(0, behind - 1) : behind + 1]
        index = max(0, behind - 1) + int(np.argmin(np.abs(near - milliseconds))) if near.size else len(self)
        found = index < len(self) and abs(self.milliseconds[index] - milliseconds) <= self.tolerance
        return index if found else None


def display_times(path: str, frames: int | None = None, pixels: int = NO_PIXEL_LIMIT) -> DisplayTimes | None:
    """Return a video's display times; None without PyAV or if unreadable.

    Raises FrameReadError if the file is not a video, or if it is ambiguous which frames a chunk's index counts.
    """
    try:
        import av
    except ImportError:
        return None
    try:
        with open_container(path, pixels) as container:
            stream: Any = video_stream(container)
            if stream.codec_context is None:  # it is of an unknown codec
                return None
            start, tick = stream.start_time, float(stream.time_base * 1000)
            table = table_from_packets(container, stream, LastPacket(path), frames)
            size = stream.codec_context.width, stream.codec_context.height
            guessed = is_avi(container) and not stream.codec_context.codec.intra_only
    except FrameReadError:
        raise
    except (av.FFmpegError, OSError, IndexError):
        return None
    if table is None or start is None:  # without a start OpenCV reports no times
        return None
    return DisplayTimes((table.pts - start) * tick, max(tick / 2, _OPENCV_TICK), size, guessed)


def packet_count(path: str, pixels: int = NO_PIXEL_LIMIT, end: int = 0) -> int:
    """Count the packets of frames up to an offset; 0 if unreadable.

    See `open_container`.
    """
    import av

    count = 0
    with contextlib.suppress(av.FFmpegError, IndexError), open_container(path, pixels, end) as container:
        for packet in container.demux(video_stream(container)):
            count += packet.size > 0 and not is_hidden(packet)
    return count
