"""Frame tables of videos during writing.

One reader counts the frames of such a video after each change, and the next one reads them. Both need the table, and
its scan reads all of the file. So the second one takes the table of the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from ...ondisk.files import is_partial
from .container_rate import timing_bytes
from .frame_table import FrameTable

_MOST = 32  # tables in memory


class _Scanned(NamedTuple):
    file: tuple[int, int]
    size: int
    timing: bytes
    table: FrameTable


_tables: dict[str, _Scanned] = {}


def table_of_open(path: str, frames: int | None, scan: Callable[[], FrameTable | None]) -> FrameTable | None:
    """Return the table of a local video, from an earlier scan if possible.

    A scan is enough if it found the frames. Frames are only appended while a video is open.
    Its name or the times in its header change when it is finished.

    Parameters
    ----------
    path : str
        The video.
    frames : int or None
        Expected number of frames.
    scan : callable
        Reads the video, and returns its table, None without display times.
    """
    status = _status(path) if frames is not None and is_partial(os.path.basename(path)) else None
    if status is None or frames is None:
        return scan()
    file, size, timing = status
    known = _tables.get(path)
    if known and known.file == file and known.size <= size and known.timing == timing and len(known.table) >= frames:
        return known.table
    table = scan()
    if table is not None and not table.missing and len(table) >= frames:
        _tables.pop(path, None)
        _tables[path] = _Scanned(file, size, timing, table)
        for oldest in list(_tables)[:-_MOST]:
            _tables.pop(oldest, None)
    return table


def forget_table(path: str) -> None:
    """Forget the table of a video, so that it is scanned again."""
    _tables.pop(path, None)


def _status(path: str) -> tuple[tuple[int, int], int, bytes] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino), status.st_size, timing_bytes(path)
