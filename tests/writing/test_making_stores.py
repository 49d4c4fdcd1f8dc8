"""The order in which a store's folder is made, replaced and cleared, and what is left where that fails."""

import contextlib
import errno
import os
import shutil

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.constants import EMPTIED_FOLDER, STORE_INDEX_FILENAME, STORE_SAVED_INDEX_FILENAME
from imgstore.errors import FrameWriteError, StoreExistsError, StoreIOError
from imgstore.marks import Mark, marks_path, read_marks, write_marks
from imgstore.ondisk import chunk_index
from imgstore.ondisk.chunk_files import remove_chunks, remove_tree
from imgstore.ondisk.lock import StoreLock
from imgstore.writing import create as creation
from imgstore.writing import rolling_writer as recorder

from ..helpers.calls import SHAPE, places, record
from ..helpers.raised import raises


def new(path, fmt='npy', **options):
    return new_for_format(fmt, path, imgshape=SHAPE, workers=0, **options)


@pytest.mark.parametrize('has_metadata', [True, False])
def test_an_overwritten_store_is_empty_before_a_file_of_it_goes(tmp_path, calls, has_metadata):
    record(tmp_path / 's', 'npy', 'frame', 3)
    if not has_metadata:
        (tmp_path / 's' / 'metadata.yaml').unlink()
    del calls[:]
    new(tmp_path / 's', overwrite=True).close()
    (emptied,) = places(calls, 'rename', f's/{EMPTIED_FOLDER}')
    gone = [place for place, call in enumerate(calls) if call[:2] == ('unlink', 's/000000/000000.npy')]
    assert len(gone) == 1
    assert any(emptied < place < gone[0] for place in places(calls, 'fsync', 's'))


def test_killed_emptying_is_finished_before_overwriting(tmp_path):
    """An emptying that was killed is finished before the store is overwritten."""
    new(tmp_path / 's', metadata={'who': 'old'}).close()
    (tmp_path / 's' / EMPTIED_FOLDER).mkdir()
    shutil.copy(tmp_path / 's' / 'metadata.yaml', tmp_path / 's' / EMPTIED_FOLDER)
    new(tmp_path / 's', metadata={'who': 'new'}, overwrite=True).close()
    with new_for_filename(tmp_path / 's') as store:
        assert store.user_metadata == {'who': 'new'}
    assert not (tmp_path / 's' / EMPTIED_FOLDER).exists()


def test_marks_go_with_an_overwritten_recording(tmp_path):
    new(tmp_path / 's').close()
    write_marks(marks_path(tmp_path / 's'), [Mark(3, 9, 'grooming')])
    (tmp_path / 's' / 'notes.csv').write_text('start\n3\n')
    with new(tmp_path / 's', overwrite=True) as store:
        assert sorted(os.listdir(tmp_path / 's')) == ['.lock', 'metadata.yaml', 'notes.csv']
        write_marks(marks_path(tmp_path / 's'), [Mark(1)])
        store.empty()
    assert read_marks(marks_path(tmp_path / 's')) == [Mark(1)]


@pytest.mark.parametrize('has_store', [True, False])
def test_other_files_named_like_marks_are_kept(tmp_path, has_store):
    if has_store:
        new(tmp_path / 's').close()
    else:
        (tmp_path / 's').mkdir()
    content = 'frame,mouse\n3,left\n' if has_store else 'start,end,label\n3,,mine\n'
    (tmp_path / 's' / 'marks.csv').write_text(content)
    new(tmp_path / 's', overwrite=True).close()
    assert (tmp_path / 's' / 'marks.csv').read_text() == content


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg/avi'])
def test_a_disk_that_fails_is_not_said_to_have_lost_a_folder(tmp_path, fmt, monkeypatch):
    store = new(tmp_path / 's', fmt)
    store.add_image(np.zeros(SHAPE, np.uint8), 0, 0)
    stat, where = os.stat, str(tmp_path / 's')

    def fail(path, **options):
        if str(path).startswith(where):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return stat(path, **options)

    with monkeypatch.context() as broken:
        broken.setattr(os, 'stat', fail)
        with pytest.raises(FrameWriteError, match='Input/output error') as told:
            store.add_image(np.zeros(SHAPE, np.uint8), 1, 1)
        assert 'removed' not in str(told.value)
    with contextlib.suppress(FrameWriteError):  # of what was to be put on the disk meanwhile
        store.close()
    store.close()


def test_saved_indexes_go_before_a_new_store_is_there(tmp_path, calls):
    (tmp_path / 's').mkdir()
    for name in (STORE_INDEX_FILENAME, STORE_SAVED_INDEX_FILENAME):
        (tmp_path / 's' / name).write_bytes(b'of another store')
    new(tmp_path / 's').close()
    (there,) = places(calls, 'replace', 's/metadata.yaml')
    for name in (STORE_INDEX_FILENAME, STORE_SAVED_INDEX_FILENAME):
        assert places(calls, 'unlink', f's/{name}')[0] < there


@pytest.mark.parametrize('was_there', [True, False])
def test_store_that_was_not_made_leaves_no_lock_or_folder(tmp_path, was_there, monkeypatch):
    """A store that could not be made leaves no lock and no folder of its own."""

    def fail(*_):
        raise OSError(28, 'No space left on device')

    if was_there:
        (tmp_path / 's').mkdir()
    monkeypatch.setattr(creation, 'save_metadata', fail)
    with raises(StoreIOError, store=str(tmp_path / 's')):
        new(tmp_path / 's')
    assert os.listdir(tmp_path) == ['s'] * was_there
    assert not was_there or os.listdir(tmp_path / 's') == []


def test_a_store_that_another_writer_has_open_is_there_already(tmp_path):
    with new(tmp_path / 's'), raises(StoreExistsError, replaceable=True):
        new(tmp_path / 's')


def test_store_that_appears_during_locking_is_left_alone(tmp_path, monkeypatch):
    """A store that appears while the lock is taken is left alone."""
    lock = StoreLock

    def lock_late(path):
        monkeypatch.setattr(creation, 'StoreLock', lock)
        record(tmp_path / 's', 'npy', 'frame', 3)
        return lock(path)

    monkeypatch.setattr(creation, 'StoreLock', lock_late)
    with raises(StoreExistsError, replaceable=True):
        new(tmp_path / 's')
    assert (tmp_path / 's' / '000000' / '000002.npy').exists()


def test_removing_chunks_keeps_what_is_not_theirs(tmp_path):
    record(tmp_path / 's', 'npy', 'frame', 6)
    record(tmp_path / 'v', 'mjpeg/avi', 'frame', 3)
    (tmp_path / 's' / '000001' / 'notes.txt').write_text('mine')
    (tmp_path / 'v' / 'notes.txt').write_text('mine')
    for name in ('s', 'v'):
        remove_chunks(str(tmp_path / name))
    left = sorted(os.path.relpath(path, tmp_path) for path in (tmp_path).rglob('*'))
    assert left == ['s', 's/000001', 's/000001/notes.txt', 's/metadata.yaml', 'v', 'v/metadata.yaml', 'v/notes.txt']


def test_a_tree_is_removed_and_of_a_link_the_link(tmp_path):
    (tmp_path / 'real' / 'inner').mkdir(parents=True)
    (tmp_path / 'link').symlink_to('real')
    remove_tree(str(tmp_path / 'link'))
    remove_tree(str(tmp_path / 'none'))
    assert [path.name for path in tmp_path.iterdir()] == ['real']
    remove_tree(str(tmp_path / 'real'))
    assert list(tmp_path.iterdir()) == []


def test_failed_index_renumbering_leaves_no_new_index(tmp_path, monkeypatch):
    """An index that could not be renumbered leaves no new index."""

    def fail(*_):
        raise OSError(28, 'No space left on device')

    record(tmp_path / 's', 'mjpeg/avi', 'frame', 3)
    monkeypatch.setattr(chunk_index, '_renumber_npz', fail)
    with raises(OSError, errno=errno.ENOSPC):
        chunk_index.rewrite_frame_numbers(str(tmp_path / 's' / '000000'), np.array([1, 2, 3]), str(tmp_path / 'new'))
    assert [path.name for path in tmp_path.iterdir()] == ['s']


@pytest.mark.parametrize('durability', ['frame', 'fsync'])
def test_inserted_frames_are_journaled_before_the_video(tmp_path, durability, monkeypatch):
    """The journal has the frames of an inserted video before the video itself is there."""
    record(tmp_path / 'other', 'mjpeg/avi', 'frame', 3)
    replace, journals = os.replace, []

    def told_replace(source, target):
        if os.path.basename(target) == '000000.avi':
            journals.append((tmp_path / 's' / '.000000.open.journal').stat().st_size)
        replace(source, target)

    with new(tmp_path / 's', 'mjpeg/avi', durability=durability) as store:
        monkeypatch.setattr(os, 'replace', told_replace)
        store.insert_chunk(tmp_path / 'other' / '000000.avi', range(3), range(3))
        monkeypatch.undo()
    (size,) = journals
    assert size > 3 * 24, 'numbers and times of three frames'


def journals_open():
    """Paths of the journals that this process has open."""
    folder = '/proc/self/fd'
    paths = [os.readlink(path) for name in os.listdir(folder) if os.path.lexists(path := os.path.join(folder, name))]
    return [path for path in paths if '.journal' in path]


def test_emptying_removes_the_journal_after_its_frames(tmp_path, calls):
    """The journal of an emptied store is removed after its frames, and the next journal is a new one."""
    image = np.zeros(SHAPE, np.uint8)
    with new(tmp_path / 's', durability='frame') as store:
        store.add_image(image, 0, 0)
        store.empty()
        assert places(calls, 'rename', f's/{EMPTIED_FOLDER}') < places(calls, 'unlink', 's/.000000.open.journal')
        store.add_image(image, 1, 1)
        assert journals_open() == [str(tmp_path / 's' / '.000000.open.journal')]


def test_a_chunk_that_could_not_begin_leaves_no_journal(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, 'No space left on device')

    with new(tmp_path / 's', durability='frame') as store:
        with monkeypatch.context() as patch:
            patch.setattr(recorder.RollingChunkWriter, '_writer_of_first', fail)
            with pytest.raises(FrameWriteError, match='No space'):
                store.add_image(np.zeros(SHAPE, np.uint8), 0, 0)
        assert not list((tmp_path / 's').glob('*.journal'))
        assert not list((tmp_path / 's').glob('.*.journal'))


def test_incomplete_store_keeps_and_closes_its_journal(tmp_path, monkeypatch):
    """A store that could not be completed keeps its journal and closes the journal file."""

    def fail(*_):
        raise OSError(28, 'No space left on device')

    store = new(tmp_path / 's', durability='frame')
    store.add_image(np.zeros(SHAPE, np.uint8), 0, 0)
    monkeypatch.setattr(recorder, 'write_chunk_index', fail)
    with pytest.raises(FrameWriteError, match='No space'):
        store.close()
    assert (tmp_path / 's' / '.000000.open.journal').exists()
    assert journals_open() == []
