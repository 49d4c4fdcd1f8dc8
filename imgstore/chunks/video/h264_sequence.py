"""Bits of H.264's parameter sets, and the start of a sequence's.

ITU-T H.264, 7.3.2.1.1 and 9.1.
"""

from __future__ import annotations

from typing import NamedTuple

_WITH_CHROMA_FORMAT = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))


class Sequence(NamedTuple):
    """The required fields of a sequence parameter set."""

    number: int
    frame_number_bits: int
    has_planes: bool
    may_skip: bool


class Bits:
    """Bits of a NAL unit in order, with zeros after the end.

    Parameters
    ----------
    data : bytes
        The unit without its first byte.
    """

    def __init__(self, data: bytes) -> None:
        data = data.replace(b'\0\0\3', b'\0\0')
        self._value, self._left = int.from_bytes(data, 'big'), 8 * len(data)
        self._size = self._left

    @property
    def are_over(self) -> bool:
        """Whether more bits were taken than there are."""
        return self._left < 0

    @property
    def place(self) -> int:
        """Number of bits taken."""
        return self._size - self._left

    @property
    def text(self) -> str:
        """All bits as zeros and ones."""
        return f'{self._value:0{self._size}b}' if self._size else ''

    def take(self, count: int) -> int:
        """Take `count` bits as a number."""
        self._left -= count
        value = self._value >> self._left if self._left >= 0 else 0
        return value & ((1 << count) - 1)

    def code(self) -> int:
        """Take an unsigned Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if self._left < 0:
                return 0
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """Take a signed Exp-Golomb code."""
        code = self.code()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def read_sequence(bits: Bits) -> Sequence:
    """Read a sequence parameter set up to the size of its images."""
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
    return Sequence(number, size, has_planes, bool(bits.take(1)))


def chroma_format(sps: bytes) -> int:
    """Return the chroma format of a set: 0 for gray, 1 for 4:2:0, 3 for 4:4:4."""
    bits = Bits(sps[1:])
    profile, _, _ = bits.take(8), bits.take(16), bits.code()
    return bits.code() if profile in _WITH_CHROMA_FORMAT else 1


def _skip_scaling(bits: Bits, size: int) -> None:
    """Skip an optional scaling list."""
    last = following = 8
    for _ in range(size * bits.take(1)):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order(bits: Bits) -> None:
    """Skip the fields of the display order."""
    way = bits.code()
    if way == 0:
        bits.code()
    elif way == 1:
        _, _, _ = bits.take(1), bits.code(), bits.code()
        for _ in range(min(bits.code(), 255)):
            bits.code()
