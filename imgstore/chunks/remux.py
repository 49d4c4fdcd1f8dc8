"""A video that was cut off, made whole again: its packets in a container that is closed."""

from __future__ import annotations

import itertools

from ..errors import FrameReadError, FrameWriteError
from .containers import open_container, open_output
from .tail import Tail


def remux(source: str, target: str, frames: int) -> None:
    """Copy the packets of a video's first frames, nothing encoded anew.

    Raises
    ------
    FrameWriteError
        It cannot be done.
    """
    import av

    tail = Tail(source)
    try:
        with tail.open(source) as old, open_output(target) as new:
            template = old.streams.video[0]
            stream = new.add_stream_from_template(template)
            packets = tail.behind(old.demux(template), template)
            whole = (packet for packet in packets if packet.size and not packet.is_corrupt)
            for packet in itertools.islice(whole, frames):
                if packet.pts is None:  # of a frame that has no container yet
                    packet.pts = packet.dts = 0
                packet.stream = stream
                new.mux(packet)
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise FrameWriteError(f'{source} cannot be made a whole video: {error}') from error


def check_is_copy(source: str, target: str) -> None:
    """FrameReadError where packets of a video that was cut off are not in its copy, bit for bit."""
    import av

    tail = Tail(source)
    try:
        with tail.open(source) as old, open_container(target) as new:
            if old.format.name == 'h264':  # a first frame alone, which is packed otherwise in a container
                return
            there = (bytes(packet) for packet in new.demux(video=0) if packet.size)
            for packet in tail.behind(old.demux(video=0), old.streams.video[0]):
                if packet.size and not packet.is_corrupt and bytes(packet) != next(there, None):
                    raise FrameReadError(f'{target} is no copy of {source}')
    except (av.FFmpegError, OSError, IndexError) as error:
        if isinstance(error, FrameReadError):
            raise
        raise FrameReadError(f'{target} cannot be compared with {source}: {error}') from error
