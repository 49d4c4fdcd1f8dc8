"""A store is an array of its images: indexes, slices, masks, crops, and numpy."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import imgstore
from imgstore import ImgStore, new_for_filename, new_for_format
from imgstore.chunks import ChunkIO
from imgstore.chunks.video.cursor import VideoCursor
from imgstore.errors import (
    FrameIndexError,
    FrameKeyTypeError,
    FrameReadError,
    InvalidArgumentError,
    StoreClosedError,
    StoreModeError,
)

from ..helpers.frames import index_in, numbered
from ..helpers.keys import keys
from ..helpers.raised import raises

GRAY, COLOR, ODD = (64, 96), (64, 96, 3), (65, 97, 3)
COUNT = 40
KINDS = {
    'npy': ('npy', GRAY),
    'deep': ('npy', GRAY),
    'png': ('png', COLOR),
    'raw': ('png', GRAY),
    'jpeg': ('mjpeg/avi', ODD),
    'h264': ('avc1/mp4', GRAY),
    'h264 odd': ('h264/mkv', ODD),
}
OPTIONS: dict[str, dict[str, Any]] = {'deep': {'imgdtype': 'uint16'}, 'raw': {'encoding': 'cv_bayerrg'}}


def record(path: Path, kind: str = 'npy', count: int = COUNT, **options: Any) -> Path:
    fmt, shape = KINDS[kind]
    options = {'imgshape': shape, 'chunksize': 17, **OPTIONS.get(kind, {}), **options}
    with new_for_format(fmt, path, **options) as store:
        for index in range(count):
            image = numbered(index, shape)
            store.add_image(image.astype(options.get('imgdtype', 'uint8')), 1000 - index, index / 10)
    return path


@pytest.fixture(scope='module')
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp('recordings')
    return {kind: record(folder / kind, kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, recordings: dict[str, Path]) -> Any:
    with new_for_filename(recordings[request.param]) as store:
        yield store


@pytest.fixture
def gray(recordings: dict[str, Path]) -> Any:
    with new_for_filename(recordings['npy']) as store:
        yield store


@pytest.fixture
def images(store: ImgStore) -> np.ndarray:
    return all_images(store)


def all_images(store: ImgStore) -> np.ndarray:
    images = store.get_images(frame_indices=range(len(store)))[0]
    assert isinstance(images, np.ndarray)
    return images


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_random_keys_give_what_numpy_gives(store: ImgStore, images: np.ndarray, data: st.DataObject) -> None:
    key = data.draw(keys(store.shape))
    found, expected = store[key], images[key]
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(found, expected)


def test_an_index_gives_the_image_of_the_frame(store: ImgStore) -> None:
    for index in (0, 7, COUNT - 1, -1, -COUNT, np.int64(3), np.uint8(9)):
        image = store[index]
        assert image.shape == store.image_shape
        assert np.array_equal(image, store.get_image(frame_index=int(index))[0])
    if store.encoding is None:
        assert [index_in(image) for image in store[::-9]] == [39, 30, 21, 12, 3]


@pytest.mark.parametrize('index', [COUNT, -COUNT - 1, 2**40])
def test_an_index_outside_is_an_index_error(gray: ImgStore, index: int) -> None:
    with raises(FrameIndexError, frame_index=index):
        gray[index]
    with pytest.raises(IndexError):
        gray[[0, index]]


@pytest.mark.parametrize('key', [True, 1.0, np.float64(3), np.True_])
def test_bool_and_float_keys_are_type_errors(gray: ImgStore, key: Any) -> None:
    with pytest.raises(FrameKeyTypeError):
        gray[key]


@pytest.mark.parametrize('key', [(0, 64), (slice(None), 0, 96), ([0], 0, 0, 0), ([0], [0, 1]), [0.5], 'a', [[1]]])
def test_wrong_keys_are_refused_without_reading(gray: ImgStore, key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChunkIO, 'reader', None)
    with pytest.raises(IndexError):
        gray[key]


def test_no_frames_have_the_shape_of_images(store: ImgStore) -> None:
    none: list[Any] = [[], slice(5, 5), np.zeros(COUNT, bool), np.array([], int)]
    for key in none:
        assert (store[key].shape, store[key].dtype) == ((0, *store.image_shape), store.dtype)


def test_each_image_of_a_slice_has_its_own_memory(gray: ImgStore) -> None:
    images = gray[[3, 3]]
    images[0] = 0
    assert index_in(images[1]) == index_in(gray[3]) == 3


def test_in_is_a_type_error(gray: ImgStore) -> None:
    for value in (1000, numbered(0, GRAY)):
        with pytest.raises(FrameKeyTypeError, match='find'):
            value in gray  # noqa: B015


def test_shape_and_size_are_those_of_the_array(store: ImgStore) -> None:
    images = store[:]
    assert (store.shape, store.ndim, store.size) == (images.shape, images.ndim, images.size)
    assert (store.dtype, store.nbytes) == (images.dtype, images.nbytes)
    assert {type(value) for value in (*store.shape, store.ndim, store.size, store.nbytes)} == {int}


def test_disable_decoding_changes_the_array(recordings: dict[str, Path]) -> None:
    with new_for_filename(recordings['raw']) as store:
        assert (store.shape, store[0].shape, store[:2].shape) == ((COUNT, *COLOR), COLOR, (2, *COLOR))
        store.disable_decoding()
        assert (store.shape, store.nbytes) == ((COUNT, *GRAY), COUNT * 64 * 96)
        assert (store[0].shape, store[:2].shape, np.asarray(store).shape) == (GRAY, (2, *GRAY), store.shape)
        assert [index_in(image) for image, _ in store] == list(range(COUNT))


def test_an_empty_store_is_an_empty_array(tmp_path: Path) -> None:
    record(tmp_path / 's', count=0)
    with new_for_filename(tmp_path / 's') as store:
        assert (store.shape, store[:].shape, np.asarray(store).shape) == ((0, *GRAY),) * 3
        assert (list(store), list(reversed(store)), list(store.frames()), list(store.batches(3))) == ([], [], [], [])
        for index in (0, -1):
            with pytest.raises(IndexError):
                store[index]


# --- numpy


def test_numpy_gets_the_array(store: ImgStore) -> None:
    images = all_images(store)
    for found in (np.asarray(store), np.array(store), np.array(store, copy=True)):
        assert (found.dtype, found.flags.writeable) == (images.dtype, True)
        assert np.array_equal(found, images)


def test_numpy_gets_the_dtype_it_asks_for(gray: ImgStore) -> None:
    assert np.asarray(gray, dtype=np.float32).dtype == np.float32
    assert np.asarray(gray, 'uint16').sum() == all_images(gray).sum()
    assert gray.__array__(np.dtype('f8')).dtype == np.float64  # as numpy 1.26 calls it
    assert gray.__array__().dtype == np.uint8
    assert np.mean(gray) == all_images(gray).mean()


def test_numpy_gets_no_view(gray: ImgStore) -> None:
    with raises(InvalidArgumentError, argument='copy'):
        gray.__array__(copy=False)


def test_numpy_gets_no_more_than_4_gib(gray: ImgStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A larger array is refused before reading; a slice of all frames is not."""
    monkeypatch.setattr('imgstore.stores.array._MOST_BYTES', gray.nbytes)
    assert np.asarray(gray).nbytes == gray.nbytes
    monkeypatch.setattr(ChunkIO, 'reader', None)
    with raises(InvalidArgumentError, store=gray.filename) as caught:
        np.asarray(gray, dtype='uint16')
    assert 'to_dask' in str(caught.value)
    assert 'store[:1000]' in str(caught.value)


def test_all_frames_are_allocated_before_reading(gray: ImgStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(ChunkIO, 'reader', None)
    monkeypatch.setattr('imgstore.reading.array_batch.np.empty', no_memory)
    with pytest.raises(MemoryError):
        gray[:]


# --- what is read


def test_a_crop_keeps_no_images_in_memory(gray: ImgStore) -> None:
    crop = gray[:, 3:5, 7]
    assert (crop.shape, crop.base) == ((COUNT, 2), None)
    assert gray[0, 3:5, 7].base is None


def test_the_position_does_not_move(store: ImgStore) -> None:
    store.get_image(frame_index=5)
    store[9], store[3:7], store[[1, 30]], np.asarray(store)
    next(iter(store))
    next(store.frames(3))
    next(store.batches(4))
    assert store.frame_number == 995
    assert store.get_next_image()[1][0] == 994


@pytest.mark.parametrize('cache_bytes', [0, 2**28])
def test_a_group_of_pictures_is_decoded_once(
    recordings: dict[str, Path], monkeypatch: pytest.MonkeyPatch, cache_bytes: int
) -> None:
    """A slice and batches decode each frame of H.264 at most once."""
    decoded: list[Any] = []
    decode = VideoCursor._decode

    def noted(cursor: VideoCursor) -> Any:
        for index, frame in decode(cursor):
            decoded.append((cursor._video.path, index))
            yield index, frame

    monkeypatch.setattr(VideoCursor, '_decode', noted)
    with new_for_filename(recordings['h264'], cache_bytes=cache_bytes) as store:
        for read in (lambda: store[10:30], lambda: list(store.batches(5, 10, 30)), lambda: list(store.frames(10, 30))):
            decoded.clear()
            read()
            assert len(decoded) == len(set(decoded)) >= 20
        decoded.clear()
        assert sum(len(numbers) for _, numbers, _ in store.batches(3, step=3)) == 14
        assert not cache_bytes or len(decoded) == len(set(decoded)) <= COUNT


def test_other_images_raise_in_arrays_and_come_as_they_are(tmp_path: Path) -> None:
    """An image of another shape or dtype raises in an array; store[i] and iteration give it as it is."""
    path = record(tmp_path / 's', chunksize=5, count=10)
    others: dict[int, np.ndarray] = {1: np.zeros((2, 3), np.uint8), 7: np.zeros(GRAY, np.uint16)}
    for index, image in others.items():
        np.save(path / f'{index // 5:06d}' / f'{index % 5:06d}.npy', image)
    with new_for_filename(path, verify=False) as store:
        for index, image in others.items():
            assert (store[index].shape, store[index].dtype) == (image.shape, image.dtype)
            for key in (slice(None), [index], (index, 0), slice(index, index + 1)):
                with raises(FrameReadError, frame_index=index if key != slice(None) else 1, store=store.filename):
                    store[key]
        for images in ([image for image, _ in store], [frame.image for frame in store.frames()]):
            assert [image.shape for image in images].count(GRAY) == 9
        batches = store.batches(4)
        for _ in range(2):
            with raises(FrameReadError, frame_index=1, chunk=0, index_in_chunk=1, frame_number=999):
                next(batches)
        assert next(store.batches(5, 2, 7))[1].tolist() == [998, 997, 996, 995, 994]
        with pytest.raises(FrameReadError):
            np.asarray(store)
        assert isinstance(store.get_images(frame_indices=[0, 1])[0], list)


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'png', count=9)
    (path / '000000' / '000004.png').unlink()
    with new_for_filename(path) as store:
        for key in (4, slice(None), [4, 4], (slice(None), 0)):
            with raises(FrameReadError, frame_number=996, frame_index=4):
                store[key]
        frames = store.frames(3)
        assert next(frames).index == 3
        with raises(FrameReadError, frame_number=996):
            next(frames)
        assert [frame.index for frame in frames] == [5, 6, 7, 8]
        assert [frame.index for frame in store.frames(5)] == [5, 6, 7, 8]


# --- threads, writers, the end


def test_many_threads_read_at_once(store: ImgStore) -> None:
    images, wrong = all_images(store), list[Any]()

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            for _ in range(3):
                key = rng.integers(0, COUNT, 5)
                assert np.array_equal(store[key], images[key])
                assert np.array_equal(store[int(key[0])], images[key[0]])
            for index, (image, _) in enumerate(store):
                assert np.array_equal(image, images[index])
        except BaseException as error:  # noqa: BLE001 -- it would end just this thread
            wrong.append(error)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize('kind', ['npy', 'png', 'jpeg', 'h264'])
def test_frames_of_a_live_store_come_with_refresh(kind: str, tmp_path: Path) -> None:
    fmt, shape = KINDS[kind]
    with new_for_format(fmt, tmp_path / 's', imgshape=shape, chunksize=7, workers=0) as writer:
        for index in range(10):
            writer.add_image(numbered(index, shape), index, index)
        with new_for_filename(tmp_path / 's') as store:
            assert [index_in(image) for image in store[:]] == list(range(10))
            begun = iter(store)
            next(begun)
            for index in range(10, 18):
                writer.add_image(numbered(index, shape), index, index)
            assert (store.shape[0], len(store[:])) == (10, 10)
            store.refresh()
            assert [index_in(image) for image in store[::-1]] == list(range(17, -1, -1))
            assert [number for _, (number, _) in store] == list(range(18))
            assert [index_in(image) for image, _ in begun] == list(range(1, 10))
            writer.close()
            assert store.refresh() == 0
            assert [index_in(store[index]) for index in (9, -1, 13)] == [9, 17, 13]


READS: list[Any] = [
    lambda store: store[0],
    lambda store: store[:],
    lambda store: store[[0]],
    lambda store: store[0, 0],
    iter,
    reversed,
    lambda store: store.frames(),
    lambda store: store.batches(2),
    np.asarray,
    lambda store: store.to_pandas(),
    lambda store: store.get_image(frame_index=0),
    lambda store: store.get_images(frame_indices=[0]),
]


@pytest.mark.parametrize('read', READS)
def test_a_closed_store_says_so(recordings: dict[str, Path], read: Any) -> None:
    store = new_for_filename(recordings['npy'])
    store[0]
    store.close()
    with raises(StoreClosedError, store=store.filename):
        read(store)
    assert (len(store), store.shape[0]) == (COUNT, COUNT)


@pytest.mark.parametrize('read', [*READS, lambda store: store.find(number=1)])
def test_a_writer_reads_nothing(tmp_path: Path, read: Any) -> None:
    with new_for_format('npy', tmp_path / 's', imgshape=GRAY) as writer:
        writer.add_image(numbered(0, GRAY), 1, 2)
        with raises(StoreModeError, store=writer.filename):
            read(writer)
        assert (writer.shape, writer.ndim, writer.nbytes) == ((1, *GRAY), 3, 64 * 96)
        assert (str(writer.dtype), writer.format, len(writer)) == ('uint8', 'npy', 1)
        assert (writer.encoding, writer.is_live) == (None, True)
        assert (writer.frame_numbers.tolist(), writer.frame_times.tolist()) == ([1], [2.0])
        assert writer.chunk_ranges() == [(0, 0, 1)]
        assert writer.datetimes.tolist() == [2 * 10**9]


def test_a_copy_by_pickle_is_the_same_array(gray: ImgStore) -> None:
    import pickle

    frames = iter(gray)
    next(frames)
    with pickle.loads(pickle.dumps(gray)) as copy:  # noqa: S301 -- our own
        assert np.array_equal(copy[::9], gray[::9])
    assert next(frames)[1][0] == 999


def test_indexes_from_the_end_are_those_of_get_image_too(recordings: dict[str, Path], gray: ImgStore) -> None:
    assert gray.get_image(frame_index=-1)[1][0] == 961
    assert gray.get_images(frame_indices=[-1, 0, -COUNT])[1] == [961, 1000, 1000]
    assert index_in(imgstore.extract_only_frame(recordings['npy'], -2)) == 38
    assert index_in(ImgStore.extract_only_frame(recordings['npy'], -1)) == 39
    with pytest.raises(InvalidArgumentError, match='pass frame_number or frame_index') as caught:
        gray.get_image()
    assert caught.value.argument == 'frame_number'
    assert gray.get_image(1000, frame_index=-1)[1][0] == 961  # the index decides
