"""Stores in imageio."""

import gc
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest

import imgstore
import imgstore.adapters.imageio
from imgstore.errors import FrameIndexError

from ..helpers.frames import index_in, numbered


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


def test_an_index_outside_is_an_error(store):
    with pytest.raises(FrameIndexError):
        iio.imread(store.full_path, index=7)


@pytest.mark.filterwarnings('ignore')  # of imageio's other plugins
def test_a_yaml_file_without_a_store_is_no_image(tmp_path, store):
    (tmp_path / 'other.yaml').write_text('a: 1\n')
    with pytest.raises(OSError, match=r'other\.yaml'):
        iio.imread(tmp_path / 'other.yaml')
    gc.collect()  # one of them leaves the file open


def test_a_store_is_not_written(store, tmp_path):
    with pytest.raises(OSError, match='imgstore'):
        iio.imwrite(tmp_path / 'new', np.zeros((64, 96), np.uint8), plugin='imgstore')
