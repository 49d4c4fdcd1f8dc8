"""All recordings of cameras below a folder, with the sums of their stores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._support.regular_files import read_regular
from ..align.recorded import RECORDING_FILENAME, RecordedCamera, recorded
from ..errors import CorruptFileError
from ..ondisk.files import StrPath
from .listing import StoreRow, recording_folders

_MAX_BYTES = 2**24  # of recording.yaml


@dataclass(frozen=True)
class CameraRow:
    """A camera of a recording, in short.

    Attributes
    ----------
    name : str
        Name of the camera.
    stores : int
        Number of its stores. A segment without a frame has none.
    frames : int
        Number of frames in its stores that can be read.
    missing_numbers : int or None
        Number of missing frame numbers in its stores and from each to the next. None if a store cannot be read.
    failure : str or None
        Error that ended the camera.
    """

    name: str
    stores: int
    frames: int
    missing_numbers: int | None
    failure: str | None


@dataclass(frozen=True)
class RecordingRow:
    """A recording of cameras below a folder, in short.

    Attributes
    ----------
    path : str
        Path of the folder with recording.yaml, below the given one.
    state : {'ended', 'live', 'killed', 'unreadable'}
        'live': a recorder runs. 'killed': it did not complete recording.yaml. 'unreadable': that file is damaged.
    problem : str or None
        Reason of the last two states.
    segments : int or None
        Number of segments. None: it is not in segments.
    cameras : tuple of CameraRow
        The cameras.
    """

    path: str
    state: str
    problem: str | None = None
    segments: int | None = None
    cameras: tuple[CameraRow, ...] = ()


def list_recordings(rows: Sequence[StoreRow], *folders: StrPath) -> list[RecordingRow]:
    """List the recordings in folders and below them.

    Segments are part of their recording.

    Parameters
    ----------
    rows : sequence of StoreRow
        The stores by `list_stores`, for the same folders.
    *folders : str or PathLike
        The folders.

    Returns
    -------
    list of RecordingRow
        The recordings, sorted by path.

    Examples
    --------
    >>> from imgstore.overview import list_recordings, list_stores
    >>> with imgstore.record(['test:64x48,fps=100,drop=2-3'], 'rig', 'npy', frames=5) as recording:
    ...     recording.wait()
    True
    >>> [found] = list_recordings(list_stores('rig'), 'rig')
    >>> found.state, [(camera.frames, camera.missing_numbers) for camera in found.cameras]
    ('ended', [(5, 2)])
    """
    by_path = {os.path.realpath(row.path): row for row in rows}
    segments: set[str] = set()
    found: list[RecordingRow] = []
    for folder in recording_folders(*folders):  # each before its segments
        if os.path.realpath(folder) not in segments:
            found += _recordings(folder, by_path, segments)
    return found


def _recordings(folder: str, rows: dict[str, StoreRow], segments: set[str]) -> Iterator[RecordingRow]:
    """Yield the recording in a folder, if it is one; add its segments."""
    try:
        content = recorded(folder)
    except (CorruptFileError, OSError) as error:
        if _is_ours(folder):
            yield RecordingRow(folder, 'unreadable', str(error))
        return
    segments.update(os.path.realpath(os.path.join(folder, each)) for each in content.segments or ())
    yield RecordingRow(
        folder,
        content.state,
        'its recorder was killed' if content.state == 'killed' else None,
        None if content.segments is None else len(content.segments),
        tuple(_camera(name, camera, rows) for name, camera in content.cameras.items()),
    )


def _is_ours(folder: str) -> bool:
    """Return whether recording.yaml is not another program's."""
    try:
        return b'software: imgstore' in read_regular(os.path.join(folder, RECORDING_FILENAME), _MAX_BYTES)
    except OSError:
        return True


def _camera(name: str, camera: RecordedCamera, rows: dict[str, StoreRow]) -> CameraRow:
    own = [rows[path] for path in map(os.path.realpath, camera.stores) if path in rows]
    frames = sum(row.frames or 0 for row in own)
    failures = filter(None, [camera.failure, *(row.failure for row in own)])  # a killed recorder may lack the first
    return CameraRow(name, len(own), frames, _missing(own), next(failures, None))


def _missing(rows: list[StoreRow]) -> int | None:
    """Return how many numbers are missing in stores and from each to the next."""
    inside = [row.missing_numbers for row in rows if row.missing_numbers is not None]
    if len(inside) < len(rows):
        return None
    firsts = [row.first_number for row in rows if row.first_number is not None]
    lasts = [row.last_number for row in rows if row.last_number is not None]
    return sum(inside) + sum(max(first - last - 1, 0) for last, first in zip(lasts, firsts[1:], strict=False))
