"""Looking again which frames there are: just what is new is read, and nothing is believed that no longer fits."""

import os
import time
import tracemalloc

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import imgstore.index.lazy_chunks
from imgstore import new_for_filename, new_for_format
from imgstore.index import ImgStoreIndex
from imgstore.ondisk.checksums import read_checksums
from imgstore.ondisk.chunk_index import read_chunk_index, write_chunk_index
from imgstore.ondisk.index_stamps import stamp, stamp_if_stable

SHAPE = (4, 6)
CHUNKS, CHUNKSIZE = 6, 3
SETTLED = 0.08  # seconds after which a file can no longer change without being seen to


def add(store, *indexes):
    for index in indexes:
        store.add_image(np.full(SHAPE, index, np.uint8), 7 * index, index / 10)


@pytest.fixture(params=[False, True], ids=['from chunks', 'saved'])
def recording(request, tmp_path):
    """A complete store, whose files have not been changed lately; with a saved index, or without."""
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, chunksize=CHUNKSIZE) as store:
        add(store, *range(CHUNKS * CHUNKSIZE))
    if request.param:
        new_for_filename(tmp_path / 's').save_index()
    time.sleep(SETTLED)
    return tmp_path / 's'


@pytest.fixture
def read(monkeypatch):
    """The chunks whose indexes were read, in that order."""
    chunks = []

    def reading(stem):
        chunks.append(int(os.path.basename(os.path.dirname(stem))))
        return read_chunk_index(stem)

    monkeypatch.setattr(imgstore.index.lazy_chunks, 'read_chunk_index', reading)
    return chunks


def more(path, chunk, *indexes):
    """As if a writer had added one more chunk."""
    with new_for_format('npy', path.parent / f'more{chunk}', imgshape=SHAPE) as store:
        add(store, *indexes)
    os.rename(path.parent / f'more{chunk}' / '000000', path / f'{chunk:06d}')


def numbers(store):
    return [store.get_image(7 * index)[1][0] // 7 for index in (0, CHUNKS * CHUNKSIZE - 1)]


def test_nothing_is_read_again_where_nothing_came(recording, read):
    with new_for_filename(recording) as store:
        assert numbers(store) == [0, 17]
        read.clear()
        for _ in range(3):
            assert store.refresh() == 0
            assert numbers(store) == [0, 17]
            assert (store.frame_max, store.frame_time_min) == (7 * 17, 0)
            assert store.get_nearest_image(0.42)[1] == (28, 0.4)
    assert read == []


def test_just_a_chunk_that_came_is_read(recording, read):
    with new_for_filename(recording) as store:
        assert numbers(store) == [0, 17]
        for chunk in range(CHUNKS, CHUNKS + 4):
            more(recording, chunk, 3 * chunk, 3 * chunk + 1, 3 * chunk + 2)
            time.sleep(SETTLED)
            read.clear()
            assert store.refresh() == 3
            assert store.get_image(7 * (3 * chunk + 1))[1] == (7 * (3 * chunk + 1), (3 * chunk + 1) / 10)
            assert (store.frame_max, store.frame_min) == (7 * (3 * chunk + 2), 0)
            assert read == [chunk]
        assert store.get_frame_metadata()['frame_number'] == [7 * index for index in range(3 * CHUNKS + 12)]


def test_refresh_reads_each_completed_chunk_once(tmp_path, read):
    """A completed chunk is read once, and the chunks before it are not read again."""
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, chunksize=CHUNKSIZE, workers=0) as writer:
        add(writer, *range(7))
        time.sleep(SETTLED)
        with new_for_filename(tmp_path / 's') as store:
            assert store.frame_max == 42
            assert read == [0, 1]
            for index in range(7, 15):
                add(writer, index)
                time.sleep(SETTLED * (index % CHUNKSIZE == 0))
                assert store.refresh() == 1
                assert store.frame_max == 7 * index
                assert store.get_image(7 * index)[0][0, 0] == index
            assert read == [0, 1, 2, 3]


@pytest.mark.parametrize('chunk', [0, 3, CHUNKS - 1])
def test_edited_index_is_reread_and_others_stay_right(recording, chunk):
    """An index that was edited is read again, and the other indexes stay right."""
    with new_for_filename(recording) as store:
        assert numbers(store) == [0, 17]
        stem = str(recording / f'{chunk:06d}' / 'index')
        before = os.stat(stem + '.npz')
        write_chunk_index(stem, np.array([1000, 1001, 1002]), np.array([0.01, 0.02, 0.03]), read_checksums(stem))
        os.utime(stem + '.npz', ns=(before.st_atime_ns, before.st_mtime_ns))
        assert os.stat(stem + '.npz').st_size == before.st_size
        assert store.refresh() == 0
        expected = [7 * index for index in range(18)]
        expected[3 * chunk : 3 * chunk + 3] = [1000, 1001, 1002]
        assert [store.get_image(number)[0][0, 0] for number in expected] == list(range(18))
        assert store.get_frame_metadata()['frame_number'] == expected
        assert store.frame_max == 1002


def test_index_edited_right_after_reading_is_reread(tmp_path):
    """An index that is edited immediately after it was read is read again."""
    path = tmp_path / '000000'
    write_chunk_index(str(path), np.array([1, 9]), np.array([0.0, 1.0]))
    edited = (tmp_path / '000000.npz').read_bytes()
    for _ in range(5):
        write_chunk_index(str(path), np.array([1, 2]), np.array([0.0, 1.0]))
        index = ImgStoreIndex.new_from_chunks([(0, str(path))])
        assert index.find('frame_number', 2) == 1
        with open(f'{path}.npz', 'r+b') as file:  # the same file, of the same size, within a tick of the clock
            file.write(edited)
        index = index.updated([(0, str(path))], {})
        assert index.find('frame_number', 9) == 1


def test_file_is_trusted_once_every_change_is_visible(tmp_path):
    """A file is relied on only once it cannot change without a visible sign."""
    stem = str(tmp_path / '000000')
    assert stamp_if_stable(stem) is None
    write_chunk_index(stem, np.array([1]), np.array([0.0]))
    assert stamp_if_stable(stem) is None
    time.sleep(SETTLED)
    assert stamp_if_stable(stem) == stamp(stem)
    os.utime(stem + '.npz', (time.time() // 1, time.time() // 1))  # a file system may have no fractions
    time.sleep(SETTLED)
    assert stamp_if_stable(stem) is None


def test_growing_index_is_one_piece_and_rarely_copied(tmp_path):
    """Most frames of a growing recording are in one piece of the index, which is rarely copied."""
    index, chunks, copies = ImgStoreIndex(), [], {}
    for number in range(60):
        chunks.append((number, str(tmp_path / f'{number:06d}')))
        write_chunk_index(chunks[-1][1], np.arange(3) + 3 * number, np.arange(3.0) + 3 * number)
    time.sleep(SETTLED)
    for count in range(1, len(chunks) + 1):
        index = index.updated(chunks[:count], {})
        assert index.find('frame_number', 3 * count - 1) == 3 * count - 1
        assert 2 * next(iter(index._segments)).frame_count >= 3 * (count - 1) - 3
        numbers = next(iter(index._segments)).frames()[0]
        whole = numbers if numbers.base is None else numbers.base
        copies[id(whole)] = whole
    assert len(copies) < 10


def test_growing_index_stays_short_and_holds_frames_once(tmp_path):
    """The index of a growing recording is a short list that holds no frame twice in memory."""
    chunks, count = [], 4000
    for number in range(40):
        chunks.append((number, str(tmp_path / f'{number:06d}')))
        write_chunk_index(chunks[-1][1], np.arange(count) + count * number, np.zeros(count))
    time.sleep(SETTLED)
    tracemalloc.start()
    index = ImgStoreIndex()
    for end in range(1, len(chunks) + 1):
        index = index.updated(chunks[:end], {})
        assert index.find('frame_number', -1) is None
    pieces = list(index._segments)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(pieces) < 8
    assert sum(piece.frame_count for piece in pieces) == 40 * count
    assert held < 1.2 * 40 * count * 16


if os.path.exists('/proc/self/maps'):  # Linux tells which files are mapped

    def test_a_saved_index_stays_mapped_until_the_store_is_closed(recording):
        def mapped():
            with open('/proc/self/maps') as maps:
                return str(recording) in maps.read()

        store = new_for_filename(recording)
        is_saved = mapped()
        assert is_saved == (recording / '.index.imgstore').exists()
        more(recording, CHUNKS, 18)
        assert store.refresh() == 1
        assert mapped() == is_saved
        write_chunk_index(str(recording / '000003' / 'index'), np.arange(3), np.zeros(3))
        store.refresh()
        assert store.get_frame_metadata()['frame_number'][9:12] == [0, 1, 2]
        store.close()
        assert not mapped()


# --- against an index that is made anew each time

PARTS = st.lists(
    st.tuples(
        st.integers(-3, 9) | st.integers(-(2**63), 2**63 - 1),
        st.sampled_from([0.0, 1.5, -2.25, 7.0, float('nan'), float('inf')]),
    ),
    max_size=4,
)
STEPS = st.lists(
    st.tuples(st.sampled_from(['add', 'edit', 'remove', 'open', 'look']), PARTS, st.integers(0, 7)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(STEPS)
def test_it_answers_as_an_index_that_is_made_anew(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp('any')
    closed, after, index = {}, 0, ImgStoreIndex()
    for what, part, which in steps:
        opened = {}
        frames = np.array([number for number, _ in part], np.int64), np.array([at for _, at in part], np.float64)
        if what == 'add':
            closed[after] = str(folder / f'{after:06d}')
            write_chunk_index(closed[after], *frames)
            after += 1
        elif what == 'edit' and closed:
            write_chunk_index(list(closed.values())[which % len(closed)], *frames)
        elif what == 'remove' and closed:
            os.unlink(closed.pop(list(closed)[which % len(closed)]) + '.npz')
        elif what == 'open':
            opened = {after: frames}
        chunks = [*closed.items(), *[(number, str(folder / 'open')) for number in opened]]
        index = index.updated(chunks, opened)
        anew = ImgStoreIndex().updated(chunks, opened)
        assert index.frame_count == anew.frame_count
        if what != 'look':
            assert _answers(index, which) == _answers(anew, which)
            assert _answers(anew, which) == _plain(anew, which)


def _answers(index, key):
    columns = ('frame_number', 'frame_time')
    return (
        [(what, index.find(what, key), index.find(what, key, nearest=True)) for what in columns],
        [repr(index.frame(at)) for at in (-1, *range(index.frame_count + 1))],
        repr([index.frame_min, index.frame_max, index.frame_time_min + 0.0, index.frame_time_max + 0.0]),
        index.chunks,
    )


def _plain(index, key):
    """The same, from plain lists."""
    lists = index.get_all_metadata()

    def nearest(values):
        apart = [(0 if value == key else abs(value - key), at) for at, value in enumerate(values) if value == value]
        return min(apart)[1] if apart else None

    frames = list(zip(lists['frame_number'], lists['frame_time'], strict=True))
    known = {'frame_number': lists['frame_number'], 'frame_time': lists['frame_time']}
    ranges = (
        [
            np.fmin.reduce(lists['frame_number']).item(),
            np.fmax.reduce(lists['frame_number']).item(),
            np.fmin.reduce(lists['frame_time']).item() + 0.0,
            np.fmax.reduce(lists['frame_time']).item() + 0.0,
        ]
        if frames
        else [np.nan, np.nan, 0.0, 0.0]
    )
    return (
        [(what, values.index(key) if key in values else None, nearest(values)) for what, values in known.items()],
        ['None', *map(repr, frames), 'None'],
        repr(ranges),
        index.chunks,
    )
