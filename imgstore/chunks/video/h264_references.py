"""Detection of missing reference pictures in H.264.

Frame numbers show them, ITU-T H.264, 7.4.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from .h264 import SLICES, kind_of, units_of, units_of_packet
from .h264_sequence import Bits, Sequence, read_sequence

_IDR, _SPS, _PPS = 5, 7, 8
_MOST_OF_A_HEADER = 64  # bytes of a slice's header
_RESTARTS = (0, 1)
"""Numbers allowed at any time: a picture may restart them."""


class ReferenceCheck:
    """Check of the packets of a stream, in file order.

    Parameters
    ----------
    record : bytes
        The stream's extradata: a decoder configuration record, or parameter sets as a byte stream.
    """

    def __init__(self, record: bytes) -> None:
        self._record = record
        self._sequences: dict[int, Sequence] = {}
        self._sequence_of_picture: dict[int, int] = {}
        self._latest: int | None = None
        for unit in _sets_of(record) if record[:1] == b'\1' else units_of(record):
            self._learn(unit)

    def lacks_one(self, packet: bytes) -> bool:
        """Return whether a picture is missing between the packet before and this one."""
        lacks = False
        for unit in units_of_packet(packet, self._record):
            if kind_of(unit) in SLICES:
                lacks |= self._skips(unit)
            else:
                self._learn(unit)
        return lacks

    def _learn(self, unit: bytes) -> None:
        if kind_of(unit) == _SPS:
            sequence = read_sequence(bits := Bits(unit[1:]))
            if not bits.are_over:
                self._sequences[sequence.number] = sequence
        elif kind_of(unit) == _PPS:
            bits = Bits(unit[1:])
            picture, number = bits.code(), bits.code()
            self._sequence_of_picture[picture] = number

    def _skips(self, unit: bytes) -> bool:
        bits = Bits(unit[1:_MOST_OF_A_HEADER])
        _, _, picture = bits.code(), bits.code(), bits.code()
        sequence = self._sequences.get(self._sequence_of_picture.get(picture, -1))
        if sequence is None:
            return False
        bits.take(2 * sequence.has_planes)
        number, before = bits.take(sequence.frame_number_bits), self._latest
        self._latest = number
        if before is None or kind_of(unit) == _IDR or sequence.may_skip or number in _RESTARTS:
            return False
        return number not in (before, (before + 1) % (1 << sequence.frame_number_bits))


def _sets_of(record: bytes) -> Iterator[bytes]:
    """Yield the parameter sets in a decoder configuration record.

    ISO/IEC 14496-15, 5.3.3.1.
    """
    at = 5
    for mask in (0x1F, 0xFF):
        count, at = record[at] & mask if at < len(record) else 0, at + 1
        for _ in range(count):
            begin = at + 2
            at = begin + int.from_bytes(record[at:begin], 'big')
            if record[begin:at]:
                yield record[begin:at]
