"""Repair of a cut-off video by copying its packets."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from ...errors import FrameReadError, FrameWriteError
from ...formats import VIDEO_FRAMES_PER_SECOND
from .coded_streams import RAW_DEMUXERS
from .container_checks import open_container, open_output
from .container_rate import set_rate
from .matroska import BT601, H264, MatroskaFile, MatroskaTrack, ffv1_track, is_ours
from .mp4_tail import LastPacket
from .tracks import copied_stream


def remux(source: str, target: str, frames: int, rate: Fraction | None = None) -> None:
    """Copy the packets of a video's first frames without re-encoding.

    Parameters
    ----------
    source : str
        Path of the video.
    target : str
        Path of the copy, with the same extension.
    frames : int
        Number of frames.
    rate : Fraction, optional
        Frames per second, for the video's header.

    Raises
    ------
    FrameWriteError
        The video could not be copied.
    """
    import av

    tail = LastPacket(source)
    try:
        with tail.open(source) as old:
            count = sum(1 for _ in _sound_packets(old, tail))
        with tail.open(source) as old:
            packets = itertools.islice(_sound_packets(old, tail), frames)
            _copy(old, packets, target, rate, is_gapless=count >= frames)
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise FrameWriteError(f'{source} cannot be copied into a complete video: {error}', path=source) from error


def check_is_copy(source: str, target: str) -> None:
    """Raise FrameReadError unless the copy has the original's packets exactly."""
    import av

    tail = LastPacket(source)
    try:
        with tail.open(source) as old, open_container(target) as new:
            if old.format.name in RAW_DEMUXERS:  # only a first frame, packed differently in a container
                return
            there = (bytes(packet) for packet in new.demux(video=0) if packet.size)
            for packet in tail.append_to(old.demux(video=0), old.streams.video[0]):
                if packet.size and not packet.is_corrupt and bytes(packet) != next(there, None):
                    raise FrameReadError(f'{target} is not an exact copy of {source}', path=target)
    except (av.FFmpegError, OSError, IndexError) as error:
        if isinstance(error, FrameReadError):
            raise
        raise FrameReadError(f'{target} cannot be compared with {source}: {error}', path=target) from error


def _sound_packets(container: Any, tail: LastPacket) -> Iterator[Any]:
    stream = container.streams.video[0]
    packets = tail.append_to(container.demux(stream), stream)
    return (packet for packet in packets if packet.size and not packet.is_corrupt)


def _copy(container: Any, packets: Iterable[Any], target: str, rate: Fraction | None, is_gapless: bool) -> None:
    template = container.streams.video[0]
    context = template.codec_context
    is_usual = template.average_rate == VIDEO_FRAMES_PER_SECOND and not context.has_b_frames
    is_even = is_usual or (is_gapless and is_ours(container))
    track = _track_of(context)
    if target.endswith('.mkv') and track and is_even:
        file = MatroskaFile(target, context.width, context.height, track)
        _into_matroska(file, context, packets, rate or Fraction(VIDEO_FRAMES_PER_SECOND), is_gapless)
        return
    _into_container(template, packets, target)
    if rate is not None and not target.endswith('.mkv'):
        with contextlib.suppress(ValueError):  # frames at an uneven pace keep their times
            set_rate(target, rate)


def _track_of(context: Any) -> MatroskaTrack | None:
    """Return the kind of track for our own Matroska, or None."""
    if context.name == 'ffv1' and context.extradata and context.pix_fmt:
        return ffv1_track(context.pix_fmt)
    if context.name != 'h264' or (context.extradata or b'')[:1] != b'\1':
        return None
    return H264._replace(color=(*BT601[:3], int(context.color_range) or BT601[3]))


def _into_matroska(file: MatroskaFile, context: Any, packets: Iterable[Any], rate: Fraction, is_gapless: bool) -> None:
    with contextlib.closing(file):
        for packet in packets:
            index = None if is_gapless else round(packet.pts * packet.time_base * VIDEO_FRAMES_PER_SECOND)
            file.add(bytes(packet), packet.is_keyframe, context.extradata, index)
        file.finish(rate)


def _into_container(template: Any, packets: Iterable[Any], target: str) -> None:
    with open_output(target) as new:
        stream = copied_stream(new, template)
        for packet in packets:
            if packet.pts is None:  # a first frame without a container
                packet.pts = packet.dts = 0
            packet.stream = stream
            new.mux(packet)
