"""Files that are whole or not there, and on the disk itself when they count: each call that makes it so."""

import ctypes
import errno
import os
import shutil
import sys
from types import SimpleNamespace

import pytest

from imgstore._support import syncing as _syncing
from imgstore._support.syncing import open_no_link, sync, sync_file_system, sync_folder_and_files
from imgstore.ondisk.files import (
    finish_replacement,
    make_folder,
    move_or_copy,
    open_atomic,
    parked,
    partial_path,
    remove_folder_if_empty,
    rename_atomic,
    replace_atomic,
    write_atomic,
)
from imgstore.ondisk.journal import MAGIC, Journal

from ..helpers.file_limits import files_of_at_most
from ..helpers.raised import raises
from ..helpers.spying import spy


def told(seen):
    return [one[:2] for one in seen]


def descriptors():
    return len(os.listdir('/proc/self/fd'))


# --- the journal


def journal_of(path, *batches):
    """The bytes of a journal of these batches of frames."""
    journal = Journal(str(path))
    for batch in batches:
        with journal.frames(batch):
            pass
    journal.close()
    return path.read_bytes()


def test_frames_are_in_the_journal_before_they_are_written(tmp_path):
    expected = journal_of(tmp_path / 'other', [(5, 0.5)])
    journal = Journal(str(tmp_path / 'journal'))
    with journal.frames([(5, 0.5)]):
        assert (tmp_path / 'journal').read_bytes() == expected
    journal.close()


def test_frames_that_could_not_be_written_are_taken_back(tmp_path):
    journal = Journal(str(tmp_path / 'journal'))

    def is_empty():
        return journal.is_empty

    assert is_empty()
    with pytest.raises(KeyError), journal.frames([(1, 1.0), (2, 2.0)]):
        raise KeyError
    assert is_empty()
    assert (tmp_path / 'journal').read_bytes() == MAGIC
    with journal.frames([(5, 0.5)]):
        assert not is_empty()
    with pytest.raises(KeyError), journal.frames([(6, 6.0)]):
        raise KeyError
    with journal.frames([(7, 0.7)]):
        pass
    journal.close()
    assert (tmp_path / 'journal').read_bytes() == journal_of(tmp_path / 'other', [(5, 0.5)], [(7, 0.7)])


if sys.platform != 'win32':

    @pytest.mark.parametrize('room', [0, 5])
    def test_journal_entry_without_disk_space_leaves_nothing(tmp_path, room):
        """A journal entry that does not fit on the disk leaves no part of itself."""
        journal = Journal(str(tmp_path / 'journal'))
        with files_of_at_most(len(MAGIC) + room), pytest.raises(OSError, match='large'), journal.frames([(5, 0.5)]):
            pytest.fail('the frame was written')
        assert (tmp_path / 'journal').read_bytes() == MAGIC
        with journal.frames([(5, 0.5)]):
            pass
        journal.close()
        assert (tmp_path / 'journal').read_bytes() == journal_of(tmp_path / 'other', [(5, 0.5)])


def test_a_journal_that_could_not_begin_is_not_there(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Journal, '_write', fail)
    before = descriptors()
    with raises(OSError, errno=errno.ENOSPC):
        Journal(str(tmp_path / 'journal'))
    assert os.listdir(tmp_path) == []
    assert descriptors() == before


def test_a_journal_is_synced_left_and_removed(tmp_path, calls):
    before = descriptors()
    for end in (Journal.close, Journal.remove):
        journal = Journal(str(tmp_path / 'journal'))
        journal.sync()
        assert told(calls)[-1] == ('fsync', 'journal')
        end(journal)
        assert descriptors() == before
        assert (tmp_path / 'journal').exists() == (end is Journal.close)


@pytest.mark.parametrize('place', [os.symlink, lambda _, path: os.mkfifo(path)], ids=['link', 'fifo'])
def test_what_is_written_goes_into_no_other_file(tmp_path, place):
    (tmp_path / 'other').write_bytes(b'mine')
    place(tmp_path / 'other', tmp_path / 'journal')
    Journal(str(tmp_path / 'journal')).close()
    assert (tmp_path / 'other').read_bytes() == b'mine'
    assert (tmp_path / 'journal').read_bytes() == MAGIC
    assert not (tmp_path / 'journal').is_symlink()


def test_file_opens_unchanged_and_late_link_is_refused(tmp_path, monkeypatch):
    """A file is opened unchanged, and a link that appears meanwhile is refused."""
    (tmp_path / 'file').write_bytes(b'mine')
    with open(tmp_path / 'file', 'ab', opener=open_no_link) as file:
        assert os.fstat(file.fileno()).st_size == 4
    os.symlink(tmp_path / 'file', tmp_path / 'link')
    monkeypatch.setattr(os, 'unlink', lambda path: None)
    with pytest.raises(OSError, match='link'):
        open(tmp_path / 'link', 'wb', opener=open_no_link).close()
    assert (tmp_path / 'file').read_bytes() == b'mine'


# --- files whole or not at all


def test_synced_file_reaches_disk_before_its_name(tmp_path, calls, monkeypatch):
    """A synced file is on the disk before its name, and its name is on the disk at once."""
    sizes: list[int] = []
    monkeypatch.setattr(os, 'fsync', spy(os.fsync, lambda number: sizes.append(os.fstat(number).st_size)))
    write_atomic(str(tmp_path / 'file.yaml'), b'content', sync_it=True)
    assert told(calls) == [('fsync', '.file.open.yaml'), ('replace', 'file.yaml'), ('fsync', '.')]
    assert sizes[0] == len(b'content')


def test_another_file_waits_for_no_disk(tmp_path, calls):
    write_atomic(str(tmp_path / 'file.yaml'), b'content')
    assert told(calls) == [('replace', 'file.yaml')]


@pytest.mark.parametrize('by', ['content', 'path', 'rename'])
def test_what_replaces_a_file_is_on_the_disk_before_that_goes(tmp_path, calls, by):
    path, new = tmp_path / 'file.db', tmp_path / '.file.open.db'
    path.write_bytes(b'old')
    if by == 'content':
        write_atomic(str(path), b'new')
    elif by == 'path':
        new.write_bytes(b'left')
        with replace_atomic(str(path)) as place:
            assert not os.path.lexists(place)
            new.write_bytes(b'new')
    else:
        new.write_bytes(b'new')
        rename_atomic(str(new), str(path))
    assert [call for call in told(calls) if call[0] != 'unlink'] == [
        ('fsync', '.file.open.db'),
        ('replace', 'file.db'),
        ('fsync', '.'),
    ]
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [('file.db', b'new')]


def fail_after_writing(path):
    with open(path, 'wb') as file:
        file.write(b'half')
    raise OSError('full')


def test_a_file_that_is_not_complete_replaces_nothing(tmp_path):
    (tmp_path / 'file.db').write_bytes(b'old')
    with pytest.raises(OSError, match='full'), replace_atomic(str(tmp_path / 'file.db')) as place:
        fail_after_writing(place)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [('file.db', b'old')]


def test_failed_file_write_leaves_only_old_file(tmp_path):
    """A file that could not be written leaves the old file in place and nothing else."""
    (tmp_path / 'file.yaml').write_bytes(b'old')
    with pytest.raises(TypeError), open_atomic(str(tmp_path / 'file.yaml')) as file:
        file.write('no bytes')  # type: ignore[call-overload]
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [('file.yaml', b'old')]


@pytest.mark.parametrize('move', [True, False])
@pytest.mark.parametrize('kind', ['file', 'link', 'file on another disk'])
def test_a_file_is_moved_or_copied_whole(tmp_path, kind, move, monkeypatch):
    (tmp_path / 'from').mkdir()
    (tmp_path / 'to').mkdir()
    source, target = tmp_path / 'from' / 'a.avi', tmp_path / 'to' / 'b.avi'
    (tmp_path / 'from' / 'real.avi').write_bytes(b'content')
    if kind == 'link':
        source.symlink_to('real.avi')
    else:
        source.write_bytes(b'content')
    number, replace = source.stat().st_ino, os.replace

    def replace_here(old, new):
        if kind == 'file on another disk' and os.path.dirname(old) != os.path.dirname(new):
            raise OSError(errno.EXDEV, 'Invalid cross-device link')
        replace(old, new)

    monkeypatch.setattr(os, 'replace', replace_here)
    move_or_copy(str(source), str(target), move)
    assert target.read_bytes() == b'content'
    assert not target.is_symlink()
    assert os.path.lexists(source) != move
    assert (target.stat().st_ino == number) == (kind == 'file' and move)
    assert os.listdir(tmp_path / 'to') == ['b.avi']
    assert (tmp_path / 'from' / 'real.avi').read_bytes() == b'content'


def test_a_file_that_could_not_be_copied_stays(tmp_path, monkeypatch):
    def fail(old, new):
        raise OSError(errno.ENOSPC, 'No space left on device')

    (tmp_path / 'a').write_bytes(b'content')
    (tmp_path / 'to').mkdir()
    monkeypatch.setattr(shutil, 'copyfileobj', fail)
    monkeypatch.setattr(os, 'replace', fail)
    with raises(OSError, errno=errno.ENOSPC):
        move_or_copy(str(tmp_path / 'a'), str(tmp_path / 'to' / 'b'), move=True)
    assert (tmp_path / 'a').read_bytes() == b'content'
    assert os.listdir(tmp_path / 'to') == []


@pytest.mark.parametrize('is_there', [True, False])
@pytest.mark.parametrize('is_parked', [True, False])
def test_a_replacement_is_finished_only_between_its_two_renames(tmp_path, is_there, is_parked):
    folder = str(tmp_path / 's')
    os.mkdir(partial_path(folder))
    for path, wanted in ((folder, is_there), (parked(folder), is_parked)):
        if wanted:
            os.mkdir(path)
    finish_replacement(folder)
    finished = is_parked and not is_there
    assert os.path.isdir(partial_path(folder)) != finished
    assert os.path.isdir(folder) == (is_there or finished)
    assert os.path.isdir(parked(folder)) == is_parked


def test_making_and_removing_folders_follows_no_link(tmp_path):
    """Folders are made and removed without following a link."""
    (tmp_path / 'real').mkdir()
    (tmp_path / 'link').symlink_to('real')
    make_folder(str(tmp_path / 'real'))
    make_folder(str(tmp_path / 'new'))
    with pytest.raises(FileExistsError):
        make_folder(str(tmp_path / 'link'))
    (tmp_path / 'real' / 'file').write_bytes(b'')
    for name in ('real', 'new', 'none'):
        remove_folder_if_empty(str(tmp_path / name))
    assert sorted(os.listdir(tmp_path)) == ['link', 'real']


# --- on the disk itself


def test_a_file_and_a_folder_are_synced_and_closed(tmp_path, calls):
    (tmp_path / 'file').write_bytes(b'')
    before = descriptors()
    sync(str(tmp_path / 'file'))
    sync(str(tmp_path))
    assert told(calls) == [('fsync', 'file'), ('fsync', '.')]
    assert descriptors() == before


@pytest.mark.parametrize(('number', 'fails'), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_folder_sync_error_counts_only_if_disk_fails(tmp_path, number, fails, monkeypatch):
    """A folder that cannot be synced is an error only if the disk fails."""

    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, 'fsync', fail)
    before = descriptors()
    if fails:
        with raises(OSError, errno=number):
            sync(str(tmp_path))
    else:
        sync(str(tmp_path))
    assert descriptors() == before
    (tmp_path / 'file').write_bytes(b'')
    with raises(OSError, errno=number):
        sync(str(tmp_path / 'file'))


def test_a_folder_that_may_not_be_listed_is_passed_over(tmp_path, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(errno.EACCES, 'Permission denied')

    monkeypatch.setattr(os, 'open', refuse)
    sync(str(tmp_path))


@pytest.mark.parametrize('count', [3, 64, 65])
@pytest.mark.parametrize('has_syncfs', [True, False])
def test_files_are_synced_before_their_folder(tmp_path, calls, count, has_syncfs, monkeypatch):
    """The files of a folder are synced before the folder, or together if there are many."""
    together: list[str] = []
    monkeypatch.setattr(_syncing, 'sync_file_system', spy(lambda folder: has_syncfs, together.append))
    (tmp_path / 'own').mkdir()
    names = [f'{number:02d}' for number in range(count - 1)]
    for name in names:
        (tmp_path / 'own' / name).write_bytes(b'')
    (tmp_path / 'own' / 'folder').mkdir()
    sync_folder_and_files(str(tmp_path / 'own'))
    synced = told(calls)
    if count > 64 and has_syncfs:
        assert (synced, together) == ([], [str(tmp_path / 'own')])
        return
    assert together == [str(tmp_path / 'own')] * (count > 64)
    assert sorted(synced[:-1]) == [('fsync', f'own/{name}') for name in names]
    assert synced[-1] == ('fsync', 'own')


@pytest.mark.parametrize('answer', [0, -1, None])
def test_file_system_is_synced_at_once_where_possible(tmp_path, answer, monkeypatch):
    """A file system is synced with a single call where such a call exists."""
    asked = []

    def syncfs(descriptor):
        asked.append(os.readlink(f'/proc/self/fd/{descriptor}'))
        return answer

    library = SimpleNamespace(**({} if answer is None else {'syncfs': syncfs}))
    monkeypatch.setattr(ctypes, 'CDLL', lambda name, use_errno: library)
    monkeypatch.setattr(sys, 'platform', 'linux')
    before = descriptors()
    if answer == -1:
        with pytest.raises(OSError, match='could not be synced to the disk'):
            sync_file_system(str(tmp_path))
    else:
        assert sync_file_system(str(tmp_path)) == (answer == 0)
    assert asked == [str(tmp_path)] * (answer is not None)
    assert descriptors() == before
    monkeypatch.setattr(sys, 'platform', 'win32')
    assert not sync_file_system(str(tmp_path))
