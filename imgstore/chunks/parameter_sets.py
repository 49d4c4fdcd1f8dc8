"""The frame rate in H.264's sequence parameter sets, ITU-T H.264 sections 7.3.2.1.1 and E.1.1.

Programs read it there when the container's times do not suffice, and FFmpeg drops or repeats frames by it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction

_ESCAPED, _TO_ESCAPE = re.compile(b'\x00\x00\x03'), re.compile(b'\x00\x00(?=[\x00-\x03])')
_WITH_CHROMA_FORMAT = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)
_EXTENDED_ASPECT = 255
_FIELDS = 2  # of a frame, which is what a tick lasts
_MOST_UNITS, _MOST_SCALE = 2**30, 2**32 - 1  # FFmpeg doubles the units in 32 bits
_TRIALS = 500
_NEARLY = Fraction(1, 10**8)


class _Bits:
    """Reads the bits of a parameter set."""

    def __init__(self, unit: bytes) -> None:
        data = _ESCAPED.sub(b'\x00\x00', unit)
        self.text = ''.join(f'{byte:08b}' for byte in data).rstrip('0')[:-1]
        self.place = 8  # behind the kind of unit

    def number(self, bits: int) -> int:
        self.place += bits
        return int(self.text[self.place - bits:self.place], 2)

    def is_set(self) -> bool:
        return self.number(1) == 1

    def exp_golomb(self, count: int = 1) -> int:
        """The last one of so many numbers of a length of their own."""
        number = 0
        for _ in range(count):
            zeros = self.text.index('1', self.place) - self.place
            number = self.number(2 * zeros + 1) - 1
        return number


def with_rate(sps: bytes, rate: Fraction) -> bytes | None:
    """Have a sequence parameter set tell a rate; None where it is not as x264 makes it.

    Parameters
    ----------
    sps : bytes
        A NAL unit.
    rate : Fraction
        Frames a second.
    """
    return _with_timing(sps, rate.denominator, _FIELDS * rate.numerator)


def with_rate_in_place(sps: bytes, rate: Fraction) -> bytes | None:
    """Have a sequence parameter set of the same size tell a rate, exact to 1e-8.

    Whichever of its bytes are old and which new, only the rate differs. None where that cannot be done.
    """
    trials = (_with_timing(sps, *numbers) for numbers in _numbers(rate))
    return next((trial for trial in trials if trial is not None and _can_be_mixed(sps, trial)), None)


def with_changeable_rate(sps: bytes, rate: Fraction) -> bytes:
    """Have a sequence parameter set tell a rate so that `with_rate_in_place` can change it; else it is as it was."""
    trials = (_with_timing(sps, *numbers) for numbers in _numbers(rate))
    return next((trial for trial in trials if trial is not None and _has_no_escape(sps, trial)), sps)


def _numbers(rate: Fraction) -> Iterator[tuple[int, int]]:
    """Units of a tick, and units of a second: exactly that rate first, then nearly."""
    scale = _FIELDS * rate.numerator
    most = min(_MOST_UNITS // rate.denominator, _MOST_SCALE // scale)
    for factor in dict.fromkeys(most * trial // _TRIALS for trial in range(_TRIALS, 0, -1)):
        if factor:
            yield rate.denominator * factor, scale * factor
    most = min(_MOST_UNITS, int(_MOST_SCALE / rate / _FIELDS))
    for units in (most * trial // _TRIALS for trial in range(_TRIALS, 0, -1)):
        number = round(_FIELDS * rate * units)
        if 0 < number <= _MOST_SCALE and abs(Fraction(number, _FIELDS * units) / rate - 1) < _NEARLY:
            yield units, number


def _with_timing(sps: bytes, units: int, scale: int) -> bytes | None:
    bits = _Bits(sps)
    try:
        _pass_dimensions(bits)
        _pass_colors(bits)
        start, is_told = bits.place, bits.is_set()
        end = start + 65 if is_told else start + 1
    except (IndexError, ValueError):
        return None
    fixed = '' if is_told else '1'
    return _unit(f'{bits.text[:start]}1{units:032b}{scale:032b}{fixed}{bits.text[end:]}')


def _pass_dimensions(bits: _Bits) -> None:
    """Go to what tells how images are to be shown; ValueError where nothing does."""
    profile = bits.number(24) >> 16
    bits.exp_golomb()
    if profile in _WITH_CHROMA_FORMAT:
        if bits.exp_golomb() == 3:
            bits.number(1)
        bits.exp_golomb(2)
        bits.number(1)
        if bits.is_set():
            raise ValueError('it has matrices of its own')
    bits.exp_golomb()
    order = bits.exp_golomb()
    if order == 1:
        raise ValueError('frames are ordered by a cycle')
    bits.exp_golomb(2 if order == 0 else 1)  # and how many frames are referred to
    bits.number(1)
    bits.exp_golomb(2)
    if not bits.is_set():
        bits.number(1)
    bits.number(1)
    if bits.is_set():
        bits.exp_golomb(4)
    if not bits.is_set():
        raise ValueError('nothing tells how images are to be shown')


def _pass_colors(bits: _Bits) -> None:
    if bits.is_set() and bits.number(8) == _EXTENDED_ASPECT:
        bits.number(32)
    if bits.is_set():
        bits.number(1)
    if bits.is_set():
        bits.number(4)
        if bits.is_set():
            bits.number(24)
    if bits.is_set():
        bits.exp_golomb(2)


def _unit(bits: str) -> bytes:
    bits += '1'
    bits += '0' * (-len(bits) % 8)
    data = bytes(int(bits[place:place + 8], 2) for place in range(0, len(bits), 8))
    return _TO_ESCAPE.sub(b'\x00\x00\x03', data)


def _can_be_mixed(old: bytes, new: bytes) -> bool:
    """Whether no mixture of the bytes of two units has an escape that one of them lacks."""
    return len(old) == len(new) and not any(
        0 in first and 0 in second and min(third) <= 3
        for first, second, third in _threes(old, new) if max(map(len, (first, second, third))) > 1)


def _threes(old: bytes, new: bytes) -> Iterator[tuple[set[int], set[int], set[int]]]:
    either = [{*pair} for pair in zip(old, new, strict=True)]
    return zip(either, either[1:], either[2:], strict=False)


def _has_no_escape(old: bytes, new: bytes) -> bool:
    """Whether the numbers that differ are free of escapes."""
    same = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))
    return not _ESCAPED.search(new, max(0, same - 2), same + 10)
