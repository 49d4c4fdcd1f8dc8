"""H.264 as a byte stream, and in MP4 and Matroska.

ITU-T H.264 Annex B, and ISO/IEC 14496-15.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache

from .h264_sequence import chroma_format
from .parameter_sets import reordered_frames, with_changeable_rate, with_rate, with_rate_in_place

_START_CODE = b'\0\0\1'
_IDR, _SPS, _PPS = 5, 7, 8
SLICES = (1, _IDR)
_PLAIN_PROFILES = (66, 77, 88)
_NONE_REORDERED, _ONE_REORDERED = '1010', '010010'  # number and buffer size, as Exp-Golomb codes
_RESERVED, _8_BITS = 0xFC, b'\xf8\xf8\x00'


def length_prefixed(stream: bytes) -> bytes:
    """Convert a byte stream for containers: each unit with its length before it."""
    return with_lengths(units_of(stream))


def with_lengths(units: Iterable[bytes]) -> bytes:
    """Return NAL units, each with its length before it."""
    return b''.join(len(unit).to_bytes(4, 'big') + unit for unit in units)


def has_keyframe(stream: bytes) -> bool:
    """Return whether a byte stream has a keyframe."""
    return any(kind_of(unit) == _IDR for unit in units_of(stream))


def configuration(parameter_sets: bytes) -> bytes:
    """Build the decoder configuration record for parameter sets of 8 bits.

    Parameters
    ----------
    parameter_sets : bytes
        The encoder's parameter sets.

    Raises
    ------
    ValueError
        There are none.
    """
    sps, pps = ([unit for unit in units_of(parameter_sets) if kind_of(unit) == kind] for kind in (_SPS, _PPS))
    if not sps or not pps:
        raise ValueError('the encoder returned no parameter sets')
    record = bytes([1, *sps[0][1:4], 0xFF, 0xE0 | len(sps)]) + _listed(sps) + bytes([len(pps)]) + _listed(pps)
    if sps[0][1] in _PLAIN_PROFILES:
        return record
    return record + bytes((_RESERVED | chroma_format(sps[0]),)) + _8_BITS


def with_reordering(record: bytes) -> bytes | None:
    """Allow reordering of one frame in a configuration record.

    Then FFmpeg reports decoding times from the first frame, not from the eighth. None unless the sequence parameter set
    ends like x264's: bitstream restrictions, no reordering, one reference frame.
    """
    sps = _only_sps(record) or b''
    bits = ''.join(f'{byte:08b}' for byte in sps).rstrip('0')[:-1]
    if not bits.endswith(_NONE_REORDERED):
        return None
    bits = bits.removesuffix(_NONE_REORDERED) + _ONE_REORDERED + '1'
    bits += '0' * (-len(bits) % 8)
    return _with_sps(record, bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)))


@lru_cache(8)
def stated_reordering(record: bytes) -> int | None:
    """Return how many frames a configuration record allows to reorder.

    None if it does not say.
    """
    sps = _only_sps(record)
    return None if sps is None else reordered_frames(sps)


def record_with_rate(record: bytes, rate: Fraction, in_place: bool = False) -> bytes | None:
    """Set the rate in a configuration record; None if that is impossible.

    Parameters
    ----------
    record : bytes
        The record.
    rate : Fraction
        Frames per second.
    in_place : bool
        Keep the size, so that an interrupted overwrite leaves a valid record.
    """
    sps = _only_sps(record)
    new = None if sps is None else (with_rate_in_place if in_place else with_rate)(sps, rate)
    return None if new is None else _with_sps(record, new)


def with_changeable_rates(parameter_sets: bytes, rate: Fraction) -> bytes:
    """Set a rate in parameter sets so that it can be changed in place."""
    return b''.join(
        b'\0\0\0\1' + (with_changeable_rate(unit, rate) if kind_of(unit) == _SPS else unit)
        for unit in units_of(parameter_sets)
    )


def unified(record: bytes) -> bytes:
    """Normalise the rate and the reordering of a configuration record.

    Any other data is returned unchanged.
    """
    record = with_reordering(record) or record
    return record_with_rate(record, Fraction(1)) or record


def _only_sps(record: bytes) -> bytes | None:
    """Return the only sequence parameter set of a configuration record, or None."""
    return (
        record[8 : 8 + int.from_bytes(record[6:8], 'big')] if record[:1] == b'\1' and record[5:6] == b'\xe1' else None
    )


def _with_sps(record: bytes, sps: bytes) -> bytes:
    return record[:6] + _listed([sps]) + record[8 + int.from_bytes(record[6:8], 'big') :]


def units_of(stream: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream."""
    units = stream.split(_START_CODE)[1:]  # of megabytes: a tenth of the time of a regular expression
    before_others = [unit.removesuffix(b'\0') for unit in units[:-1]]  # a start code may have four bytes
    return [unit for unit in (*before_others, *units[-1:]) if unit]


def units_of_packet(packet: bytes, record: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a packet.

    Parameters
    ----------
    packet : bytes
        The packet.
    record : bytes
        The stream's extradata: a decoder configuration record, or parameter sets as a byte stream.
    """
    length = (record[4] & 3) + 1 if record[:1] == b'\1' and len(record) > 4 else 0
    if not length:
        yield from units_of(packet)
    at = 0
    while length and at + length < len(packet):
        begin = at + length
        at = begin + int.from_bytes(packet[at:begin], 'big')
        if at > begin:
            yield packet[begin:at]


def has_several_slices(packet: bytes, record: bytes) -> bool:
    """Return whether the picture in a packet has several slices.

    Parameters are as in `units_of_packet`.
    """
    return sum(kind_of(unit) in SLICES for unit in units_of_packet(packet, record)) > 1


def has_idr(packet: bytes, record: bytes) -> bool:
    """Return whether decoding can start with a packet.

    Parameters are as in `units_of_packet`.
    """
    return any(kind_of(unit) == _IDR for unit in units_of_packet(packet, record))


def kind_of(unit: bytes) -> int:
    """Return the type of a NAL unit."""
    return unit[0] & 0x1F


def _listed(units: list[bytes]) -> bytes:
    return b''.join(len(unit).to_bytes(2, 'big') + unit for unit in units)
