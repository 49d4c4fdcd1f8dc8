"""When complete chunks are put on the disk, how often, and what waits for that."""

import os
import threading
import time

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.constants import EXTRA_JSON, TAILS
from imgstore.ondisk.chunk_files import sync_chunk
from imgstore.ondisk.emptying import empty_store
from imgstore.ondisk.layout import Layout
from imgstore.writing.completing import Completer

from ..helpers.calls import SHAPE, names, places, record
from ..helpers.checked import not_none
from ..helpers.spying import spy

FRAMES = range(3)


@pytest.fixture
def video(tmp_path):
    """-> path of a video of three frames, made anew."""

    def make():
        record(tmp_path / 'other', 'mjpeg/avi', 'frame', len(FRAMES), overwrite=True)
        return tmp_path / 'other' / '000000.avi'

    return make


@pytest.fixture
def new(tmp_path):
    """-> a new store of videos, written by the caller's thread."""
    return lambda durability: new_for_format(
        'mjpeg/avi', tmp_path / 's', imgshape=SHAPE, chunksize=3, workers=0, durability=durability
    )


def records_of(path):
    with new_for_filename(path) as store:
        return not_none(store.get_extra_data())['v'].tolist()


@pytest.mark.parametrize('durability', ['chunk', 'frame', 'fsync'])
def test_completed_chunk_is_synced_once(video, new, calls, durability):
    """A chunk that receives no more data is put on the disk only once."""
    path = video()
    with new(durability) as store:
        store.add_extra_data(v=1)
        store.insert_chunk(path, FRAMES, FRAMES)
        store.insert_chunk(video(), FRAMES, FRAMES)
    assert len(places(calls, 'replace', 's/000000.extra.json')) == 1
    by_others = [path for name, path, thread in calls if name == 'fsync' and thread == 'imgstore sync']
    for name in ('000000.npz', '000000.extra.json', '000000.avi', '000001.npz', '000001.avi'):
        assert by_others.count(f's/{name}') == 1, name


class SlowDisk:
    """A disk that takes in complete chunks only a moment after it was asked; tells what happens in what order."""

    def __init__(self, monkeypatch):
        self.told: list = []
        replace = os.replace

        def sync_chunk(layout, number):
            threading.Event().wait(0.1)
            self.told.append(f'{number} is on the disk')

        def told_replace(source, target):
            if os.fspath(target).endswith('.complete') and os.fspath(source).endswith('.journal'):
                self.told.append(f'journal of {os.path.basename(target)[6]}')
            replace(source, target)

        monkeypatch.setattr('imgstore.writing.completing.sync_chunk', sync_chunk)
        monkeypatch.setattr('imgstore.writing.completing.sync_file_system', lambda folder: False)
        monkeypatch.setattr(os, 'replace', told_replace)


@pytest.mark.parametrize('durability', ['frame', 'fsync'])
def test_late_records_keep_journals_that_are_needed(tmp_path, video, new, durability, monkeypatch):
    """The journal of later records never replaces a journal that is still needed."""
    path = video()
    with new(durability) as store:
        disk = SlowDisk(monkeypatch)
        store.insert_chunk(path, FRAMES, FRAMES)
        store.add_extra_data(v=1)
    assert disk.told == ['journal of 0', '0 is on the disk'] * 2
    assert records_of(tmp_path / 's') == [1]


@pytest.mark.parametrize('durability', ['chunk', 'frame', 'fsync'])
def test_store_is_emptied_after_pending_chunks_are_synced(tmp_path, new, durability, monkeypatch):
    """A store is emptied only when none of its chunks is being put on the disk."""
    disk = SlowDisk(monkeypatch)
    emptied = spy(empty_store, lambda *_: disk.told.append('emptied'))
    monkeypatch.setattr('imgstore.writing.rolling_writer.empty_store', emptied)
    with new(durability) as store:
        for index in range(4):
            store.add_image(np.full(SHAPE, index, np.uint8), index, index)
        store.empty()
        assert [told for told in disk.told if 'journal' not in told] == ['0 is on the disk', 'emptied']
        store.add_image(np.full(SHAPE, 9, np.uint8), 9, 9)
    with new_for_filename(tmp_path / 's') as reader:
        assert reader.get_frame_metadata()['frame_number'] == [9]
    assert not list((tmp_path / 's').glob('.*'))


# --- the thread that puts them there


class Disk:
    """Chunks of a folder, put on a disk that waits until it is let go."""

    def __init__(self, folder, monkeypatch, at_once=True):
        self.folder, self.go = folder, threading.Event()
        self.layout = Layout(str(folder), '.avi', is_image_folder=False)
        self.completer = Completer(self.layout)
        self.synced: list = []
        self.together: list = []
        patch = monkeypatch.setattr
        patch('imgstore.writing.completing.sync_chunk', lambda layout, number: self._sync(self.synced, number))
        patch('imgstore.writing.completing.sync_file_system', lambda path: self._sync(self.together, path, at_once))

    def _sync(self, told, what, answer=None):
        self.go.wait(10)
        told.append(what)
        return answer

    def put(self, number):
        """Complete a chunk that has a journal."""
        with open(self.layout.journal(number), 'wb'):
            pass
        self.completer.put(number)

    @property
    def journals(self):
        return sorted(path.name for path in self.folder.iterdir())


def test_old_journals_go_when_the_next_is_complete(tmp_path, monkeypatch):
    """The journals of chunks on the disk are removed when the next journal is complete."""
    disk = Disk(tmp_path, monkeypatch)
    disk.put(0)
    assert disk.journals == ['.000000.open.complete']
    disk.go.set()
    until = time.monotonic() + 10
    while disk.completer._busy and time.monotonic() < until:
        time.sleep(0.001)
    assert disk.journals == ['.000000.open.complete'], 'files vanish only in calls'
    disk.go.clear()
    disk.put(1)
    assert disk.journals == ['.000001.open.complete']
    disk.go.set()
    disk.completer.wait()
    assert (disk.journals, disk.synced) == ([], [0, 1])


def test_chunk_with_reused_number_keeps_journal(tmp_path, monkeypatch):
    """A chunk with the same number as an earlier one keeps its own journal."""
    disk = Disk(tmp_path, monkeypatch)
    disk.go.set()
    disk.put(0)
    disk.completer.wait()
    disk.go.clear()
    disk.put(0)
    assert disk.journals == ['.000000.open.complete']
    disk.go.set()
    disk.completer.wait()
    assert disk.journals == []


@pytest.mark.parametrize('at_once', [True, False])
def test_waiting_chunks_are_synced_and_bounded(tmp_path, monkeypatch, at_once):
    """All waiting chunks are synced to the disk, and only a bounded number may wait."""
    disk = Disk(tmp_path, monkeypatch, at_once)
    disk.put(0)
    for number in range(1, 17):
        disk.put(number)
    last = threading.Thread(target=disk.put, args=(17,))
    last.start()
    last.join(0.1)
    assert last.is_alive(), 'it waits until others are on the disk'
    disk.go.set()
    last.join()
    disk.completer.wait()
    assert disk.together in ([str(tmp_path)], [str(tmp_path)] * 2)
    assert disk.synced in ([0], [0, 17]) if at_once else disk.synced == list(range(18))
    assert disk.journals == []


def test_caller_does_the_work_if_no_thread_can_start(tmp_path, monkeypatch):
    """If no more threads can be started, the caller does the work."""

    def fail(thread):
        raise RuntimeError("can't start new thread")

    disk = Disk(tmp_path, monkeypatch)
    disk.go.set()
    monkeypatch.setattr('imgstore.writing.completing.BackgroundThread.start', fail)
    disk.put(0)
    assert disk.synced == [0]
    disk.completer.wait()
    assert disk.journals == []


def test_unclosed_video_is_synced_with_latest_frame(tmp_path, calls):
    """A video that could not be closed is put on the disk together with its latest frame."""
    layout = Layout(str(tmp_path), '.mp4', is_image_folder=False)
    made = [layout.current_path(0), *(layout.index_stem(0) + extension for extension in ('.npz', EXTRA_JSON, *TAILS))]
    for path in made:
        with open(path, 'wb'):
            pass
    sync_chunk(layout, 0)
    assert sorted(names(calls, 'fsync')[:-1]) == sorted(os.path.relpath(path, tmp_path) for path in made)
    assert names(calls, 'fsync')[-1] == '.'
