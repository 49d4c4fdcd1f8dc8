"""What a video must be to become a chunk, and how chunks are counted that were inserted before this was checked."""

import functools
import re
import tempfile
from pathlib import Path

import av
import numpy as np
import pytest

from imgstore.errors import FrameReadError, InvalidArgumentError, StoreModeError
from imgstore.stores import DirectoryImgStore, extract_only_frame, new_for_filename, new_for_format

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.video_kinds import (
    COUNT,
    FFV1,
    H264,
    H264_B,
    HEVC,
    MJPEG,
    MPEG4,
    MPEG4_B,
    NO_B,
    OPEN,
    B,
    cut,
    damaged,
    edit_list,
    edited,
    encoded,
    without_packet,
)
from ..helpers.videos import SHAPE

pytestmark = pytest.mark.process

both_backends = pytest.mark.parametrize('backend', ['pyav', 'opencv'])


def store_with(tmp_path, make, extension='.mp4', count=COUNT):
    """A store that has a video of so many frames as its chunk; -> its folder and the video's path in it."""
    make(tmp_path / ('whole' + extension))
    fmt = {'.mp4': 'avc1/mp4', '.avi': 'mjpeg/avi', '.mkv': 'h264/mkv'}[extension]
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, chunksize=100) as store:
        store.insert_chunk(tmp_path / ('whole' + extension), range(count), range(count))
    return str(tmp_path / 's'), tmp_path / 's' / ('000000' + extension)


def frames_in(store, backend, order=None):
    """Index found in each frame, None where it is refused."""
    found = {}
    with new_for_filename(store, backend=backend) as reader:
        for index in order or range(len(reader)):
            try:
                found[index] = index_in(reader.get_image(None, frame_index=index)[0])
            except FrameReadError:
                found[index] = None
    return found


# --- chunks of older versions and of other programs


@both_backends
@pytest.mark.parametrize('make', [H264, H264_B, MPEG4, MJPEG], ids=['h264', 'h264 with B-frames', 'mpeg4', 'mjpeg'])
@pytest.mark.slow
def test_an_index_that_counts_hidden_frames_keeps_its_numbers(tmp_path, make, backend):
    store, chunk = store_with(tmp_path, make)
    edited(make, edit_list((3, 21)))(chunk)
    order = [*range(COUNT), *range(COUNT - 1, -1, -1)]
    found = frames_in(store, backend, order)
    assert all(found[index] in (None, index) for index in range(COUNT)), 'no frame is another'
    hidden = [index for index in range(COUNT) if found[index] is None]
    assert hidden in ([0, 1, 2], list(range(COUNT)))
    if make in (H264, MPEG4):
        assert hidden == [0, 1, 2]


@pytest.mark.slow
@both_backends
@pytest.mark.parametrize('edits', [[(12, 12)], [(3, 10)], [(0, 6), (12, 12)]])
@pytest.mark.parametrize('make', [H264, H264_B], ids=['h264', 'h264 with B-frames'])
def test_index_with_frames_container_omits_is_refused(tmp_path, make, edits, backend):
    """An index that counts frames which the container leaves out is refused."""
    store, chunk = store_with(tmp_path, make)
    edited(make, edit_list(*edits))(chunk)
    found = frames_in(store, backend)
    assert all(found[index] in (None, index) for index in range(COUNT)), 'no frame is another'


@both_backends
@pytest.mark.slow
def test_index_with_impossible_count_is_refused(tmp_path, backend):
    """An index is refused if its count matches neither the shown frames nor all frames."""
    store, chunk = store_with(tmp_path, encoded('-c:v', 'libx264', '-bf', '0', '-g', '8', count=22), count=22)
    edited(H264, edit_list((5, 19)))(chunk)
    with (
        new_for_filename(store, backend=backend) as reader,
        pytest.raises(FrameReadError, match=r'shows 19 frames and hides 5.* counts 22'),
    ):
        reader.get_image(7)


@both_backends
def test_hidden_frames_are_none_for_one_frame_alone_too(tmp_path, backend, monkeypatch):
    store, _ = store_with(tmp_path, edited(H264, edit_list((3, 21))), count=21)
    monkeypatch.setenv('IMGSTORE_VIDEO_BACKEND', backend)
    assert index_in(extract_only_frame(store, 10)) == 13


# --- what is refused

FORMATS = {'mjpeg/avi': 'mjpeg', 'h264/mkv': 'libx264', 'avc1/mp4': 'libx264'}


def video(path, codec, shape):
    encoded('-c:v', codec, '-pix_fmt', 'yuvj444p', shape=shape)(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize('fmt', FORMATS)
@pytest.mark.parametrize('shape', [(64, 128, 3), (96, 96, 3), (32, 96, 3), (96, 128, 3)])
def test_a_video_of_another_size_is_refused_and_nothing_changes(tmp_path, fmt, shape):
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE) as store:
        other = video(tmp_path / ('other' + store._ext), FORMATS[fmt], shape)
        store.add_image(numbered(0, SHAPE), 0, 0)
        with pytest.raises(InvalidArgumentError, match=f'frames of {shape[0]} x {shape[1]} pixels.* takes 64 x 96'):
            store.insert_chunk(other, range(1, COUNT + 1), range(1, COUNT + 1))
        assert (len(store), store.chunks, other.exists()) == (1, [0], True)
        store.add_image(numbered(1, SHAPE), 1, 1)
    assert frames_in(str(tmp_path / 's'), 'pyav') == {0: 0, 1: 1}


@pytest.mark.parametrize('fmt', FORMATS)
@pytest.mark.parametrize('shape', [(65, 97, 3), (64, 96, 3)])
def test_odd_sized_store_takes_odd_and_even_videos(tmp_path, fmt, shape):
    """A store of odd size takes videos of that size and of the even size that it writes itself."""
    with new_for_format(fmt, tmp_path / 's', imgshape=(65, 97, 3)) as store:
        store.insert_chunk(video(tmp_path / ('video' + store._ext), FORMATS[fmt], shape), range(COUNT), range(COUNT))
    for backend in ('pyav', 'opencv'):
        assert frames_in(str(tmp_path / 's'), backend) == {index: index for index in range(COUNT)}


def test_a_gray_store_takes_videos_in_colour(tmp_path):
    with new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE[:2]) as store:
        store.insert_chunk(video(tmp_path / 'video.mp4', 'libx264', SHAPE), range(COUNT), range(COUNT))
    assert frames_in(str(tmp_path / 's'), 'pyav') == {index: index for index in range(COUNT)}


@pytest.mark.parametrize('count', [COUNT, 18])
def test_hidden_frames_get_no_numbers(tmp_path, count):
    edited(H264, edit_list((3, 21)))(tmp_path / 'video.mp4')
    with (
        new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE) as store,
        raises(InvalidArgumentError, argument='frame_numbers'),
    ):
        store.insert_chunk(tmp_path / 'video.mp4', range(count), range(count))
    assert (tmp_path / 'video.mp4').exists()


@functools.cache
def _bytes_of(make, extension):
    with tempfile.TemporaryDirectory() as folder:
        make(path := Path(folder) / f'video{extension}')
        return path.read_bytes()


def once(make):
    """-> makes the same video, encoded once for all tests."""
    return lambda path: path.write_bytes(_bytes_of(make, path.suffix))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def check_refused(tmp_path, extension, make, why, numbers=range(COUNT), times=range(COUNT)):
    """A video is refused with that reason and nothing changes; a good one goes in afterwards."""
    given, good = tmp_path / f'given{extension}', tmp_path / f'good{extension}'
    make(given)
    once({'.mp4': H264, '.mkv': H264_B, '.avi': MJPEG}[extension])(good)
    fmt = {'.mp4': 'avc1/mp4', '.avi': 'mjpeg/avi', '.mkv': 'h264/mkv'}[extension]
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE) as store:
        before, video = contents(tmp_path / 's'), given.read_bytes()
        with pytest.raises(InvalidArgumentError, match=why) as refused:
            store.insert_chunk(given, numbers, times)
        assert str(given) in str(refused.value)
        assert (contents(tmp_path / 's'), given.read_bytes(), len(store)) == (before, video, 0)
        store.insert_chunk(good, range(COUNT), range(COUNT))
    assert frames_in(str(tmp_path / 's'), 'pyav') == {index: index for index in range(COUNT)}


DEEP = {
    'h264 of 10 bits': ('.mp4', 10, ('-c:v', 'libx264', *B, '-pix_fmt', 'yuv420p10le')),
    'gray h264 of 10 bits': ('.mkv', 10, ('-c:v', 'libx264', *B, '-pix_fmt', 'gray10le')),
    'hevc of 12 bits': ('.mp4', 12, ('-c:v', 'libx265', '-x265-params', 'log-level=none', '-pix_fmt', 'yuv444p12le')),
    'ffv1 of 16 bits': ('.mkv', 16, ('-c:v', 'ffv1', '-level', '3', '-pix_fmt', 'gray16le')),
    'png of 16 bits': ('.avi', 16, ('-c:v', 'png', '-pix_fmt', 'rgb48be')),
    'vp9 of 10 bits': ('.mkv', 10, ('-c:v', 'libvpx-vp9', '-cpu-used', '8', '-pix_fmt', 'yuv420p10le')),
}


@pytest.mark.parametrize('name', DEEP)
def test_video_above_8_bits_is_refused_without_changes(tmp_path, name):
    """A video of more than 8 bits is refused, and nothing changes."""
    extension, bits, options = DEEP[name]
    check_refused(tmp_path, extension, encoded(*options), f'has {bits} bits per sample.* have 8.*--to-8-bit')


@pytest.mark.parametrize('packet', [0, 9, COUNT - 1])
@pytest.mark.parametrize(
    ('extension', 'make'),
    [
        ('.mp4', H264),
        ('.mkv', H264_B),
        ('.mp4', OPEN),
        ('.avi', MPEG4),
        ('.avi', MJPEG),
        ('.mkv', FFV1),
        ('.avi', encoded('-c:v', 'png', '-pix_fmt', 'rgb24')),
    ],
    ids=['h264', 'h264 with B-frames', 'open groups', 'mpeg4', 'mjpeg', 'ffv1', 'png'],
)
def test_a_damaged_video_is_refused_and_nothing_changes(tmp_path, extension, make, packet):
    check_refused(tmp_path, extension, damaged(packet, 2)(once(make)), 'damaged or missing|not a readable video')


@pytest.mark.parametrize('packet', [1, 9])
@pytest.mark.parametrize(
    ('extension', 'make'),
    [('.mp4', H264), ('.mkv', H264_B), ('.mp4', HEVC), ('.avi', H264)],
    ids=['h264', 'h264 with B-frames', 'hevc', 'avi'],
)
def test_video_without_a_reference_frame_is_refused(tmp_path, extension, make, packet):
    """A video that lacks a frame from which others are decoded is refused."""
    count = range(COUNT - 1)
    check_refused(tmp_path, extension, without_packet(packet)(once(make)), 'damaged or missing', count, count)


@pytest.mark.parametrize('percent', [35, 60, 97])
@pytest.mark.parametrize(
    ('extension', 'make'),
    [
        ('.mp4', encoded('-c:v', 'libx264', *B, '-movflags', 'faststart')),
        ('.mp4', encoded('-c:v', 'libx264', *NO_B, '-movflags', 'frag_keyframe+empty_moov')),
        ('.mp4', H264),
        ('.mkv', H264_B),
        ('.mkv', MJPEG),
        ('.avi', MJPEG),
        ('.avi', MPEG4_B),
    ],
    ids=['index first', 'fragments', 'index last', 'mkv', 'mkv of jpeg', 'avi', 'avi with B-frames'],
)
def test_a_video_that_is_cut_off_is_refused_and_nothing_changes(tmp_path, extension, make, percent):
    check_refused(tmp_path, extension, edited(once(make), cut(percent)), 'is cut off|is not a readable video')


@pytest.mark.parametrize('time', [float('nan'), float('inf'), -np.inf, np.float32('nan')])
def test_non_finite_frame_times_are_refused(tmp_path, time):
    """Frame times that are not finite raise an error, and the store does not change."""
    times = [*range(7), time, *range(8, COUNT)]
    why = rf'frame_times\[7\] .* is {re.escape(repr(time))}; it must be a finite number'
    check_refused(tmp_path, '.avi', once(MJPEG), why, times=times)


def test_frame_numbers_that_are_none_are_named_with_their_place(tmp_path):
    check_refused(
        tmp_path,
        '.avi',
        once(MJPEG),
        r'frame_numbers\[2\] .* is 1\.5; it must be an integer',
        numbers=[0, 1, 1.5, *range(3, COUNT)],
    )


@pytest.mark.parametrize('move', [True, False])
def test_a_store_of_images_says_that_it_takes_no_video(tmp_path, move):
    once(MJPEG)(tmp_path / 'video.avi')
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store:
        kind: type = type(store)
        assert kind is DirectoryImgStore
        before = contents(tmp_path / 's')
        with raises(InvalidArgumentError, argument='video_path'):
            store.insert_chunk(tmp_path / 'video.avi', range(COUNT), range(COUNT), move=move)
        assert contents(tmp_path / 's') == before
        store.add_image(numbered(0, SHAPE), 0, 0)
    assert (tmp_path / 'video.avi').exists()
    with new_for_filename(tmp_path / 's') as reader, pytest.raises(StoreModeError):
        reader.insert_chunk(tmp_path / 'video.avi', range(COUNT), range(COUNT))


def test_opencv_refuses_video_where_skips_spoil_counting(tmp_path):
    """OpenCV refuses a video in which it skips a frame if only counting identifies the frames."""
    store, chunk = store_with(tmp_path, MPEG4_B, '.avi')
    with av.open(str(chunk)) as container:
        position, size = [(not_none(packet.pos), packet.size) for packet in container.demux(video=0) if packet.size][12]
    data = bytearray(chunk.read_bytes())
    data[position + 8 : position + 8 + size] = bytes(size)
    chunk.write_bytes(data)
    for backend in ('pyav', 'opencv'):
        found = frames_in(store, backend, [20, 3, *range(COUNT)])
        assert all(found[index] in (None, index) for index in range(COUNT)), 'no frame is another'
    assert frames_in(store, 'pyav')[3] == 3
