"""A store with the methods of cv2.VideoCapture, compared with the real one on the same frames."""

import warnings

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.adapters import VideoCapture
from imgstore.errors import EndOfStoreError, FrameReadError, ImgStoreWarning, InvalidArgumentError, StoreNotFoundError

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

COUNT = 7
PLACES = cv2.CAP_PROP_POS_FRAMES, cv2.CAP_PROP_POS_MSEC
SIZES = cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS


@pytest.fixture(params=['png', 'avc1/mp4'])
def store(tmp_path, request):
    shape = (64, 96)
    with imgstore.new_for_format(request.param, tmp_path / 's', imgshape=shape, chunksize=4) as writer:
        for index in range(COUNT):
            writer.add_image(numbered(index, shape), 100 + index, 1e9 + index / 25)
    return tmp_path / 's'


@pytest.fixture
def both(tmp_path, store):
    """Ours, and OpenCV's own on a video of the same frames."""
    writer = cv2.VideoWriter(str(tmp_path / 'v.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 25, (96, 64))
    for index in range(COUNT):
        writer.write(numbered(index, (64, 96, 3)))
    writer.release()
    videos = VideoCapture(store), cv2.VideoCapture(str(tmp_path / 'v.avi'))
    yield videos
    for video in videos:
        video.release()


def same(values):
    first, second = values
    assert first == pytest.approx(second, abs=1e-4)
    return second


def test_a_loop_reads_what_opencv_reads(both):
    for index in range(COUNT):
        reads = [video.read() for video in both]
        assert [(is_read, image.shape, image.dtype, index_in(image)) for is_read, image in reads] == [
            (True, (64, 96, 3), np.uint8, index)
        ] * 2
        same([video.get(cv2.CAP_PROP_POS_FRAMES) for video in both])
        same([video.get(cv2.CAP_PROP_POS_MSEC) for video in both])
    assert [video.read() for video in both] == [(False, None)] * 2


def test_properties_are_those_of_opencv(both):
    for prop in (*SIZES, *PLACES, cv2.CAP_PROP_CONVERT_RGB):
        same([video.get(prop) if prop != cv2.CAP_PROP_CONVERT_RGB else 1 for video in both])
    assert both[0].get(cv2.CAP_PROP_CONVERT_RGB) == 1
    assert both[0].get(cv2.CAP_PROP_GAIN) == 0
    assert not both[0].set(cv2.CAP_PROP_GAIN, 3)


@pytest.mark.parametrize(
    ('prop', 'value'),
    [(PLACES[0], value) for value in (0, 3, 6, np.int64(2))] + [(PLACES[1], value) for value in (0, 80, 200)],
)
def test_a_position_is_that_of_opencv(both, prop, value):
    assert same([video.set(prop, value) for video in both])
    assert [index_in(video.read()[1]) for video in both] == [value if prop == PLACES[0] else value // 40] * 2


@pytest.mark.parametrize('value', [-3, COUNT, 1000])
def test_a_position_outside_is_the_nearest(both, value):
    same([video.set(cv2.CAP_PROP_POS_FRAMES, value) for video in both])
    same([video.get(cv2.CAP_PROP_POS_FRAMES) for video in both])
    same([video.read()[0] for video in both])


def test_no_number_is_no_position(store):
    video = VideoCapture(store)
    assert not video.set(cv2.CAP_PROP_POS_FRAMES, float('nan'))
    assert not video.set(cv2.CAP_PROP_POS_MSEC, float('inf'))
    assert index_in(video.read()[1]) == 0


def test_a_frame_can_be_grabbed_and_retrieved_later(both):
    for video in both:
        assert video.grab()
        assert video.grab()
        is_read, image = video.retrieve()
        assert (is_read, index_in(image)) == (True, 1)


def test_an_image_of_the_caller_is_filled(store):
    image = np.zeros((64, 96, 3), np.uint8)
    video = VideoCapture(store)
    video.set(cv2.CAP_PROP_POS_FRAMES, 5)
    is_read, same_image = video.read(image)
    assert (is_read, same_image is image, index_in(image)) == (True, True, 5)


def test_gray_images_stay_gray_without_the_conversion(store):
    video = VideoCapture(store)
    assert video.set(cv2.CAP_PROP_CONVERT_RGB, 0)
    assert not_none(video.read()[1]).shape == (64, 96)


def test_a_missing_store_is_not_opened_and_a_warning_says_why(tmp_path):
    with pytest.warns(ImgStoreWarning):
        video = VideoCapture(tmp_path / 'missing')
    assert (video.isOpened(), video.read(), video.grab(), video.get(cv2.CAP_PROP_FPS)) == (
        False,
        (False, None),
        False,
        0,
    )
    assert not video.set(cv2.CAP_PROP_POS_FRAMES, 0)
    video.setExceptionMode(True)
    assert video.getExceptionMode()
    with pytest.raises(StoreNotFoundError):
        video.open(tmp_path / 'missing')


def test_the_end_is_an_error_where_errors_are_asked_for(store):
    with VideoCapture(store) as video:
        video.setExceptionMode(True)
        while index_in(video.read()[1]) < video.get(cv2.CAP_PROP_FRAME_COUNT) - 1:
            pass
        for read in video.read, video.grab:
            with pytest.raises(EndOfStoreError):
                read()
        assert video.retrieve() == (False, None)
        video.set(cv2.CAP_PROP_POS_FRAMES, 0)
        assert index_in(video.read()[1]) == 0


def test_a_store_can_be_opened_after_another(store):
    video = VideoCapture()
    assert (video.isOpened(), video.getBackendName()) == (False, '')
    for _ in range(2):
        assert video.open(store)
        assert index_in(video.read()[1]) == 0
    assert video.getBackendName() == 'IMGSTORE'
    video.release()
    assert not video.isOpened()


def test_an_empty_store_has_no_frame(tmp_path):
    imgstore.new_for_format('png', tmp_path / 's', imgshape=(64, 96)).close()
    video = VideoCapture(tmp_path / 's')
    assert video.isOpened()
    assert [video.get(prop) for prop in (*SIZES, *PLACES)] == [0, 96, 64, 0, 0, 0]
    assert video.set(cv2.CAP_PROP_POS_MSEC, 5)
    assert video.read() == (False, None)


def test_an_unreadable_frame_is_an_error_and_no_end(tmp_path, store):
    if (store / '000000').is_dir():
        (store / '000000' / '000001.png').unlink()
        video = VideoCapture(store)
        assert video.read()[0]
        with pytest.raises(FrameReadError):
            video.read()
        assert index_in(video.read()[1]) == 2
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            video.release()


def test_a_position_past_the_last_frame_is_the_end(both):
    for milliseconds in (280, 1000):
        for video in both:
            assert video.set(cv2.CAP_PROP_POS_MSEC, milliseconds)
        assert [video.read() for video in both] == [(False, None)] * 2
    both[0].set(cv2.CAP_PROP_POS_MSEC, 250)
    assert index_in(both[0].read()[1]) == 6


def test_arguments_are_those_of_opencv(store):
    with VideoCapture(store, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1]) as video:
        video.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        assert not_none(video.read()[1]).shape == (64, 96)
        video.open(store)
        assert not_none(video.read()[1]).shape == (64, 96, 3)
    assert not video.isOpened()
    with raises(InvalidArgumentError):
        VideoCapture(store, cache_bytes=-1)
    with pytest.raises(TypeError):
        VideoCapture(store, foo=1)


def test_four_channels_are_read_as_stored(tmp_path):
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(64, 96, 4)) as writer:
        writer.add_image(np.zeros((64, 96, 4), np.uint8), 0, 0.0)
    with VideoCapture(tmp_path / 's') as video:
        with raises(InvalidArgumentError, argument='CAP_PROP_CONVERT_RGB'):
            video.read()
        video.open(tmp_path / 's')
        video.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        assert not_none(video.read()[1]).shape == (64, 96, 4)
