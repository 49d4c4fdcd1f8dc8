"""Display times of reordered frames in the index of an MP4, ISO/IEC 14496-12."""

from __future__ import annotations

import os
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ..._support.regular_files import open_regular
from ...remote.urls import is_url
from .container_checks import path_of_url
from .mp4_boxes import boxes_in, read_exactly
from .tracks import is_mp4

_MOST_RUNS = 2**24
_RUNS = np.dtype([('count', '>u4'), ('delay', '>i4')])


def display_delays(stream: Any) -> npt.NDArray[np.int64] | None:
    """Return by how much each frame is shown later than it is decoded.

    Parameters
    ----------
    stream : av.VideoStream
        The video.

    Returns
    -------
    delays : ndarray of int64, shape (n,), or None
        In units of the stream's time base, in the order of the packets. None if the file is at a URL, is no MP4, has
        several videos, or does not say.
    """
    path = path_of_url(stream.container.name)
    if is_url(path) or not is_mp4(stream.container):
        return None
    try:
        with open_regular(path, buffering=0) as file:
            return _delays_in(file)
    except (OSError, ValueError):
        return None


def _delays_in(file: IO[bytes]) -> npt.NDArray[np.int64] | None:
    tracks: list[dict[bytes, int]] = []
    for name, place in boxes_in(file, 0, os.fstat(file.fileno()).st_size):
        if name == b'tkhd':
            tracks.append({})
        if tracks:
            tracks[-1][name] = place
    videos = [track for track in tracks if b'hdlr' in track and read_exactly(file, track[b'hdlr'] + 8, 4) == b'vide']
    if len(videos) != 1 or b'ctts' not in videos[0]:
        return None
    return _unrolled(file, videos[0][b'ctts'])


def _unrolled(file: IO[bytes], box: int) -> npt.NDArray[np.int64] | None:
    """Return the delays of all frames.

    None if some are negative: FFmpeg shifts those.
    """
    count = int.from_bytes(read_exactly(file, box + 4, 4), 'big')
    if count > _MOST_RUNS:
        return None
    runs = np.frombuffer(read_exactly(file, box + 8, count * _RUNS.itemsize), _RUNS)
    if not count or runs['delay'].min() < 0 or int(runs['count'].sum(dtype=np.int64)) > _MOST_RUNS:
        return None
    return np.repeat(runs['delay'].astype(np.int64), runs['count'])
