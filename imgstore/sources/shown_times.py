"""When the frames of a video are shown, where its timestamps may be those of decoding."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

_LONGEST = 16  # frames; H.264 and HEVC move none further
_GUESSED_IN_AVI = ('h264', 'hevc', 'png')
"""Of these FFmpeg takes the time of the next packet: AVI has the times of decoding alone."""

Timed = tuple[Any, int, float]
"""A frame, its number, and its time in seconds."""


class _Pool:
    """The timestamps of all packets in ascending order; those that were taken are forgotten."""

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._taken = 0
        self._is_complete = True

    def add(self, stamp: int | None) -> None:
        """Note the timestamp of a packet."""
        if stamp is None:
            self._is_complete = False
        elif self._is_complete:
            heapq.heappush(self._heap, stamp)

    def take(self, number: int) -> int | None:
        """Give the timestamp that has this place; places ascend. None if there is none."""
        found = None
        while self._heap and self._taken <= number:
            found, self._taken = heapq.heappop(self._heap), self._taken + 1
        return found if self._is_complete and self._taken == number + 1 else None


class ShownTimes:
    """Gives frames their times.

    A frame has the timestamp of its own packet, as long as these ascend in the order of showing. From where they go
    back, they are those of decoding: each frame then has the timestamp that is next in ascending order. Frames for
    which that may still prove true are held back. Frames before the first timestamp, and those of a video without any,
    come at the stream's rate.

    Parameters
    ----------
    unit : Fraction or None
        Of the timestamps, in seconds.
    rate : Fraction
        Frames a second.
    container, codec : str
        Their names: in AVI, the first frame is shown when it is decoded.
    """

    def __init__(self, unit: Fraction | None, rate: Fraction, container: str = '', codec: str = '') -> None:
        self._is_avi = container == 'avi'
        self._is_guessed = self._is_avi and codec in _GUESSED_IN_AVI
        self._delay: int | None = None
        self._unit, self._interval = unit or Fraction(1), 1 / rate
        self._ranks = (_Pool(), _Pool())  # by presentation, by decoding
        self._coming: Counter[int] = Counter()  # timestamps of packets of which no frame came yet
        self._held: deque[tuple[Any, int, int | None]] = deque()
        self._latest: int | None = None
        self._is_ranked = self._is_untimed = False
        self._last: tuple[int, Fraction] | None = None

    def note(self, packet: Any) -> None:
        """Note a packet that is to be shown, before it is decoded; a timestamp that FFmpeg guessed is corrected."""
        if self._is_guessed:
            packet.pts = packet.dts
        if self._delay is None:
            known = self._is_avi and None not in (packet.pts, packet.dts)
            self._delay = packet.pts - packet.dts if known else 0
        for rank, stamp in zip(self._ranks, (packet.pts, packet.dts), strict=True):
            rank.add(stamp)
        if packet.pts is not None and not self._is_ranked:
            self._coming[packet.pts] += 1

    def of(self, frame: Any, number: int) -> Iterator[Timed]:
        """Take the frame that is shown next; gives those whose times are known now."""
        stamp = frame.pts
        self._held.append((frame, number, stamp))
        if self._latest is not None and (stamp is None or stamp < self._latest):
            self._is_ranked = True
        if stamp is not None:
            self._coming[stamp] -= 1
            self._latest = stamp if self._latest is None else max(stamp, self._latest)
        self._is_untimed = self._is_untimed or (self._latest is None and len(self._held) > _LONGEST)
        while self._held and (self._is_known() or len(self._held) > _LONGEST):
            yield self._release()

    def rest(self) -> Iterator[Timed]:
        """Give the frames that are still held back."""
        while self._held:
            yield self._release()

    def _is_known(self) -> bool:
        stamp = self._held[0][2]
        if stamp is None or self._is_ranked:
            return self._is_untimed or self._latest is not None
        return not any(count > 0 and other < stamp for other, count in self._coming.items())

    def _release(self) -> Timed:
        frame, number, stamp = self._held.popleft()
        ranked = [rank.take(number) for rank in self._ranks]
        if self._is_ranked:
            stamp = next((found for found in ranked if found is not None), None)
        elif stamp is not None:
            self._coming = Counter({other: n for other, n in self._coming.items() if n > 0 and other > stamp})
        time = None if stamp is None or self._is_untimed else (stamp - (self._delay or 0)) * self._unit
        if time is None or (self._is_ranked and self._last is not None and time <= self._last[1]):
            time = self._at_rate(number)
        self._last = number, time
        return frame, number, float(time)

    def _at_rate(self, number: int) -> Fraction:
        if self._last is not None:
            return self._last[1] + (number - self._last[0]) * self._interval
        later = next(((other, stamp) for _, other, stamp in self._held if stamp is not None), None)
        if later is None or self._is_untimed:
            return number * self._interval
        return later[1] * self._unit - (later[0] - number) * self._interval
