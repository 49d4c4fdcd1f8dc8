"""Which of a container's tracks is the video, and how it asks to be shown."""

from __future__ import annotations

from typing import Any

import numpy as np

_UPRIGHT = (1 << 16, 0, 0, 1 << 16)


def is_avi(container: Any) -> bool:
    """Whether a PyAV container is an AVI."""
    return bool(container.format.name == 'avi')


def is_mp4(container: Any) -> bool:
    """Whether a PyAV container is an MP4 or QuickTime file."""
    return 'mp4' in container.format.name.split(',')


def video_streams(container: Any) -> list[Any]:
    """Video streams of a PyAV container, without cover pictures where there is a video beside them."""
    from av.stream import Disposition

    streams = list(container.streams.video)
    return [stream for stream in streams if not stream.disposition & Disposition.attached_pic] or streams


def video_stream(container: Any) -> Any:
    """The first video stream of a PyAV container that is no cover picture; IndexError without one."""
    return video_streams(container)[0]


def is_turned(frame: Any) -> bool:
    """Whether a frame of PyAV asks to be shown turned or mirrored."""
    matrix = frame.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return False
    values = np.frombuffer(matrix, np.int32)
    return tuple(values[[0, 1, 3, 4]].tolist()) != _UPRIGHT
