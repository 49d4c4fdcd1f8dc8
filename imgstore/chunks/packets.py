"""Which frames a video file has, and when each is shown: read from its packets, nothing decoded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class FrameTable:
    """The frames of a video in the order in which they are shown.

    Attributes
    ----------
    pts : ndarray of int64, shape (n,)
        Presentation times in units of the stream's time base, ascending and all different.
    keyframes : ndarray of intp
        Indexes of the frames at which decoding can start, ascending.
    """

    pts: npt.NDArray[np.int64]
    keyframes: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.pts)

    def index_of(self, pts: int | None) -> int | None:
        """Index of the frame that is shown at that time; None if there is none."""
        if pts is None:
            return None
        index = int(np.searchsorted(self.pts, pts))
        return index if index < len(self.pts) and self.pts[index] == pts else None

    def keyframe_rank(self, index: int) -> int:
        """Which of the keyframes is the last one not behind the frame; -1 if there is none."""
        return int(np.searchsorted(self.keyframes, index, 'right')) - 1

    def group(self, index: int) -> range:
        """Indexes of the frames that are decoded from the same keyframe as the one given."""
        begin, end = [0, *self.keyframes.tolist(), len(self)][self.keyframe_rank(index) + 1:][:2]
        return range(begin, end)


def _table(times: Iterable[int | None], keys: Iterable[bool]) -> FrameTable | None:
    known = list(times)
    if None in known:
        return None
    pts = np.array(known, np.int64)
    order = np.argsort(pts, kind='stable')
    pts = pts[order]
    if np.any(pts[1:] == pts[:-1]):
        return None
    return FrameTable(pts, np.flatnonzero(np.fromiter(keys, bool, len(pts))[order]))


def table_from_container_index(stream: Any) -> FrameTable | None:
    """The table that a PyAV container keeps of a stream; None where it keeps none of all frames.

    Its times are those of decoding: it is wrong if a packet turns up that is shown at another time.
    """
    entries = list(getattr(stream, 'index_entries', ()))  # older PyAVs do not show them
    whole = len(entries) > 1 and len(entries) == stream.frames and all(entry.size for entry in entries)
    if not whole or stream.codec_context.has_b_frames:
        return None
    return _table((entry.timestamp for entry in entries), (entry.is_keyframe for entry in entries))


def table_from_packets(container: Any, stream: Any) -> FrameTable | None:
    """The table from reading through all packets of a PyAV container; None if they do not have times of their own."""
    import av

    if container.format.name == 'avi' and stream.codec_context.has_b_frames:
        return None  # the times in there are of decoding, and FFmpeg's guesses at the others are no better
    packets: list[tuple[int | None, bool]] = []
    with contextlib.suppress(av.FFmpegError):
        packets.extend((packet.pts, packet.is_keyframe) for packet in container.demux(stream)
                       if packet.size and not packet.is_discard)
    return _table((pts for pts, _ in packets), (key for _, key in packets))


@dataclass(frozen=True)
class ShowTimes:
    """When each frame of a video is shown, in ms from the stream's start, ascending, to the time base's exactness."""

    milliseconds: npt.NDArray[np.float64]
    tolerance: float

    def __len__(self) -> int:
        return len(self.milliseconds)

    def index_of(self, milliseconds: float) -> int | None:
        """Index of the frame that is shown at that time; None if there is none."""
        index = int(np.searchsorted(self.milliseconds, milliseconds - self.tolerance))
        found = index < len(self) and abs(self.milliseconds[index] - milliseconds) <= self.tolerance
        return index if found else None


def show_times(path: str) -> ShowTimes | None:
    """The times of a video's frames; None where PyAV is missing or the packets do not tell them."""
    try:
        import av
    except ImportError:
        return None
    try:
        with av.open(path) as container:
            stream: Any = container.streams.video[0]
            start, tick = stream.start_time or 0, float(stream.time_base * 1000)
            table = table_from_packets(container, stream)
    except (av.FFmpegError, OSError, IndexError):
        return None
    return None if table is None else ShowTimes((table.pts - start) * tick, tick / 2)
