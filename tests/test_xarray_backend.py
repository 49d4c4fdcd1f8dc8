"""A store as an xarray dataset, lazy until its values are used."""

from __future__ import annotations

import importlib
import math
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import imgstore
from imgstore.errors import (
    CorruptFileError,
    FrameReadError,
    InvalidArgumentError,
    InvalidOptionError,
    MissingDependencyError,
    StoreClosedError,
    StoreNotFoundError,
)
from imgstore.reading.image_reader import ImageReader
from imgstore.xarray_backend import ImgStoreBackend

from .helpers.format_table import NO_COLOR, ROWS
from .helpers.frames import index_in, numbered
from .helpers.raised import raises

GRAY, COLOR = (64, 96), (64, 96, 3)
COUNT = 30


def record(path: Path, fmt: str = 'npy', shape: tuple[int, ...] = GRAY, **options: Any) -> Path:
    with imgstore.new_for_format(fmt, path, imgshape=shape, chunksize=12, **options) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, shape), 100 + 2 * index, 1.5e9 + index / 8)
            if index % 3 == 1:
                store.add_extra_data(temperature=20 + index, time='noon', label=f'frame {index}')
    return path


@pytest.fixture(scope='module')
def gray(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp('xarray') / 's', 'avc1/mp4')


def opened(path: Path, **options: Any) -> xr.Dataset:
    return xr.open_dataset(path, engine='imgstore', **options)


@pytest.mark.parametrize('fmt', [fmt for fmt in ROWS if fmt not in NO_COLOR])
def test_a_dataset_has_images_numbers_and_times(fmt: str, tmp_path: Path) -> None:
    path = record(tmp_path / 's', fmt, COLOR)
    with opened(path) as dataset, imgstore.new_for_filename(path) as store:
        assert dict(dataset.sizes) == {'frame': COUNT, 'y': 64, 'x': 96, 'channel': 3}
        assert np.array_equal(dataset['image'].values, store[:])
        assert np.array_equal(dataset['frame'].values, store.frame_numbers)
        assert np.array_equal(dataset['time'].values, store.datetimes)
        assert dataset['channel'].values.tolist() == ['b', 'g', 'r']
        assert dataset.attrs == {'uuid': store.uuid, 'format': store.format}


def test_frames_are_selected_by_number_and_time(gray: Path) -> None:
    with opened(gray) as dataset:
        assert index_in(dataset['image'].sel(frame=114).values) == 7
        assert [index_in(image) for image in dataset['image'].sel(frame=slice(110, 116)).values] == [5, 6, 7, 8]
        by_time = dataset.swap_dims(frame='time').sel(time='2017-07-14T02:40:03')
        assert [index_in(image) for image in by_time['image'].values] == list(range(24, 30))
        assert dataset['image'].isel(frame=3, y=5, x=slice(2, 9)).shape == (7,)


def test_extra_data_are_variables_along_the_frames(gray: Path) -> None:
    """With nan, or empty text, where a frame has none."""
    with opened(gray) as dataset:
        assert dataset['temperature'].dims == ('frame',)
        assert dataset['temperature'].values[:5].tolist() == pytest.approx(
            [np.nan, 21, np.nan, np.nan, 24], nan_ok=True
        )
        assert dataset['label'].values[4] == 'frame 4'
        assert dataset['time_extra'].values[:3].tolist() == ['', 'noon', '']
    with opened(gray, extra_data=False, drop_variables='time') as dataset:
        assert {*dataset.variables} == {'image', 'frame', 'y', 'x'}


def test_keys_with_several_values_a_frame_are_no_variables(tmp_path: Path) -> None:
    """Nor are lists. Values of one frame may come from several records."""
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=GRAY) as store:
        store.add_extra_data(before=1)
        for index in range(3):
            store.add_image(numbered(index, GRAY), index, index)
            store.add_extra_data(position=[index, 2], sample=index)
            store.add_extra_data(x=index / 2, sample=index, licked=index == 1)
        store.add_image(numbered(3, GRAY), 3, 3)
    with opened(tmp_path / 's') as dataset:
        assert {*dataset.data_vars} == {'image', 'x_extra', 'licked', 'before'}
        assert dataset['x_extra'].values.tolist() == pytest.approx([0, 0.5, 1, np.nan], nan_ok=True)
        assert dataset['licked'].values.tolist() == pytest.approx([0, 1, 0, np.nan], nan_ok=True)


LARGE = 2**60 + 1


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        ([0, 'run', None], ['0', 'run', '']),
        ([True, 3, 2.5], ['True', '3', '2.5']),
        ([LARGE, 0.5, 1], [str(LARGE), '0.5', '1']),
        ([LARGE, LARGE + 1, -1], [LARGE, LARGE + 1, -1]),
        ([LARGE, None, -1], [str(LARGE), '', '-1']),
        ([2**63, 2**64 - 1, 0], [2**63, 2**64 - 1, 0]),
        ([2**63, None, 0], [str(2**63), '', '0']),
        ([2**63, -1, 0], [str(2**63), '-1', '0']),
        ([2**70, 2, 1], [str(2**70), '2', '1']),
        ([2**53, None, -(2**53)], [2.0**53, np.nan, -(2.0**53)]),
        ([1, None, 2.5], [1.0, np.nan, 2.5]),
        ([True, None, False], [1.0, np.nan, 0.0]),
        ([True, False, True], [True, False, True]),
        (['', None, 'a'], ['', '', 'a']),
    ],
)
def test_extra_data_are_exact_and_never_objects(values: list[Any], expected: list[Any], tmp_path: Path) -> None:
    """So files and dask take them. Text has what no number can hold."""
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=GRAY, chunksize=2) as store:
        for index, value in enumerate(values):
            store.add_image(numbered(index, GRAY), index, index)
            store.add_extra_data(**({} if value is None else {'key': value}), other=1)
    with opened(tmp_path / 's') as dataset:
        found = dataset['key'].values
    assert found.dtype.kind != 'O'
    assert found.tolist() == [
        pytest.approx(value, nan_ok=True, rel=0, abs=0) if isinstance(value, float) else value for value in expected
    ]
    assert dataset['other'].dtype == np.int64


def test_options_of_xarray_are_ignored_those_of_reading_used(gray: Path) -> None:
    """Any other option is an error."""
    decoders = dict.fromkeys(
        ('mask_and_scale', 'decode_times', 'decode_timedelta', 'use_cftime', 'concat_characters', 'decode_coords'),
        False,
    )
    with opened(gray) as dataset:
        for options in (decoders, {'decode_cf': False}, {'decode_coords': 'all', 'cache_bytes': 0, 'verify': False}):
            with opened(gray, **options) as same:
                assert same.identical(dataset)
    with raises(InvalidArgumentError):
        opened(gray, cache_bytes=-1)
    with raises(InvalidOptionError):
        opened(gray, caches=1)


def test_opening_reads_no_image(tmp_path: Path) -> None:
    path = record(tmp_path / 's')
    (path / '000001' / '000003.npy').write_bytes(b'damaged')
    with opened(path) as dataset:
        assert index_in(dataset['image'][14].values) == 14
        with raises(FrameReadError, frame_index=15):
            dataset['image'].load()


def test_a_slice_reads_only_its_own_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by number, by time, in steps, and of a part of the images."""
    decoded: list[int] = []

    def noted(reader: ImageReader, image: Any) -> Any:
        decoded.append(index_in(image))
        return image

    path = record(tmp_path / 's')
    monkeypatch.setattr(ImageReader, '_decoded', noted)
    with opened(path) as dataset:
        images = dataset['image']
        part = images.isel(frame=slice(3, 20))[::5, :32]
        assert decoded == []
        assert part.values.shape == (4, 32, 96)
        assert images.sel(frame=[150, 102]).values.shape == (2, 64, 96)
        assert images.swap_dims(frame='time').sel(time='2017-07-14T02:40:03.5').values.shape == (64, 96)
    assert decoded == [3, 8, 13, 18, 1, 25, 28]


POSITIONS = st.integers(-COUNT, COUNT - 1)  # xarray itself reads wrong frames from slice(-COUNT - 1, None, -1)
SLICES = st.builds(slice, st.none() | POSITIONS, st.none() | POSITIONS, st.sampled_from([None, 1, 2, 7, -1, -2, -7]))
ARRAYS = st.lists(POSITIONS, max_size=4).map(lambda values: np.array(values, np.intp))
INDEXERS = SLICES | POSITIONS | ARRAYS


@pytest.fixture(scope='module')
def images(gray: Path) -> Iterator[tuple[xr.DataArray, xr.DataArray]]:
    """The lazy images, and the same in memory."""
    with opened(gray) as dataset, imgstore.new_for_filename(gray) as store:
        yield dataset['image'], xr.DataArray(store[:], dims=('frame', 'y', 'x'))


@settings(max_examples=60)
@given(frames=INDEXERS, rows=INDEXERS, columns=INDEXERS)
def test_any_indexing_is_that_of_the_array(
    images: tuple[xr.DataArray, xr.DataArray], frames: Any, rows: Any, columns: Any
) -> None:
    lazy, plain = (each.isel(frame=frames, y=rows, x=columns).values for each in images)
    assert np.array_equal(lazy, plain)


def test_it_computes_with_dask_and_pickles(gray: Path) -> None:
    """The blocks may cut those of `to_dask`; then xarray warns."""
    with (
        pytest.warns(UserWarning, match='separate the stored chunks'),
        dask.config.set({'array.chunk-size': '144KiB'}),
    ):
        dataset = opened(gray, chunks={'frame': 7})
    with dataset:
        means = dataset['image'].mean(('y', 'x'))
        assert np.allclose(means.compute(scheduler='threads'), dataset['image'].values.mean((1, 2)))
        again = pickle.loads(pickle.dumps(dataset))  # noqa: S301 -- our own
        assert np.array_equal(again['image'].values, dataset['image'].values)


@pytest.mark.parametrize('size', ['6KiB', '48KiB', '80KiB', '144KiB', '1MiB'])
def test_the_preferred_blocks_are_those_of_to_dask(gray: Path, size: str) -> None:
    """They begin at keyframes and chunks; `auto` is up to dask, but for whole images."""
    with dask.config.set({'array.chunk-size': size}), imgstore.new_for_filename(gray) as store:
        blocks = store.to_dask().chunks
        with opened(gray, chunks={}) as dataset:
            assert dataset['image'].chunks == blocks
            assert dataset.copy(deep=True)['image'].chunks == blocks
        with opened(gray, chunks='auto') as dataset:
            assert dataset['image'].chunks is not None
            assert dataset['image'].chunks[1:] == blocks[1:]


def test_opening_without_blocks_looks_for_none(gray: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since it takes dask and the keyframes of all chunks."""
    monkeypatch.setattr(imgstore.ImgStore, 'to_dask', None)
    with opened(gray) as dataset:
        assert dataset.copy(deep=True)['image'].shape == (COUNT, *GRAY)


@pytest.mark.parametrize('shape', [(6,), (6, 8, 1), (6, 8, 2), (6, 8, 4), (6, 8, 3, 2), (2, 3, 4, 5, 6)])
def test_images_have_any_axes(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Other channels than BGR, and further axes, are numbered."""
    values = np.arange(5 * math.prod(shape), dtype=np.uint16).reshape(5, *shape)
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=shape, imgdtype='uint16', chunksize=3) as store:
        for index, image in enumerate(values):
            store.add_image(image, index, index)
    names = ('frame', 'y', 'x', 'channel', 'axis_4', 'axis_5')[: values.ndim]
    with opened(tmp_path / 's') as dataset, opened(tmp_path / 's', chunks={}) as blocks:
        assert dict(dataset.sizes) == dict(zip(names, values.shape, strict=True))
        for name, length in zip(names, values.shape, strict=True):
            assert dataset[name].values.tolist() == list(range(length))
        assert np.array_equal(dataset['image'].values, values)
        assert np.array_equal(dataset['image'][::2, -1].values, values[::2, -1])
        assert np.array_equal(blocks['image'].values, values)


def test_a_store_that_cannot_be_a_dataset_is_closed(gray: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores: list[imgstore.ImgStore] = []

    def fail(store: imgstore.ImgStore) -> None:
        stores.append(store)
        raise CorruptFileError('damaged')

    monkeypatch.setattr(imgstore.ImgStore, 'records_by_frame', fail)
    with raises(CorruptFileError):
        opened(gray)
    with raises(StoreClosedError):
        stores[0][0]


def test_without_xarray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'xarray', None)
    monkeypatch.delitem(sys.modules, 'imgstore.xarray_backend')
    with pytest.raises(MissingDependencyError, match=r'imgstore\[xarray\]') as caught:
        importlib.import_module('imgstore.xarray_backend')
    assert caught.value.name == 'xarray'


def test_xarray_finds_the_engine_by_itself(gray: Path, tmp_path: Path) -> None:
    assert 'imgstore' in xr.backends.list_engines()
    with xr.open_dataset(gray / 'metadata.yaml') as dataset:
        assert dataset.sizes['frame'] == COUNT
    backend = ImgStoreBackend()
    assert not backend.guess_can_open(tmp_path)
    assert not backend.guess_can_open(object())
    with raises(StoreNotFoundError):
        opened(tmp_path)
