"""Display times of a video's frames, if its timestamps may be decoding times."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from .damaged_stamps import damaged

_AHEAD = 8  # frames needed to see why timestamps go back
_BEFORE = 4  # earlier frames for comparison
_PAUSE = 4  # frames; the next timestamp confirms a longer pause
_LONGEST = 16  # frames; the furthest reordering in H.264 and HEVC
_GUESSED_IN_AVI = ('h264', 'hevc', 'png')
"""Codecs with the next packet's time in FFmpeg, since AVI has only decoding times."""

Timed = tuple[Any, int, float]
"""A frame, its number, and its time in seconds."""


class _Pool:
    """Unused timestamps of all packets, in ascending order."""

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._taken = 0
        self._is_complete = True

    def add(self, stamp: int | None) -> None:
        """Add the timestamp of a packet."""
        if stamp is None:
            self._is_complete = False
        elif self._is_complete:
            heapq.heappush(self._heap, stamp)

    def forget(self, stamp: int) -> None:
        """Drop a damaged timestamp, but count it as used."""
        if stamp in self._heap:
            self._heap.remove(stamp)
            heapq.heapify(self._heap)
            self._taken += 1

    def take(self, number: int) -> int | None:
        """Return the timestamp at this position, or None. Positions must ascend."""
        found = None
        while self._heap and self._taken <= number:
            found, self._taken = heapq.heappop(self._heap), self._taken + 1
        return found if self._is_complete and self._taken == number + 1 else None


class ShownTimes:
    """Assigns display times to frames.

    A frame has the timestamp of its own packet, as long as these ascend in display order. If they go back, one of them
    may be damaged; it is estimated from those around it. Otherwise all further ones are decoding times: each frame gets
    the next timestamp in ascending order. Frames are held back until this is decided. Frames before the first
    timestamp, and those of a video without any, follow at the stream's rate.

    Parameters
    ----------
    unit : Fraction or None
        Time unit of the timestamps in seconds.
    rate : Fraction
        Frames per second.
    container : str
        Name of the container. In AVI, the first frame is displayed when decoded.
    codec : str
        Name of the codec.

    Attributes
    ----------
    estimated : list of int
        Numbers of the frames with damaged timestamps.
    """

    def __init__(self, unit: Fraction | None, rate: Fraction, container: str = '', codec: str = '') -> None:
        self._is_avi = container == 'avi'
        self._is_guessed = self._is_avi and codec in _GUESSED_IN_AVI
        self._delay: int | None = None
        self._unit, self._interval = unit or Fraction(1), 1 / rate
        self._ranks = (_Pool(), _Pool())  # by presentation time, by decoding time
        self._coming: Counter[int] = Counter()  # timestamps of packets without a frame so far
        self._held: deque[tuple[Any, int, int | Fraction | None]] = deque()
        self._given: deque[tuple[int, int | Fraction]] = deque(maxlen=_BEFORE)
        self._latest: int | Fraction | None = None
        self._is_ranked = self._is_untimed = False
        self._unclear = 0  # frames since timestamps went back
        self.estimated: list[int] = []
        self._last: tuple[int, Fraction] | None = None

    def note(self, packet: Any) -> None:
        """Note a packet before decoding; a timestamp guessed by FFmpeg is corrected."""
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
        """Take the next displayed frame; yield frames with known times."""
        stamp = frame.pts
        self._held.append((frame, number, stamp))
        if self._unclear or (stamp is not None and self._latest is not None and stamp < self._latest):
            self._unclear += not self._is_ranked
        if stamp is not None:
            self._coming[stamp] -= 1
            self._latest = stamp if self._latest is None else max(stamp, self._latest)
        self._is_untimed = self._is_untimed or (self._latest is None and len(self._held) > _LONGEST)
        if self._unclear > _AHEAD:
            self._clear_up()
        while self._held and (self._is_known() or len(self._held) > _LONGEST):
            yield self._release()

    def rest(self) -> Iterator[Timed]:
        """Yield the frames held back."""
        if self._unclear:
            self._clear_up()
        while self._held:
            yield self._release()

    def _is_known(self) -> bool:
        stamp = self._held[0][2]
        if self._unclear:
            return False
        if stamp is None or self._is_ranked:
            return self._is_untimed or self._latest is not None
        if len(self._held) == 1 and self._is_behind_a_pause(stamp):
            return False
        return not any(count > 0 and other < stamp for other, count in self._coming.items())

    def _is_behind_a_pause(self, stamp: int | Fraction) -> bool:
        return not self._given or (stamp - self._given[-1][1]) * self._unit > _PAUSE * self._interval

    def _clear_up(self) -> None:
        """Decide whether some timestamps are damaged or all are decoding times."""
        self._unclear = 0
        held = [(number, stamp) for _, number, stamp in self._held if stamp is not None]
        wrong = damaged([*self._given, *held])
        if wrong is None or not wrong <= {number for number, _ in held}:
            self._is_ranked = True
            return
        self.estimated += sorted(wrong)
        for number, stamp in held:
            if number in wrong:
                self._ranks[0].forget(int(stamp))
        sound = [*self._given, *((number, stamp) for number, stamp in held if number not in wrong)]
        self._held = deque(
            (frame, number, self._estimate(number, sound) if number in wrong else stamp)
            for frame, number, stamp in self._held
        )
        self._latest = max(stamp for _, stamp in sound)

    def _estimate(self, number: int, sound: list[tuple[int, int | Fraction]]) -> Fraction:
        """Estimate a timestamp from those of the frames around it."""
        before = [stamp for stamp in sound if stamp[0] < number][-1:]
        behind = [stamp for stamp in sound if stamp[0] > number][:1]
        if before and behind:
            (first, begin), (last, end) = before[0], behind[0]
            return Fraction(begin) + Fraction(end - begin) * (number - first) / (last - first)
        other, stamp = (before or behind)[0]
        return Fraction(stamp) + (number - other) * self._interval / self._unit

    def _release(self) -> Timed:
        frame, number, stamp = self._held.popleft()
        ranked = [rank.take(number) for rank in self._ranks]
        if self._is_ranked:
            stamp = next(iter(found for found in ranked if found is not None), None)
        elif stamp is not None:
            self._coming = Counter({other: n for other, n in self._coming.items() if n > 0 and other > stamp})
            self._given.append((number, stamp))
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
