"""The video track of a container, and its display rotation."""

from __future__ import annotations

from typing import Any

import numpy as np

HEVC_TAG = 'hvc1'

_ONLY_DECODES = 'libdav1d'  # FFmpeg's decoder of AV1, for which PyAV finds no encoder
_UPRIGHT = (1 << 16, 0, 0, 1 << 16)


def is_avi(container: Any) -> bool:
    """Return whether a PyAV container is an AVI."""
    return bool(container.format.name == 'avi')


def is_mp4(container: Any) -> bool:
    """Return whether a PyAV container is an MP4 or QuickTime file."""
    return 'mp4' in container.format.name.split(',')


def video_streams(container: Any) -> list[Any]:
    """Return the video streams of a container; cover pictures only if alone."""
    from av.stream import Disposition

    streams = list(container.streams.video)
    return [stream for stream in streams if not stream.disposition & Disposition.attached_pic] or streams


def video_stream(container: Any) -> Any:
    """Return the first video stream of a PyAV container, skipping cover pictures.

    Raises IndexError.
    """
    return video_streams(container)[0]


def copied_stream(container: Any, template: Any) -> Any:
    """Add a stream for packets of another container.

    That of HEVC gets the tag by which players of Apple know it.
    """
    name = template.codec_context.name
    stream = container.add_stream_from_template(template, opaque=name == _ONLY_DECODES)
    if name == 'hevc' and is_mp4(container):
        stream.codec_context.codec_tag = HEVC_TAG
    return stream


def is_turned(frame: Any) -> bool:
    """Return whether a PyAV frame is displayed rotated or mirrored."""
    matrix = frame.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return False
    values = np.frombuffer(matrix, np.int32)
    return tuple(values[[0, 1, 3, 4]].tolist()) != _UPRIGHT
