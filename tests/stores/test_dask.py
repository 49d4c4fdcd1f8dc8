"""A store as a dask array, whose tasks open the store for themselves."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video.cursor import VideoCursor
from imgstore.errors import (
    ChunkSkippedWarning,
    FrameReadError,
    InvalidArgumentError,
    MissingDependencyError,
    StoreClosedError,
    StoreModeError,
)
from imgstore.reading.blocks import block_edges
from imgstore.reading.image_reader import ImageReader
from imgstore.stores import dask_array

from ..helpers.format_table import NO_COLOR, ROWS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

GRAY, COLOR = (64, 96), (64, 96, 3)
COUNT = 50


@pytest.fixture(autouse=True)
def synchronous() -> Any:
    """Run tasks in this thread, unless a test says otherwise; close their stores in the end."""
    with dask.config.set(scheduler='synchronous'):
        yield
    dask_array._open.close()


def record(path: Path, fmt: str = 'npy', shape: tuple[int, ...] = GRAY, chunksize: int = 20, **options: Any) -> Path:
    with new_for_format(fmt, path, imgshape=shape, chunksize=chunksize, **options) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, shape), index, index / 10)
    return path


@pytest.mark.slow
@pytest.mark.parametrize('fmt', [fmt for fmt in ROWS if fmt not in NO_COLOR])
def test_the_array_is_that_of_the_store(fmt: str, tmp_path: Path) -> None:
    """Every format, whatever the blocks."""
    with new_for_filename(record(tmp_path / 's', fmt, COLOR)) as store:
        images = store[:]
        for most in (None, 1, 7, 1000):
            array = store.to_dask(most)
            assert (array.shape, array.dtype, array.nbytes) == (store.shape, store.dtype, store.nbytes)
            assert most is None or max(array.chunks[0]) <= most
            assert np.array_equal(array.compute(), images)
        assert np.array_equal(array[3:40:6, 10:20].compute(), images[3:40:6, 10:20])
        median = np.median(array[::7].rechunk((-1, 8, 12, 3)), axis=0)
        assert np.array_equal(np.asarray(median), np.median(images[::7], axis=0))


def test_blocks_begin_at_keyframes_and_chunks(tmp_path: Path) -> None:
    """Of H.264 with a keyframe every 16 frames; small chunks are joined."""
    with new_for_filename(record(tmp_path / 'h', 'avc1/mp4', chunksize=40)) as store:
        assert store.to_dask(40).chunks[0] == (40, 10)
        assert store.to_dask(39).chunks[0] == (32, 18)
        assert store.to_dask(18).chunks[0] == (16, 16, 18)
        assert store.to_dask(5).chunks[0] == (5, 5, 5, 1) * 2 + (5, 3) + (5, 5)
    with new_for_filename(record(tmp_path / 'n', chunksize=4)) as store:
        assert store.to_dask(10).chunks[0] == (8,) * 5 + (10,)


@given(
    lengths=st.lists(st.integers(1, 40), max_size=6),
    most=st.integers(1, 50),
    group=st.integers(1, 30),
)
def test_blocks_cover_each_frame_once(lengths: list[int], most: int, group: int) -> None:
    """None is longer than allowed, and one that begins within a group continues it."""
    stops = np.cumsum([0, *lengths]).tolist()
    chunks = [(number, begin, end) for number, (begin, end) in enumerate(pairwise(stops))]

    def keyframe_after(chunk: int, index: int) -> int:
        return min(-(-index // group) * group, lengths[chunk])

    edges = block_edges(chunks, most, keyframe_after)
    assert (edges[0], edges[-1]) == (0, sum(lengths))
    assert all(0 < end - begin <= most for begin, end in pairwise(edges))
    keys = {begin + key for _, begin, end in chunks for key in range(0, end - begin, group)}
    assert all(edge in keys or edge - before == most for before, edge in pairwise(edges[:-1]))


def test_a_slice_reads_only_its_own_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []

    def noted(reader: ImageReader, image: Any) -> Any:
        decoded.append(index_in(image))
        return image

    with new_for_filename(record(tmp_path / 's')) as store:
        array = store.to_dask()
        monkeypatch.setattr(ImageReader, '_decoded', noted)
        assert [index_in(image) for image in array[7::17].compute()] == [7, 24, 41]
        assert index_in(array[-3].compute()) == 47
    assert sorted(decoded) == [7, 24, 41, 47]


def test_each_group_of_pictures_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Any] = []
    decode = VideoCursor._decode

    def noted(cursor: VideoCursor) -> Any:
        for index, frame in decode(cursor):
            decoded.append((cursor._video.path, index))
            yield index, frame

    path = record(tmp_path / 's', 'avc1/mp4')
    monkeypatch.setattr(VideoCursor, '_decode', noted)
    with new_for_filename(path, cache_bytes=0) as store:
        assert len(store.to_dask(17).chunks[0]) == 4
        store.to_dask(17).compute()
    assert len(decoded) == len(set(decoded)) == COUNT


def test_tasks_follow_options_and_decoding(tmp_path: Path) -> None:
    path = record(tmp_path / 's', encoding='cv_bayerrg')
    with new_for_filename(path, cache_bytes=0) as store:
        assert store.to_dask().shape == (COUNT, *COLOR)
        store.disable_decoding()
        raw = store.to_dask()
        assert [index_in(image) for image in raw.compute()] == list(range(COUNT))
        assert {dict(source.options)['cache_bytes'] for source in dask_array._open._stores} == {0}


def test_16_bit_images_are_read_by_several_threads(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'png', imgdtype=np.uint16)
    with new_for_filename(path) as store:
        array = store.to_dask(4)
        images = array.compute(scheduler='threads', num_workers=4)
        assert (array.dtype, images.dtype) == (np.uint16, np.uint16)
        assert [index_in(image) for image in images] == list(range(COUNT))


def test_an_array_outlives_its_store_and_pickles(tmp_path: Path) -> None:
    with new_for_filename(record(tmp_path / 's', 'mjpeg/avi')) as store:
        array, images = store.to_dask(7), store[:]
    again = pickle.loads(pickle.dumps(array))  # noqa: S301 -- our own
    assert np.array_equal(again.compute(scheduler='threads'), images)
    with raises(StoreClosedError):
        store.to_dask()


def test_few_stores_stay_open(tmp_path: Path) -> None:
    for name in range(7):
        with new_for_filename(record(tmp_path / str(name))) as store:
            assert index_in(store.to_dask()[3].compute()) == 3
    assert len(dask_array._open._stores) == 4


def test_a_task_sees_frames_added_since_its_store_was_opened(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 's', imgshape=GRAY, chunksize=20) as writer:
        for index in range(COUNT):
            writer.add_image(numbered(index, GRAY), index, index / 10)
            if index in (10, COUNT - 1):
                with new_for_filename(tmp_path / 's') as store:
                    assert [index_in(image) for image in store.to_dask(6).compute()] == list(range(index + 1))


@pytest.mark.parametrize('is_open', [False, True])
def test_frames_that_moved_are_an_error(tmp_path: Path, is_open: bool) -> None:
    """A store that was replaced or lost a chunk never gives other frames, also if a task had it open before."""
    path = record(tmp_path / 's')
    with new_for_filename(path) as store:
        array = store.to_dask(10)
    if is_open:
        assert index_in(array[45].compute()) == 45
    shutil.move(path / '000001', tmp_path)
    with warnings.catch_warnings(), raises(FrameReadError, store=str(path)):
        warnings.simplefilter('ignore', ChunkSkippedWarning)
        array[:3].compute()
    shutil.move(tmp_path / '000001', path)
    assert index_in(array[45].compute()) == 45
    record(path, overwrite=True)
    with raises(FrameReadError, store=str(path)):
        array[:3].compute()
    with new_for_filename(path) as store:
        assert [index_in(image) for image in store.to_dask(10).compute()] == list(range(COUNT))


@pytest.mark.process
@pytest.mark.filterwarnings('ignore:This process .* is multi-threaded:DeprecationWarning')
def test_a_forked_child_opens_its_own_stores(tmp_path: Path) -> None:
    """Also if a task of the parent has them open."""
    with new_for_filename(record(tmp_path / 's', 'avc1/mp4')) as store:
        array = store.to_dask(10)
        assert index_in(array[3].compute()) == 3
        with ProcessPoolExecutor(1, multiprocessing.get_context('fork')) as pool:
            assert [index_in(image) for image in pool.submit(array[10:40:9].compute).result()] == [10, 19, 28, 37]
        assert index_in(array[4].compute()) == 4


def test_without_dask_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'dask.array', None)
    with (
        new_for_filename(record(tmp_path / 's')) as store,
        pytest.raises(MissingDependencyError, match=r'imgstore\[dask\]') as caught,
    ):
        store.to_dask()
    assert caught.value.name == 'dask'


def test_a_damaged_frame_is_an_error_of_its_block_alone(tmp_path: Path) -> None:
    path = record(tmp_path / 's')
    (path / '000001' / '000003.npy').write_bytes(b'damaged')
    with new_for_filename(path) as store:
        array = store.to_dask(5)
        with raises(FrameReadError, frame_index=23):
            array.compute()
        assert index_in(array[25].compute()) == 25


def test_errors_name_the_argument(tmp_path: Path) -> None:
    path = record(tmp_path / 's')
    with new_for_filename(path) as store:
        for most in (0, -1, 1.5, 'auto'):
            with raises(InvalidArgumentError, argument='frames_per_block'):
                store.to_dask(most)
        with new_for_filename(path, index=store.index) as other, raises(InvalidArgumentError, argument='index'):
            other.to_dask()
    with new_for_format('npy', tmp_path / 'w', imgshape=GRAY) as writer, raises(StoreModeError):
        writer.to_dask()


def test_an_empty_store_is_an_empty_array(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 's', imgshape=GRAY):
        pass
    with imgstore.new_for_filename(tmp_path / 's') as store:
        assert store.to_dask().compute().shape == (0, *GRAY)
