"""A FIFO, a socket, a device, an endless or a sparse file in a file's place is damage, soon and in little memory."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format, repair
from imgstore._support.regular_files import (
    copy_data,
    data_bytes,
    end_of_data,
    open_regular,
    read_regular,
    read_until_zeros,
)
from imgstore.chunks.video.container_rate import timing_bytes
from imgstore.errors import CorruptFileError, ExtraDataSkippedWarning, ImgStoreError, StoreIOError, StoreNotFoundError
from imgstore.index import ImgStoreIndex

from ..helpers.checked import not_none
from ..helpers.display import python_env
from ..helpers.frames import index_in, numbered
from ..helpers.hostile import CHANGING, KINDS, SHAPE, ask, ask_sqlite, recorded
from ..helpers.raised import raises
from ..helpers.writing import video_backends

SECONDS, GIBIBYTES = 10, 6  # of addresses, which libraries reserve generously
HUGE = 8 << 30
CHUNK_0 = (
    'index.npz',
    'index.yaml',
    'extra.json',
    'extra_data.json',
    'extra_data.h5',
    'npy',
    'png',
    'bpk',
    'avi',
    'mkv',
    'mp4',
)


def fifo(path, sound):
    os.mkfifo(path)


def bound_socket(path, sound):
    with socket.socket(socket.AF_UNIX) as made:
        before = os.getcwd()
        os.chdir(path.parent)  # its path may have about a hundred bytes
        made.bind(path.name)
        os.chdir(before)


def device(path, sound):
    path.symlink_to('/dev/zero')


def terminal(path, sound):
    path.symlink_to('/dev/ptmx')


def folder(path, sound):
    path.mkdir()


def sparse(path, sound):
    path.touch()
    os.truncate(path, HUGE)


def sparse_behind(path, sound):
    path.write_bytes(sound)
    os.truncate(path, HUGE)


def sparse_in_the_middle(path, sound):
    half = len(sound) // 2
    with open(path, 'wb') as file:
        file.write(sound[:half])
        file.seek(HUGE)
        file.write(sound[half:])


REPLACEMENTS = [fifo, bound_socket, device, terminal, folder, sparse, sparse_behind, sparse_in_the_middle]


@contextmanager
def soon():
    """An error where the block takes longer, if it waits for a file."""

    def late(*_):
        raise TimeoutError('it still waits')

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def replaced(tmp_path, kind, replace):
    """A store, one file of which is replaced."""
    store = tmp_path / 'store'
    KINDS[kind].make(store)
    path = store / KINDS[kind].file
    sound = path.read_bytes()
    path.unlink()
    replace(path, sound)
    return store


@pytest.mark.parametrize('replace', REPLACEMENTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.exhaustive
def test_every_file_of_a_store_may_be_something_else(tmp_path, kind, replace):
    store = replaced(tmp_path, kind, replace)
    with warnings.catch_warnings(), soon():
        warnings.simplefilter('ignore')
        (ask_sqlite if kind == '.index.sqlite' else ask)(store)
        if kind in CHUNK_0:
            with new_for_filename(store) as reader:
                assert index_in(reader.get_image(1)[0]) == 3  # of the other chunk
        with suppress(ImgStoreError):
            repair(store)
        ask(store, CHANGING)


@pytest.mark.parametrize('replace', [fifo, device], ids=lambda f: f.__name__)
@pytest.mark.parametrize('extension', ['.avi', '.mkv', '.mp4'])
def test_the_times_of_an_open_video_are_of_a_regular_file(tmp_path, extension, replace):
    """A reader compares them around each read."""
    replace(tmp_path / f'open{extension}', b'')
    with soon():
        assert timing_bytes(str(tmp_path / f'open{extension}')) == b''


@pytest.mark.process
@pytest.mark.parametrize('kind', ['index.npz', 'extra.json', 'npy', 'mkv', 'journal', 'metadata.yaml', 'extra_data.h5'])
@pytest.mark.exhaustive
def test_a_sparse_file_takes_little_memory(tmp_path, kind):
    """Of each way in which a file is read one, in a process that may not take more."""
    for name, replace in (('a', sparse), ('b', sparse_behind), ('c', sparse_in_the_middle)):
        (tmp_path / name).mkdir()
        replaced(tmp_path / name, kind, replace)
    code = f"""
import resource, warnings
resource.setrlimit(resource.RLIMIT_AS, ({GIBIBYTES} << 30,) * 2)
from imgstore.tests.helpers.hostile import ask
warnings.simplefilter('ignore')
for name in 'abc':
    ask({str(tmp_path)!r} + '/' + name + '/store')
print('done')
"""
    done = subprocess.run(
        [sys.executable, '-c', code], env=python_env(), cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == 'done\n', done.stderr


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('read'))
def test_a_video_is_read_up_to_a_hole_of_any_size(tmp_path, fmt, backend):
    recorded(fmt)(tmp_path / 's')
    video = next((tmp_path / 's').glob('000000.[am][vkp]?'))
    os.truncate(video, HUGE)
    began = time.monotonic()
    with new_for_filename(tmp_path / 's', backend=backend) as store:
        assert [index_in(store.get_image(None, frame_index=i)[0]) for i in (2, 0, 1, 4)] == [2, 0, 1, 4]
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize('replace', [fifo, bound_socket, device, folder], ids=lambda f: f.__name__)
def test_lock_that_is_no_file_holds_nothing(tmp_path, replace):
    """A lock that is not a regular file holds nothing, and no writer takes it."""
    recorded('npy')(tmp_path / 's')
    replace(tmp_path / 's' / '.lock', b'')
    with soon():
        with new_for_filename(tmp_path / 's') as store:
            assert not not_none(store._reader).is_live
            assert len(store) == 5
        with raises(StoreIOError, file='.lock'):
            new_for_format('npy', tmp_path / 's', imgshape=SHAPE, overwrite=True)
    assert len(new_for_filename(tmp_path / 's')) == 5


def test_a_saved_index_of_sqlite_that_is_no_file_is_an_error(tmp_path):
    os.mkfifo(tmp_path / 'index.sqlite')
    with soon(), pytest.raises(ImgStoreError):
        ImgStoreIndex.new_from_file(tmp_path / 'index.sqlite')


def test_an_image_larger_than_any_of_its_store_is_not_read(tmp_path):
    recorded('npy')(tmp_path / 's')
    os.truncate(tmp_path / 's' / '000000' / '000001.npy', 2**26 + 1)
    with new_for_filename(tmp_path / 's') as store:
        with raises(ImgStoreError, file='000001.npy'):
            store.get_image(None, frame_index=1)
        assert index_in(store.get_image(None, frame_index=2)[0]) == 2


@pytest.mark.exhaustive  # for what it writes
def test_a_store_of_large_images_reads_and_repairs(tmp_path):
    shape = (9000, 8000)
    with new_for_format('npy', tmp_path / 's', imgshape=shape, workers=0) as store:
        store.add_image(np.full(shape, 7, np.uint8), 3, 0.5)
        shutil.copytree(tmp_path / 's', tmp_path / 'killed')
    repair(tmp_path / 'killed')
    with new_for_filename(tmp_path / 'killed') as store:
        image, (number, _) = store.get_image(None, frame_index=0)
    assert number == 3
    assert image.shape == shape
    assert image[-1, -1] == 7


# --- the one way in


def test_a_regular_file_and_a_link_to_one_are_opened(tmp_path):
    (tmp_path / 'a').write_bytes(b'abc')
    (tmp_path / 'b').symlink_to('a')
    for name in 'ab':
        with open_regular(str(tmp_path / name)) as file:
            assert file.read() == b'abc'
    assert read_regular(str(tmp_path / 'b')) == b'abc'


@pytest.mark.parametrize('replace', [fifo, bound_socket, device, terminal, folder], ids=lambda f: f.__name__)
def test_nothing_else_is_opened(tmp_path, replace):
    replace(tmp_path / 'a', b'')
    with soon(), pytest.raises(OSError, match='not a regular file'):
        open_regular(str(tmp_path / 'a'))


def test_text_files_have_a_limit_and_no_long_zero_run(tmp_path):
    """A text file is read up to a size limit and must not contain a long run of zeros."""
    path = tmp_path / 'a'
    path.write_bytes(b'x' * 3_000_000)
    assert read_regular(str(path), 3_000_000) == b'x' * 3_000_000
    with pytest.raises(OSError, match='the limit is 2999999'):
        read_regular(str(path), 2_999_999)
    path.write_bytes(b'x' * 1_500_000 + bytes(2_000_000) + b'y')
    with pytest.raises(OSError, match='only zeros'):
        read_regular(str(path))
    content = read_until_zeros(str(path))
    assert content.startswith(b'x' * 1_500_000)
    assert not content[1_500_000:].strip(b'\0')


def test_the_data_of_a_sparse_file_ends_before_its_holes(tmp_path):
    path = tmp_path / 'a'
    with open(path, 'wb') as file:
        for place in range(0, 64 << 20, 8 << 20):  # eight holes of nearly 8 MiB
            file.seek(place)
            file.write(b'x' * 4096)
    os.truncate(path, HUGE)
    assert data_bytes(str(path)) < 1 << 20
    assert end_of_data(str(path), 64 << 20) < 65 << 20
    assert end_of_data(str(path), 20 << 20) < 25 << 20
    assert end_of_data(str(path), HUGE) == HUGE


def test_a_store_can_be_made_where_strange_files_lie(tmp_path):
    (tmp_path / 's').mkdir()
    for name in ('.metadata.open.yaml', '.000000.open.journal', '.000000.open.tail1'):
        os.mkfifo(tmp_path / 's' / name)
    with soon(), new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, overwrite=True) as store:
        store.add_image(numbered(0, SHAPE), 0, 0.0)
    assert len(new_for_filename(tmp_path / 's')) == 1


NO_FILES = [fifo, bound_socket, device, folder, lambda path, sound: path.symlink_to('nowhere')]


@pytest.mark.parametrize('replace', NO_FILES)
def test_repair_keeps_odd_entry_and_remakes_video_index(tmp_path, replace):
    """Repair keeps what lies in the place of a video's index and makes a new index."""
    chunk_of(tmp_path / 's', 'mjpeg/avi')
    path = tmp_path / 's' / '000000.npz'
    sound = path.read_bytes()
    path.unlink()
    replace(path, sound)
    with warnings.catch_warnings(), soon():
        warnings.simplefilter('ignore')
        assert 'estimated' in str(repair(tmp_path / 's'))
    assert os.path.lexists(f'{path}.damaged')
    with new_for_filename(tmp_path / 's') as store:
        assert [index_in(store.get_next_image()[0]) for _ in range(len(store))] == list(range(3))
    assert not repair(tmp_path / 's')


@pytest.mark.parametrize('fmt', ['png', 'mjpeg/avi'])
@pytest.mark.parametrize('replace', NO_FILES)
def test_extra_data_that_is_no_file_counts_as_damaged(tmp_path, fmt, replace):
    """Extra data that is not a regular file is reported as damaged, never as missing."""
    chunk_of(tmp_path / 's', fmt)
    [path] = (tmp_path / 's').rglob('*extra.json')
    path.unlink()
    replace(path, b'')
    with soon(), new_for_filename(tmp_path / 's') as store:
        with raises(CorruptFileError, path=str(path)):
            store.get_extra_data()
        with pytest.warns(ExtraDataSkippedWarning):
            assert store.get_extra_data(ignore_corrupt_chunks=True) is None
        assert len(store) == 3


@pytest.mark.parametrize('replace', NO_FILES)
def test_metadata_that_are_no_file_are_said_to_be_there(tmp_path, replace):
    replace(tmp_path / 'metadata.yaml', b'')
    with soon(), pytest.raises(StoreNotFoundError, match=r'metadata\.yaml in it is not a regular file'):
        new_for_filename(tmp_path)


@pytest.mark.parametrize('name', ['.reindex', '.reindex.open', '.emptied', '.emptied.open'])
@pytest.mark.parametrize('replace', [replace for replace in NO_FILES if replace is not folder])
def test_odd_file_at_changes_folder_blocks_nobody(tmp_path, replace, name):
    """Nothing that lies in place of a folder of changes keeps anyone waiting."""
    chunk_of(tmp_path / 's', 'png')
    replace(tmp_path / 's' / name, b'')
    with soon(), new_for_filename(tmp_path / 's') as store:
        assert len(store) == 3
        assert not store.reindex()
    with soon():
        repair(tmp_path / 's')
        new_for_format('png', tmp_path / 's', imgshape=SHAPE, overwrite=True).close()
    assert not os.path.lexists(tmp_path / 's' / name)
    assert len(new_for_filename(tmp_path / 's')) == 0


def chunk_of(path, fmt):
    with new_for_format(fmt, path, imgshape=SHAPE) as store:
        for index in range(3):
            store.add_image(numbered(index, SHAPE), index, index / 25)
            store.add_extra_data(v=index)


def test_a_copy_of_a_sparse_file_is_sparse(tmp_path):
    path, copy = tmp_path / 'a', tmp_path / 'b'
    sparse_in_the_middle(path, b'x' * 10_000)
    copy_data(str(path), str(copy))
    assert os.path.getsize(copy) == HUGE + 5000
    assert data_bytes(str(copy)) < 1 << 20
    for place in (0, HUGE):
        with open(copy, 'rb') as file:
            file.seek(place)
            assert file.read(6000).strip(b'\0') == b'x' * 5000
    path.write_bytes(b'y' * 3_000_001)
    copy_data(str(path), str(copy))
    assert copy.read_bytes() == path.read_bytes()
