"""When complete chunks are put on the disk, how often, and what waits for that."""

import os
import threading

import numpy as np
import pytest

import imgstore.recorder
from imgstore import new_for_filename, new_for_format

from .test_syncing import SHAPE, calls, places, record  # noqa: F401 -- `calls` is a fixture

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
    return lambda durability: new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, chunksize=3, workers=0,
                                             durability=durability)


def records_of(path):
    with new_for_filename(path) as store:
        return store.get_extra_data()['v'].tolist()


@pytest.mark.parametrize('durability', ['chunk', 'frame', 'fsync'])
def test_a_chunk_is_put_on_the_disk_once_if_it_gets_nothing_more(video, new, calls, durability):  # noqa: F811
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
        self.told, replace = [], os.replace

        def sync_chunk(layout, number):
            threading.Event().wait(0.1)
            self.told.append(f'{number} is on the disk')

        def told_replace(source, target):
            if os.fspath(target).endswith('.complete') and os.fspath(source).endswith('.journal'):
                self.told.append(f'journal of {os.path.basename(target)[6]}')
            replace(source, target)

        monkeypatch.setattr('imgstore.completing.sync_chunk', sync_chunk)
        monkeypatch.setattr('imgstore.completing.sync_file_system', lambda folder: False)
        monkeypatch.setattr(os, 'replace', told_replace)


@pytest.mark.parametrize('durability', ['frame', 'fsync'])
def test_the_journal_of_later_records_replaces_no_journal_that_is_needed(tmp_path, video, new, durability, monkeypatch):
    path = video()
    with new(durability) as store:
        disk = SlowDisk(monkeypatch)
        store.insert_chunk(path, FRAMES, FRAMES)
        store.add_extra_data(v=1)
    assert disk.told == ['journal of 0', '0 is on the disk'] * 2
    assert records_of(tmp_path / 's') == [1]


@pytest.mark.parametrize('durability', ['chunk', 'frame', 'fsync'])
def test_a_store_is_emptied_when_no_chunk_of_it_is_being_put_on_the_disk(tmp_path, new, durability, monkeypatch):
    disk, remove = SlowDisk(monkeypatch), imgstore.recorder.empty_store
    monkeypatch.setattr('imgstore.recorder.empty_store', lambda *given: (disk.told.append('emptied'), remove(*given)))
    with new(durability) as store:
        for index in range(4):
            store.add_image(np.full(SHAPE, index, np.uint8), index, index)
        store.empty()
        assert [told for told in disk.told if 'journal' not in told] == ['0 is on the disk', 'emptied']
        store.add_image(np.full(SHAPE, 9, np.uint8), 9, 9)
    with new_for_filename(tmp_path / 's') as reader:
        assert reader.get_frame_metadata()['frame_number'] == [9]
    assert not list((tmp_path / 's').glob('.*'))
