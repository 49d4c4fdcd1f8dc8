"""get_images: many frames in one call, in the order asked."""

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.chunks import ChunkIO
from imgstore.chunks.video.cursor import VideoCursor
from imgstore.chunks.video.pyav_reader import PyAVChunkReader
from imgstore.errors import FrameNotFoundError, FrameReadError, InvalidArgumentError, StoreClosedError, StoreModeError

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPE = (64, 96)
ASKED = [47, 3, 3, 0, 59, 20, 22, 21, 3]


@pytest.fixture(params=['png', 'npy', 'mjpeg/avi', 'avc1/mp4'])
def recording(request, tmp_path):
    with new_for_format(request.param, tmp_path / 's', imgshape=SHAPE, chunksize=23) as store:
        for index in range(60):
            store.add_image(numbered(index, SHAPE), 1000 - index, index / 10)
    return tmp_path / 's'


def check(result, indices):
    images, numbers, times = result
    assert (images.shape, images.dtype) == ((len(indices), *SHAPE), np.uint8)
    assert [index_in(image) for image in images] == indices
    assert numbers == [1000 - index for index in indices]
    assert times == [index / 10 for index in indices]
    assert {type(value) for value in numbers} <= {int}
    assert {type(value) for value in times} <= {float}


@pytest.mark.parametrize('kind', [list, tuple, np.array, iter])
def test_frames_come_in_the_order_asked_by_index_or_by_number(recording, kind):
    with new_for_filename(recording) as store:
        check(store.get_images(frame_indices=kind(ASKED)), ASKED)
        check(store.get_images(kind([1000 - index for index in ASKED])), ASKED)
        check(store.get_images([]), [])


def test_get_images_equals_get_image_in_own_arrays(recording):
    """The images of get_images equal those of get_image, and each has its own array."""
    with new_for_filename(recording) as store:
        images, numbers, _ = store.get_images(frame_indices=ASKED)
        for image, number in zip(images, numbers, strict=True):
            assert np.array_equal(image, store.get_image(number)[0])
        images[1][:] = 0
        assert index_in(images[2]) == 3


def test_the_position_is_the_last_one_asked(recording):
    with new_for_filename(recording) as store:
        store.get_images(frame_indices=[50, 7])
        assert (store.frame_number, store.frame_time) == (993, 0.7)
        assert index_in(store.get_next_image()[0]) == 8
        store.get_images([])
        assert index_in(store.get_next_image()[0]) == 9


@pytest.mark.parametrize(
    'arguments', [{'frame_indices': [0, 60]}, {'frame_indices': [-61]}, {'frame_numbers': [1000, 3]}]
)
def test_absent_frames_are_refused_without_reading(recording, monkeypatch, arguments):
    """Asking for absent frames raises an error, and nothing is read."""
    with new_for_filename(recording) as store:
        monkeypatch.setattr(ChunkIO, 'reader', None)
        with pytest.raises(FrameNotFoundError):
            store.get_images(**arguments)


@pytest.mark.parametrize(
    ('arguments', 'wrong'),
    [
        ({}, 'frame_numbers'),
        ({'frame_numbers': [1], 'frame_indices': [1]}, 'frame_numbers'),
        ({'frame_numbers': [1.5]}, 'frame_number'),
        ({'frame_indices': [None]}, 'frame_index'),
    ],
)
def test_arguments_that_make_no_sense_are_refused(recording, arguments, wrong):
    with new_for_filename(recording) as store, raises(InvalidArgumentError, argument=wrong):
        store.get_images(**arguments)


def test_a_closed_store_or_a_writer_says_so(recording, tmp_path):
    store = new_for_filename(recording)
    store.close()
    with pytest.raises(StoreClosedError):
        store.get_images(frame_indices=[1])
    with new_for_format('npy', tmp_path / 'w', imgshape=SHAPE) as writer, pytest.raises(StoreModeError):
        writer.get_images(frame_indices=[])


def test_missing_frame_is_named_and_position_stays(tmp_path):
    """A missing frame is named in the error, and the position stays."""
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store:
        for index in range(9):
            store.add_image(numbered(index, SHAPE), index, index)
    (tmp_path / 's' / '000000' / '000004.png').unlink()
    with new_for_filename(tmp_path / 's') as store:
        store.get_image(2)
        with raises(FrameReadError, frame_number=4, index_in_chunk=4, chunk=0):
            store.get_images([8, 4, 0])
        assert store.get_next_image()[1][0] == 3


def test_images_of_different_shapes_come_as_a_list(tmp_path):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as store:
        for index in range(3):
            store.add_image(numbered(index, SHAPE), index, index)
    np.save(tmp_path / 's' / '000000' / '000001.npy', np.zeros((2, 3), np.uint8))
    with new_for_filename(tmp_path / 's', verify=False) as store:
        images, numbers, _ = store.get_images([0, 1])
    assert ([image.shape for image in images], numbers) == ([SHAPE, (2, 3)], [0, 1])


def test_h264_gop_is_decoded_once_for_all_its_frames(tmp_path, monkeypatch):
    """An H.264 frame is decoded once for all requested frames of its GOP."""
    with new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE) as store:
        for index in range(64):
            store.add_image(numbered(index, SHAPE), index, index)
    decoded, decode = [], VideoCursor._decode

    def noted(reader):
        for index, frame in decode(reader):
            decoded.append(index)
            yield index, frame

    monkeypatch.setattr(VideoCursor, '_decode', noted)
    with new_for_filename(tmp_path / 's') as store:
        store.get_images([15, 3, 35, 40, 33, 9])
    assert sorted(decoded) == [*range(16), *range(32, 41)]


@pytest.mark.parametrize(('gop', 'parts'), [(30, [30, 30]), (45, [60]), (12, [12] * 5)])
def test_groups_are_shared_out_unless_one_takes_most_of_the_time(tmp_path, monkeypatch, gop, parts):
    """A group with most of the frames is left to the threads of one decoder, as all others would wait for its end."""
    monkeypatch.setattr('imgstore.chunks.video.pyav_reader._MOST_SHARE', 1.25 / 2)
    with new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, gop=gop) as store:
        for index in range(60):
            store.add_image(numbered(index, SHAPE), index, index / 10)
    with PyAVChunkReader(str(tmp_path / 's/000000.mp4'), color=False) as reader:
        groups = reader.groups_of(range(60))
    assert [len(group) for group in groups] == parts
    with new_for_filename(tmp_path / 's') as store:
        images, *_ = store.get_images(frame_indices=[*range(60)])
        assert [index_in(image) for image in images] == [*range(60)]


def test_a_damaged_frame_of_one_of_several_videos_is_named(tmp_path):
    with new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, chunksize=5) as store:
        for index in range(20):
            store.add_image(numbered(index, SHAPE), index, index)
    (tmp_path / 's' / '000002.avi').write_bytes(b'RIFF')
    with new_for_filename(tmp_path / 's') as store:
        with raises(FrameReadError, frame_number=13, index_in_chunk=3, chunk=2):
            store.get_images([0, 13, 19])
        assert [index_in(image) for image in store.get_images([19, 0, 6])[0]] == [19, 0, 6]
