"""Our own saved index: the same answers without the chunks' indexes, believed only while it fits them."""

import os
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgstore.writing.writer
from imgstore import new_for_filename, new_for_format
from imgstore.errors import CorruptFileError, StoreIOError
from imgstore.index import ImgStoreIndex, cache_file
from imgstore.ondisk.checksums import read_checksums
from imgstore.ondisk.chunk_index import write_chunk_index

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPE = (64, 96)
SAVED = '.index.imgstore'
LONG_AGO = 1_600_000_000


def record(path, fmt='npy', count=10, chunksize=3, **kwargs):
    with new_for_format(fmt, path, imgshape=SHAPE, chunksize=chunksize, **kwargs) as store:
        for index in range(count):
            store.add_image(numbered(index, SHAPE), 7 * index, index / 10)
    return path


def save(store_path, **kwargs):
    with new_for_filename(store_path) as store:
        store.save_index(**kwargs)
    return store_path


def indexes(path):
    return sorted([*path.glob('*/index.npz'), *path.glob('??????.npz')])


def set_times(path, seconds):
    """As if all chunks had been completed long ago, and the index been saved much later."""
    for index in indexes(path):
        os.utime(index, (seconds, seconds))


def is_believed(path):
    with new_for_filename(path) as store:
        return store.index.saved is not None


@pytest.fixture(params=['npy', 'mjpeg/avi'])
def saved(request, tmp_path):
    path = record(tmp_path / 's', request.param)
    set_times(path, LONG_AGO)
    return save(path)


def test_it_answers_as_the_chunks_do(saved):
    def answers(store):
        found = [
            store.index.find_chunk(what, value)
            for what in ('frame_number', 'frame_time', 'index')
            for value in (-1, 0, 0.3, 3, 21, 63, 100)
        ]
        near = [
            store.index.find_chunk_nearest(what, value)
            for what in ('frame_number', 'frame_time')
            for value in (-5, 0.25, 3, 24, 100)
        ]
        images = [index_in(store.get_next_image()[0]) for _ in range(10)]
        return (
            found,
            near,
            images,
            store.frame_count,
            store.chunks,
            store.frame_min,
            store.frame_max,
            store.frame_time_min,
            store.frame_time_max,
            store.get_frame_metadata(),
            [store._get_chunk_metadata(chunk) for chunk in range(5)],
        )

    with new_for_filename(saved) as store:
        assert store.index.saved is not None
        fast = answers(store)
    (saved / SAVED).unlink()
    with new_for_filename(saved) as store:
        assert store.index.saved is None
        assert answers(store) == fast


def test_opening_reads_no_index_of_a_chunk(saved):
    for index in indexes(saved):
        status = index.stat()
        index.write_bytes(b'x' * status.st_size)
        os.utime(index, ns=(status.st_atime_ns, status.st_mtime_ns))
    with new_for_filename(saved, verify=False) as store:
        assert [store.get_next_image()[1][0] for _ in range(10)] == [7 * index for index in range(10)]


def test_it_is_written_beside_the_sqlite_or_alone(tmp_path):
    path = record(tmp_path / 's')
    save(path, sqlite=False)
    assert (path / SAVED).exists()
    assert not (path / '.index.sqlite').exists()
    save(path)
    assert (path / '.index.sqlite').exists()
    (path / SAVED).unlink()
    save(path, path=tmp_path / 'elsewhere')
    assert (tmp_path / 'elsewhere').exists()
    assert not (path / SAVED).exists()


def test_close_writes_it_for_stores_of_many_chunks(tmp_path):
    many = imgstore.index.cache_file.MIN_CHUNKS_TO_CACHE
    assert not (record(tmp_path / 'few', count=many - 1, chunksize=1) / SAVED).exists()
    assert is_believed(record(tmp_path / 'many', count=many, chunksize=1))


def test_a_store_that_cannot_hold_it_is_complete_without(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('imgstore.index.cache_file.open_atomic', fail)
    path = record(tmp_path / 's', count=30, chunksize=1)
    assert not (path / SAVED).exists()
    with new_for_filename(path) as store:
        assert store.frame_count == 30
        with raises(StoreIOError, path=str(path / SAVED)):
            store.save_index()


# --- not believed


def test_not_if_a_chunk_was_added_or_removed(saved):
    extra = record(saved.parent / 'more', new_for_filename(saved)._format, count=13)
    assert is_believed(saved)
    for path in [*extra.glob('000004*')]:
        shutil.move(path, saved)
    assert not is_believed(saved)
    assert new_for_filename(saved).frame_count == 11
    for path in [*saved.glob('000004*')]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert is_believed(saved)


@pytest.mark.parametrize('chunk', [0, 3])
def test_not_if_an_index_was_edited(saved, chunk):
    index = indexes(saved)[chunk]
    with np.load(index) as content:
        numbers = content['frame_number']
    write_chunk_index(str(index)[:-4], numbers + 1000, np.zeros(len(numbers)))  # of the same size
    assert not is_believed(saved)
    assert new_for_filename(saved).frame_max == numbers[-1] + 1000


def test_not_if_an_index_was_edited_within_a_tick_of_the_clock(tmp_path):
    path = save(record(tmp_path / 's'))
    assert is_believed(path)
    index = indexes(path)[1]
    before = index.stat()
    os.utime(path / SAVED, ns=(before.st_mtime_ns, before.st_mtime_ns))  # as on a quick machine
    write_chunk_index(str(index)[:-4], np.array([1, 2, 3]), np.array([1.0, 2.0, 3.0]), read_checksums(str(index)[:-4]))
    assert index.stat().st_size == before.st_size
    os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not is_believed(path)
    assert new_for_filename(path).get_frame_metadata()['frame_number'][3:6] == [1, 2, 3]


@pytest.mark.parametrize('cut', [0, 1, 50, 200, -1])
def test_not_if_it_is_cut_off(saved, cut):
    data = (saved / SAVED).read_bytes()
    (saved / SAVED).write_bytes(data[:cut])
    assert not is_believed(saved)
    assert new_for_filename(saved).frame_count == 10


@pytest.mark.exhaustive
def test_with_any_byte_changed_it_is_right_or_not_believed(saved):
    def answers(store):
        return (
            [
                store.get_frame_metadata(),
                store.frame_count,
                store.chunks,
                store.frame_min,
                store.frame_max,
                store.frame_time_min,
                store.frame_time_max,
            ]
            + [store.index.frame(index) for index in range(11)]
            + [
                store.index.find_chunk(what, value)
                for what in ('frame_number', 'frame_time', 'index')
                for value in (-1, 0, 0.3, 3, 21, 63)
            ]
            + [store.index.find_chunk_nearest('frame_number', value) for value in (-5, 24, 100)]
        )

    whole = (saved / SAVED).read_bytes()
    with new_for_filename(saved) as store:
        right = answers(store)
    for place in range(len(whole)):
        (saved / SAVED).unlink()
        (saved / SAVED).write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        for order in (list, reversed):  # each question may be the first
            with new_for_filename(saved) as store:
                frames = [store.index.frame(index) for index in order(range(11))]
                assert list(order(frames)) == right[7:18], place
                assert answers(store) == right, place
        with new_for_filename(saved) as store:
            assert store.index.find_chunk('frame_number', 21) == (1, 0), place


@pytest.mark.parametrize(('begin', 'length'), [(0, 64), (100_000, 1), (150_000, 4096), (-1, 1)])
def test_damage_in_any_block_of_a_long_one_is_noticed(tmp_path, begin, length):
    chunks = [(number, str(tmp_path / f'{number:06d}')) for number in range(5)]
    numbers = np.arange(20_000, dtype=np.int64).reshape(5, -1)
    for (_, stem), own in zip(chunks, numbers, strict=True):
        write_chunk_index(stem, own, own / 8)
        os.utime(stem + '.npz', (LONG_AGO, LONG_AGO))
    ImgStoreIndex.new_from_chunks(chunks).save_cache(str(tmp_path))
    index = ImgStoreIndex.open_cached(str(tmp_path), chunks)
    assert index.saved is not None
    assert np.array_equal(index.frame_numbers, numbers.ravel())
    assert index.saved is not None
    data = bytearray((tmp_path / SAVED).read_bytes())
    begin %= len(data)
    data[begin : begin + length] = bytes(byte ^ 0x40 for byte in data[begin : begin + length])
    (tmp_path / SAVED).write_bytes(data)
    index = ImgStoreIndex.open_cached(str(tmp_path), chunks)
    assert np.array_equal(index.frame_numbers, numbers.ravel())
    assert np.array_equal(index.frame_times, numbers.ravel() / 8)
    assert index.saved is None


def test_range_is_right_after_refresh_of_damaged_index(tmp_path):
    """The range of frames is right after a refresh that began with a damaged saved index."""
    chunks = [(number, str(tmp_path / f'{number:06d}')) for number in range(3)]
    for number, stem in chunks:
        write_chunk_index(stem, np.array([number]), np.array([number / 8]))
        os.utime(stem + '.npz', (LONG_AGO, LONG_AGO))
    ImgStoreIndex.new_from_chunks(chunks).save_cache(str(tmp_path))
    data = bytearray((tmp_path / SAVED).read_bytes())
    data[data.index(np.arange(3).tobytes()) + 8] ^= 4  # frame number 1 becomes 5
    (tmp_path / SAVED).write_bytes(data)
    index = ImgStoreIndex.open_cached(str(tmp_path), chunks).updated(chunks[:2], {})
    assert index.saved is not None
    assert index.frame_max == 1
    assert index.saved is None


def test_older_saved_index_is_ignored(saved):
    """A saved index of an older version has no checksums, so the reader ignores it."""
    data = (saved / SAVED).read_bytes()
    (saved / SAVED).write_bytes(data.replace(b'imgstore index 2', b'imgstore index 1'))
    assert not is_believed(saved)
    assert new_for_filename(saved).frame_count == 10
    assert is_believed(save(saved))


def test_another_index_that_is_given_is_used_as_it_is(saved):
    with new_for_filename(saved) as store:
        given = ImgStoreIndex.new_from_chunks(store._iter_chunk_n_and_chunk_paths())
    with new_for_filename(saved, index=given) as store:
        assert store.index is given


# --- kept in step


def test_reindexing_renews_it(tmp_path):
    path = tmp_path / 's'
    with new_for_format('npy', path, imgshape=SHAPE, chunksize=3) as store:
        for index in range(9):
            store.add_image(numbered(index, SHAPE), (index - 4) if index >= 4 else 90 + index, index)
    save(path)
    with new_for_filename(path) as store:
        store.reindex()
        assert store.frame_min == -4
    assert is_believed(path)
    assert new_for_filename(path).get_frame_metadata()['frame_number'] == list(range(-4, 5))


def test_an_emptied_or_replaced_store_has_none(tmp_path):
    path = save(record(tmp_path / 's'))
    with new_for_format('npy', path, imgshape=SHAPE, overwrite=True):
        assert not (path / SAVED).exists()


if os.path.exists('/proc/self/maps'):  # Linux tells which files are mapped

    def test_a_closed_store_holds_no_file_open(saved):
        def mapped():
            with open('/proc/self/maps') as maps:
                return str(saved / SAVED) in maps.read()

        store = new_for_filename(saved)
        store.get_image(14)
        assert mapped()
        store.close()
        assert not mapped()
        assert store.frame_count == 10
        assert store.get_frame_metadata()['frame_number'][-1] == 63


@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20), data=st.data())
def test_any_numbers_and_times_are_found_as_without_it(tmp_path_factory, numbers, data):
    folder = tmp_path_factory.mktemp('any')
    times = data.draw(
        st.lists(st.floats() | st.sampled_from([0.0, 1.5, float('nan')]), min_size=len(numbers), max_size=len(numbers))
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(numbers)), max_size=4)))
    bounds = [0, *cuts, len(numbers)]
    chunks = [(i, str(folder / f'{i:06d}')) for i in range(len(bounds) - 1)]
    for (_, stem), begin, end in zip(chunks, bounds[:-1], bounds[1:], strict=True):
        write_chunk_index(stem, np.array(numbers[begin:end], np.int64), np.array(times[begin:end], np.float64))
    plain = ImgStoreIndex.new_from_chunks(chunks)
    plain.save_cache(str(folder))
    fast = ImgStoreIndex.open_cached(str(folder), chunks)
    assert fast.saved is not None

    def answers(index):
        wanted = [*numbers[:5], 0, 17]
        return (
            index.frame_count,
            index.chunks,
            repr([index.frame_min, index.frame_max]),
            repr([index.frame_time_min + 0.0, index.frame_time_max + 0.0]),  # -0.0 is 0.0
            [index.find_chunk('frame_number', number) for number in wanted],
            [index.find_chunk_nearest('frame_number', number) for number in wanted],
            [index.find_chunk_nearest('frame_time', time) for time in [*times[:5], 0.25]],
        )

    assert answers(fast) == answers(plain)
    fast.close()


def test_counts_that_changed_meanwhile_are_not_saved(tmp_path):
    """A chunk's index that another program rewrites meanwhile is an error, and the old cache stays."""
    path = save(record(tmp_path / 's', 'npy'))
    before = (path / SAVED).read_bytes()
    chunks = [(number, str(path / f'{number:06d}' / 'index')) for number in range(4)]
    with raises(CorruptFileError, path=chunks[1][1]):
        cache_file.save(str(path), chunks, [3, 2, 3, 1])
    assert (path / SAVED).read_bytes() == before
    assert is_believed(path)
