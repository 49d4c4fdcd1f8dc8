"""Stores in imageio."""

import gc
from pathlib import Path
from typing import Any, cast

import imageio.v3 as iio
import numpy as np
import pytest

import imgstore
import imgstore.adapters.imageio
from imgstore.errors import FrameIndexError, InvalidArgumentError

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises


@pytest.fixture(params=[('png', (64, 96)), ('npy', (64, 96, 3)), ('avc1/mp4', (64, 96, 3))])
def store(tmp_path, request):
    fmt, shape = request.param
    with imgstore.new_for_format(fmt, tmp_path / 's', imgshape=shape, chunksize=4, metadata={'animal': 7}) as writer:
        for index in range(7):
            writer.add_image(numbered(index, shape), 100 + index, index / 25)
    return imgstore.new_for_filename(tmp_path / 's')


def in_rgb(store, images):
    return images[..., ::-1] if len(store.image_shape) == 3 else images


@pytest.mark.parametrize('how', ['by its metadata', 'by the plugin'])
def test_imageio_reads_a_store(store, how):
    path: str
    options: dict[str, Any]
    path, options = (store.full_path, {}) if how == 'by its metadata' else (store.filename, {'plugin': 'imgstore'})
    np.testing.assert_array_equal(iio.imread(path, index=3, **options), in_rgb(store, store[3]))
    np.testing.assert_array_equal(iio.imread(path, **options), in_rgb(store, store[:]))
    assert [index_in(image) for image in iio.imiter(path, **options)] == list(range(7))
    about = iio.improps(path, **options)
    assert (about.shape, about.dtype.name, about.n_images, about.is_batch) == (store.shape, 'uint8', 7, True)
    assert iio.improps(path, index=2, **options).shape == store.image_shape
    assert iio.immeta(path, index=2, **options) == {'animal': 7, 'frame_number': 102, 'frame_time': 0.08}
    assert iio.immeta(path, **options)['animal'] == 7


@pytest.mark.parametrize('read', [iio.imread, iio.improps, iio.immeta])
def test_an_index_outside_is_an_error(store, read):
    with raises(FrameIndexError, frame_index=7):
        read(store.full_path, index=7)


def test_an_index_is_an_integer_or_a_slice(store):
    wrong: list[Any] = [(1, 2), [1, 2], np.array([1, 2]), 1.0, '1']
    for index in wrong:
        with raises(InvalidArgumentError, argument='index'):
            iio.imread(store.full_path, index=index)
    path, last, some = Path(store.full_path), cast(int, np.int64(-1)), cast(int, slice(1, 5))  # imageio declares an int
    np.testing.assert_array_equal(iio.imread(path, index=last), in_rgb(store, store[-1]))
    np.testing.assert_array_equal(iio.imread(path, index=some), in_rgb(store, store[1:5]))
    about = iio.improps(path, index=some)
    assert (about.shape, about.n_images, about.is_batch) == ((4, *store.image_shape), 4, True)
    assert iio.immeta(path, index=last)['frame_number'] == 106


@pytest.mark.filterwarnings('ignore')  # of imageio's other plugins
def test_a_yaml_file_without_a_store_is_no_image(tmp_path, store):
    (tmp_path / 'other.yaml').write_text('a: 1\n')
    with pytest.raises(OSError, match=r'other\.yaml'):
        iio.imread(tmp_path / 'other.yaml')
    gc.collect()  # one of them leaves the file open


def test_a_store_is_not_written(store, tmp_path):
    for path in (store.full_path, Path(store.full_path)):
        with raises(InvalidArgumentError):
            iio.imwrite(path, np.zeros((64, 96), np.uint8))
    with pytest.raises(OSError, match='imgstore'):
        iio.imwrite(store.filename, np.zeros((64, 96), np.uint8), plugin='imgstore')
    assert index_in(imgstore.new_for_filename(store.filename)[6]) == 6
    with pytest.raises(OSError, match='imgstore'):
        iio.imwrite(tmp_path / 'new', np.zeros((64, 96), np.uint8), plugin='imgstore')


def test_a_part_is_read_in_turn(store):
    images = iio.imiter(store.filename, plugin='imgstore', index=slice(5, 1, -2))
    assert [index_in(image) for image in images] == [5, 3]
