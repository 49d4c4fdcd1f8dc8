"""H.264's parameter sets are read to the field asked for, whatever optional fields come before it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgstore.chunks.video.h264 import configuration, units_of
from imgstore.chunks.video.h264_references import ReferenceCheck
from imgstore.chunks.video.h264_sequence import Bits, Sequence, read_sequence
from imgstore.chunks.video.parameter_sets import with_rate

HIGH, HIGH_444 = 100, 244


def code(value: int) -> str:
    """An unsigned Exp-Golomb code."""
    text = f'{value + 1:b}'
    return '0' * (len(text) - 1) + text


def signed(value: int) -> str:
    return code(2 * value - 1 if value > 0 else -2 * value)


def packed(text: str) -> bytes:
    text += '1' + '0' * (-(len(text) + 1) % 8)
    return bytes(int(text[place : place + 8], 2) for place in range(0, len(text), 8))


def head(profile: int, chroma: str) -> str:
    """The profile, parameter set 3, and the bit depths."""
    return f'{profile:08b}{0:08b}{10:08b}{code(3)}{chroma}{code(0)}{code(0)}0'


END = code(5) + code(0) + code(1) + code(4) + '1'
"""Frame numbers of 9 bits, an order by the lowest bits, four references, frame numbers may be missing."""
CYCLE = f'{code(1)}0{signed(1)}{signed(-2)}{code(2)}{signed(3)}{signed(4)}'
FLAT = ''.join(signed(0) for _ in range(16))
ENDED = signed(-8)
"""A list whose next scale is 0, so that the latest one holds on."""


@pytest.mark.parametrize(
    ('text', 'has_planes'),
    [
        (f'{head(HIGH, code(1))}0{END}', False),
        (f'{head(HIGH, code(1))}1{"0" * 8}{END}', False),
        (f'{head(HIGH, code(1))}1{f"1{FLAT}"}1{ENDED}{"0" * 6}{END}', False),
        (f'{head(HIGH_444, code(3) + "1")}1{"0" * 11}1{ENDED}{END}', True),
        (f'{66:08b}{0:08b}{10:08b}{code(3)}{END}', False),
        (f'{head(HIGH, code(1))}0{code(5)}{CYCLE}{code(4)}1', False),
        (f'{head(HIGH, code(1))}0{code(5)}{code(2)}{code(4)}1', False),
    ],
    ids=['usual', 'no list', 'lists', 'separate planes', 'baseline', 'order by cycle', 'order of decoding'],
)
def test_a_sequence_is_read_behind_every_optional_field(text: str, has_planes: bool) -> None:
    assert read_sequence(Bits(packed(text))) == Sequence(3, 9, has_planes, True)


@pytest.mark.parametrize('display', ['sar=7/5', 'overscan=show', 'videoformat=pal', 'colorprim=bt709', 'chromaloc=2'])
@pytest.mark.parametrize('scaling', ['flat', 'jvt'])
def test_a_rate_is_set_beside_every_field_of_the_display(display: str, scaling: str) -> None:
    """The decoder finds the rate that was set, and nothing else changes."""
    encoder: Any = av.CodecContext.create('libx264', 'w')
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, 'yuv420p', Fraction(1, 25)
    encoder.options = {'x264-params': f'{display}:cqm={scaling}:log=-1', 'flags': '+global_header'}
    encoder.open()
    units = list(units_of(encoder.extradata))
    sps = with_rate(units[0], Fraction(40))
    assert sps is not None
    decoder: Any = av.CodecContext.create('h264', 'r')
    record = configuration(b''.join(b'\0\0\0\1' + unit for unit in (sps, *units[1:])))
    decoder.extradata = record
    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format='rgb24').reformat(format='yuv420p')
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    data = b''.join(len(unit).to_bytes(4, 'big') + unit for packet in packets for unit in units_of(bytes(packet)))
    frames: list[Any] = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    (shown,) = frames
    assert decoder.framerate == 40
    assert (shown.width, shown.height) == (64, 48)
    assert abs(int(shown.to_ndarray(format='gray').mean()) - 90) < 8


def test_packets_without_their_parameter_sets_lack_no_picture() -> None:
    """Without the sets, nobody can tell whether a picture is missing."""
    check = ReferenceCheck(b'')
    assert not check.lacks_one(b'\0\0\1\x65' + packed(code(0) + code(7) + code(0)))
    assert not check.lacks_one(b'\0\0\1\x67\x64')
    empty = ReferenceCheck(b'\1\x64\0\x0a\xff\xe1\0\0\1\0\0')
    assert not empty.lacks_one(b'\0\0\0\0')


@given(st.lists(st.tuples(st.sampled_from([b'\0\0\1', b'\0\0\0\1']), st.binary(min_size=1, max_size=9))))
def test_units_of_a_byte_stream_are_those_between_start_codes(parts: list[tuple[bytes, bytes]]) -> None:
    """A unit ends with another byte than 0, and has no start code."""
    pairs = [(start, unit.replace(b'\0', b'\2')) for start, unit in parts]
    assert units_of(b''.join(start + unit for start, unit in pairs)) == [unit for _, unit in pairs]
