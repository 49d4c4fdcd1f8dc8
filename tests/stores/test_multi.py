"""Several stores that follow each other, read like one: `MultiStore`."""

from __future__ import annotations

import itertools
import math
import multiprocessing
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import av
import dask
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

import imgstore
from imgstore import ImgStore, MultiStore, new_for_filename, new_for_format
from imgstore.align import align
from imgstore.chunks.video.cursor import VideoCursor
from imgstore.errors import (
    EndOfStoreError,
    FrameIndexError,
    FrameKeyTypeError,
    FrameNotFoundError,
    FrameReadError,
    InvalidArgumentError,
    InvalidOptionError,
    StoreClosedError,
    StoreModeError,
    StoreNotFoundError,
)
from imgstore.export import export_csv, export_images, export_video, select
from imgstore.stores import dask_array

from ..helpers.frames import index_in, numbered
from ..helpers.keys import keys
from ..helpers.raised import raises

SHAPE = (64, 96)
FORMATS = ['npy', 'png', 'mjpeg/avi', 'avc1/mp4']
COUNTS = {'npy': 9, 'png': 17, 'mjpeg/avi': 5, 'avc1/mp4': 23}
PAIRS = [*itertools.product(FORMATS, repeat=2)]


def record(path: Path, fmt: str = 'npy', count: int = 10, first: int = 0, since: float = 0.0, **options: Any) -> Path:
    """Frames that carry `first` and so on; their numbers begin at 0, unless `numbers` says otherwise."""
    numbers = options.pop('numbers', range(count))
    with new_for_format(fmt, path, **{'imgshape': SHAPE, 'chunksize': 7, **options}) as store:
        for index in range(count):
            store.add_image(numbered(first + index, SHAPE), numbers[index], since + index / 10)
    return path


@pytest.fixture(scope='module')
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Of each format a recording to begin with, and one to end with."""
    folder = tmp_path_factory.mktemp('recordings')
    return {
        fmt: [record(folder / f'{at}{fmt[:3]}', fmt, COUNTS[fmt], first=100 * at, since=1000.0 * at) for at in (0, 1)]
        for fmt in FORMATS
    }


@pytest.fixture(params=PAIRS, ids=' '.join)
def pair(request: pytest.FixtureRequest, recordings: dict[str, list[Path]]) -> Iterator[MultiStore]:
    first, second = request.param
    with MultiStore([recordings[first][0], recordings[second][1]]) as store:
        yield store


@pytest.fixture
def three(tmp_path: Path) -> Iterator[MultiStore]:
    """Frames 0 to 19 in three parts, each with numbers from 0; the one in the middle is empty."""
    parts = [
        record(tmp_path / 'a', count=12),
        record(tmp_path / 'b', 'png', 0),
        record(tmp_path / 'c', 'png', 8, 12, 10),
    ]
    with MultiStore(parts) as store:
        yield store


def concatenated(store: MultiStore) -> np.ndarray:
    images: np.ndarray = np.concatenate([part[:] for part in store.parts])
    return images


@pytest.mark.once
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_random_keys_give_what_numpy_gives(pair: MultiStore, data: st.DataObject) -> None:
    """For every pair of formats, over the concatenation."""
    images = concatenated(pair)
    assert (pair.shape, pair.dtype, pair.nbytes) == (images.shape, images.dtype, images.nbytes)
    key = data.draw(keys(pair.shape))
    found, expected = pair[key], images[key]
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(found, expected)


@pytest.mark.once
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_frames_and_batches_are_those_of_one_store(pair: MultiStore, data: st.DataObject) -> None:
    images, count = concatenated(pair), len(pair)
    bounds = st.none() | st.integers(-count - 2, count + 2)
    start, stop, step = data.draw(bounds), data.draw(bounds), data.draw(st.integers(1, 9))
    wanted = range(count)[start:stop:step]
    found = list(pair.frames(start, stop, step))
    assert [frame.index for frame in found] == list(wanted)
    assert [(frame.number, frame.time) for frame in found] == [
        (pair.frame_numbers[index], pair.frame_times[index]) for index in wanted
    ]
    assert all(np.array_equal(frame.image, images[frame.index]) for frame in found)
    size = data.draw(st.integers(1, count + 1))
    batches = list(pair.batches(size, start, stop, step))
    assert [len(numbers) for _, numbers, _ in batches] == [
        len(wanted[at : at + size]) for at in range(0, len(wanted), size)
    ]
    joined = np.concatenate([batch for batch, _, _ in batches]) if batches else images[:0]
    assert np.array_equal(joined, images[wanted])
    chosen = data.draw(st.lists(st.integers(-count, count - 1), max_size=20))
    assert [frame.index for frame in pair.frames_at(chosen)] == [index % count for index in chosen]
    assert all(np.array_equal(frame.image, images[frame.index]) for frame in pair.frames_at(chosen))


def test_loops_numbers_times_and_the_array(pair: MultiStore) -> None:
    images, first = concatenated(pair), len(pair.parts[0])
    assert [index_in(image) for image, _ in pair] == [index_in(image) for image in images]
    assert [index_in(image) for image, _ in reversed(pair)] == [index_in(image) for image in images[::-1]]
    assert np.array_equal(np.asarray(pair), images)
    numbers = np.concatenate([part.frame_numbers for part in pair.parts])
    assert np.array_equal(pair.frame_numbers, numbers)
    assert pair.get_frame_metadata()['frame_number'] == numbers.tolist()
    assert np.array_equal(pair.datetimes[first:], pair.parts[1].datetimes)
    assert pair.part_ranges() == [(0, first), (first, len(pair))]
    chunks = [(start, stop) for _, start, stop in pair.chunk_ranges()]
    assert [stop for _, stop in chunks] == [*(start for start, _ in chunks[1:]), len(pair)]
    assert (pair.frame_min, pair.frame_max, pair.frame_count) == (0, numbers.max(), len(images))
    assert (pair.frame_time_min, pair.frame_time_max) == (0, pair.frame_times[-1])
    with pytest.raises(FrameKeyTypeError):
        3 in pair  # noqa: B015


def test_the_position_goes_over_the_parts(three: MultiStore) -> None:
    """And the positions of the parts do not move."""
    three.parts[2].get_image(5)
    for index in range(20):
        number = three.get_next_framenumber()
        image, (got, _) = three.get_next_image()
        assert (index_in(image), got, three.frame_number) == (index, number, number)
    with raises(EndOfStoreError):
        three.get_next_image()
    assert three.get_image(frame_index=-9)[1] == (11, 1.1)
    assert index_in(three.get_next_image()[0]) == 12
    assert index_in(three.get_nearest_image(10.31)[0]) == 15
    images, numbers, times = three.get_images(frame_indices=[13, 0, -1, 13])
    assert [index_in(image) for image in images] == [13, 0, 19, 13]
    assert (numbers, times) == ([1, 0, 7, 1], [10.1, 0.0, 10.7, 10.1])
    assert three.get_next_image()[1][0] == 2
    assert three.parts[2].get_next_image()[1][0] == 6


def test_a_number_in_several_parts_is_ambiguous(three: MultiStore) -> None:
    """It is an error that names both, and never the frame of the wrong part."""
    for find in (
        lambda: three.get_image(3),
        lambda: three.find(number=3),
        lambda: three.find(number=3, nearest=True),
        lambda: three.find(number=-2, nearest=True),
        lambda: three.get_images([9, 3]),
    ):
        with raises(InvalidArgumentError, argument='number') as caught:
            find()
        assert three.parts[0].filename in str(caught.value)
        assert three.parts[2].filename in str(caught.value)
    assert three.find(number=9) == three.get_image(9)[1][0] == 9
    assert three.find(number=40, nearest=True) == 11
    assert [frame.index for frame in three.frames(6, 9, by='number')] == [6, 7, 8, 18, 19]
    with raises(FrameNotFoundError, frame_number=40):
        three.get_image(40)


def test_times_are_found_in_each_part(three: MultiStore) -> None:
    assert three.find(time=10.3) == 15
    assert three.find(time='1970-01-01T00:00:10.3Z') == 15
    assert three.find(time=np.datetime64('1970-01-01T00:00:00.3')) == 3
    assert three.find(time=5.5, nearest=True) == 11
    assert three.find(time=5.6, nearest=True) == 12
    assert [frame.index for frame in three.frames(1.0, 10.15, by='time')] == [10, 11, 12, 13]
    for time in (0.25, 11.0, math.nan):
        with pytest.raises(FrameNotFoundError):
            three.find(time=time)


def test_renumbered_parts_continue_and_keep_their_gaps(tmp_path: Path) -> None:
    parts = [
        record(tmp_path / 'a', count=4, numbers=[7, 9, 8, 12]),
        record(tmp_path / 'b', count=0),
        record(tmp_path / 'c', count=3, first=4, numbers=[-2, -1, 3]),
        record(tmp_path / 'd', count=2, first=7, numbers=[12, 13]),
    ]
    with MultiStore(parts, renumber=True) as store:
        assert store.frame_numbers.tolist() == [7, 9, 8, 12, 13, 14, 18, 19, 20]
        assert [number for _, (number, _) in store] == store.frame_numbers.tolist()
        assert [index_in(store.get_image(number)[0]) for number in (8, 12, 13, 18, 20)] == [2, 3, 4, 6, 8]
        assert (store.frame_min, store.frame_max) == (7, 20)
        assert store.find(number=16, nearest=True) == 5
        assert store.to_pandas()['number'].tolist() == store.frame_numbers.tolist()
        assert [int(numbers[0]) for _, numbers, _ in store.batches(4)] == [7, 13, 20]
    huge = record(tmp_path / 'e', count=2, numbers=[2**63 - 2, 2**63 - 1])
    with raises(InvalidArgumentError, argument='renumber'):
        MultiStore([huge, huge], renumber=True)
    with MultiStore([huge, parts[0]]) as store:
        assert store.frame_max == 2**63 - 1


def test_parts_stay_in_the_order_given_unless_sorted(tmp_path: Path) -> None:
    late, empty, early = (
        record(tmp_path / 'late', count=3, first=20, since=50),
        record(tmp_path / 'empty', count=0),
        record(tmp_path / 'early', count=3, first=10, since=5),
    )
    with MultiStore(part for part in (late, empty, early)) as store:
        assert [index_in(image) for image in store[:]] == [20, 21, 22, 10, 11, 12]
    with MultiStore([late, empty, early], sort=True) as store:
        assert [index_in(image) for image in store[:]] == [10, 11, 12, 20, 21, 22]
        assert [part.filename for part in store.parts] == [str(path) for path in (early, late, empty)]


@pytest.mark.parametrize(
    ('options', 'what'),
    [
        ({'imgshape': (96, 64)}, 'image_shape'),
        ({'imgdtype': 'uint16'}, 'dtype'),
        ({'fmt': 'png', 'imgshape': (64, 96, 3)}, 'image_shape'),
    ],
)
def test_parts_of_another_kind_are_named(tmp_path: Path, options: dict[str, Any], what: str) -> None:
    first = record(tmp_path / 'a')
    with new_for_format(**{'fmt': 'npy', 'path': tmp_path / 'b', 'imgshape': SHAPE, **options}):
        pass
    with raises(InvalidArgumentError, argument='parts') as caught:
        MultiStore([first, tmp_path / 'b'])
    assert all(text in str(caught.value) for text in (what, str(first), str(tmp_path / 'b')))


def test_encodings_must_agree_and_decoding_is_disabled_for_all(tmp_path: Path) -> None:
    raw = [record(tmp_path / name, count=3, encoding='cv_bayerrg') for name in 'ab']
    with new_for_format('npy', tmp_path / 'c', imgshape=(64, 96, 3)):
        pass
    with raises(InvalidArgumentError, argument='parts'):
        MultiStore([raw[0], tmp_path / 'c'])
    with MultiStore(raw) as store:
        assert (store.shape, store[::2].shape, store.encoding) == ((6, 64, 96, 3), (3, 64, 96, 3), 'cv_bayerrg')
        store.disable_decoding()
        assert store.shape == (6, 64, 96)
        assert [index_in(image) for image in store[:]] == [0, 1, 2, 0, 1, 2]


def test_wrong_parts_are_refused(tmp_path: Path) -> None:
    one = record(tmp_path / 'a')
    wrong: list[Any] = [[], str(one), one, None, [3], [one, None], [b'a'], {one}, {one: 1}]
    for parts in wrong:
        with raises(InvalidArgumentError, argument='parts'):
            MultiStore(parts)
    with raises(StoreNotFoundError):
        MultiStore([one, tmp_path / 'nowhere'])
    with raises(InvalidOptionError, argument='workers'), new_for_filename(one) as store:
        MultiStore([store, one], workers=3)
    with new_for_format('npy', tmp_path / 'w', imgshape=SHAPE) as writer, raises(StoreModeError):
        MultiStore([writer])


def test_indexes_outside_are_errors(three: MultiStore) -> None:
    outside: list[Any] = [20, -21, [0, 20]]
    for key in outside:
        with pytest.raises(FrameIndexError):
            three[key]
    with raises(FrameNotFoundError, frame_index=20):
        three.get_image(frame_index=20)
    with raises(InvalidArgumentError, argument='frame_numbers'):
        three.get_images()
    with raises(InvalidArgumentError, argument='size'):
        three.batches(0)


def test_a_damaged_frame_is_named_by_its_part(three: MultiStore) -> None:
    """The position stays, and loops go on with the next frame."""
    part = three.parts[2]
    (Path(part.filename) / '000000' / '000002.png').write_bytes(b'damaged')
    three.get_image(frame_index=13)
    for read in (three.get_next_image, lambda: three[12:16], lambda: three[14]):
        with raises(FrameReadError, store=part.filename, chunk=0, index_in_chunk=2):
            read()
    assert three.frame_number == 1
    frames = three.frames(10)
    found = [next(frames).index for _ in range(4)]
    with raises(FrameReadError, store=part.filename):
        next(frames)
    assert found + [frame.index for frame in frames] == [10, 11, 12, 13, 15, 16, 17, 18, 19]
    batches = three.batches(8)
    next(batches)
    for _ in range(2):
        with raises(FrameReadError):
            next(batches)


def test_each_group_of_pictures_is_decoded_once(
    recordings: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Any] = []
    decode = VideoCursor._decode

    def noted(cursor: VideoCursor) -> Any:
        for index, frame in decode(cursor):
            decoded.append((cursor._video.path, index))
            yield index, frame

    monkeypatch.setattr(VideoCursor, '_decode', noted)
    with MultiStore(recordings['avc1/mp4'], cache_bytes=0) as store:
        for read in (lambda: store[:], lambda: list(store), lambda: list(store.batches(10))):
            decoded.clear()
            read()
            assert len(decoded) == len(set(decoded)) == len(store)


@pytest.mark.once
@pytest.mark.parametrize('fmt', ['npy', 'avc1/mp4'])
def test_threads_share_it(recordings: dict[str, list[Path]], fmt: str) -> None:
    with MultiStore([*recordings[fmt], *recordings['png']]) as store:
        expected, wrong, stream = [index_in(image) for image in store[:]], list[Any](), store.frames()
        shared: list[int] = []

        def read(seed: int) -> None:
            random = np.random.default_rng(seed)
            for _ in range(20):
                index = int(random.integers(len(store)))
                chosen = random.integers(0, len(store), 4)
                found = [index_in(store[index]), *(index_in(image) for image in store[chosen])]
                if found != [expected[at] for at in (index, *chosen)]:
                    wrong.append(found)
            shared.extend(frame.index for frame in stream)

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert sorted(shared) == list(range(len(store)))


def test_after_close_reading_is_an_error(recordings: dict[str, list[Path]]) -> None:
    """Unfinished loops too. Stores that were passed open stay open."""
    with new_for_filename(recordings['npy'][0]) as mine:
        store = MultiStore([mine, recordings['png'][1]])
        own = store.parts[1]
        frames, batches = store.frames(), store.batches(3)
        next(frames)
        next(batches)
        store.close()
        store.close()
        reads: list[Any] = [
            lambda: store[0], lambda: store[:2], lambda: next(frames), lambda: next(batches), lambda: list(store),
            store.get_next_image, lambda: store.get_image(0), store.to_dask, store.refresh, store.to_pandas,
            lambda: pickle.dumps(store), lambda: own[0],
        ]  # fmt: skip
        for read in reads:
            with raises(StoreClosedError):
                read()
        assert mine[0].shape == SHAPE
        assert len(store) == COUNTS['npy'] + COUNTS['png']


def test_a_closed_part_is_an_error(recordings: dict[str, list[Path]]) -> None:
    with new_for_filename(recordings['npy'][0]) as mine:
        store = MultiStore([mine, recordings['png'][1]])
    with raises(StoreClosedError, store=mine.filename):
        store[0]
    with raises(StoreClosedError, store=mine.filename):
        MultiStore([mine])
    store.close()


def test_a_live_last_part_grows_by_refresh(tmp_path: Path) -> None:
    """Other parts keep the frames that they had, and so do all indexes and numbers."""
    with new_for_format('npy', tmp_path / 'b', imgshape=SHAPE, workers=0, chunksize=4) as writer:
        first = new_for_filename(record(tmp_path / 'a', count=3))
        with MultiStore([first, tmp_path / 'b'], renumber=True) as store:
            assert (len(store), store.is_live) == (3, True)
            for index in range(3, 12):
                writer.add_image(numbered(index, SHAPE), 103 - index, index / 10)
                assert len(store) == index
                assert (store.refresh(), len(store)) == (1, index + 1)
                assert index_in(store[-1]) == index
            assert store.frame_numbers.tolist() == [0, 1, 2, 3, *range(2, -6, -1)]
            assert [index_in(image) for image, _ in store] == list(range(12))
            writer.close()
            assert [index_in(image) for image, _ in store.follow()] == list(range(12))
            assert not store.is_live
        first.close()


@pytest.mark.process
def test_follow_waits_for_the_writer(tmp_path: Path) -> None:
    writer = new_for_format('npy', tmp_path / 'b', imgshape=SHAPE, workers=0)
    with MultiStore([record(tmp_path / 'a', count=3), tmp_path / 'b']) as store:

        def write() -> None:
            for index in range(3, 9):
                writer.add_image(numbered(index, SHAPE), index, index / 10)
            writer.close()

        thread = threading.Thread(target=write)
        thread.start()
        assert [index_in(image) for image, _ in store.follow()] == list(range(9))
        thread.join()


def test_a_part_refreshed_by_its_user_changes_no_index(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 'a', imgshape=SHAPE, workers=0) as writer:
        writer.add_image(numbered(0, SHAPE), 0, 0)
        with new_for_filename(tmp_path / 'a') as first:
            store = MultiStore([first, record(tmp_path / 'b', count=2, first=1)])
            writer.add_image(numbered(9, SHAPE), 1, 1)
            first.refresh()
            assert store.refresh() == 0
            assert [index_in(image) for image in store[:]] == [0, 1, 2]
            assert [index_in(image) for image, _ in store] == [0, 1, 2]
            assert store.to_pandas()['part'].tolist() == [0, 1, 1]
            assert store.find(number=1) == 2
            store.close()


def test_it_pickles_with_position_and_options(three: MultiStore) -> None:
    three.get_image(frame_index=12)
    again = pickle.loads(pickle.dumps(three))  # noqa: S301 -- our own
    assert index_in(again.get_next_image()[0]) == 13
    assert [index_in(image) for image in again[::5]] == [0, 5, 10, 15]
    again.close()
    with raises(StoreClosedError):
        again.parts[0][0]


@pytest.mark.once
@pytest.mark.process
@pytest.mark.filterwarnings('ignore:This process .* is multi-threaded:DeprecationWarning')
@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_other_processes_read_it(recordings: dict[str, list[Path]], method: str) -> None:
    with MultiStore(recordings['avc1/mp4']) as store:
        frames = store.frames()
        next(frames)
        with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
            assert pool.submit(_indexes_in, store, [3, 30]).result() == [3, 107]
        assert next(frames).index == 1


def _indexes_in(store: MultiStore, indexes: list[int]) -> list[int]:
    return [index_in(image) for image in store[indexes]]


def test_tables_say_the_part_and_extra_data_move_along(tmp_path: Path) -> None:
    """Integers stay exact, also where a part lacks them."""
    for at, name in enumerate('abc'):
        with new_for_format('npy', tmp_path / name, imgshape=SHAPE, chunksize=2) as store:
            for index in range(3):
                store.add_image(numbered(index, SHAPE), index, 10 * at + index)
                if name != 'b':
                    store.add_extra_data(large=2**62 + index, **({'part': 'x'} if name == 'c' else {'only': index}))
    with MultiStore([tmp_path / name for name in 'abc'], renumber=True) as store:
        table = store.to_pandas(extra_data=True)
        assert table['index'].tolist() == table['number'].tolist() == list(range(9))
        assert table['part'].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        assert table['chunk'].tolist() == [0, 0, 1] * 3
        assert table['large'].dropna().tolist() == [2**62, 2**62 + 1, 2**62 + 2] * 2
        assert table['part_extra'].tolist()[6:] == ['x'] * 3
        records = store.get_extra_data()
        assert records is not None
        assert records['frame_index'].tolist() == records['frame_number'].tolist() == [0, 1, 2, 6, 7, 8]
        assert records['large'].tolist()[3] == 2**62
        assert store.has_extra_data
    with MultiStore([tmp_path / 'b']) as store:
        assert (store.get_extra_data(), store.has_extra_data) == (None, False)
        assert 'large' not in store.to_pandas(extra_data=True)
        assert isinstance(store.to_pandas(), pd.DataFrame)


@pytest.mark.once
def test_dask_reads_all_parts(pair: MultiStore) -> None:
    with dask.config.set(scheduler='synchronous'):
        for most in (None, 4):
            array = pair.to_dask(most)
            assert (array.shape, array.dtype) == (pair.shape, pair.dtype)
            assert np.array_equal(array.compute(), pair[:])
            assert np.array_equal(array[3:20:4, 5].compute(), pair[3:20:4, 5])
    dask_array._open.close()


def test_dask_of_empty_parts_and_wrong_blocks(three: MultiStore, tmp_path: Path) -> None:
    with dask.config.set(scheduler='synchronous'):
        assert [index_in(image) for image in three.to_dask(3).compute()] == list(range(20))
        with MultiStore([record(tmp_path / name, count=0) for name in 'xy']) as empty:
            assert empty.to_dask().compute().shape == empty[:].shape == (0, *SHAPE)
    with raises(InvalidArgumentError, argument='frames_per_block'):
        three.to_dask(0)
    dask_array._open.close()


def test_no_frames_at_all(tmp_path: Path) -> None:
    with MultiStore([record(tmp_path / name, count=0) for name in 'ab']) as store:
        assert (len(store), bool(store), list(store), list(store.batches(3))) == (0, False, [], [])
        assert math.isnan(store.frame_min)
        assert (store.frame_time_min, store.duration) == (0, 0)
        with pytest.raises(EndOfStoreError):
            store.get_next_image()
        with pytest.raises(FrameNotFoundError):
            store.get_nearest_image(0)
        assert store.to_pandas().empty


def test_it_describes_itself(three: MultiStore) -> None:
    assert 'MultiStore of 3 parts' in repr(three)
    assert 'npy, png' in repr(three)
    assert three.parts[2].filename in three._repr_html_()
    assert three.format == 'npy, png'
    assert three.lossless
    assert three.filename == three.parts[0].filename
    assert three.created == three.parts[0].created
    assert three.user_metadata == {}
    assert three.convert_frame_time_to_datetime(0, 'UTC').year == 1970


def test_it_is_aligned_like_a_store(three: MultiStore, tmp_path: Path) -> None:
    """Two recordings, one of them in parts."""
    with (
        new_for_filename(record(tmp_path / 'other', count=20)) as other,
        MultiStore(three.parts, renumber=True) as store,
    ):
        alignment = align([other, store])
        assert [[index_in(image) for image in row.images] for row in alignment] == [[i, i] for i in range(20)]


def test_repeated_numbers_of_parts_are_not_aligned_silently(three: MultiStore) -> None:
    with raises(InvalidArgumentError, argument='stores', store=three.filename):
        align([three.parts[0], three])
    assert len(align([three.parts[0], three], by='time', join='outer')) == 20


def test_frames_of_all_parts_are_exported(recordings: dict[str, list[Path]], tmp_path: Path) -> None:
    """As one video, which is not a copy of packets, as images and as a table."""
    with MultiStore(recordings['avc1/mp4']) as store:
        frames: Any = select(store)  # type: ignore[arg-type]  # annotated for the class of one store
        assert not export_video(frames, tmp_path / 'all.mp4').copied
        with av.open(str(tmp_path / 'all.mp4')) as video:
            shown = [index_in(frame.to_ndarray(format='gray')) for frame in video.decode(video=0)]
        assert shown == [index_in(image) for image in store[:]]
        export_csv(frames, tmp_path / 'all.csv', 'frames')
        assert len(pd.read_csv(tmp_path / 'all.csv')) == len(store)
        export_images(frames, tmp_path / 'images')
        assert len(list((tmp_path / 'images').glob('*.png'))) == len(store)


def test_one_part_is_that_store(recordings: dict[str, list[Path]]) -> None:
    path = recordings['avc1/mp4'][0]
    with MultiStore([path]) as store, new_for_filename(path) as one:
        assert np.array_equal(store[:], one[:])
        assert store.find(number=7) == one.find(number=7)
        assert store.to_pandas().drop(columns='part').equals(one.to_pandas())


def test_the_same_store_may_be_there_twice(recordings: dict[str, list[Path]]) -> None:
    with new_for_filename(recordings['png'][0]) as one, MultiStore([one, one]) as store:
        assert [index_in(image) for image, _ in store] == [*range(17)] * 2
        assert [index_in(image) for image in store[[20, 3]]] == [3, 3]


def public_names(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith('_')}


def test_it_has_what_reading_a_store_has() -> None:
    """All of the interface of an array of frames; not what is about one folder, nor writing."""
    missing = public_names(ImgStore) - public_names(MultiStore)
    assert missing == {
        'add_extra_data', 'add_image', 'binning', 'chunk_paths', 'chunks', 'chunksize', 'empty', 'extra_data_files',
        'extract_only_frame', 'find_extra_data_files', 'full_path', 'insert_chunk', 'reindex', 'roi', 'save_index',
        'sensor_shape', 'supported_formats', 'supports_format', 'verifies',
    }  # fmt: skip
    assert public_names(MultiStore) - public_names(ImgStore) == {'part_ranges', 'parts'}
    assert imgstore.MultiStore is MultiStore


def test_a_part_that_grew_meanwhile_moves_no_index(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 'a', imgshape=SHAPE) as writer:
        writer.add_image(numbered(0, SHAPE), 0, 0)
        with MultiStore([tmp_path / 'a', record(tmp_path / 'b', count=2, first=1)]) as store:
            pickled = pickle.dumps(store)
            pickle.loads(pickled).close()  # noqa: S301 -- our own
            writer.add_image(numbered(9, SHAPE), 1, 1)
            with raises(FrameReadError, store=str(tmp_path / 'a')):
                pickle.loads(pickled)  # noqa: S301 -- our own


def test_options_are_for_folders(tmp_path: Path) -> None:
    with new_for_filename(record(tmp_path / 'a')) as part:
        with raises(InvalidArgumentError, argument='options'):
            MultiStore([part], cache_bytes=0)
        MultiStore([part, record(tmp_path / 'b')], cache_bytes=0).close()


def test_a_multistore_is_no_part_but_has_parts(three: MultiStore, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='parts'):
        MultiStore([three, tmp_path])  # type: ignore[list-item]
    with MultiStore([*three.parts, *three.parts]) as both:
        assert len(both) == 2 * len(three)


def test_of_equal_times_the_first_is_found(tmp_path: Path) -> None:
    with MultiStore([record(tmp_path / 'a', count=3), record(tmp_path / 'b', count=3)]) as store:
        assert store.find(time=0.1) == store.find(time=0.11, nearest=True) == 1
