"""Recordings in segments: a folder each, and no frame lost between them."""

from __future__ import annotations

import contextlib
import os
import threading
from bisect import insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .accounting import Accounting, CameraStatus
from .device_clock import ClockSegment
from .protocol import Place
from .session_file import SessionFile


class Border(NamedTuple):
    """The begin of a segment, between two frames in the queue of a camera."""

    number: int
    account: Accounting

    @property
    def nbytes(self) -> int:
        """Its size, which does not count."""
        return 0


class Cutter:
    """Cuts the recording of one camera. The thread of the camera calls it.

    Parameters
    ----------
    seconds
        Duration of a segment. None: it is never cut.
    gap_place
        As in `Accounting`.

    Attributes
    ----------
    begin : float
        Time of the begin of the recording in seconds since 1970.
    account : Accounting
        Of the current segment.
    """

    def __init__(self, seconds: float | None, gap_place: Place) -> None:
        self._seconds, self._gap_place = seconds, gap_place
        self._index, self.begin = 0, 0.0
        self.account = Accounting(gap_place)

    def cut(self, at: float) -> Border | None:
        """Return the border before a frame, if its time is in a later segment."""
        index = 0 if self._seconds is None else int((at - self.begin) // self._seconds)
        if index <= self._index:
            return None
        self._index = index
        self.account = Accounting(self._gap_place, after=self.account.last_number)
        return Border(index, self.account)


@dataclass(frozen=True)
class SegmentPart:
    """What one camera recorded in one segment.

    Attributes
    ----------
    name, source, format : str
        Of the camera.
    description : mapping
        What the camera says of itself.
    final : CameraStatus
        What became of the frames of the segment.
    clock_segments : list of ClockSegment
        The lines from the camera's clock to UTC so far.
    """

    name: str
    source: str
    format: str
    description: Mapping[str, Any]
    final: CameraStatus
    clock_segments: list[ClockSegment]

    def status(self) -> CameraStatus:
        """Return what became of its frames."""
        return self.final


class _Segment(NamedTuple):
    file: SessionFile
    parts: dict[str, SegmentPart]


class SegmentFolders:
    """The folders of all segments, each with its recording.yaml.

    That of a segment is complete after all cameras have left it. The threads of all stores call this.

    Parameters
    ----------
    folder
        Of the recording.
    cameras
        Names of all cameras.
    new_file
        Makes the file of a segment in its folder.
    on_new
        Called after a segment has begun.
    """

    def __init__(
        self,
        folder: str,
        cameras: Iterable[str],
        new_file: Callable[[str], SessionFile],
        on_new: Callable[[], None],
    ) -> None:
        self._folder, self._new_file, self._on_new = folder, new_file, on_new
        self._lock = threading.Lock()
        self._at: dict[str, float] = dict.fromkeys(cameras, -1)
        self._open: dict[int, _Segment] = {}
        self.names: list[str] = []

    def enter(self, camera: str, index: int) -> str:
        """Note that a camera begins a segment; return the folder of its store.

        Raises
        ------
        OSError
            The folder cannot be created.
        """
        with self._lock:
            self._at[camera] = index
            path = os.path.join(self._folder, segment_name(index))
            if index not in self._open:
                os.makedirs(path, exist_ok=True)
                self._open[index] = _Segment(self._new_file(path), {})
                self._open[index].file.begin([])
                insort(self.names, segment_name(index), key=lambda name: (len(name), name))
                self._on_new()
            self._finish_left()
            return os.path.join(path, camera)

    def leave(self, index: int, part: SegmentPart, is_last: bool) -> None:
        """Keep what a camera recorded in a segment; ``is_last``: it records no other."""
        with self._lock:
            if is_last:
                self._at[part.name] = float('inf')
            segment = self._open.get(index)
            if segment is not None:
                segment.parts[part.name] = part
                with contextlib.suppress(OSError):  # on a full disk; its end has a reserve
                    segment.file.write(list(segment.parts.values()))
            self._finish_left()

    def _finish_left(self) -> None:
        for index in [index for index in self._open if index < min(self._at.values())]:
            segment = self._open.pop(index)
            segment.file.finish(list(segment.parts.values()), ())


def segment_name(index: int) -> str:
    """Return the name of the folder of a segment, from 0."""
    return f'segment-{index + 1:04d}'
