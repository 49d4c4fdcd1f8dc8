"""Which frames a video file has, and when each is shown: read from its packets, nothing decoded."""

from __future__ import annotations

import contextlib
import itertools
import operator
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import FrameReadError
from .avi_gaps import count_before_gap
from .container_checks import NO_PIXEL_LIMIT, open_container, path_of_url
from .matroska import is_ours
from .mp4_tail import LastPacket
from .tracks import is_avi, is_mp4, video_stream

_OPENCV_TICK = 0.001  # ms: what OpenCV reports is rounded so
_DAMAGED_ONE_IN = 100  # packets, at most


@dataclass(frozen=True)
class FrameTable:
    """The frames of a video in the order in which they are shown.

    Attributes
    ----------
    pts : ndarray of int64, shape (n,)
        Presentation times in units of the stream's time base, ascending and all different.
    keyframes : ndarray of intp
        Indexes of the frames at which decoding can start, ascending.
    positions : ndarray of int64, shape (n,), or None
        Where in the file each frame's packet is, if the container's own index told.
    missing : int
        How many are lost at the end.
    reordered : bool
        Whether packets are in another order in the file.
    """

    pts: npt.NDArray[np.int64]
    keyframes: npt.NDArray[np.intp]
    positions: npt.NDArray[np.int64] | None = None
    missing: int = 0
    reordered: bool = False

    def __len__(self) -> int:
        return len(self.pts)

    def index_of(self, pts: int | None) -> int | None:
        """Index of the frame that is shown at that time; None if there is none."""
        if pts is None:
            return None
        index = int(self.pts.searchsorted(pts))
        return index if index < len(self.pts) and self.pts[index] == pts else None

    def keyframe_rank(self, index: int) -> int:
        """Which of the keyframes is the last one not behind the frame; -1 if there is none."""
        return int(self.keyframes.searchsorted(index, 'right')) - 1

    def group(self, index: int) -> range:
        """Indexes of the frames that are decoded from the same keyframe as the one given."""
        begin, end = [0, *self.keyframes.tolist(), len(self)][self.keyframe_rank(index) + 1:][:2]
        return range(begin, end)


def _table(times: Sequence[int | None], keys: Sequence[bool], positions: Sequence[int] = ()) -> FrameTable | None:
    if None in times:
        return None
    pts = np.array(times, np.int64)
    order = np.argsort(pts, kind='stable')
    pts = pts[order]
    if np.any(pts[1:] == pts[:-1]):
        return None
    return FrameTable(pts, np.flatnonzero(np.array(keys, bool)[order]),
                      np.array(positions, np.int64)[order] if positions else None,
                      reordered=bool(np.any(order[1:] < order[:-1])))


def table_from_container_index(stream: Any, frames: int | None = None) -> FrameTable | None:
    """The table that a PyAV container keeps of a stream; None where it keeps none of all frames.

    Its times are those of decoding: it is wrong if a packet turns up that is shown at another time.

    Parameters
    ----------
    stream : of PyAV
    frames : int, optional
        How many the chunk's index has.

    Raises
    ------
    FrameReadError
        The chunk's index counts hidden frames, and which they are is not clear.
    """
    entries = list(stream.index_entries)
    whole = len(entries) > 1 and len(entries) == stream.frames and all(entry.size for entry in entries)
    if not whole or stream.codec_context.has_b_frames or stream.codec_context.name in _SHOWN_BIT:
        return None
    shown = [entry for entry in entries if not entry.is_discard]
    hidden = [entry.timestamp for entry in entries if entry.is_discard]
    if _counts_hidden([entry.timestamp for entry in shown], hidden, len(shown), frames):
        shown = entries
    return _table([entry.timestamp for entry in shown], [entry.is_keyframe for entry in shown],
                  [entry.pos for entry in shown])


def _counts_hidden(times: Sequence[int | None], hidden: Sequence[int | None], shown: int, frames: int | None) -> bool:
    """Whether a chunk's index of so many frames counts hidden ones, as older versions and other programs let it.

    Those keep their numbers then, though the decoder never gives them. FrameReadError where the count fits neither.
    """
    if not hidden or frames is None or frames <= shown:
        return False
    known = [time for time in (*hidden, *times) if time is not None]
    leading = len(known) == len(hidden) + len(times) and max(known[:len(hidden)]) < min(known[len(hidden):])
    if frames != shown + len(hidden) or not leading:
        raise FrameReadError(f'the video shows {shown} frames and hides {len(hidden)}, and the chunk\'s index counts '
                             f'{frames}: which are meant cannot be told')
    return True


class _Packet(NamedTuple):
    pts: int | None
    dts: int | None
    is_key: bool
    place: int
    is_hidden: bool


_SHOWN_BIT = {'vp8': 0x10}
"""In the first byte of a packet, of codecs that have packets of frames that others are made from, never shown."""


def is_hidden(packet: Any) -> bool:
    """Whether a packet of PyAV is of no frame: an edit list or the codec hides it."""
    bit = _SHOWN_BIT.get(packet.stream.codec_context.name)
    return packet.is_discard or (bit is not None and packet.size > 0 and not memoryview(packet)[0] & bit)


def packets_of(container: Any, stream: Any, tail: LastPacket) -> Iterator[Any]:
    """Packets of a video stream, each with the time at which its frame is shown.

    AVI has no such times. FFmpeg's guesses differ between an opened file and one that was sought in, so the number
    of the packet replaces them where nothing is reordered.
    """
    counted = is_avi(container) and not stream.codec_context.has_b_frames
    for packet in tail.append_to(container.demux(stream), stream):
        if counted:
            packet.pts = packet.dts
        yield packet


def table_from_packets(container: Any, stream: Any, tail: LastPacket, frames: int | None = None) -> FrameTable | None:
    """The table from reading through all packets of a PyAV container; None if they do not have times of their own.

    Parameters
    ----------
    container, stream : of PyAV
    tail : LastPacket
        Of the video.
    frames : int, optional
        How many there should be. Where packets are lost, the frames behind them are still told apart if they come
        at an even pace; else those are left out that may not be what they seem.
    """
    import av

    if is_avi(container) and stream.codec_context.has_b_frames:
        return None  # the times in there are of decoding, and FFmpeg's guesses at the others are no better
    packets: list[_Packet] = []
    with contextlib.suppress(av.FFmpegError):
        packets.extend(_Packet(packet.pts, packet.dts, packet.is_keyframe, packet.pos, is_hidden(packet))
                       for packet in packets_of(container, stream, tail) if packet.size)
    if is_avi(container):  # whose times are numbers of packets
        packets = packets[:count_before_gap(path_of_url(container.name), (packet.place for packet in packets))]
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
    """The packets that a chunk's index of so many frames counts."""
    shown = [packet for packet in packets if not packet.is_hidden]
    hidden = [packet.pts for packet in packets if packet.is_hidden]
    entries = [entry.is_discard for entry in stream.index_entries]
    count = max(len(shown), entries.count(False))  # of a file that is cut off the index may know more
    if 0 < len(entries) < stream.frames and is_mp4(container):  # an edit list left those out
        hidden += [None] * (stream.frames - len(entries))
    return packets if _counts_hidden([packet.pts for packet in shown], hidden, count, frames) else shown


def _are_of_decoding(packets: Sequence[_Packet]) -> bool:
    """Whether packets of which some are reordered have just the times of decoding: the container has no others."""
    return len(packets) > 1 and all(packet.pts == packet.dts for packet in packets)


def _ascending(times: list[int | None]) -> list[int | None]:
    """Times in the order of the file, where nothing is reordered: those that are damaged put between their neighbours.

    A frame is not found by such a time, so it is refused, and those behind it are not taken for others. Where many
    times seem to be damaged, frames are reordered after all.
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
    """Ranks of as many values as possible that ascend, by patience sorting: https://doi.org/10.1016/0012-365X(75)90103-X."""
    ends: list[int] = []
    ranks: list[int] = []
    before: list[int] = []
    for rank, value in enumerate(values):
        place = bisect_left(ends, value)
        before.append(ranks[place - 1] if place else -1)
        ends[place:place + 1], ranks[place:place + 1] = [value], [rank]
    rank, ascent = ranks[-1], []
    while rank >= 0:
        ascent.append(rank)
        rank = before[rank]
    return ascent[::-1]


def _with_gaps(table: FrameTable, frames: int, pace: float) -> FrameTable | None:
    """The table with places for lost frames, None where the others do not come at that pace from time 0 on."""
    places = np.rint(table.pts / max(pace, 1)).astype(np.intp)
    even = np.all(np.abs(table.pts - places * pace) <= 1) and np.all(np.diff(places) > 0)
    if not even or places[0] < 0 or places[-1] >= frames:
        return None
    pts = np.rint(np.arange(frames) * pace).astype(np.int64)
    pts[places] = table.pts
    return FrameTable(pts, places[table.keyframes], missing=frames - 1 - int(places[-1]))


def _truncate_at(table: FrameTable, time: int | None) -> FrameTable:
    """The table up to a time; a lost packet behind it may be of a frame that is shown between the later ones."""
    count = len(table) if time is None else int(np.searchsorted(table.pts, time, 'right'))
    return FrameTable(table.pts[:count], table.keyframes[table.keyframes < count])


@dataclass(frozen=True)
class DisplayTimes:
    """When each frame of a video is shown, in ms from the stream's start, ascending, to the time base's exactness.

    Attributes
    ----------
    milliseconds : ndarray of float64, shape (n,)
    tolerance : float
        Largest difference that is none, in ms.
    size : tuple of int
        Width and height of the frames.
    guessed : bool
        Whether other versions of FFmpeg may tell each frame a frame later: the container has no such times.
    """

    milliseconds: npt.NDArray[np.float64]
    tolerance: float
    size: tuple[int, int]
    guessed: bool

    def __len__(self) -> int:
        return len(self.milliseconds)

    def index_of(self, milliseconds: float) -> int | None:
        """Index of the frame that is shown at that time; None if there is none."""
        behind = int(np.searchsorted(self.milliseconds, milliseconds))
        near = self.milliseconds[max(0, behind - 1):behind + 1]
        index = max(0, behind - 1) + int(np.argmin(np.abs(near - milliseconds))) if near.size else len(self)
        found = index < len(self) and abs(self.milliseconds[index] - milliseconds) <= self.tolerance
        return index if found else None


def display_times(path: str, frames: int | None = None, pixels: int = NO_PIXEL_LIMIT) -> DisplayTimes | None:
    """The times of a video's frames, of which there should be so many; None where PyAV is missing or cannot tell.

    FrameReadError where the file is no video, or it cannot be told which of its frames are meant.
    """
    try:
        import av
    except ImportError:
        return None
    try:
        with open_container(path, pixels) as container:
            stream: Any = video_stream(container)
            start, tick = stream.start_time, float(stream.time_base * 1000)
            table = table_from_packets(container, stream, LastPacket(path), frames)
            size = stream.codec_context.width, stream.codec_context.height
            guessed = is_avi(container) and not stream.codec_context.codec.intra_only
    except FrameReadError:
        raise
    except (av.FFmpegError, OSError, IndexError):
        return None
    if table is None or start is None:  # without the start OpenCV does not tell times
        return None
    return DisplayTimes((table.pts - start) * tick, max(tick / 2, _OPENCV_TICK), size, guessed)


def packet_count(path: str, pixels: int = NO_PIXEL_LIMIT, end: int = 0) -> int:
    """How many packets of frames a video has up to an offset, 0 where it cannot be read; see `open_container`."""
    import av

    count = 0
    with contextlib.suppress(av.FFmpegError, IndexError), open_container(path, pixels, end) as container:
        for packet in container.demux(video_stream(container)):
            count += packet.size > 0 and not is_hidden(packet)
    return count
