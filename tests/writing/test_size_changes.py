"""`roi=` and `binning=`: which part of the given images a store keeps, in every format."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore import ensure_color, new_for_filename, new_for_format
from imgstore.color import decode_to_bgr
from imgstore.errors import ImageRejectedError, InvalidArgumentError, InvalidOptionError
from imgstore.formats import format_names
from imgstore.ondisk.metadata import load_metadata
from imgstore.sensor_area import bin_image

from ..helpers.checked import not_none
from ..helpers.format_table import CROPPED, LOSSLESS, NO_COLOR, ROWS, VIDEO_FORMATS
from ..helpers.raised import raises

SENSOR = (101, 134)
ROI, BINNING = (5, 3, 126, 92), (2, 3)
SHAPE = (46, 42)
COUNT = 7
KEYS = {'roi': [*ROI], 'binning': [*BINNING], 'sensor_shape': [*SENSOR]}


def noise(count: int, shape: tuple[int, ...] = SENSOR, dtype: str = 'uint8') -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8).astype(dtype)


def kept(image: Any, roi: tuple[int, int, int, int] = ROI, binning: tuple[int, int] = BINNING) -> Any:
    x, y, width, height = roi
    return bin_image(image[y : y + height, x : x + width], *binning)


def write(folder: Path, fmt: str, images: Any, **options: Any) -> Path:
    """Write images from one buffer, with extra data."""
    with new_for_format(
        fmt, folder, imgshape=images[0].shape, imgdtype=images[0].dtype, chunksize=3, **options
    ) as store:
        buffer = np.empty_like(images[0])
        for number, image in enumerate(images):
            buffer[:] = image
            store.add_image(buffer, 10 + number, number / 25)
            buffer[:] = 0
            store.add_extra_data(number=number)
    return folder


def read(folder: Path) -> list[Any]:
    with new_for_filename(folder) as store:
        assert store.frame_numbers.tolist() == list(range(10, 10 + len(store)))
        return list(store[:])


@pytest.mark.parametrize('workers', [0, 1, 4])
@pytest.mark.parametrize(
    ('fmt', 'shape'), [*((fmt, SENSOR) for fmt in ROWS), *((fmt, (*SENSOR, 3)) for fmt in ROWS if fmt not in NO_COLOR)]
)
def test_a_store_holds_the_cropped_and_binned_images(
    fmt: str, shape: tuple[int, ...], workers: int, tmp_path: Path
) -> None:
    """They are the same as those of a store that gets them cropped and binned."""
    images = noise(COUNT, shape)
    write(tmp_path / 's', fmt, images, roi=ROI, binning=BINNING, workers=workers)
    expected = [kept(image) for image in images]
    found = read(tmp_path / 's')
    assert all(map(np.array_equal, found, read(write(tmp_path / 'other', fmt, expected))))
    assert fmt not in LOSSLESS or all(map(np.array_equal, found, expected))
    metadata = load_metadata(str(tmp_path / 's'))
    assert metadata.imgshape == (*SHAPE, *shape[2:])
    assert {key: metadata.store[key] for key in KEYS} == KEYS
    assert list(metadata.store)[-1] == 'version'


def test_what_reader_and_writer_say(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 's', imgshape=SENSOR, roi=ROI, binning=BINNING) as writer:
        writer.add_image(noise(1)[0], 0, 0)
        said = [(each.image_shape, each.sensor_shape, each.roi, each.binning) for each in (writer,)]
    with new_for_filename(tmp_path / 's') as reader:
        said += [(reader.image_shape, reader.sensor_shape, reader.roi, reader.binning)]
        assert reader.user_metadata == {}
    assert said == [(SHAPE, SENSOR, ROI, BINNING)] * 2


def test_without_both_nothing_is_known_of_the_sensor(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 's', imgshape=SENSOR, roi=None, binning=None) as store:
        assert (store.sensor_shape, store.roi, store.binning) == (None, None, None)
    assert not {*KEYS} & {*load_metadata(str(tmp_path / 's')).store}


@pytest.mark.parametrize(
    ('roi', 'binning', 'expected'),
    [
        (None, 1, ((0, 0, 134, 101), (1, 1))),
        ((1, 2, 4, 6), None, ((1, 2, 4, 6), (1, 1))),
        ([1, 2, 4, 6], 2, ((1, 2, 4, 6), (2, 2))),
        (np.array([1, 2, 4, 6], np.uint8), np.int64(2), ((1, 2, 4, 6), (2, 2))),
        ((np.int64(1), 2.0, 4, 6), np.array([3, 2]), ((1, 2, 4, 6), (3, 2))),
        ((133, 100, 1, 1), [1, 1], ((133, 100, 1, 1), (1, 1))),
        ((0, 1, 134, 100), (100, 134), ((0, 1, 134, 100), (100, 134))),
    ],
)
def test_forms_of_the_arguments(roi: Any, binning: Any, expected: Any, tmp_path: Path) -> None:
    image = noise(1)[0]
    with new_for_format('npy', tmp_path / 's', imgshape=SENSOR, roi=roi, binning=binning) as store:
        store.add_image(image, 10, 0)
        assert (store.roi, store.binning) == expected
    assert np.array_equal(read(tmp_path / 's')[0], kept(image, *expected))


REFUSED: list[tuple[Any, Any, str]] = [
    ((0, 0, 135, 4), None, 'roi'),
    ((0, 0, 4, 102), None, 'roi'),
    ((134, 0, 1, 1), None, 'roi'),
    ((0, 101, 1, 1), None, 'roi'),
    ((-1, 0, 4, 4), None, 'roi'),
    ((0, -1, 4, 4), None, 'roi'),
    ((0, 0, 0, 4), None, 'roi'),
    ((0, 0, 4, 0), None, 'roi'),
    ((0, 0, -4, 4), None, 'roi'),
    ((0.5, 0, 4, 4), None, 'roi'),
    ((float('nan'), 0, 4, 4), None, 'roi'),
    ((True, 0, 4, 4), None, 'roi'),
    ((0, 0, 4), None, 'roi'),
    ((0, 0, 4, 4, 1), None, 'roi'),
    ((), None, 'roi'),
    ('0,0,4,4', None, 'roi'),
    (b'1234', None, 'roi'),
    ({1, 2, 3, 4}, None, 'roi'),
    (4, None, 'roi'),
    (np.zeros((2, 2), int), None, 'roi'),
    ((None, 0, 4, 4), None, 'roi'),
    ((0, 0, 5, 4), 2, 'roi'),
    ((0, 0, 4, 5), (2, 1), 'roi'),
    ((0, 0, 2, 2), 4, 'roi'),
    (None, 2, 'binning'),
    (None, 0, 'binning'),
    (None, -2, 'binning'),
    (None, 1.5, 'binning'),
    (None, True, 'binning'),
    (None, '2', 'binning'),
    (None, '2x', 'binning'),
    (None, (2,), 'binning'),
    (None, (1, 2, 1), 'binning'),
    (None, (1, 0), 'binning'),
    (None, (1, -2), 'binning'),
    (None, 200, 'binning'),
    (None, (102, 1), 'binning'),
    (None, object(), 'binning'),
]


@pytest.mark.parametrize(('roi', 'binning', 'argument'), REFUSED)
def test_what_is_not_allowed_is_refused_before_a_folder_is_made(
    roi: Any, binning: Any, argument: str, tmp_path: Path
) -> None:
    with raises(InvalidArgumentError, argument=argument):
        new_for_format('png', tmp_path / 's', imgshape=SENSOR, roi=roi, binning=binning)
    assert not (tmp_path / 's').exists()


@pytest.mark.parametrize('dtype', ['bool', 'int64', 'uint64', 'complex64', 'datetime64[s]'])
def test_no_mean_of_values_that_have_none(dtype: str, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='binning'):
        new_for_format('npy', tmp_path / 's', imgshape=(4, 4), imgdtype=dtype, binning=2)
    assert not (tmp_path / 's').exists()
    images = noise(2, (4, 4)).astype(dtype)
    assert np.array_equal(read(write(tmp_path / 's', 'npy', images, roi=(1, 2, 3, 2))), images[:, 2:4, 1:4])


def test_an_array_of_one_dimension_has_no_roi(tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='roi'):
        new_for_format('npy', tmp_path / 's', imgshape=(4,), roi=(0, 0, 1, 1))
    assert not (tmp_path / 's').exists()


def test_they_are_options_of_writing_only(tmp_path: Path) -> None:
    write(tmp_path / 's', 'npy', noise(1), roi=ROI)
    with pytest.raises(InvalidOptionError):
        new_for_filename(tmp_path / 's', roi=ROI)


@pytest.mark.parametrize('shape', [SHAPE, (92, 126), (134, 101), (*SENSOR, 3)])
def test_an_image_of_another_shape_than_the_sensors_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    with new_for_format('png', tmp_path / 's', imgshape=SENSOR, roi=ROI, binning=BINNING) as store:
        with raises(ImageRejectedError, argument='img', frame_number=3):
            store.add_image(np.zeros(shape, np.uint8), 3, 0)
        assert not len(store)
        store.add_image(noise(1)[0][..., None], 10, 0)
    assert np.array_equal(read(tmp_path / 's')[0], kept(noise(1)[0]))


@pytest.mark.parametrize('fmt', CROPPED)
def test_a_video_of_odd_size_says_what_it_has_of_the_sensor(fmt: str, tmp_path: Path) -> None:
    write(tmp_path / 's', fmt, noise(COUNT), roi=(5, 3, 129, 94), binning=BINNING)
    write(tmp_path / 'even', fmt, noise(COUNT), roi=ROI, binning=BINNING)
    with new_for_filename(tmp_path / 's') as store:
        assert (store.image_shape, store.roi) == (SHAPE, ROI)
    assert all(map(np.array_equal, read(tmp_path / 's'), read(tmp_path / 'even')))


@pytest.mark.parametrize(
    ('fmt', 'dtype'), [('npy', 'float32'), ('bpk', 'int16'), ('png', 'uint16'), ('tif', 'float32'), ('npy', 'float64')]
)
def test_other_dtypes(fmt: str, dtype: str, tmp_path: Path) -> None:
    images = noise(3, SENSOR, dtype)
    found = read(write(tmp_path / 's', fmt, images, roi=ROI, binning=BINNING))
    assert found[0].dtype == np.dtype(dtype)
    assert all(map(np.array_equal, found, map(kept, images)))


def test_another_dtype_is_taken_where_no_value_of_the_roi_changes(tmp_path: Path) -> None:
    image = np.full((8, 8), 300, np.int64)
    image[2:4, 2:6] = 255
    with new_for_format('npy', tmp_path / 's', imgshape=(8, 8), roi=(2, 2, 4, 2), binning=2) as store:
        store.add_image(image, 10, 0)
        image[3, 5] = 256
        with raises(ImageRejectedError, argument='img'):
            store.add_image(image, 11, 0)
    assert read(tmp_path / 's')[0].tolist() == [[255, 255]]


def test_a_value_of_too_many_bits_is_refused_before_it_vanishes_in_a_mean(tmp_path: Path) -> None:
    image = np.zeros((64, 64), np.uint16)
    with new_for_format('ffv1/mkv', tmp_path / 's', imgshape=(64, 64), imgdtype='uint16', bits=10, binning=2) as store:
        store.add_image(image, 10, 0)
        image[0, 0] = 1024
        with raises(ImageRejectedError, argument='img'):
            store.add_image(image, 11, 0)


def test_any_thread_may_add_from_one_sensor(tmp_path: Path) -> None:
    image = noise(1)[0]
    with new_for_format('png', tmp_path / 's', imgshape=SENSOR, chunksize=10, roi=ROI, binning=BINNING) as store:

        def add(thread: int) -> None:
            for number in range(10):
                store.add_image(image + np.uint8(thread), 10 * thread + number, 0)

        threads = [threading.Thread(target=add, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with new_for_filename(tmp_path / 's') as store:
        assert sorted(store.frame_numbers.tolist()) == list(range(40))
        for found, (number, _) in store:
            assert np.array_equal(found, kept(image + np.uint8(number // 10)))


# --- raw images

BAYER = ['cv_bayerbg', 'cv_bayergb', 'cv_bayerrg', 'cv_bayergr']


@pytest.mark.parametrize('encoding', BAYER)
def test_a_crop_keeps_the_pattern_of_bayer_images(encoding: str, tmp_path: Path) -> None:
    roi, image = (6, 4, 33, 41), noise(1)[0]
    write(tmp_path / 's', 'png', [image], encoding=encoding, roi=roi)
    with new_for_filename(tmp_path / 's') as store:
        inner, whole = store[0][2:-2, 2:-2], decode_to_bgr(image, encoding)
        assert np.array_equal(inner, kept(whole, roi, (1, 1))[2:-2, 2:-2])
        assert (store.image_shape, store.sensor_shape) == ((41, 33, 3), SENSOR)
        store.disable_decoding()
        assert np.array_equal(store[0], kept(image, roi, (1, 1)))


@pytest.mark.parametrize(
    ('encoding', 'shape', 'options', 'argument'),
    [
        *[(code, SENSOR, {'roi': (5, 4, 32, 32)}, 'roi') for code in BAYER],
        *[(code, SENSOR, {'roi': (4, 5, 32, 32)}, 'roi') for code in BAYER],
        *[(code, (100, 134), {'binning': 2}, 'binning') for code in BAYER],
        ('cv_hsv', (100, 134, 3), {'binning': 2}, 'binning'),
        ('cv_bgr565', (100, 134, 2), {'binning': 2}, 'binning'),
        ('cv_yuv_yuyv', (100, 134, 2), {'binning': 2}, 'binning'),
        ('cv_yuv_yuyv', (100, 134, 2), {'roi': (1, 0, 32, 32)}, 'roi'),
        ('cv_yuv_i420', (96, 134), {'roi': (0, 0, 32, 96)}, 'roi'),
        ('cv_yuv_i420', (96, 134), {'binning': 2}, 'binning'),
    ],
)
def test_what_would_mix_the_colors_of_raw_images_is_refused(
    encoding: str, shape: tuple[int, ...], options: dict[str, Any], argument: str, tmp_path: Path
) -> None:
    with raises(InvalidArgumentError, argument=argument):
        new_for_format('npy', tmp_path / 's', imgshape=shape, encoding=encoding, **options)
    assert not (tmp_path / 's').exists()


@pytest.mark.parametrize(
    ('encoding', 'shape'), [('cv_rgb', (*SENSOR, 3)), ('cv_bgra', (*SENSOR, 4)), ('cv_gray', SENSOR)]
)
def test_pixels_in_another_order_can_be_averaged(encoding: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    image = noise(1, shape)[0]
    write(tmp_path / 's', 'npy', [image], encoding=encoding, roi=ROI, binning=BINNING)
    assert np.array_equal(read(tmp_path / 's')[0], kept(decode_to_bgr(image, encoding)))


@pytest.mark.parametrize('encoding', ['cv_bayerrg', 'cv_yuv_i420', 'cv_rgb'])
@pytest.mark.parametrize('fmt', [name for name in format_names() if name.endswith('+color')])
def test_a_format_that_stores_colors_crops_and_bins_them(fmt: str, encoding: str, tmp_path: Path) -> None:
    shape = {'cv_bayerrg': SENSOR, 'cv_yuv_i420': (150, 134), 'cv_rgb': (*SENSOR, 3)}[encoding]
    image = noise(1, shape)[0]
    expected = kept(decode_to_bgr(image, encoding))
    write(tmp_path / 's', fmt, [image], encoding=encoding, roi=ROI, binning=BINNING)
    write(tmp_path / 'other', fmt.removesuffix('+color'), [expected])
    assert all(map(np.array_equal, read(tmp_path / 's'), read(tmp_path / 'other')))
    with new_for_filename(tmp_path / 's') as store:
        assert store.sensor_shape == ((100, 134) if encoding == 'cv_yuv_i420' else SENSOR)


# --- the rest of a store


@pytest.mark.parametrize('fmt', ['png', 'mjpeg/avi', 'h264/mkv'])
def test_a_killed_writers_store_is_repaired(fmt: str, tmp_path: Path) -> None:
    images = noise(5)
    with new_for_format(
        fmt, tmp_path / 's', imgshape=SENSOR, chunksize=3, workers=0, roi=ROI, binning=BINNING
    ) as store:
        for number, image in enumerate(images):
            store.add_image(image, 10 + number, number / 25)
            store.add_extra_data(number=number)
        shutil.copytree(tmp_path / 's', tmp_path / 'killed')
    imgstore.repair(tmp_path / 'killed')
    assert all(map(np.array_equal, read(tmp_path / 'killed'), read(tmp_path / 's')))
    with new_for_filename(tmp_path / 'killed') as killed:
        assert (len(killed), killed.roi, killed.binning) == (5, ROI, BINNING)
        assert not_none(killed.get_extra_data())['number'].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('fmt', ['png', *VIDEO_FORMATS])
def test_an_emptied_and_an_empty_store_have_the_same_shape(fmt: str, tmp_path: Path) -> None:
    with new_for_format(fmt, tmp_path / 's', imgshape=SENSOR, roi=ROI, binning=BINNING) as store:
        store.add_image(noise(1)[0], 0, 0)
        store.empty()
    with new_for_filename(tmp_path / 's') as store:
        assert (len(store), store.image_shape, store.roi) == (0, SHAPE, ROI)


def test_an_inserted_video_has_the_size_of_the_stored_images(tmp_path: Path) -> None:
    expected = [ensure_color(kept(image)) for image in noise(3)]
    for name, images in (('sensor', noise(3)), ('kept', expected)):
        write(tmp_path / name, 'mjpeg/avi', list(images))
    with new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SENSOR, roi=ROI, binning=BINNING) as store:
        assert isinstance(store, imgstore.VideoImgStore)
        with pytest.raises(InvalidArgumentError):
            store.insert_chunk(tmp_path / 'sensor' / '000000.avi', range(3), range(3))
        store.insert_chunk(tmp_path / 'kept' / '000000.avi', range(3), range(3))
        assert len(store) == 3
