"""A video that was cut off, made whole again: its packets in a container that is closed."""

from __future__ import annotations

import itertools

from ..errors import FrameWriteError


def remux(source: str, target: str, frames: int) -> None:
    """Copy the packets of a video's first frames, nothing encoded anew.

    Raises
    ------
    FrameWriteError
        It cannot be done.
    """
    import av

    try:
        with av.open(source) as old, av.open(target, 'w') as new:
            stream = new.add_stream_from_template(old.streams.video[0])
            whole = (packet for packet in old.demux(video=0) if packet.size and not packet.is_corrupt)
            for packet in itertools.islice(whole, frames):
                packet.stream = stream
                new.mux(packet)
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise FrameWriteError(f'{source} cannot be made a whole video: {error}') from error
