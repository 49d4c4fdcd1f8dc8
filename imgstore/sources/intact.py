"""Intact frames of a video stream with their numbers.

Damaged frames are skipped and their numbers stay free.
"""

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
"""Intra-only for FFmpeg, but each frame uses state of the one before."""

_TELL_IN_LOG = frozenset(('ffv1', 'gif', 'png', 'apng', 'h264'))
"""Decoders that report damage only in the log, and log no other errors."""

_STRICT = frozenset(('hevc',))
"""Decoders that report a missing reference, and nothing else, if they are strict."""

_UNKNOWN_IN_H264 = 'mmco: unref short failure'
"""Log text of the H.264 decoder for dropping a reference that never came."""

_FIELDS = 0.6  # frames per packet; fewer if each packet is a field
_DELAY = 32  # packets to wait for a frame, if the times do not tell
_GAP, _TEAR = object(), object()
_Entry = tuple[float, int, int, Any]
"""Display time, order of arrival, packet number and frame (None if lost), or `_GAP`, or `_TEAR`."""


@dataclass
class _Sent:
    """Presentation times of packets in the decoder, or None."""

    times: dict[int, int | None] = field(default_factory=dict)

    def is_due_before(self, number: int, time: float) -> bool:
        """Return whether an earlier packet is displayed after ``time``.

        Its damage would be known only then.
        """
        return any(
            other < number and (other > max(self.times) - _DELAY if at is None else at > time)
            for other, at in self.times.items()
        )

    def drop_until(self, time: float) -> list[float]:
        """Drop the packets displayed before ``time`` and return their times."""
        found = [(number, at) for number, at in self.times.items() if at is not None and at < time]
        for number, _ in found:
            del self.times[number]
        return [float(at) for _, at in found]


class IntactFrames:
    """Decoder of a stream that yields only intact frames.

    A frame is lost if its packet is damaged, or if the decoder reports an error or marks it as corrupt. Frames that may
    depend on a lost one are lost, too, up to the next keyframe. Invented content of a decoder is never given.

    Parameters
    ----------
    container, stream
        Container and stream of PyAV; nothing was read yet.
    note : callable
        Called with each packet to be displayed, before its frame.
    distrusts_end : bool
        Skip the last packet, since it may be incomplete without a mark.
    damage : Damage, optional
        Damage of the container.
    is_damaged : callable, optional
        Returns whether a packet's content is damaged, unnoticed by the decoder.

    Attributes
    ----------
    lost : list of int
        Numbers of the lost frames.
    following : int
        Number after the last frame.
    error : str or None
        Reason why the container was not read to its end.
    is_torn : bool
        Whether the container is damaged between frames.
    end : int
        End of the last packet in the file, in bytes.
    """

    def __init__(
        self,
        container: Any,
        stream: Any,
        note: Callable[[Any], None],
        distrusts_end: bool = False,
        damage: Damage | None = None,
        is_damaged: Callable[[bytes], bool] = lambda data: False,
    ) -> None:
        self._container, self._stream, self._context = container, stream, stream.codec_context
        codec = self._context.codec
        self._name = self._context.name
        self._all_keys = codec.intra_only and self._name not in _CHAINED
        self._is_guessed = container.format.name == 'avi' and not self._all_keys  # times come from later packets
        self._context.thread_count = 1  # several threads lose errors
        self._references = ReferenceCheck(bytes(self._context.extradata or b'')) if self._name == 'h264' else None
        self._context.copy_opaque = True
        self._context.options = _options(codec)
        self._demuxed = Demuxed(container, stream, distrusts_end, damage)
        self._note, self._check = note, is_damaged
        self.is_torn = False
        self._numbering = Numbering(_usual_interval(stream))
        self._heap: list[_Entry] = []
        self._sent, self._count, self._arrivals = _Sent(), itertools.count(), itertools.count()
        self._shown = self._latest = -math.inf  # complete up to this time; time of the latest frame
        self._waiting = self._resumes = False  # for a keyframe; with the next packet
        self._resumed: tuple[int, float] | None = None  # a keyframe; frames displayed before it depend on lost ones
        self._key, self._groups = (-1, -math.inf), 0  # the latest keyframe; how many since decoding began
        self._packets, self._frames, self._share = 0, 0, 1.0
        self._tells_times = True  # until a frame is displayed before the last one

    @property
    def lost(self) -> list[int]:
        """Numbers of the lost frames."""
        return self._numbering.lost

    @property
    def unsure(self) -> int | None:
        """First number that may be too small, with all after it."""
        return self._numbering.unsure

    @property
    def error(self) -> str | None:
        """Reason why the container was not read to its end."""
        return self._demuxed.error

    @property
    def end(self) -> int:
        """End of the last packet in the file, in bytes."""
        return self._demuxed.end

    @property
    def following(self) -> int:
        """Number after the last frame."""
        return self._numbering.following

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        """Yield frames of PyAV and their numbers."""
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
        """Yield the last frames of a cut-off video.

        Some are displayed after others that never came.
        """
        expected = self.following
        for frame, number in self._ready():
            if number != expected:
                break
            yield frame, number
            expected += 1
        self._numbering.cut(expected)

    # --- packets

    def _tear(self) -> None:
        """Note damage skipped by the demuxer.

        Lost packets may be references of others.
        """
        self.is_torn = True
        if not self._all_keys and self._packets:
            self._give_up(next(self._count), drain=True)
        self._push(self._latest, -1, _TEAR)

    def _starts(self, packet: Any) -> bool:
        """Return whether decoding can start at a packet."""
        if self._demuxed.is_damaged(packet) or not (packet.is_keyframe or self._all_keys):
            return False
        self._waiting, self._resumes = False, True
        return True

    def _time_of(self, of: Any) -> int | None:
        """Return the display time of a packet or frame; None if unknown."""
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
        """Return whether the log reports damage or a missing reference."""
        if self._name not in _TELL_IN_LOG:
            return lacks_reference(log)
        told = errors_in(log, self._name)
        if self._name == 'h264' and self._groups <= 1:  # packets before the first keyframe are missing
            gap &= packet is not None and not packet.is_keyframe
            told = [text for text in told if not text.startswith(_UNKNOWN_IN_H264)]
        return gap or bool(told)

    def _leads(self, packet: Any) -> bool:
        """Return whether a packet is displayed before the first frame, a keyframe.

        It depends on packets before the file.
        """
        time = None if packet is None else self._time_of(packet)
        return time is not None and not self._frames and time < self._key[1] < math.inf

    # --- decoded frames

    def _take(self, frame: Any, normally: bool = True) -> list[int]:
        """Note a frame in decoder order; return its packet's number if it is damaged."""
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
        else:  # frames between these may be missing
            self._push(time, -1, _GAP)
        self._frames += 1
        self._push(time, number, frame)
        return [number] if frame.is_corrupt else []

    def _push(self, time: float, number: int, frame: Any) -> None:
        heapq.heappush(self._heap, (time, next(self._arrivals), number, frame))

    def _give_up(self, damaged: int, drain: bool) -> None:
        """Give up the frames from a packet on, up to the next keyframe."""
        import av

        if drain:
            with contextlib.suppress(av.FFmpegError):
                for frame in self._context.decode(None):
                    self._take(frame, normally=False)
        self._heap = [
            (time, order, number, None if number >= damaged else frame) for time, order, number, frame in self._heap
        ]
        heapq.heapify(self._heap)
        lost = [time for _, time in sorted(self._sent.times.items())]
        packets = self._packets - len(lost)
        if not self._waiting:
            self._share = 0.5 if packets > 4 and self._frames < _FIELDS * packets else 1.0
        for time in lost[: round(len(lost) * self._share)]:
            self._push(self._shown if time is None else float(time), damaged, None)
        self._sent.times.clear()
        self._context.flush_buffers()
        self._waiting, self._resumes, self._resumed, self._groups = True, False, None, 0

    def _lose(self, packet: Any) -> None:
        if not packet.is_discard and (self._share == 1 or self._packets % 2):
            time = self._time_of(packet)
            self._push(self._shown if time is None else float(time), next(self._count), None)

    def _ready(self) -> Iterator[tuple[Any, int]]:
        """Yield frames that no later frame can precede or prove damaged."""
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
    """Return the interval of a stream at a constant rate, as far as FFmpeg knows."""
    rate, unit = stream.average_rate, stream.time_base
    return float(1 / rate / unit) if rate and unit and rate == stream.base_rate else None


def _options(codec: Any) -> dict[str, str]:
    """Return the decoder's options."""
    more = '+explode' if codec.intra_only or codec.name in _STRICT else '+bitstream+buffer'
    delay = {'max_frame_delay': '1'} if codec.name == 'libdav1d' else {}  # damage loses the frames in the decoder
    return {'err_detect': f'crccheck{more}', **delay}
