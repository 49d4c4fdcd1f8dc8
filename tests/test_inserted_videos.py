"""What a video must be to become a chunk, and how chunks are counted that were inserted before this was checked."""

import av
import pytest

from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.stores import extract_only_frame, new_for_filename, new_for_format

from .frames import index_in, numbered
from .video_kinds import COUNT, H264, H264_B, MJPEG, MPEG4, MPEG4_B, edit_list, edited, encoded
from .videos import SHAPE

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


@both_backends
@pytest.mark.parametrize('edits', [[(12, 12)], [(3, 10)], [(0, 6), (12, 12)]])
@pytest.mark.parametrize('make', [H264, H264_B], ids=['h264', 'h264 with B-frames'])
def test_an_index_that_counts_what_the_container_leaves_out_is_refused(tmp_path, make, edits, backend):
    store, chunk = store_with(tmp_path, make)
    edited(make, edit_list(*edits))(chunk)
    found = frames_in(store, backend)
    assert all(found[index] in (None, index) for index in range(COUNT)), 'no frame is another'


@both_backends
def test_an_index_whose_count_fits_neither_shown_nor_all_frames_is_refused(tmp_path, backend):
    store, chunk = store_with(tmp_path, encoded('-c:v', 'libx264', '-bf', '0', '-g', '8', count=22), count=22)
    edited(H264, edit_list((5, 19)))(chunk)
    with new_for_filename(store, backend=backend) as reader, \
            pytest.raises(FrameReadError, match=r'shows 19 frames and hides 5.* counts 22'):
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
def test_a_store_of_odd_size_takes_videos_of_it_and_of_what_it_writes_itself(tmp_path, fmt, shape):
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
    with new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE) as store, \
            pytest.raises(InvalidArgumentError, match=f'has 21 frames, and {count} frame_numbers'):
        store.insert_chunk(tmp_path / 'video.mp4', range(count), range(count))
    assert (tmp_path / 'video.mp4').exists()


def test_opencv_refuses_a_video_of_which_it_skips_a_frame_where_only_counting_tells_frames_apart(tmp_path):
    """AVI has no times of B-frames, and OpenCV goes on to the next frame where one cannot be decoded."""
    store, chunk = store_with(tmp_path, MPEG4_B, '.avi')
    with av.open(str(chunk)) as container:
        position, size = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size][12]
    data = bytearray(chunk.read_bytes())
    data[position + 8:position + 8 + size] = bytes(size)
    chunk.write_bytes(data)
    for backend in ('pyav', 'opencv'):
        found = frames_in(store, backend, [20, 3, *range(COUNT)])
        assert all(found[index] in (None, index) for index in range(COUNT)), 'no frame is another'
    assert frames_in(store, 'pyav')[3] == 3
