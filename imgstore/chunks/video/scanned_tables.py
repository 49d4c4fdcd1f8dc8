"""Frame tables of remote videos whose containers list too little.

Each video is read in sequence once.
"""

from __future__ import annotations

from collections.abc import Callable

from ..._support.warn import warn
from ...errors import ImgStoreWarning
from ...remote import files as remote
from ...remote.files import RemoteStatus
from .frame_table import FrameTable

_MOST = 32  # tables in memory
_tables: dict[tuple[str, RemoteStatus, int | None], FrameTable | None] = {}


def scanned_table(url: str, frames: int | None, scan: Callable[[], FrameTable | None]) -> FrameTable | None:
    """Return the table of a remote video.

    Unless that was done, scan it with a warning.

    Parameters
    ----------
    url : str
        The video.
    frames : int or None
        Expected number of frames.
    scan : callable
        Reads the video, and returns its table, None without display times.
    """
    key = url, remote.status(url), frames
    if key not in _tables:
        warn(ImgStoreWarning(f'{url} is read in sequence once: its container lists too little'))
        _tables[key] = scan()
        for oldest in list(_tables)[:-_MOST]:
            _tables.pop(oldest, None)
    return _tables[key]
