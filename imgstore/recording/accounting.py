"""Every frame of a camera accounted for: recorded, or lost where and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from .._support.text import count_of
from .protocol import Place

State = Literal['ready', 'recording', 'ended']
_ALL_REASONS = 50
"""Reasons of failed grabs that are listed; there may be any number of texts."""


@dataclass(frozen=True)
class CameraStatus:
    """What became of the frames of one camera so far.

    Attributes
    ----------
    name : str
        Name of the camera in the recording.
    state : {'ready', 'recording', 'ended'}
        'ended': its store is complete.
    reason : str or None
        Why it ended.
    failed : bool
        Whether it ended by an error.
    frames : int
        Frames in the store.
    first_number, last_number : int or None
        Numbers of the first and the last frame that came, recorded or not. A segment after the first one begins after
        the last number of the one before.
    missing : int
        Numbers between them that are not in the store.
    lost : dict
        How many of these were lost where: 'camera', 'transport' or 'queue', our own one.
    failed_grabs : dict
        How many frames did not arrive intact, by reason.
    restarts : int
        How often the camera's counter started again.
    rate : float or None
        Frames per second from the first to the last frame, lost ones included.
    largest_gap : int
        Most numbers missing in a row.
    longest_interval : float
        Most seconds between two frames that came.
    first_time, last_time : float or None
        Times of the first and the last frame that came, in seconds since 1970.
    waiting_bytes : int
        Size of the frames that wait for the store.
    """

    name: str
    state: State
    reason: str | None
    failed: bool
    frames: int
    first_number: int | None
    last_number: int | None
    missing: int
    lost: dict[Place, int]
    failed_grabs: dict[str, int]
    restarts: int
    rate: float | None
    largest_gap: int
    longest_interval: float
    first_time: float | None
    last_time: float | None
    waiting_bytes: int

    def __str__(self) -> str:
        """Return one line for people."""
        places = ', '.join(f'{count} {_PLACES[place]}' for place, count in self.lost.items() if count)
        parts = [count_of(self.frames, 'frame'), f'{self.missing} missing' + (f' ({places})' if places else '')]
        if self.rate is not None:
            parts.append(f'{self.rate:.2f} frames/s')
        if self.largest_gap:
            parts.append(f'largest gap {count_of(self.largest_gap, "frame")}')
        if self.failed_grabs:
            parts.append(f'{count_of(sum(self.failed_grabs.values()), "failed grab")}: {_listed(self.failed_grabs)}')
        return f'{self.name}: {", ".join(parts)}' + (f'; {self.reason}' if self.failed else '')

    def as_plain(self) -> dict[str, Any]:
        """Return it for recording.yaml."""
        left_out = ('name', 'waiting_bytes')
        return {name: value for name, value in vars(self).items() if name not in left_out}


_PLACES: dict[Place, str] = {'camera': 'in the camera', 'transport': 'in transport', 'queue': 'in our queue'}


def _listed(reasons: dict[str, int]) -> str:
    return '; '.join(reason if count == 1 else f'{reason} ({count} times)' for reason, count in reasons.items())


class Accounting:
    """The account of one camera. The thread of the camera keeps it.

    Parameters
    ----------
    gap_place
        Where frames are lost of which the counter has a number, but that never arrived.
    after
        Number of the last frame before, which is accounted for elsewhere.
    """

    def __init__(self, gap_place: Place, after: int | None = None) -> None:
        self._gap_place = gap_place
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None
        self._lost_in_a_row = 0
        self.first_number: int | None = None if after is None else after + 1
        self.last_number = after
        self.lost: Counter[Place] = Counter()
        self.failed_grabs: Counter[str] = Counter()
        self.kept, self.largest_gap, self.longest_interval = 0, 0, 0.0

    def arrived(self, number: int, time: float, is_kept: bool) -> None:
        """Note a frame that arrived, and whether our queue had room for it."""
        self._note_number(number)
        if self._last is not None:
            self.longest_interval = max(self.longest_interval, time - self._last[1])
        self._first = self._first or (number, time)
        self._last = number, time
        if is_kept:
            self.kept += 1
            self._lost_in_a_row = 0
        else:
            self._lose(1, 'queue')

    def _note_number(self, number: int) -> None:
        if self.last_number is None:
            self.first_number = number
        else:
            self._lose(number - self.last_number - 1, self._gap_place)
        self.last_number = number

    def failed(self, reason: str, number: int | None) -> None:
        """Note a frame that did not arrive intact."""
        is_listed = reason in self.failed_grabs or len(self.failed_grabs) < _ALL_REASONS
        self.failed_grabs[reason if is_listed else 'other reasons'] += 1
        if number is not None:
            self._note_number(number)
            self._lose(1, 'transport')

    def ended(self, frames: int) -> None:
        """Compare the frames that were kept with those in the store."""
        self._lost_in_a_row = 0
        self._lose(self.kept - frames, 'queue')
        self.kept = frames

    def _lose(self, count: int, place: Place) -> None:
        if count > 0:
            self.lost[place] += count
            self._lost_in_a_row += count
            self.largest_gap = max(self.largest_gap, self._lost_in_a_row)

    @property
    def first_time(self) -> float | None:
        """Time of the first frame that came, in seconds since 1970."""
        return None if self._first is None else self._first[1]

    @property
    def last_time(self) -> float | None:
        """Time of the last frame that came, in seconds since 1970."""
        return None if self._last is None else self._last[1]

    @property
    def rate(self) -> float | None:
        """Frames per second, lost ones included."""
        if self._first is None or self._last is None:
            return None
        seconds = self._last[1] - self._first[1]
        return (self._last[0] - self._first[0]) / seconds if seconds > 0 else None

    @property
    def missing(self) -> int:
        """Numbers that are not in the store."""
        return sum(self.lost.values())
