"""Runs of packets: a decoder of another program gets exactly the frame with each index, or no packet of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import imgstore
from imgstore.chunks.video.packet_cursor import codec_name
from imgstore.errors import FrameNotFoundError, InvalidArgumentError
from imgstore.viewers.web.jpeg import is_plain_jpeg
from imgstore.viewers.web.packets import PacketRuns, may_have_packets

from ...helpers.checked import not_none
from ...helpers.frames import index_in, numbered
from ...helpers.unverified import forget_checksums
from ...helpers.video_kinds import of_av1
from ...helpers.videos import RECIPES, Recipe, make_video

SHAPE = (64, 96)
COUNT, CHUNK = 70, 25
DECODERS = {'avc1': 'h264', 'av01': 'libdav1d', 'jpeg': 'mjpeg'}


def recorded(path: Path, fmt: str, count: int = COUNT, **options: Any) -> Path:
    with imgstore.new_for_format(fmt, path, imgshape=SHAPE, chunksize=CHUNK, **options) as store:
        for index in range(count):
            store.add_image(numbered(index, SHAPE), 10 + index, index / 25)
    return path


class Run:
    """What a browser makes of an answer."""

    def __init__(self, answer: bytes) -> None:
        end = 4 + int.from_bytes(answer[:4], 'big')
        self.header = json.loads(answer[4:end])
        self.packets: list[tuple[int, bytes, bool]] = []
        for index, size, is_key in self.header['packets']:
            self.packets.append((index, answer[end : end + size], bool(is_key)))
            end += size
        assert end == len(answer)

    @property
    def indexes(self) -> list[int]:
        return [index for index, _, _ in self.packets]

    def decoded(self) -> dict[int, int]:
        """The index in the pixels of each frame, by that sent with it."""
        decoder: Any = av.CodecContext.create(DECODERS[self.header['codec'][:4]], 'r')
        decoder.extradata = base64.b64decode(self.header['description'])
        shown: dict[Any, Any] = {}
        for index, data, is_key in self.packets:
            packet = av.Packet(data)
            packet.pts, packet.is_keyframe = index, is_key
            shown |= {frame.pts: frame for frame in decoder.decode(packet)}
        shown |= {frame.pts: frame for frame in decoder.decode(None)}
        return {index: index_in(frame.to_ndarray(format='gray')) for index, frame in shown.items()}


def runs_of(path: Path) -> tuple[imgstore.ImgStore, PacketRuns]:
    store = imgstore.new_for_filename(path)
    return store, PacketRuns(store)


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv', 'AV1', 'mjpeg/avi', 'h264-lossless/mp4'])
def test_a_run_has_the_frames_of_its_indexes(tmp_path: Path, fmt: str) -> None:
    path = of_av1(tmp_path / 's', SHAPE, COUNT, CHUNK) if fmt == 'AV1' else recorded(tmp_path / 's', fmt)
    store, runs = runs_of(path)
    assert may_have_packets(store)
    for index in (0, 7, 24, 25, 40, 69):
        run = Run(runs.run(index, False, 100))
        first, stop = index // CHUNK * CHUNK, min(COUNT, (index // CHUNK + 1) * CHUNK)
        assert (run.header['first'], run.header['stop'], run.header['resume']) == (first, stop, stop)
        assert run.packets[0][2]
        assert run.indexes == list(range(run.indexes[0], stop))
        assert run.indexes[0] <= index
        assert run.decoded() == {index: index for index in run.indexes}
    runs.close()
    store.close()


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv', 'mjpeg/avi'])
def test_a_run_goes_on_where_the_one_before_ended(tmp_path: Path, fmt: str) -> None:
    """The same packets come in one run or in several, also if other viewers read in between."""
    store, runs = runs_of(recorded(tmp_path / 's', fmt))
    complete = Run(runs.run(30, False, 100)).packets
    others = [Run(runs.run(index, False, 1)) for index in range(0, COUNT, 3)]  # more than places are kept
    assert all(len(run.packets) == 1 for run in others)
    found = Run(runs.run(30, False, 4)).packets
    while not (run := Run(runs.run(found[-1][0], True, 4))).header.get('resume'):
        found += run.packets
        for index in (0, 26, 60):
            runs.run(index, False, 2)
    assert found + run.packets == complete
    runs.close()
    store.close()


@pytest.mark.parametrize('name', RECIPES)
def test_any_video_gives_the_right_frames_or_none(tmp_path: Path, name: str) -> None:
    recipe = RECIPES[name]
    video, fmt = tmp_path / f'video{recipe.extension}', {'.mp4': 'avc1/mp4', '.mkv': 'h264/mkv', '.avi': 'mjpeg/avi'}
    make_video(video, recipe)
    count = len(recipe.times)
    with imgstore.new_for_format(fmt[recipe.extension], tmp_path / 's', imgshape=recipe.shape) as writer:
        try:
            writer.insert_chunk(video, range(count), [time / 1000 for time in recipe.times])
        except InvalidArgumentError:
            return
    store, runs = runs_of(tmp_path / 's')
    for index in (0, count // 2 + 3, count - 1):
        run = Run(runs.run(index, False, 1000))
        if run.packets:
            decoded = run.decoded()
            wrong = {index: shown for index, shown in decoded.items() if index != shown and index >= run.indexes[0]}
            assert wrong == {}
        else:
            assert run.header.get('why') or run.header.get('resume')
    runs.close()
    store.close()


@pytest.mark.parametrize('name', ['b_frames_mp4', 'b_frames_mkv', 'constant_rate_mkv', 'long_gop_mp4', 'mjpeg_avi'])
def test_usual_videos_are_sent(tmp_path: Path, name: str) -> None:
    recipe = RECIPES[name]
    video, fmt = tmp_path / f'video{recipe.extension}', {'.mp4': 'avc1/mp4', '.mkv': 'h264/mkv', '.avi': 'mjpeg/avi'}
    make_video(video, recipe)
    count = len(recipe.times)
    with imgstore.new_for_format(fmt[recipe.extension], tmp_path / 's', imgshape=recipe.shape) as writer:
        writer.insert_chunk(video, range(count), [time / 1000 for time in recipe.times])
    store, runs = runs_of(tmp_path / 's')
    run = Run(runs.run(count - 1, False, 1000))
    assert run.decoded()[count - 1] == count - 1 or run.decoded()[count - 1] == index_in(numbered(count - 1, SHAPE))
    runs.close()
    store.close()


# --- what is not sent


def damage(path: Path, fmt: str, index: int) -> None:
    """Change a byte in the middle of a packet."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    data, packet = bytearray(path.read_bytes()), packets[index]
    place = data.index(bytes(packet)) + packet.size // 2
    data[place] ^= 0x55
    path.write_bytes(data)


@pytest.mark.parametrize(('fmt', 'file'), [('avc1/mp4', '000001.mp4'), ('mjpeg/avi', '000001.avi')])
def test_a_damaged_packet_ends_the_run_and_the_next_keyframe_begins_another(
    tmp_path: Path, fmt: str, file: str
) -> None:
    damage(recorded(tmp_path / 's', fmt) / file, fmt, 5)
    store, runs = runs_of(tmp_path / 's')
    run = Run(runs.run(25, False, 100))
    assert run.indexes == list(range(25, 30))
    assert run.header['resume'] == (41 if fmt == 'avc1/mp4' else 31)
    later = Run(runs.run(run.header['resume'], False, 100))
    assert later.decoded() == {index: index for index in range(run.header['resume'], 50)}
    runs.close()
    store.close()


def test_frames_without_checksums_are_left_to_the_server(tmp_path: Path) -> None:
    """Without checksums damage would go unnoticed in a browser."""
    forget_checksums(recorded(tmp_path / 's', 'avc1/mp4'))
    store, runs = runs_of(tmp_path / 's')
    assert Run(runs.run(0, False, 100)).packets == []
    runs.close()
    store.close()


@pytest.mark.parametrize('fmt', ['ffv1/mkv', 'hevc/mp4'])
def test_codecs_that_browsers_lack_are_left_to_the_server(tmp_path: Path, fmt: str) -> None:
    store, runs = runs_of(recorded(tmp_path / 's', fmt))
    run = Run(runs.run(30, False, 100))
    assert (run.packets, run.header['first'], run.header['stop']) == ([], 25, 50)
    assert 'codec' in run.header['why']
    runs.close()
    store.close()


def test_colours_that_the_store_converts_are_left_to_the_server(tmp_path: Path) -> None:
    video = tmp_path / 'video.mp4'
    others = [np.full(SHAPE, value, np.uint8) for value in (60, 150)]
    images = [np.dstack([numbered(index, SHAPE), *others]) for index in range(40)]
    make_video(video, Recipe('.mp4', options={'g': '10', 'bf': '0'}), images)
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE) as writer:
        writer.insert_chunk(video, range(40), [index / 25 for index in range(40)])
    store, runs = runs_of(tmp_path / 's')
    assert 'gray' in Run(runs.run(0, False, 100)).header['why']
    runs.close()
    store.close()


def test_images_and_raw_images_have_no_packets(tmp_path: Path) -> None:
    with imgstore.new_for_filename(recorded(tmp_path / 'png', 'png')) as store:
        assert not may_have_packets(store)
    with imgstore.new_for_filename(recorded(tmp_path / 'raw', 'avc1/mp4', encoding='cv_bayerrg')) as store:
        assert not may_have_packets(store)


def test_a_frame_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    store, runs = runs_of(recorded(tmp_path / 's', 'avc1/mp4'))
    with pytest.raises(FrameNotFoundError):
        runs.run(COUNT, False, 1)
    runs.close()
    store.close()


# --- names of codecs, and JPEG


@pytest.mark.parametrize(
    ('decoder', 'description', 'name'),
    [
        ('h264', '0164001effe1', 'avc1.64001e'),
        ('h264', '000000016764', None),
        ('libdav1d', '81000c00', 'av01.0.00M.08'),
        ('libdav1d', '812de000', 'av01.1.13H.12'),
        ('mjpeg', '', 'jpeg'),
        ('hevc', '01', None),
        ('ffv1', '', None),
    ],
)
def test_codecs_have_their_names_in_browsers(decoder: str, description: str, name: str | None) -> None:
    assert codec_name(decoder, bytes.fromhex(description)) == name


def jpeg(image: Any) -> bytes:
    return not_none(cv2.imencode('.jpg', image)[1]).tobytes()


def test_a_plain_jpeg_has_its_size_its_tables_and_its_end() -> None:
    for image in (numbered(3, SHAPE), numbered(3, (*SHAPE, 3))):
        data = jpeg(image)
        assert is_plain_jpeg(data, 96, 64)
        assert is_plain_jpeg(data + b'\0', 96, 64)
        assert not is_plain_jpeg(data, 96, 32)
        assert not is_plain_jpeg(data[:-20], 96, 64)
        assert not is_plain_jpeg(data.replace(b'\xff\xc4', b'\xff\xec'), 96, 64)
    for odd in (b'\xff\xfe\x00\x0bCS=ITU601', b'\xff\xee\x00\x0eAdobe' + bytes(7), b'\xff\xe0\x00\x10AVI1' + bytes(10)):
        assert not is_plain_jpeg(data[:2] + odd + data[2:], 96, 64)
    assert not is_plain_jpeg(b'', 96, 64)
