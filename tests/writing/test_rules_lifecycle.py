"""SPEC, 'Writing': a store is made, held by one writer, closed and emptied, each rule in a test that names it."""

import contextlib
import gc
import math
import os
import subprocess
import sys

import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.errors import (
    InvalidArgumentError,
    LockTakenOverWarning,
    StoreClosedError,
    StoreExistsError,
    StoreLockedError,
    StoreModeError,
)
from imgstore.formats import resolve_format

from ..helpers import HELPERS
from ..helpers.checked import not_none
from ..helpers.display import python_env
from ..helpers.format_table import IMAGE_FORMATS
from ..helpers.raised import raises
from ..helpers.writing import FORMATS, SHAPE, WRITERS, add, at_once, check, files, new, record, run

# --- where a store is already


def test_a_folder_that_is_there_may_become_a_store(tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    (tmp_path / 'sub').mkdir()
    record(tmp_path)
    assert (tmp_path / 'notes.txt').read_text() == 'mine'
    check(tmp_path, range(7))


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg'])
def test_a_store_that_is_there_is_untouched(tmp_path, fmt):
    record(tmp_path / 's', fmt)
    before = {name: (tmp_path / 's' / name).read_bytes() for name in files(tmp_path / 's')}
    for kwargs in ({}, {'overwrite': False}, {'fmt': 'avc1/mp4'}):
        with raises(StoreExistsError, replaceable=True):
            new(tmp_path / 's', **kwargs)
    with pytest.raises(InvalidArgumentError):
        new(tmp_path / 's', overwrite=True, chunksize=0)
    assert before == {name: (tmp_path / 's' / name).read_bytes() for name in files(tmp_path / 's')}


def test_chunks_that_have_lost_their_metadata_are_untouched(tmp_path):
    for fmt in ('npy', 'avc1/mp4'):
        record(tmp_path / fmt[0], fmt)
        (tmp_path / fmt[0] / 'metadata.yaml').unlink()
        before = files(tmp_path)
        with raises(StoreExistsError, replaceable=True):
            new(tmp_path / fmt[0])
        assert files(tmp_path) == before


USERS_FILES = [
    'notes/000000/000000.png',
    '20240131.mp4',
    '20240131.npz',
    '240131.avi',
    '20240131/120000.jpg',
    '240131/235959.npy',
    'preview.avi',
    '000000/index.txt',
    'readme.yaml',
    '000000.txt',
    'index.npz',
    '000000.json',
    '000.mp4',
]


@pytest.mark.filterwarnings('ignore::imgstore.errors.ChunkSkippedWarning')
@pytest.mark.parametrize('old', ['npy', 'mjpeg', 'avc1/mp4'])
@pytest.mark.parametrize('fmt', ['png', 'npy', 'mjpeg', 'h264/mkv'])
def test_overwrite_replaces_store_and_keeps_users_files(tmp_path, old, fmt):
    """Overwriting replaces the complete store and keeps the user's own files."""
    with new(tmp_path / 's', old, chunksize=2, metadata={'old': 1}) as store:
        store.add_extra_data(a=1)
        add(store, *range(9))
        store.add_extra_data(a=1)
    with new_for_filename(tmp_path / 's') as store:
        store.save_index()
    for name in (
        '000001.extra_data.h5',
        '000001.extra_data.json',
        '.000005.open.avi',
        '.000005.extra.open.json',
        *USERS_FILES,
    ):
        (tmp_path / 's' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 's' / name).write_text('mine')
    record(tmp_path / 's', fmt, 3, chunksize=3, overwrite=True)
    row = resolve_format(fmt)
    chunk = [f'000000/00000{n}{row.extension}' for n in range(3)] + ['000000/index.npz']
    if not row.is_image_folder:
        chunk = ['000000' + row.extension, '000000.npz']
    assert set(files(tmp_path / 's')) == {'metadata.yaml', *chunk, *USERS_FILES}
    check(tmp_path / 's', range(3))
    with new_for_filename(tmp_path / 's') as store:
        assert (store.chunks, store.user_metadata, store.has_extra_data) == ([0], {}, False)


def test_folder_of_dated_videos_may_become_a_store(tmp_path):
    """A folder of videos named by date may become a store and keeps those videos."""
    names = ['20240131.mp4', '20240201.mp4', '240131/000000.png']
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('mine')
    with new(tmp_path, 'npy', chunksize=2) as store:
        add(store, *range(5))
        store.empty()
        add(store, 7)
    assert set(names) < set(files(tmp_path))
    check(tmp_path, [7])


# --- one writer at a time


def test_a_store_that_another_writer_holds_is_refused(tmp_path):
    with at_once(tmp_path / 's') as store:
        add(store, 0)
        before = files(tmp_path)
        with pytest.raises(StoreExistsError):
            new(tmp_path / 's')
        with raises(StoreLockedError, file='.lock'):
            new(tmp_path / 's', overwrite=True)
        assert files(tmp_path) == before
        add(store, 1)
    check(tmp_path / 's', [0, 1])
    record(tmp_path / 's', overwrite=True)


OTHER_WRITER = """
import sys, imgstore
try:
    imgstore.new_for_format('npy', sys.argv[1], imgshape=(64, 96), overwrite=True)
except imgstore.errors.StoreLockedError as error:
    print('refused:', error)
"""


@pytest.mark.slow
@pytest.mark.process
def test_a_store_that_another_process_holds_is_refused(tmp_path):
    with new(tmp_path / 's', chunksize=2) as store:
        add(store, 0, 1, 2)
        assert run(OTHER_WRITER, tmp_path / 's').startswith('refused: ')
        add(store, 3)
    check(tmp_path / 's', range(4))
    assert run(OTHER_WRITER, tmp_path / 's') == ''


KILLED_WRITER = """
import os, sys, imgstore
sys.path.insert(0, sys.argv[2])
from frames import numbered
store = imgstore.new_for_format('npy', sys.argv[1], imgshape=(64, 96), chunksize=3, workers=0)
for n in range(8):
    store.add_image(numbered(n, (64, 96)), n, n)
os._exit(1)
"""


@pytest.mark.process
def test_lock_of_killed_writer_is_taken_over(tmp_path):
    """A new writer takes over the lock of a killed writer and warns about it."""
    run(KILLED_WRITER, tmp_path / 's', str(HELPERS))
    assert (tmp_path / 's' / '.lock').exists()
    check(tmp_path / 's', range(8))
    with pytest.raises(StoreExistsError):
        new(tmp_path / 's')
    with pytest.warns(LockTakenOverWarning) as warned:
        store = new_for_format('npy', tmp_path / 's', imgshape=SHAPE, overwrite=True)
    assert warned[0].filename == __file__
    with store:
        add(store, 5)
    check(tmp_path / 's', [5])
    assert files(tmp_path / 's') == ['000000/000000.npy', '000000/index.npz', 'metadata.yaml']


def test_a_reader_does_not_mind_a_writer(tmp_path):
    with at_once(tmp_path / 's', chunksize=2) as store:
        add(store, *range(4))
        check(tmp_path / 's', range(4))
    check(tmp_path / 's', range(4))


# --- close


@pytest.mark.parametrize('fmt', FORMATS)
def test_close_twice_is_harmless_and_add_then_fails(tmp_path, fmt):
    """Calling close() again does nothing, and adding to a closed store raises an error."""
    store = new(tmp_path / 's', fmt)
    add(store, 0)
    store.close()
    before = files(tmp_path)
    store.close()
    with store:
        pass
    for call in (lambda: add(store, 1), lambda: store.add_extra_data(a=1), store.empty):
        with pytest.raises(StoreClosedError):
            call()
    assert files(tmp_path) == before
    assert (store.frame_count, store.chunks, store.frame_number) == (1, [0], 0)
    check(tmp_path / 's', [0])


def test_an_error_in_the_block_still_completes_the_store(tmp_path):
    with contextlib.suppress(ZeroDivisionError), new(tmp_path / 's') as store:
        add(store, 0, 1)
        1 / 0  # noqa: B018
    check(tmp_path / 's', [0, 1])


FORGETFUL = """
import os, sys, imgstore
sys.path.insert(0, sys.argv[2])
from frames import numbered

def record(fmt):
    store = imgstore.new_for_format(fmt, os.path.join(sys.argv[1], fmt[:2]), imgshape=(64, 96), chunksize=3)
    for n in range(8):
        store.add_image(numbered(n, (64, 96)), n, n)
    store.add_extra_data(n=n)
    store.itself = store
    return store

stores = [record('npy'), record('png')]
if hasattr(os, 'fork'):
    if os.fork() == 0:
        sys.exit(0)  # a child leaves its parent's stores alone
    os.wait()
stores += [record('mjpeg'), record('h264/mkv'), record('avc1/mp4')]
for store in stores:
    store.add_image(numbered(8, (64, 96)), 8, 8)
"""


@pytest.mark.process
def test_an_unclosed_store_that_is_gone_is_one_warning_at_the_end(tmp_path):
    code = """
import shutil, sys, imgstore, numpy
store = imgstore.new_for_format('png', sys.argv[1], imgshape=(8, 8), chunksize=2, workers=0)
store.add_image(numpy.zeros((8, 8), 'uint8'), 0, 0)
shutil.rmtree(sys.argv[1])
try:
    for number in range(1, 6):
        store.add_image(numpy.zeros((8, 8), 'uint8'), number, number)
except imgstore.errors.FrameWriteError:
    pass
"""
    command = [sys.executable, '-c', code, str(tmp_path / 's')]
    done = subprocess.run(command, env=python_env(), capture_output=True, text=True, check=False)
    assert 'Traceback' not in done.stderr
    assert 'was not closed, and could not be completed' in done.stderr


@pytest.mark.slow
@pytest.mark.process
def test_unclosed_store_is_complete_at_process_exit(tmp_path):
    """A store that was never closed is complete when its process ends."""
    lines = run(FORGETFUL, tmp_path, str(HELPERS)).splitlines()
    assert not [line for line in lines if 'fork()' not in line]  # Python 3.12 warns of it
    for name in ('np', 'pn', 'mj', 'h2', 'av'):
        check(tmp_path / name, range(9))
        assert not_none(new_for_filename(tmp_path / name).get_extra_data())['n'].tolist() == [7]
        assert not (tmp_path / name / '.lock').exists()


def test_a_store_that_nobody_holds_any_more_is_complete(tmp_path):
    store = new(tmp_path / 's')
    add(store, 0, 1)
    del store
    gc.collect()
    check(tmp_path / 's', [0, 1])


# --- files are whole or not there


@pytest.mark.parametrize('fmt', FORMATS)
def test_no_chunk_is_seen_before_it_is_whole(tmp_path, fmt):
    with at_once(tmp_path / 's', fmt, chunksize=2) as store:
        add(store, 0, 1, 2)
        visible = [name for name in files(tmp_path / 's') if not os.path.basename(name).startswith('.')]
        complete = ['000000/index.npz'] if fmt in IMAGE_FORMATS else ['000000' + store._ext, '000000.npz']
        assert [name for name in visible if '000000.' in name[:7] or 'index' in name] == sorted(complete)
        assert not [name for name in visible if name.startswith('000001.') or name == '000001/index.npz']
    assert not [name for name in files(tmp_path / 's') if os.path.basename(name).startswith('.')]


# --- empty


@pytest.mark.once
@pytest.mark.parametrize(('fmt', 'backend'), WRITERS)
@pytest.mark.parametrize('count', [0, 3, 4])
def test_an_emptied_store_has_no_old_frame_and_takes_new_ones(tmp_path, fmt, backend, count):
    with new(tmp_path / 's', fmt, chunksize=3, backend=backend, metadata={'a': 1}) as store:
        (tmp_path / 's' / 'notes.txt').write_text('mine')
        identity = store.uuid
        store.add_extra_data(old=1)
        for number in range(100, 100 + count):
            add(store, number)
            store.add_extra_data(old=1)
        store.empty()
        assert sorted(os.listdir(tmp_path / 's')) == ['.lock', 'metadata.yaml', 'notes.txt']
        assert (store.frame_count, store.chunks, store.has_extra_data, len(store)) == (0, [], False, 0)
        assert math.isnan(store.frame_number)
        with pytest.raises(StoreLockedError):
            new(tmp_path / 's', overwrite=True)
        add(store, *range(5))
        store.add_extra_data(new=1)
    check(tmp_path / 's', range(5))
    with new_for_filename(tmp_path / 's') as reader:
        assert list(not_none(reader.get_extra_data())) == ['new', 'frame_time', 'frame_number', 'frame_index']
        assert (reader.uuid, reader.user_metadata) == (identity, {'a': 1})


def test_a_store_that_was_emptied_and_closed_is_empty(tmp_path):
    for fmt in ('npy', 'mjpeg'):
        with new(tmp_path / fmt, fmt, chunksize=2) as store:
            add(store, *range(5))
            store.empty()
        black = ['000000.avi', '000000.npz'] if fmt == 'mjpeg' else []
        assert files(tmp_path / fmt) == [*black, 'metadata.yaml']
        check(tmp_path / fmt, [])


# --- wrong mode


def test_writing_to_a_reader_says_so(tmp_path):
    record(tmp_path / 's')
    before = files(tmp_path)
    with new_for_filename(tmp_path / 's') as reader:
        for call in (lambda: add(reader, 9), lambda: reader.add_extra_data(a=1), reader.empty):
            with pytest.raises(StoreModeError):
                call()
    assert files(tmp_path) == before


def test_reading_from_a_writer_says_so(tmp_path):
    with new(tmp_path / 's') as store:
        add(store, 0)
        for call in (
            store.get_next_image,
            store.get_next_framenumber,
            lambda: store.get_image(0),
            store.reindex,
            lambda: store.get_nearest_image(0),
            store.get_frame_metadata,
            store.get_extra_data,
            store.disable_decoding,
        ):
            with pytest.raises(StoreModeError):
                call()
        add(store, 1)
    check(tmp_path / 's', [0, 1])
