"""A store as a dataset for PyTorch; a DataLoader is imitated here, since torch is no dependency of the tests."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.errors import (
    ChunkSkippedWarning,
    FrameIndexError,
    FrameReadError,
    InvalidArgumentError,
    InvalidOptionError,
    StoreNotFoundError,
)
from imgstore.torch import FrameDataset

from .helpers.frames import index_in, numbered
from .helpers.raised import raises

SHAPE = (64, 96)
COUNT = 40


@pytest.fixture(scope='module', params=['npy', 'avc1/mp4', 'mjpeg/avi'])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp('torch') / 's', request.param)


def record(path: Path, fmt: str) -> Path:
    with imgstore.new_for_format(fmt, path, imgshape=SHAPE, chunksize=17) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, SHAPE), 100 + 2 * index, index / 8)
    return path


def fetch(dataset: Any, indexes: list[int]) -> list[int]:
    """Read a batch as a DataLoader's worker does; the indexes in its images."""
    return [index_in(image) for image in dataset.__getitems__(indexes)]


def test_items_are_frames(path: Path) -> None:
    with FrameDataset(path) as dataset:
        assert len(dataset) == COUNT
        assert [index_in(dataset[index]) for index in (0, 39, -1, np.int64(7))] == [0, 39, 39, 7]
        assert fetch(dataset, [5, 30, 5, -40]) == [5, 30, 5, 0]
        assert dataset.__getitems__([]) == []
        assert [index_in(image) for image in dataset] == list(range(COUNT))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ('options', 'firsts'),
    [
        ({}, range(38)),
        ({'step': 5}, range(0, 38, 5)),
        ({'stride': 6}, range(28)),
        ({'start': -10}, range(30, 38)),
        ({'start': 3, 'stop': 9, 'stride': 2}, range(3, 5)),
        ({'stop': 2}, range(0)),
        ({'stride': 20}, range(0)),
    ],
)
def test_clips_are_in_the_part_of_the_store(path: Path, options: dict[str, Any], firsts: range) -> None:
    """Each has all of its frames."""
    with FrameDataset(path, clip=3, **options) as dataset:
        stride = options.get('stride', 1)
        assert len(dataset) == len(firsts)
        for item, first in zip(dataset.__getitems__(list(range(len(firsts)))), firsts, strict=True):
            assert item.shape == (3, *SHAPE)
            assert [index_in(image) for image in item] == [first, first + stride, first + 2 * stride]


def test_items_may_have_numbers_and_times(path: Path) -> None:
    with FrameDataset(path, clip=2, stride=3, with_times=True) as dataset:
        images, numbers, times = dataset[4]
        assert (index_in(images[1]), numbers.tolist(), times.tolist()) == (7, [108, 114], [0.5, 0.875])
    with FrameDataset(path, with_times=True) as dataset:
        image, number, time = dataset[4]
        assert (index_in(image), int(number), float(time)) == (4, 108, 0.5)


def test_images_are_transformed_item_by_item(path: Path) -> None:
    with FrameDataset(path, clip=2, transform=np.mean) as dataset:
        clips = FrameDataset(path, clip=2)
        assert dataset[3] == clips[3].mean()
        clips.close()


def test_a_batch_is_read_in_one_call(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    read = imgstore.ImgStore.__getitem__

    def noted(store: imgstore.ImgStore, key: Any) -> Any:
        calls.append(key)
        return read(store, key)

    monkeypatch.setattr(imgstore.ImgStore, '__getitem__', noted)
    with FrameDataset(path, clip=2) as dataset:
        dataset.__getitems__([3, 9])
    assert calls == [[3, 4, 9, 10]]


@pytest.mark.process
@pytest.mark.parametrize('start', ['fork', 'spawn', 'forkserver'])
@pytest.mark.filterwarnings('ignore:This process .* is multi-threaded:DeprecationWarning')
def test_workers_read_with_any_start_method(tmp_path: Path, start: str) -> None:
    """Also after the process that started them has read."""
    with FrameDataset(record(tmp_path / 's', 'avc1/mp4'), cache_bytes=2**20) as dataset:
        fetch(dataset, [1, 2, 3])
        with ProcessPoolExecutor(2, multiprocessing.get_context(start)) as pool:
            batches = [[3, 4], [39, 0], [17, 16]]
            assert list(pool.map(fetch, [dataset] * 3, batches)) == batches
        assert fetch(dataset, [20]) == [20]


def test_several_stores_are_one_dataset(tmp_path: Path) -> None:
    with imgstore.MultiStore([record(tmp_path / 'a', 'npy'), record(tmp_path / 'b', 'avc1/mp4')]) as store:
        with FrameDataset(store, step=10) as dataset:
            assert fetch(dataset, [0, 5, -1]) == [0, 10, 30]
            again = pickle.loads(pickle.dumps(dataset))  # noqa: S301 -- our own
            assert fetch(again, [0, 5, -1]) == [0, 10, 30]
        assert index_in(store[50]) == 10
        with raises(InvalidArgumentError, argument='options'):
            FrameDataset(store, cache_bytes=0)


def test_a_closed_dataset_opens_again(path: Path) -> None:
    dataset = FrameDataset(path)
    dataset.close()
    dataset.close()
    again = pickle.loads(pickle.dumps(dataset))  # noqa: S301 -- our own
    assert fetch(again, [9]) == fetch(dataset, [9]) == [9]
    again.close()
    dataset.close()


def test_a_worker_never_reads_other_frames(tmp_path: Path) -> None:
    """Of a store that was replaced or lost a chunk since the dataset was made."""
    path = record(tmp_path / 's', 'npy')
    with FrameDataset(path) as dataset:
        copy = pickle.dumps(dataset)
    shutil.move(path / '000000', tmp_path)
    with warnings.catch_warnings(), raises(FrameReadError, store=str(path)):
        warnings.simplefilter('ignore', ChunkSkippedWarning)
        pickle.loads(copy)[20]  # noqa: S301 -- our own
    shutil.move(tmp_path / '000000', path)
    with pickle.loads(copy) as again:  # noqa: S301 -- our own
        assert index_in(again[20]) == 20
    shutil.rmtree(path)
    record(path, 'npy')
    with raises(FrameReadError, store=str(path)):
        pickle.loads(copy)[20]  # noqa: S301 -- our own


def test_errors_name_the_argument(path: Path, tmp_path: Path) -> None:
    with FrameDataset(path, step=10) as dataset:
        for index in (4, -5):
            with raises(FrameIndexError):
                dataset[index]
        wrong: list[Any] = [1.5, True, None]
        for index in wrong:
            with raises(InvalidArgumentError, argument='index'):
                dataset[index]
    refused: list[tuple[str, Any]] = [('clip', 0), ('stride', 0), ('step', -1), ('start', 1.5), ('stop', 'x')]
    for argument, value in refused:
        with raises(InvalidArgumentError, argument=argument):
            FrameDataset(path, **{argument: value})
    with raises(InvalidOptionError):
        FrameDataset(path, crf=3)
    with raises(StoreNotFoundError):
        FrameDataset(tmp_path / 'none')


def test_a_replaced_store_is_noticed_while_open(tmp_path: Path) -> None:
    """Also one that lost a chunk; a store with more frames, or with other metadata, is read on."""
    path = record(tmp_path / 's', 'npy')
    with FrameDataset(path) as dataset, FrameDataset(path / 'metadata.yaml') as other:
        assert fetch(dataset, [1, 30]) == fetch(other, [1, 30]) == [1, 30]
        (path / 'notes.txt').write_text('mine')
        assert fetch(dataset, [2, 31]) == fetch(other, [2, 31]) == [2, 31]
        shutil.rmtree(path)
        with raises(StoreNotFoundError):
            dataset[3]
        record(path, 'npy')
        for each in (dataset, other):
            with raises(FrameReadError, store=str(path)):
                each[3]
