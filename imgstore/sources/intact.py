"""The frames of a video stream, each with its number; damaged ones are left out, and leave their numbers free."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..chunks.video.decoder_log import Log, errors_in, lacks_reference, logged_errors
from ..chunks.video.h264_references import ReferenceCheck
from .damage import Damage
from .demuxed import Demuxed
from .steady import Numbering

_CHAINED = frozenset(('ffv1',))
"""Intra only as FFmpeg sees it, yet what was learned from one frame is used for the next."""

_TELL_IN_LOG = frozenset(('ffv1', 'gif', 'png', 'apng', 'h264'))
"""Decoders that tell of damage in the log alone, and log no other errors."""

_STRICT = frozenset(('hevc',))
"""Decoders that tell of a missing reference if they are strict, and of that alone."""

_UNKNOWN_IN_H264 = 'mmco: unref short failure'
"""What the decoder of H.264 logs of a reference that may go, and that never came."""

_FIELDS = 0.6  # frames a packet; fewer where each packet is a field
_DELAY = 32  # packets after which no frame of one is expected any more, where their times do not tell
_GAP, _TEAR = object(), object()
_Entry = tuple[float, int, int, Any]
"""When it is shown, order of arrival, number of its packet, and a frame; None: it is lost. Or `_GAP`, or `_TEAR`."""


@dataclass
class _Sent:
    """The packets that the decoder got and gave no frame of yet: their presentation times, or None."""

    times: dict[int, int | None] = field(default_factory=dict)

    def is_due_before(self, number: int, time: float) -> bool:
        """Whether an earlier packet is shown later than ``time``: its damage would be known only then."""
        return any(other < number and (other > max(self.times) - _DELAY if at is None else at > time)
                   for other, at in self.times.items())

    def drop_until(self, time: float) -> list[float]:
        """Forget the packets shown before ``time``; returns their times."""
        found = [(number, at) for number, at in self.times.items() if at is not None and at < time]
        for number, _ in found:
            del self.times[number]
        return [float(at) for _, at in found]


class IntactFrames:
    """Decodes a stream, and gives the frames that nothing is wrong with.

    A frame is lost if its packet is damaged, if the decoder reports an error or marks the frame as corrupt, and if it
    may be made from such a frame: those are all up to the next keyframe. What a decoder makes up is never given.

    Parameters
    ----------
    container, stream
        Of PyAV; nothing was read yet.
    note : callable
        Is given each packet that is to be shown, before its frame.
    distrusts_end : bool
        The last packet may be incomplete without a mark, and is left out.
    damage : Damage, optional
        Where the container is damaged.
    is_damaged : callable, optional
        Whether a packet's content is damaged though the decoder does not see it.

    Attributes
    ----------
    lost : list of int
        Numbers of the frames that are lost.
    following : int
        The number after the last frame.
    error : str or None
        Why the container could not be read to its end.
    is_torn : bool
        The container is damaged between frames.
    end : int
        Where the last packet ends in the file, in bytes.
    """

    def __init__(self, container: Any, stream: Any, note: Callable[[Any], None],
                 distrusts_end: bool = False, damage: Damage | None = None,
                 is_damaged: Callable[[bytes], bool] = lambda data: False) -> None:
        self._container, self._stream, self._context = container, stream, stream.codec_context
        codec = self._context.codec
        self._name = self._context.name
        self._all_keys = codec.intra_only and self._name not in _CHAINED
        self._is_guessed = container.format.name == 'avi' and not self._all_keys  # times are, from later packets
        self._context.thread_count = 1  # several lose errors
        self._references = ReferenceCheck(bytes(self._context.extradata or b'')) if self._name == 'h264' else None
        self._context.copy_opaque = True
        self._context.options = _options(codec)
        self._demuxed = Demuxed(container, stream, distrusts_end, damage)
        self._note, self._check = note, is_damaged
        self.is_torn = False
        self._numbering = Numbering(_usual_interval(stream))
        self._heap: list[_Entry] = []
        self._sent, self._count, self._arrivals = _Sent(), itertools.count(), itertools.count()
        self._shown = self._latest = -math.inf  # all that is shown up to there has come; time of the latest frame
        self._waiting = self._resumes = False  # for a keyframe; with the next packet
        self._resumed: tuple[int, float] | None = None  # a keyframe; what is shown before it is made from what is lost
        self._key, self._groups = (-1, -math.inf), 0  # the latest keyframe; how many since decoding began
        self._packets, self._frames, self._share = 0, 0, 1.0
        self._tells_times = True  # until the decoder gives a frame that is shown before the last one

    @property
    def lost(self) -> list[int]:
        """Numbers of the frames that are lost."""
        return self._numbering.lost

    @property
    def unsure(self) -> int | None:
        """From which number on they may be too small."""
        return self._numbering.unsure

    @property
    def error(self) -> str | None:
        """Why the container could not be read to its end."""
        return self._demuxed.error

    @property
    def end(self) -> int:
        """Where the last packet ends in the file, in bytes."""
        return self._demuxed.end

    @property
    def following(self) -> int:
        """The number after the last frame."""
        return self._numbering.following

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        """Give the frames of PyAV and their numbers."""
        with logged_errors() as log:
            for packet in self._demuxed.packets(log):
                if packet is None:
                    self._tear()
                    continue
                if not packet.is_discard:
                    self._packets += 1
                    self._note(packet)
                gap = self._references is not None and self._references.lacks_one(bytes(packet))
                if self._waiting and not self._starts(packet):
                    self._lose(packet)
                    continue
                self._decode(packet, log, gap)
                yield from self._ready()
            self._decode(None, log)
        self._shown = math.inf
        self._sent.times.clear()
        yield from self._ready() if self.error is None else self._up_to_a_hole()
        self._numbering.end()

    def _up_to_a_hole(self) -> Iterator[tuple[Any, int]]:
        """Give the last frames of a video that is cut off: some are shown behind others that never came."""
        expected = self.following
        for frame, number in self._ready():
            if number != expected:
                break
            yield frame, number
            expected += 1
        self._numbering.cut(expected)

    # --- packets

    def _tear(self) -> None:
        """Note that the demuxer passed over damage: packets may be lost, of which others were made."""
        self.is_torn = True
        if not self._all_keys and self._packets:
            self._give_up(next(self._count), drain=True)
        self._push(self._latest, -1, _TEAR)

    def _starts(self, packet: Any) -> bool:
        """Whether decoding can begin anew at a packet."""
        if self._demuxed.is_damaged(packet) or not (packet.is_keyframe or self._all_keys):
            return False
        self._waiting, self._resumes = False, True
        return True

    def _time_of(self, of: Any) -> int | None:
        """When a packet or a frame is shown; None where the container does not tell."""
        time: int | None = of.pts
        return time if self._tells_times else None

    def _decode(self, packet: Any, log: Log, gap: bool = False) -> None:
        import av

        number = next(self._count)
        log.clear()
        sound = packet is None or not self._demuxed.is_damaged(packet)
        frames: list[Any] = []
        if packet is not None:
            packet.opaque, time = number, self._time_of(packet)
            if packet.is_keyframe:
                self._groups += 1
                self._key = (number, math.inf if time is None else time)
            if self._resumes:
                self._resumed, self._resumes = (number, math.inf if time is None else time), False
            if not packet.is_discard:
                self._sent.times[number] = time
        try:
            frames = self._context.decode(packet) if sound else []
        except av.FFmpegError:
            sound = False
        sound = sound and not self._is_told(log, packet, gap) and (packet is None or not self._check(bytes(packet)))
        if not sound and self._leads(packet):
            self._resumed, sound = self._key, True
        damaged = [number] * (not sound)
        for frame in frames:
            damaged += self._take(frame, normally=packet is not None or not (self.error or self.is_torn))
        if damaged:
            self._give_up(min(damaged), drain=packet is not None)

    def _is_told(self, log: Log, packet: Any, gap: bool) -> bool:
        """Whether a packet is damaged, as the log tells, or made from one that is missing."""
        if self._name not in _TELL_IN_LOG:
            return lacks_reference(log)
        told = errors_in(log, self._name)
        if self._name == 'h264' and self._groups <= 1:  # what came before the first keyframe is missing
            gap &= packet is not None and not packet.is_keyframe
            told = [text for text in told if not text.startswith(_UNKNOWN_IN_H264)]
        return gap or bool(told)

    def _leads(self, packet: Any) -> bool:
        """Whether a packet is shown before the first frame, a keyframe: it misses what came before the file."""
        time = None if packet is None else self._time_of(packet)
        return time is not None and not self._frames and time < self._key[1] < math.inf

    # --- what the decoder gives

    def _take(self, frame: Any, normally: bool = True) -> list[int]:
        """Note a frame, in the order of the decoder; returns the number of its packet if it is damaged."""
        number = frame.opaque if isinstance(frame.opaque, int) else -1
        self._sent.times.pop(number, None)
        if frame.pts is not None and frame.pts < self._latest and self._tells_times:
            self._tells_times, self._sent.times = False, dict.fromkeys(self._sent.times)
        shown = self._time_of(frame)
        time = self._latest if shown is None else max(self._latest, float(shown))
        if self._resumed is not None and number != self._resumed[0] and (shown is None or shown < self._resumed[1]):
            self._push(self._latest if shown is None else float(shown), number, None)
            return []
        if not normally and self._is_guessed:
            self._push(self._latest, number, None)
            return []
        self._latest = time
        if normally:
            missing = self._sent.drop_until(time)
            for other in missing if self._resumed is not None else ():
                self._push(other, number, None)
            self._resumed = None
            self._shown = max(self._shown, time)
        else:  # what is shown between these frames may never have come
            self._push(time, -1, _GAP)
        self._frames += 1
        self._push(time, number, frame)
        return [number] if frame.is_corrupt else []

    def _push(self, time: float, number: int, frame: Any) -> None:
        heapq.heappush(self._heap, (time, next(self._arrivals), number, frame))

    def _give_up(self, damaged: int, drain: bool) -> None:
        """Lose the frames from a packet on, up to the next keyframe."""
        import av

        if drain:
            with contextlib.suppress(av.FFmpegError):
                for frame in self._context.decode(None):
                    self._take(frame, normally=False)
        self._heap = [(time, order, number, None if number >= damaged else frame)
                      for time, order, number, frame in self._heap]
        heapq.heapify(self._heap)
        lost = [time for _, time in sorted(self._sent.times.items())]
        packets = self._packets - len(lost)
        if not self._waiting:
            self._share = 0.5 if packets > 4 and self._frames < _FIELDS * packets else 1.0
        for time in lost[:round(len(lost) * self._share)]:
            self._push(self._shown if time is None else float(time), damaged, None)
        self._sent.times.clear()
        self._context.flush_buffers()
        self._waiting, self._resumes, self._resumed, self._groups = True, False, None, 0

    def _lose(self, packet: Any) -> None:
        if not packet.is_discard and (self._share == 1 or self._packets % 2):
            time = self._time_of(packet)
            self._push(self._shown if time is None else float(time), next(self._count), None)

    def _ready(self) -> Iterator[tuple[Any, int]]:
        """Give what is shown before all that can come yet, and cannot be made from what proves damaged."""
        while self._heap and self._heap[0][0] <= self._shown:
            time, _, number, frame = self._heap[0]
            if number >= 0 and frame is not None and self._sent.is_due_before(number, time):
                return
            heapq.heappop(self._heap)
            if frame is None:
                self._numbering.lose()
            elif frame is _GAP:
                self._numbering.expect_gap()
            elif frame is _TEAR:
                self._numbering.distrust()
            else:
                yield frame, self._numbering.number(self._time_of(frame))


def _usual_interval(stream: Any) -> float | None:
    """That of a stream whose rate does not vary, as far as FFmpeg knows."""
    rate, unit = stream.average_rate, stream.time_base
    return float(1 / rate / unit) if rate and unit and rate == stream.base_rate else None


def _options(codec: Any) -> dict[str, str]:
    """What to tell the decoder."""
    more = '+explode' if codec.intra_only or codec.name in _STRICT else '+bitstream+buffer'
    delay = {'max_frame_delay': '1'} if codec.name == 'libdav1d' else {}  # what is in it is lost with a damaged frame
    return {'err_detect': f'crccheck{more}', **delay}
