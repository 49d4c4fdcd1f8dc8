"""The index of a store: what it finds, how little it reads, and what it does not believe."""

import io
import math
import os
import sqlite3
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgstore.errors import ChunkSkippedWarning, CorruptFileError, InvalidArgumentError, StoreIOError
from imgstore.index import ImgStoreIndex
from imgstore.ondisk.chunk_index import read_chunk_index, write_chunk_index

from ..helpers.opened import opened_files
from ..helpers.raised import raises, warns

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def write(folder, chunks):
    """Write chunk indexes; -> what new_from_chunks takes."""
    listed = []
    for n, (numbers, times) in chunks.items():
        stem = os.path.join(folder, f'{n:06d}')
        write_chunk_index(stem, np.array(numbers, np.int64), np.array(times, np.float64))
        listed.append((n, stem))
    return listed


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path)


SOME = {0: ([5, 6, 9], [1.0, 2.0, 3.0]), 2: ([], []), 3: ([9, -4], [2.5, math.nan]), 7: ([], [])}


def some_index(folder):
    return ImgStoreIndex.new_from_chunks(write(folder, SOME))


# --- the API


def test_it_tells_what_there_is(folder):
    index = some_index(folder)
    assert index.chunks == (0, 3)
    assert index.frame_count == 5
    assert (index.frame_min, index.frame_max) == (-4, 9)
    assert (index.frame_time_min, index.frame_time_max) == (1.0, 3.0)
    assert {type(index.frame_count), type(index.frame_min), type(index.chunks[0])} == {int}
    assert type(index.frame_time_min) is float


def test_metadata_are_dicts_of_lists_of_pythons_own_numbers(folder):
    index = some_index(folder)
    everything = index.get_all_metadata()
    assert everything['frame_number'] == [5, 6, 9, 9, -4]
    assert everything['frame_time'][:4] == [1.0, 2.0, 3.0, 2.5]
    assert math.isnan(everything['frame_time'][4])
    assert {type(n) for n in everything['frame_number']} == {int}
    assert {type(t) for t in everything['frame_time']} == {float}
    assert index.get_chunk_metadata(0) == {'frame_number': [5, 6, 9], 'frame_time': [1.0, 2.0, 3.0]}
    assert index.get_chunk_metadata(2) == index.get_chunk_metadata(99) == {'frame_number': [], 'frame_time': []}


def test_a_chunks_metadata_come_from_its_own_index_alone(folder):
    listed = write(folder, SOME)
    os.unlink(os.path.join(folder, '000000.npz'))
    assert ImgStoreIndex.new_from_chunks(listed).get_chunk_metadata(3)['frame_number'] == [9, -4]


def test_find_chunk_returns_position_or_minus_one(folder):
    """The method find_chunk returns the chunk and the index in it, or (-1, -1) if nothing matches."""
    index = some_index(folder)
    assert index.find_chunk('frame_number', 6) == (0, 1)
    assert index.find_chunk('frame_number', 9) == (0, 2)  # the first of two
    assert index.find_chunk('frame_time', 2.5) == (3, 0)
    assert index.find_chunk('index', 3) == (3, 0)
    for what, value in (
        ('frame_number', 7),
        ('frame_time', 2.4),
        ('index', 5),
        ('index', -1),
        ('index', 1.5),
        ('frame_number', 6.5),
        ('frame_number', math.nan),
        ('frame_time', math.nan),
        ('frame_number', 2**70),
        ('frame_number', -(2**70)),
        ('frame_number', math.inf),
    ):
        assert index.find_chunk(what, value) == (-1, -1), (what, value)


@pytest.mark.parametrize('number', [6, 6.0, np.int64(6), np.uint8(6), np.float32(6), True + 5])
def test_numbers_of_any_type_mean_the_same(folder, number):
    index = some_index(folder)
    assert index.find_chunk('frame_number', number) == (0, 1)
    assert index.find_chunk_nearest('frame_number', number) == (0, 1)


def test_find_chunk_nearest(folder):
    index = some_index(folder)
    assert index.find_chunk_nearest('frame_number', 100) == (0, 2)
    assert index.find_chunk_nearest('frame_number', -(2**80)) == (3, 1)
    assert index.find_chunk_nearest('frame_number', 5.4) == (0, 0)
    assert index.find_chunk_nearest('frame_time', 2.6) == (3, 0)
    assert index.find_chunk_nearest('frame_time', math.inf) == (0, 2)
    assert index.find_chunk_nearest('frame_time', math.nan) == (-1, -1)


def test_what_is_looked_for_must_be_known_and_a_number(folder):
    index = some_index(folder)
    with raises(InvalidArgumentError, argument='what'):
        index.find_chunk('uuid', 3)
    with raises(InvalidArgumentError, argument='what'):
        index.find_chunk_nearest('index', 3)
    for value in (None, 'three', b'3', [3]):
        with pytest.raises(InvalidArgumentError):
            index.find_chunk('frame_number', value)


def test_an_empty_index(folder):
    for index in (ImgStoreIndex(), ImgStoreIndex.new_from_chunks(write(folder, {0: ([], [])}))):
        assert (index.chunks, index.frame_count) == ((), 0)
        assert math.isnan(index.frame_min)
        assert math.isnan(index.frame_max)
        assert (index.frame_time_min, index.frame_time_max) == (0.0, 0.0)
        assert index.get_all_metadata() == {'frame_number': [], 'frame_time': []}
        assert index.find_chunk_nearest('frame_number', 1) == (-1, -1)
        assert index.to_chunk(0) == (-1, -1)
        assert index.frame(0) is None


def test_times_that_are_all_nan(folder):
    index = ImgStoreIndex.new_from_chunks(write(folder, {0: ([1], [math.nan])}))
    assert math.isnan(index.frame_time_min)
    assert index.find_chunk_nearest('frame_time', 1.0) == (-1, -1)


def test_the_extremes_of_int64(folder):
    numbers = [INT64_MAX, INT64_MIN, 0, INT64_MAX - 1]
    index = ImgStoreIndex.new_from_chunks(write(folder, {0: (numbers, [0.0] * 4)}))
    assert (index.frame_min, index.frame_max) == (INT64_MIN, INT64_MAX)
    for place, number in enumerate(numbers):
        assert index.find('frame_number', number) == place
    assert index.find('frame_number', INT64_MAX - 2) is None
    assert index.find('frame_number', INT64_MAX + 1) is None
    assert index.find('frame_number', INT64_MAX - 2, nearest=True) == 3
    assert index.find('frame_number', INT64_MIN + 1, nearest=True) == 1
    assert index.find('frame_number', 2**90, nearest=True) == 0
    index.to_file(os.path.join(folder, 'saved'))
    assert ImgStoreIndex.new_from_file(os.path.join(folder, 'saved')).get_all_metadata() == index.get_all_metadata()


# --- against a plain model

_numbers = st.integers(-6, 6) | st.sampled_from([INT64_MIN, INT64_MAX])
_times = st.sampled_from([0.0, 0.5, 1.0, 1.5, -2.0, 1e300, math.nan, math.inf, -math.inf])
_chunks = st.lists(st.lists(st.tuples(_numbers, _times), max_size=6), max_size=5)


def model_nearest(values, wanted):
    def distance(value):
        return 0 if value == wanted else abs(value - wanted)

    known = [i for i, value in enumerate(values) if value == value]
    return min(known, key=lambda i: (distance(values[i]), i), default=None)


@settings(max_examples=150, deadline=None)
@given(
    chunks=_chunks,
    number=_numbers | st.floats(-7, 7),
    start=st.integers(0, 3),
    time=_times.filter(lambda time: time != 1e300) | st.floats(-3, 3),
)
def test_it_finds_what_a_search_through_a_list_finds(chunks, number, time, start, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp('index'))
    frames = [frame for chunk in chunks for frame in chunk]
    places = [(start + 2 * n, i) for n, chunk in enumerate(chunks) for i in range(len(chunk))]
    index = ImgStoreIndex.new_from_chunks(
        reversed(
            write(
                folder,
                {start + 2 * n: ([f[0] for f in chunk], [f[1] for f in chunk]) for n, chunk in enumerate(chunks)},
            )
        )
    )

    assert repr([index.frame(i) for i in range(len(frames))]) == repr(frames)
    assert [index.to_chunk(i) for i in range(-1, len(frames) + 1)] == [(-1, -1), *places, (-1, -1)]
    assert [index.from_chunk(*place) for place in places] == list(range(len(frames)))
    for what, column, wanted in (('frame_number', 0, number), ('frame_time', 1, time)):
        values = [frame[column] for frame in frames]
        exact = next((i for i, value in enumerate(values) if value == wanted), None)
        nearest = model_nearest(values, wanted) if wanted == wanted else None
        assert index.find(what, wanted) == exact
        if nearest is None or abs(wanted) != math.inf or wanted in values:
            assert index.find(what, wanted, nearest=True) == nearest
        assert index.find_chunk(what, wanted) == ((-1, -1) if exact is None else places[exact])


# --- lazy


def test_nothing_is_read_before_a_question_needs_it(folder):
    listed = write(folder, {n: ([n], [n]) for n in range(5)})
    with opened_files() as opened:
        index = ImgStoreIndex.new_from_chunks(listed)
    assert opened == []
    assert index.frame_count == 5
    with opened_files() as opened:
        assert index.frame(3) == (3, 3.0)
    assert [os.path.basename(path) for path in opened] == ['000003.npz']
    with opened_files() as opened:
        assert (index.frame(3), index.to_chunk(2)) == ((3, 3.0), (2, 0))
    assert opened == []


def test_counting_two_million_frames_is_fast_and_small(folder):
    """Counting two million frames and finding one of them takes under a second and little memory."""
    numbers = np.arange(10_000)
    listed = write(folder, {0: (numbers, numbers / 30)})
    for n in range(1, 200):
        os.link(os.path.join(folder, '000000.npz'), os.path.join(folder, f'{n:06d}.npz'))
        listed.append((n, os.path.join(folder, f'{n:06d}')))
    tracemalloc.start()
    begin = time.perf_counter()
    index = ImgStoreIndex.new_from_chunks(listed)
    assert index.frame_count == 2_000_000
    assert index.frame(1_234_567) == (4567, 4567 / 30)
    seconds, peak = time.perf_counter() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 1
    assert peak < 10e6


# --- damaged


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return bytearray(buffer.getvalue())


def caught(index):
    """What the index tells of its frames, and the warnings it gave."""
    with warnings.catch_warnings(record=True) as given_warnings:
        warnings.simplefilter('always')
        return index.get_all_metadata()['frame_number'], [w.message for w in given_warnings]


def assert_skipped(folder, data, extension='.npz'):
    """The chunk with that index is skipped with one warning that names its file, and the others are read."""
    listed = write(folder, {0: ([1], [1.0]), 1: ([2], [2.0]), 2: ([3], [3.0])})
    path = os.path.join(folder, '000001' + extension)
    os.unlink(os.path.join(folder, '000001.npz'))
    with open(path, 'wb') as file:
        file.write(data)
    numbers, given_warnings = caught(ImgStoreIndex.new_from_chunks(listed))
    assert numbers == [1, 3]
    assert len(given_warnings) == 1
    assert (given_warnings[0].store, given_warnings[0].chunk) == (str(folder), 1)
    assert given_warnings[0].error.path == path


def test_an_npz_cut_at_any_byte_is_skipped(folder):
    whole = npz(frame_number=np.array([2]), frame_time=np.array([2.0]))
    stem = os.path.join(folder, '000001')
    for end in range(len(whole)):
        with open(stem + '.npz', 'wb') as file:
            file.write(whole[:end])
        with raises(CorruptFileError, file='000001.npz'):
            read_chunk_index(stem)
    assert_skipped(folder, whole[:-1])
    assert_skipped(folder, whole[:300])


def test_an_npz_with_any_byte_changed_is_read_right_or_skipped(folder):
    numbers, times = np.array([2, 7]), np.array([2.0, 2.5])
    whole = npz(frame_number=numbers, frame_time=times)
    stem = os.path.join(folder, '000001')
    for place in range(len(whole)):
        changed = whole.copy()
        changed[place] ^= 0x55
        with open(stem + '.npz', 'wb') as file:
            file.write(changed)
        try:
            found = read_chunk_index(stem)
        except CorruptFileError:
            continue
        assert np.array_equal(found[0], numbers), place
        assert np.array_equal(found[1], times), place


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('frame_number', np.array([1.5])),
        ('frame_number', np.array([math.nan])),
        ('frame_number', np.array([2.0**63])),
        ('frame_number', np.array([2**63], np.uint64)),
        ('frame_number', np.array(['1'])),
        ('frame_number', np.array(5)),
        ('frame_number', np.array([[1]])),
        ('frame_number', np.array([1, 2])),
        ('frame_number', np.array([True])),
        ('frame_time', np.array([1j])),
        ('frame_time', np.array([None])),
        ('frame_time', np.array([b'x'])),
    ],
)
def test_an_npz_that_holds_something_else_is_skipped(folder, key, value):
    assert_skipped(folder, npz(**{'frame_number': np.array([2]), 'frame_time': np.array([2.0]), key: value}))


def test_an_npz_without_one_of_the_keys_is_skipped(folder):
    assert_skipped(folder, npz(frame_number=np.array([2])))


def test_numbers_and_times_of_other_dtypes_are_read(folder):
    stem = os.path.join(folder, '000000')
    for number_type, time_type in (('<i4', '<f4'), ('>i8', '>f8'), ('<u2', '<i8'), ('<f8', '<f8')):
        for save in (np.savez, np.savez_compressed):
            values = np.arange(3)
            save(stem + '.npz', frame_number=values.astype(number_type), frame_time=values.astype(time_type))
            numbers, times = read_chunk_index(stem)
            assert numbers.dtype == np.int64
            assert times.dtype == np.float64
            assert numbers.tolist() == times.tolist() == [0, 1, 2]


def lying_npz(rows, size_in_zip=None):
    """A small npz whose header claims many rows; the zip directory too, if a size is given."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {'descr': '<i8', 'fortran_order': False, 'shape': (rows,)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        for key in ('frame_number', 'frame_time'):
            archive.writestr(key + '.npy', header.getvalue() + bytes(16))
        if size_in_zip:
            for member in archive.infolist():
                member.file_size = member.compress_size = size_in_zip + len(header.getvalue())
    return buffer.getvalue()


@pytest.mark.parametrize(
    'data',
    [lying_npz(2**40), lying_npz(2**40, 2**43), lying_npz(2**28, 2**31), lying_npz(-1)],
    ids=['header', 'header and zip', 'one that could be allocated', 'negative'],
)
def test_header_with_exaggerated_size_costs_no_memory(folder, data):
    """A header that claims more data than exists costs no memory."""
    tracemalloc.start()
    assert_skipped(folder, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


def test_a_yaml_cut_at_any_byte_is_read_right_or_skipped(folder):
    stem = os.path.join(folder, '000001')
    for text in (
        'frame_number:\n- 12\n- 134\nframe_time:\n- 1.25\n- 2.375\n',
        'frame_time: [1.25, 2.375]\nframe_number: [12, 134]\n',
        '{"frame_time": [1.25, 2.375], "frame_number": [12, 134]}',
        'frame_time:\n- 1.25\n- 2.375\nframe_number:\n- 12\n- 134\n',
    ):
        right = 0
        for end in range(len(text) + 1):
            with open(stem + '.yaml', 'w') as file:
                file.write(text[:end])
            try:
                numbers, times = read_chunk_index(stem)
            except CorruptFileError:
                continue
            assert (numbers.tolist(), times.tolist()) == ([12, 134], [1.25, 2.375])
            right += 1
        assert right in (1, 2)


@pytest.mark.parametrize(
    'text',
    [
        'frame_number: [1]\nframe_time: [a]\n',
        'frame_number: [[1], [2, 3]]\nframe_time: [1, 2]\n',
        'frame_number: 1\nframe_time: 2\n',
        'frame_number: [1.5]\nframe_time: [1]\n',
        'frame_number: [true]\nframe_time: [1]\n',
        f'frame_number: [{10**30}]\nframe_time: [1]\n',
        f'frame_number: [1, 2]\nframe_time: [{10**400}, 1.0]\n',
        'frame_number: [2020-01-01]\nframe_time: [1]\n',
        '!!python/object/apply:os.mkdir [evil]\n',
        '- 1\n',
        'x: y\n',
        '\x00',
        '',
    ],
)
def test_a_yaml_that_holds_something_else_is_skipped(folder, text):
    assert_skipped(folder, text.encode(), '.yaml')


def test_late_damaged_chunk_is_skipped_once(folder):
    """A chunk that is found to be damaged later is skipped once, and the remaining chunks are still found."""
    listed = write(folder, {n: ([n * 10, n * 10 + 1], [n, n + 0.5]) for n in range(4)})
    index = ImgStoreIndex.new_from_chunks(listed)
    assert index.frame_count == 8
    data = bytearray(Path(listed[1][1] + '.npz').read_bytes())
    data[data.index(np.int64(11).tobytes())] ^= 1
    with open(listed[1][1] + '.npz', 'wb') as file:
        file.write(data)
    with warns(ChunkSkippedWarning, chunk=1) as given_warnings:
        assert index.find_chunk('frame_number', 30) == (3, 0)
    assert len(given_warnings) == 1
    assert index.chunks == (0, 2, 3)
    assert index.frame_count == 6
    assert index.frame(2) == (20, 2.0)
    assert index.from_chunk(1, 1) == 1
    assert index.find_chunk('frame_number', 11) == (-1, -1)


def test_generation_changes_only_with_frame_indexes(folder):
    """The index changes its generation when frames get other indexes, and not earlier."""
    listed = write(folder, {n: ([n * 10, n * 10 + 1], [n, n + 0.5]) for n in range(3)})
    index = ImgStoreIndex.new_from_chunks(listed)
    assert index.frame_count == 6
    generation = index.generation
    assert index.frame(5) == (21, 2.5)
    assert index.to_chunk(5) == (2, 1)
    assert index.generation is generation
    Path(listed[1][1] + '.npz').write_bytes(b'damaged')
    with warns(ChunkSkippedWarning, chunk=1):
        assert index.frame(3) == (21, 2.5)
    assert index.generation is not generation
    generation = index.generation
    write(folder, {0: ([7], [1])})
    assert index.frame(0) == (7, 1.0)
    assert index.frame(2) == (21, 2.5)
    assert index.generation is not generation
    assert index.updated(listed, {}).generation is not index.generation


def test_no_intact_chunk_means_no_smallest_or_largest(folder):
    """Without an intact chunk there is no smallest and no largest frame number or time."""
    for name, nothing in (('frame_min', math.nan), ('frame_time_max', 0.0)):
        listed = write(folder, {0: ([5], [1.0])})
        index = ImgStoreIndex.new_from_chunks(listed)
        assert index.frame_count == 1
        damaged = bytearray(Path(listed[0][1] + '.npz').read_bytes())
        damaged[damaged.index(np.int64(5).tobytes())] ^= 1
        Path(listed[0][1] + '.npz').write_bytes(damaged)
        with warns(ChunkSkippedWarning, chunk=0):
            assert repr(getattr(index, name)) == repr(nothing)
        assert index.frame_count == 0


def test_index_edited_while_open_is_read_as_it_is_now(folder):
    """An index that was edited while it was open is read as it is now."""
    listed = write(folder, {0: ([1, 2], [1, 2]), 1: ([3, 4], [3, 4])})
    index = ImgStoreIndex.new_from_chunks(listed)
    assert index.frame_count == 4
    write(folder, {0: ([7, 8, 9], [1, 2, 3])})
    assert index.frame(1) == (8, 2.0)
    assert index.frame(3) == (3, 3.0)
    assert index.get_all_metadata()['frame_number'] == [7, 8, 9, 3, 4]
    write(folder, {1: ([5], [5])})
    index = ImgStoreIndex.new_from_chunks(listed)
    assert index.frame_count == 4
    write(folder, {1: ([], [])})
    assert index.frame(3) is None
    assert index.frame_count == 3


# --- saved


def test_the_saved_index_has_the_tables_that_the_original_reads(folder):
    index, path = some_index(folder), os.path.join(folder, '.index.sqlite')
    index.to_file(path)
    database = sqlite3.connect(path)
    schema = {
        name: [tuple(column[1:3]) for column in database.execute(f'PRAGMA table_info({name})')]
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    assert schema == {
        'chunks': [('chunk', 'INTEGER'), ('chunk_path', 'TEXT')],
        'frames': [('chunk', 'INTEGER'), ('frame_idx', 'INTEGER'), ('frame_number', 'INTEGER'), ('frame_time', 'REAL')],
        'index_information': [('name', 'TEXT'), ('value', 'TEXT')],
        'summary': [('name', 'TEXT'), ('value', 'REAL')],
    }
    assert [tuple(c[2:3]) for c in database.execute('PRAGMA index_info(chunk_index)')] == [('chunk',), ('frame_idx',)]
    assert list(database.execute('SELECT * FROM index_information')) == [('version', '1')]
    assert dict(database.execute('SELECT * FROM summary')) == {
        'frame_time_min': 1.0,
        'frame_time_max': 3.0,
        'frame_min': -4.0,
        'frame_max': 9.0,
    }
    assert list(database.execute('SELECT * FROM frames')) == [
        (0, 0, 5, 1.0),
        (0, 1, 6, 2.0),
        (0, 2, 9, 3.0),
        (3, 0, 9, 2.5),
        (3, 1, -4, None),
    ]
    assert dict(database.execute('SELECT * FROM chunks'))[3] == os.path.join(folder, '000003')
    database.close()


def test_what_was_saved_is_read_again_and_without_the_chunks(folder):
    several: list[dict] = [SOME, {}, {4: ([], [])}]
    for chunks in several:
        listed, path = write(folder, chunks), os.path.join(folder, 'saved?#%41 [x].sqlite')
        index = ImgStoreIndex.new_from_chunks(listed)
        index.to_file(path)
        index.to_file(path)
        for _, stem in listed:
            os.unlink(stem + '.npz')
        again = ImgStoreIndex.new_from_file(path)
        assert again.chunks == index.chunks
        assert repr(again.get_all_metadata()) == repr(index.get_all_metadata())
        assert again.find_chunk_nearest('frame_number', 6) == index.find_chunk_nearest('frame_number', 6)
        assert os.listdir(folder) == [os.path.basename(path)]


def test_reading_a_missing_index_file_makes_none(folder):
    path = os.path.join(folder, 'none.sqlite')
    with raises(CorruptFileError, file='none.sqlite'):
        ImgStoreIndex.new_from_file(path)
    assert os.listdir(folder) == []


def test_reading_a_saved_index_changes_nothing_in_the_folder(folder):
    path = os.path.join(folder, 'saved')
    some_index(folder).to_file(path)
    before = {path: path.read_bytes() for path in Path(folder).iterdir()}
    ImgStoreIndex.new_from_file(path)
    assert before == {path: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.parametrize(
    'edit',
    [
        'DROP TABLE frames',
        "UPDATE index_information SET value = '2'",
        'DELETE FROM index_information',
        'DELETE FROM frames WHERE frame_number = 6',
        'DELETE FROM chunks',
        "UPDATE frames SET frame_number = 'x'",
        'UPDATE frames SET frame_number = 1.5',
        'UPDATE frames SET chunk = NULL',
        'UPDATE frames SET frame_idx = 0',
        "UPDATE frames SET frame_time = 'noon'",
        'UPDATE chunks SET chunk = NULL WHERE chunk = 3',
        "UPDATE frames SET frame_number = x'00'",
    ],
)
def test_a_broken_saved_index_is_refused(folder, edit):
    path = os.path.join(folder, 'saved')
    some_index(folder).to_file(path)
    database = sqlite3.connect(path)
    database.execute(edit)
    database.commit()
    database.close()
    with raises(CorruptFileError, path=path):
        ImgStoreIndex.new_from_file(path)


@pytest.mark.parametrize('data', [b'', b'not a database', b'SQLite format 3\x00' + bytes(4000)])
def test_a_file_that_is_no_saved_index_is_refused(folder, data):
    path = os.path.join(folder, 'saved')
    with open(path, 'wb') as file:
        file.write(data)
    with raises(CorruptFileError, path=path):
        ImgStoreIndex.new_from_file(path)


def test_unwritable_saved_index_is_error_and_leaves_nothing(folder):
    """A saved index that cannot be written raises an error and leaves nothing."""
    index = some_index(folder)
    before = sorted(os.listdir(folder))
    for path in (os.path.join(folder, 'missing', 'saved'), folder):
        with raises(StoreIOError, path=path):
            index.to_file(path)
    assert sorted(os.listdir(folder)) == before
