"""Whether H.264 lacks a picture that others are made from: their numbers tell, ITU-T H.264, 7.4.3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .h264 import kind_of, units_of

_SLICES, _IDR, _SPS, _PPS = (1, 5), 5, 7, 8
_WITH_CHROMA_FORMAT = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
_MOST_OF_A_HEADER = 64  # bytes of a slice
_RESTARTS = (0, 1)
"""Numbers that are allowed at any time: a picture may order them to begin again."""


class _Sequence(NamedTuple):
    """What a sequence parameter set says of the numbers of pictures."""

    bits: int
    has_planes: bool
    may_skip: bool


class ReferenceCheck:
    """Looks at the packets of a stream in the order of the file.

    Parameters
    ----------
    record : bytes
        The stream's extradata: a decoder configuration record, or the parameter sets as a byte stream.
    """

    def __init__(self, record: bytes) -> None:
        self._length = (record[4] & 3) + 1 if record[:1] == b'\1' and len(record) > 4 else 0
        self._sequences: dict[int, _Sequence] = {}
        self._sequence_of_picture: dict[int, int] = {}
        self._latest: int | None = None
        for unit in _sets_of(record) if self._length else units_of(record):
            self._learn(unit)

    def lacks_one(self, packet: bytes) -> bool:
        """Whether a picture is missing between the packet before and this one."""
        lacks = False
        for unit in self._units(packet):
            if kind_of(unit) in _SLICES:
                lacks |= self._skips(unit)
            else:
                self._learn(unit)
        return lacks

    def _units(self, packet: bytes) -> Iterator[bytes]:
        if not self._length:
            yield from units_of(packet)
        at = 0
        while self._length and at + self._length < len(packet):
            begin = at + self._length
            at = begin + int.from_bytes(packet[at:begin], 'big')
            if at > begin:
                yield packet[begin:at]

    def _learn(self, unit: bytes) -> None:
        if kind_of(unit) == _SPS:
            bits = _Bits(unit[1:])
            number, sequence = _sequence(bits)
            if not bits.are_over:
                self._sequences[number] = sequence
        elif kind_of(unit) == _PPS:
            bits = _Bits(unit[1:])
            picture, number = bits.code(), bits.code()
            self._sequence_of_picture[picture] = number

    def _skips(self, unit: bytes) -> bool:
        bits = _Bits(unit[1:_MOST_OF_A_HEADER])
        _, _, picture = bits.code(), bits.code(), bits.code()
        sequence = self._sequences.get(self._sequence_of_picture.get(picture, -1))
        if sequence is None:
            return False
        bits.take(2 * sequence.has_planes)
        number, before = bits.take(sequence.bits), self._latest
        self._latest = number
        if before is None or kind_of(unit) == _IDR or sequence.may_skip or number in _RESTARTS:
            return False
        return number not in (before, (before + 1) % (1 << sequence.bits))


def _sets_of(record: bytes) -> Iterator[bytes]:
    """The parameter sets in a decoder configuration record, ISO/IEC 14496-15, 5.3.3.1."""
    at = 5
    for mask in (0x1f, 0xff):
        count, at = record[at] & mask if at < len(record) else 0, at + 1
        for _ in range(count):
            begin = at + 2
            at = begin + int.from_bytes(record[at:begin], 'big')
            if record[begin:at]:
                yield record[begin:at]


def _sequence(bits: _Bits) -> tuple[int, _Sequence]:
    """The number of a sequence parameter set, and what it says."""
    profile, _ = bits.take(8), bits.take(16)
    number, has_planes = bits.code(), False
    if profile in _WITH_CHROMA_FORMAT:
        chroma = bits.code()
        has_planes = chroma == 3 and bool(bits.take(1))
        _, _, _ = bits.code(), bits.code(), bits.take(1)
        for matrix in range((12 if chroma == 3 else 8) * bits.take(1)):
            _skip_scaling(bits, 16 if matrix < 6 else 64)
    size = bits.code() + 4
    _skip_order(bits)
    bits.code()
    return number, _Sequence(size, has_planes, bool(bits.take(1)))


def _skip_scaling(bits: _Bits, size: int) -> None:
    """Pass over one scaling list, if it is there."""
    last = following = 8
    for _ in range(size * bits.take(1)):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order(bits: _Bits) -> None:
    """Pass over what is said of the order of showing."""
    way = bits.code()
    if way == 0:
        bits.code()
    elif way == 1:
        _, _, _ = bits.take(1), bits.code(), bits.code()
        for _ in range(min(bits.code(), 255)):
            bits.code()


class _Bits:
    """Bits of a NAL unit in order; behind its end there are zeros.

    Parameters
    ----------
    data : bytes
        Without the unit's first byte.
    """

    def __init__(self, data: bytes) -> None:
        data = data.replace(b'\0\0\3', b'\0\0')
        self._value, self._left = int.from_bytes(data, 'big'), 8 * len(data)

    @property
    def are_over(self) -> bool:
        """Whether more was taken than there was."""
        return self._left < 0

    def take(self, count: int) -> int:
        """So many bits as a number."""
        self._left -= count
        value = self._value >> self._left if self._left >= 0 else 0
        return value & ((1 << count) - 1)

    def code(self) -> int:
        """An unsigned Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if self._left < 0:
                return 0
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """A signed Exp-Golomb code."""
        code = self.code()
        return (code + 1) // 2 if code % 2 else -(code // 2)
