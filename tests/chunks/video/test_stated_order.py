"""A video is opened without decoding only if H.264's parameter sets state that no frames are reordered."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from imgstore.chunks.video.backends import new_reader
from imgstore.chunks.video.h264 import configuration, stated_reordering, units_of
from imgstore.chunks.video.h264_sequence import Bits, read_sequence
from imgstore.chunks.video.parameter_sets import reordered_frames

from ...helpers.frames import index_in
from ...helpers.videos import COUNT, RECIPES, make_video


def sps_of(parameters: str) -> bytes:
    """x264's sequence parameter set."""
    encoder: Any = av.CodecContext.create('libx264', 'w')
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, 'yuv420p', Fraction(1, 25)
    encoder.options = {'x264-params': f'{parameters}:log=-1', 'flags': '+global_header'}
    encoder.bit_rate = 100_000
    encoder.open()
    return units_of(bytes(encoder.extradata))[0]


def without_display_information(sps: bytes) -> bytes:
    """The same set of the same size, but without the part that states the order."""
    bits = Bits(sps[1:])
    read_sequence(bits)
    bits.code()
    bits.code()
    assert bits.take(1), 'only frames, no fields'
    bits.take(1)
    for _ in range(4 * bits.take(1)):
        bits.code()
    text = bits.text[: bits.place] + '0' + '1'
    text += '0' * (-len(text) % 8)
    short = sps[:1] + int(text, 2).to_bytes(len(text) // 8, 'big')
    return short + bytes(len(sps) - len(short))


@pytest.mark.parametrize(
    'parameters',
    ['', 'nal-hrd=cbr:vbv-maxrate=100:vbv-bufsize=100', 'pic-struct=1', 'force-cfr=1', 'sar=7/5', 'videoformat=pal'],
)
@pytest.mark.parametrize(('frames', 'count'), [('bframes=0', 0), ('bframes=1', 1), ('bframes=3:b-pyramid=normal', 2)])
def test_x264_states_the_order(parameters: str, frames: str, count: int) -> None:
    """Whatever optional fields come before it."""
    sps = sps_of(f'{parameters}:{frames}' if parameters else frames)
    assert reordered_frames(sps) == count
    assert reordered_frames(without_display_information(sps)) is None


def test_nothing_is_stated_without_parameter_sets() -> None:
    assert stated_reordering(b'') is None
    assert stated_reordering(b'\1\x64\0\x0a\xff\xe1\0\0\1\0\0') is None


@pytest.mark.parametrize('name', ['b_frames_mp4', 'b_frames_mkv', 'variable_rate_mp4', 'open_gops_mkv'])
def test_frames_are_exact_if_the_order_is_not_stated(tmp_path: Path, name: str) -> None:
    """FFmpeg then learns the order from frames further on."""
    path = tmp_path / f'video{RECIPES[name].extension}'
    make_video(path, RECIPES[name])
    with av.open(str(path)) as container:
        record = bytes(container.streams.video[0].codec_context.extradata or b'')
    sps = record[8 : 8 + int.from_bytes(record[6:8], 'big')]
    data = path.read_bytes()
    assert data.count(sps) == 1
    path.write_bytes(data.replace(sps, without_display_information(sps)))
    with new_reader('pyav', str(path), color=True) as reader:
        for index in [*range(COUNT - 1, -1, -7), *range(COUNT)]:
            assert index_in(reader.read(index)) == index


def test_a_configuration_states_what_its_parameter_set_states() -> None:
    encoder: Any = av.CodecContext.create('libx264', 'w')
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, 'yuv420p', Fraction(1, 25)
    encoder.options = {'flags': '+global_header', 'x264-params': 'bframes=0:log=-1'}
    encoder.open()
    assert stated_reordering(configuration(bytes(encoder.extradata))) == 0
