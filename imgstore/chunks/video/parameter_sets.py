"""The frame rate in H.264's sequence parameter sets.

ITU-T H.264, sections 7.3.2.1.1 and E.1.1.

Programs read it there if the container's times do not suffice, and FFmpeg drops or repeats frames by it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction

from .h264_sequence import Bits, read_sequence

_ESCAPED, _TO_ESCAPE = re.compile(b'\x00\x00\x03'), re.compile(b'\x00\x00(?=[\x00-\x03])')
_EXTENDED_ASPECT = 255
_FIELDS = 2  # per frame; a tick is a field
_MOST_UNITS, _MOST_SCALE = 2**30, 2**32 - 1  # FFmpeg doubles the units in 32 bits
_TRIALS = 500
_NEARLY = Fraction(1, 10**8)


def with_rate(sps: bytes, rate: Fraction) -> bytes | None:
    """Set the rate in a sequence parameter set; None unless it is like x264's.

    Parameters
    ----------
    sps : bytes
        A NAL unit.
    rate : Fraction
        Frames per second.
    """
    return _with_timing(sps, rate.denominator, _FIELDS * rate.numerator)


def with_rate_in_place(sps: bytes, rate: Fraction) -> bytes | None:
    """Set the rate in a sequence parameter set of the same size, exact to 1e-8.

    With any mixture of old and new bytes, only the rate differs. None if that is impossible.
    """
    trials = (_with_timing(sps, *numbers) for numbers in _numbers(rate))
    return next((trial for trial in trials if trial is not None and _can_be_mixed(sps, trial)), None)


def with_changeable_rate(sps: bytes, rate: Fraction) -> bytes:
    """Set a rate to be changed by `with_rate_in_place`.

    If that is impossible, return the set unchanged.
    """
    trials = (_with_timing(sps, *numbers) for numbers in _numbers(rate))
    return next((trial for trial in trials if trial is not None and _has_no_escape(sps, trial)), sps)


def reordered_frames(sps: bytes) -> int | None:
    """Return how many frames a set allows to reorder; None if it does not say."""
    bits = Bits(sps[1:])
    is_timed = _goes_to_timing(bits)
    if is_timed is None:
        return None
    if is_timed:
        bits.take(32 + 32 + 1)
    buffered = [_pass_buffering(bits), _pass_buffering(bits)]
    if any(buffered):
        bits.take(1)
    bits.take(1)
    if not bits.take(1):
        return None
    bits.take(1)
    _take_codes(bits, 4)  # sizes and motion
    count = bits.code()
    return None if bits.are_over else count


def _pass_buffering(bits: Bits) -> bool:
    """Pass the optional parameters of a hypothetical decoder's buffer."""
    if not bits.take(1):
        return False
    count = min(bits.code(), 31) + 1
    bits.take(4 + 4)
    for _ in range(count):
        _take_codes(bits, 2)
        bits.take(1)
    bits.take(4 * 5)
    return True


def _numbers(rate: Fraction) -> Iterator[tuple[int, int]]:
    """Yield units per tick and per second, for the exact rate, then near ones."""
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
    bits = Bits(sps[1:])
    is_told = _goes_to_timing(bits)
    text, start = bits.text.rstrip('0')[:-1], bits.place - 1
    end = start + 65 if is_told else start + 1
    if is_told is None or end > len(text):
        return None
    fixed = '' if is_told else '1'
    return _unit(sps[:1], f'{text[:start]}1{units:032b}{scale:032b}{fixed}{text[end:]}')


def _goes_to_timing(bits: Bits) -> bool | None:
    """Return the flag for a stated rate; None without display information.

    The bits are read up to there.
    """
    read_sequence(bits)
    _take_codes(bits, 2)  # width and height
    if not bits.take(1):
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        _take_codes(bits, 4)  # cropping
    if not bits.take(1):
        return None
    _pass_colors(bits)
    return bool(bits.take(1))


def _pass_colors(bits: Bits) -> None:
    if bits.take(1) and bits.take(8) == _EXTENDED_ASPECT:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if bits.take(1):
        bits.take(4)
        if bits.take(1):
            bits.take(24)
    if bits.take(1):
        _take_codes(bits, 2)


def _take_codes(bits: Bits, count: int) -> None:
    for _ in range(count):
        bits.code()


def _unit(kind: bytes, bits: str) -> bytes:
    bits += '1'
    bits += '0' * (-len(bits) % 8)
    data = kind + bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))
    return _TO_ESCAPE.sub(b'\x00\x00\x03', data)


def _can_be_mixed(old: bytes, new: bytes) -> bool:
    """Return whether all mixtures of two units' bytes have the same escapes."""
    return len(old) == len(new) and not any(
        0 in first and 0 in second and min(third) <= 3
        for first, second, third in _threes(old, new)
        if max(map(len, (first, second, third))) > 1
    )


def _threes(old: bytes, new: bytes) -> Iterator[tuple[set[int], set[int], set[int]]]:
    either = [{*pair} for pair in zip(old, new, strict=True)]
    return zip(either, either[1:], either[2:], strict=False)


def _has_no_escape(old: bytes, new: bytes) -> bool:
    """Return whether the different numbers are free of escapes."""
    same = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))
    return not _ESCAPED.search(new, max(0, same - 2), same + 10)
