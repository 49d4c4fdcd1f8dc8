"""The reader for napari, without napari; tests/programs has a real viewer."""

import numpy as np
import pytest

import imgstore
from imgstore.adapters import napari as adapter
from imgstore.errors import FrameNotFoundError, InvalidArgumentError, MissingDependencyError

from ..helpers.frames import index_in, numbered

COLOR, GRAY = (64, 96, 3), (64, 96)


def record(path, shape=GRAY, fmt='png', count=7, chunksize=4, times=None):
    with imgstore.new_for_format(fmt, path, imgshape=shape, chunksize=chunksize, metadata={'subject': 'A7'}) as store:
        for index in range(count):
            store.add_image(numbered(index, shape), 100 + index, 1.7e9 + index / 25 if times is None else times[index])
    return str(path)


def opened(path):
    reader = adapter.get_reader(str(path))
    assert reader is not None
    [(data, about, kind)] = reader(str(path))
    assert kind == 'image'
    return data, about


@pytest.mark.parametrize('shape', [GRAY, COLOR])
@pytest.mark.parametrize('name', ['', 'metadata.yaml'])
def test_the_reader_makes_a_layer_of_a_store(tmp_path, name, shape):
    record(tmp_path / 's', shape)
    data, about = opened(tmp_path / 's' / name)
    assert (data.shape, data.dtype.name, data.ndim) == ((7, *shape), 'uint8', 1 + len(shape))
    assert (len(data), data.size, data.nbytes) == (7, 7 * np.prod(shape), 7 * np.prod(shape))
    assert about['scale'] == (pytest.approx(0.04), 1, 1)
    assert about['units'] == ('second', 'pixel', 'pixel')
    assert about['axis_labels'] == ('time', 'y', 'x')
    assert (about['name'], about['rgb'], about['contrast_limits']) == ('s', shape == COLOR, (0, 255))
    assert about['metadata']['subject'] == 'A7'
    np.testing.assert_array_equal(about['metadata']['frame_numbers'], range(100, 107))
    np.testing.assert_allclose(about['metadata']['frame_times'] - 1.7e9, np.arange(7) / 25, atol=1e-6)


@pytest.mark.parametrize('shape', [GRAY, COLOR])
def test_the_array_takes_keys_as_numpy_does(tmp_path, shape):
    data, _ = opened(record(tmp_path / 's', shape))
    expected = np.stack(
        [numbered(index, shape)[..., ::-1] if shape == COLOR else numbered(index, shape) for index in range(7)]
    )
    keys = [3, -1, np.int64(2), slice(1, 6, 2), slice(None, None, -1), [5, 0, 5], np.arange(7) % 2 == 0]
    keys += [(3, slice(None), slice(None)), (slice(2, 4), 5, slice(10, 20)), (1, 2, 3), (1, 2), ..., (..., 0)]
    keys += [(slice(0, 2), ..., slice(0, 2)), (4, ..., 1), None, (2, None), ([4, 1], slice(3), 7)]
    keys += [(slice(1, 3), 5, 6, 1), (0, 5, 6, 2), (6, slice(None), 0, slice(0, 2))] if shape == COLOR else []
    for key in keys:
        np.testing.assert_array_equal(data[key], expected[key], strict=True, err_msg=str(key))
    np.testing.assert_array_equal(np.asarray(data), expected, strict=True)
    assert np.asarray(data, np.float32).dtype == np.float32
    for outside in (7, -8, ([9],)):
        with pytest.raises(IndexError):
            data[outside]


def test_the_folder_of_a_chunk_gives_its_frames(tmp_path):
    record(tmp_path / 's', count=10)
    data, about = opened(tmp_path / 's' / '000001')
    assert (len(data), about['name']) == (4, 's 000001')
    assert [index_in(data[index]) for index in (0, 3, -1)] == [4, 7, 7]
    assert [index_in(image) for image in data[::-1]] == [7, 6, 5, 4]
    assert data.frame_numbers.tolist() == [104, 105, 106, 107]
    with pytest.raises(IndexError):
        data[4]
    (tmp_path / 's' / '000009').mkdir()
    with pytest.raises(FrameNotFoundError):
        adapter.read(str(tmp_path / 's' / '000009'))


def test_the_reader_leaves_what_is_no_store(tmp_path):
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'metadata.yaml').write_text('title: of another program\n')
    (tmp_path / '000000').mkdir()
    paths = [tmp_path, tmp_path / 'other', tmp_path / 'other' / 'metadata.yaml', tmp_path / '000000', tmp_path / 'none']
    assert [adapter.get_reader(str(path)) for path in paths] == [None] * len(paths)
    assert adapter.get_reader([record(tmp_path / 's')] * 2) is None


def test_a_damaged_store_is_an_error_and_not_ignored(tmp_path):
    path = tmp_path / 's' / 'metadata.yaml'
    record(tmp_path / 's')
    path.write_text(path.read_text() + '{')
    reader = adapter.get_reader(str(path))
    assert reader is not None
    with pytest.raises(imgstore.errors.CorruptFileError):
        reader(str(path))


def test_a_store_without_frames_is_an_error(tmp_path):
    with pytest.raises(FrameNotFoundError):
        adapter.read(record(tmp_path / 's', count=0))


@pytest.mark.parametrize(
    ('times', 'interval', 'unit'),
    [
        ([1.7e9 + index / 1000 for index in range(7)], 0.001, 'second'),  # less than the rounding of such times
        ([0, 1, 2, 3, 60, 61, 62], 1, 'second'),
        ([0, 600, 1200, 1800, 2400, 3000, 3600], 600, 'second'),
        ([5] * 7, 1, 'pixel'),
    ],
)
def test_a_step_is_the_median_interval(tmp_path, times, interval, unit):
    _, about = opened(record(tmp_path / 's', times=times))
    assert about['scale'] == (pytest.approx(interval, rel=1e-7), 1, 1)
    assert about['units'][0] == unit


@pytest.mark.parametrize('rate', [0.01, 3, 24000 / 1001, 25, 29.97, 30, 100, 133.7, 1000])
def test_the_slider_reaches_each_frame(tmp_path, rate):
    """napari counts the steps between the first and the last frame, and drops their fraction."""
    interval = opened(record(tmp_path / 's', times=[1.7e9 + index / rate for index in range(7)]))[1]['scale'][0]
    last = np.concatenate([np.arange(10_000), np.random.default_rng(0).integers(10**4, 10**8, 10_000)])
    np.testing.assert_array_equal(last * interval / interval, last, strict=False)
    np.testing.assert_allclose(interval, 1 / rate, rtol=1e-4)


@pytest.mark.parametrize(
    ('dtype', 'values', 'limits'),
    [
        ('uint16', [300, 900, 4095], (300, 4095)),
        ('uint16', [7, 7, 7], (7, 8)),
        ('float32', [np.nan, -1, np.inf], (-1, 0)),
        ('float32', [np.nan] * 3, (0, 1)),
        ('bool', [0, 1, 0], (0, 1)),
    ],
)
def test_contrast_limits_are_those_of_some_frames(tmp_path, dtype, values, limits):
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5), imgdtype=dtype) as store:
        for index, value in enumerate(values):
            store.add_image(np.full((4, 5), value, dtype), index, index)
    assert opened(tmp_path / 's')[1]['contrast_limits'] == limits


@pytest.mark.parametrize(('shape', 'axes'), [((4, 5, 4), 3), ((5,), 1), ((2, 4, 5), 3)])
def test_images_of_other_shapes_are_no_colours(tmp_path, shape, axes):
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=shape) as store:
        store.add_image(image, 0, 0)
    data, about = opened(tmp_path / 's')
    np.testing.assert_array_equal(data[0], image)
    assert not about['rgb']
    assert [len(about[name]) for name in ('scale', 'units', 'axis_labels')] == [1 + axes] * 3


def test_too_many_frames_at_once_are_an_error(tmp_path, monkeypatch):
    data, _ = opened(record(tmp_path / 's'))
    monkeypatch.setattr(adapter, '_MOST_BYTES', 5 * 64 * 96)
    assert data[:5].shape == (5, 64, 96)
    assert data[:, :10].shape == (7, 10, 96)
    for key in (slice(None), (slice(0, 6), slice(None)), ...):
        with pytest.raises(InvalidArgumentError):
            data[key]


def test_a_copy_of_the_array_cannot_be_refused(tmp_path):
    data, _ = opened(record(tmp_path / 's'))
    with pytest.raises(ValueError, match='copy'):
        data.__array__(copy=False)


def test_a_command_without_napari_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'napari', None)
    with pytest.raises(MissingDependencyError, match=r'imgstore\[napari\]'):
        adapter.show_frame_numbers()


@pytest.mark.parametrize('shape', [(64, 96), (64, 96, 3)])
def test_values_at_points_are_those_of_numpy(tmp_path, shape):
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=shape) as store:
        for index in range(6):
            store.add_image(numbered(index, shape), index, index)
    with imgstore.new_for_filename(tmp_path / 's') as store:
        array = adapter.FrameArray(store)
        whole = np.asarray(array)
        for key in (([0, 4], [10, 11], [10, 2]), (np.array([5, -1, 2]), [3, 4, 5]), (3, [1, 2], [3, 4]), ()):
            assert np.array_equal(array[key], whole[key])
        for index in (6, -7):
            with pytest.raises(IndexError, match='6 frames'):
                array[index]
