"""A refresh looks only at what may have changed, and misses nothing."""

import contextlib
import os
import time

import numpy as np
import pytest

import imgstore.index.segment_list
from imgstore import new_for_filename, new_for_format
from imgstore.errors import ChunkSkippedWarning, UnverifiedWarning
from imgstore.ondisk.chunk_index import write_chunk_index
from imgstore.ondisk.journal import Journal
from imgstore.ondisk.journal_reading import GrowingJournal, read_journal

SHAPE, CHUNKS = (4, 6), 12
SETTLED = 0.08  # seconds after which a change of the folder can no longer go unnoticed


def add(store, *indexes):
    for index in indexes:
        store.add_image(np.full(SHAPE, index, np.uint8), index, index / 10)


@pytest.fixture(params=['npy', 'mjpeg/avi'])
def live(request, tmp_path):
    """A store of one frame a chunk, and its writer."""
    with new_for_format(request.param, tmp_path / 's', imgshape=SHAPE, chunksize=CHUNKS, workers=0) as writer:
        add(writer, *range(CHUNKS * 3 + 2))
        time.sleep(SETTLED)
        yield tmp_path / 's', writer


@pytest.fixture
def listed(monkeypatch):
    """The folders that were listed."""
    folders, scandir, listdir = [], os.scandir, os.listdir

    def scanning(folder):
        folders.append(str(folder))
        return scandir(folder)

    def listing(folder):
        folders.append(str(folder))
        return listdir(folder)

    monkeypatch.setattr(os, 'scandir', scanning)
    monkeypatch.setattr(os, 'listdir', listing)
    return folders


def test_a_refresh_lists_no_folder_while_one_chunk_grows(live, listed):
    path, writer = live
    with new_for_filename(path) as store:
        assert store.frame_count == store.refresh() + CHUNKS * 3 + 2
        for index in range(CHUNKS * 3 + 2, CHUNKS * 4):
            add(writer, index)
            listed.clear()
            assert store.refresh() == 1
            assert listed == []
            assert store.frame_max == index
            assert store.get_image(index)[1] == (index, index / 10)
        assert store.frame_numbers.tolist() == list(range(CHUNKS * 4))


def test_a_refresh_finds_the_next_chunks(live):
    path, writer = live
    with new_for_filename(path) as store:
        for index in range(CHUNKS * 3 + 2, CHUNKS * 6):
            add(writer, index)
            if index % 11 == 0:
                time.sleep(SETTLED)
            assert store.refresh() == 1
            assert store.get_image(index)[0].shape == SHAPE
        assert store.chunks == list(range(6))
        writer.close()
        assert store.refresh() == 0
        assert not store.is_live
        assert store.frame_numbers.tolist() == list(range(CHUNKS * 6))


def test_an_index_that_appears_in_a_known_folder_is_found(tmp_path):
    """Imgstore 0.4 writes an index into a folder that has been there for long."""
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as writer:
        add(writer, 0, 1)
    os.mkdir(tmp_path / 's' / '000001')
    os.link(tmp_path / 's' / '000000' / '000000.npy', tmp_path / 's' / '000001' / '000000.npy')
    time.sleep(SETTLED)
    with pytest.warns(ChunkSkippedWarning):
        store = new_for_filename(tmp_path / 's')
    with store:
        assert [store.refresh(), store.refresh()] == [0, 0]
        write_chunk_index(str(tmp_path / 's' / '000001' / 'index'), np.array([7]), np.array([0.7]))
        assert store.refresh() == 1
        with pytest.warns(UnverifiedWarning):
            assert store.get_image(7)[0][0, 0] == 0


@pytest.fixture
def checked(monkeypatch):
    monkeypatch.setattr(imgstore.index.segment_list, '_CHECKED', 4)


@pytest.mark.parametrize('rank', [0, 5, CHUNKS - 1])
@pytest.mark.usefixtures('checked')
def test_an_index_edited_in_place_is_found_in_its_turn(tmp_path, rank):
    """In a store of many chunks, each refresh looks at some of their indexes."""
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, chunksize=1) as writer:
        add(writer, *range(CHUNKS))
    time.sleep(SETTLED)
    with new_for_filename(tmp_path / 's') as store:
        assert store.frame_max == CHUNKS - 1
        write_chunk_index(str(tmp_path / 's' / f'{rank:06d}' / 'index'), np.array([100]), np.array([0.5]))
        for _ in range(CHUNKS // 4):
            store.refresh()
        assert store.frame_numbers[rank] == store.frame_max == 100


@pytest.mark.usefixtures('checked')
def test_an_index_replaced_in_the_store_s_folder_is_found_at_once(tmp_path):
    """In a store of videos, a replaced index changes the folder."""
    with new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, chunksize=1) as writer:
        add(writer, *range(CHUNKS))
    time.sleep(SETTLED)
    with new_for_filename(tmp_path / 's') as store:
        assert store.frame_max == CHUNKS - 1
        for rank in (CHUNKS - 1, 3):
            time.sleep(SETTLED)
            write_chunk_index(str(tmp_path / 's' / f'{rank:06d}'), np.array([100 + rank]), np.array([0.5]))
            store.refresh()
            assert store.frame_numbers[rank] == 100 + rank


def test_a_journal_cut_and_written_anew_is_read_anew(tmp_path):
    """A writer cuts its journal after a frame that it could not write."""
    path = str(tmp_path / '.000000.open.journal')
    journal, growing = Journal(path), GrowingJournal(path)
    assert len(growing.read().numbers) == 0
    for count in range(1, 6):
        with journal.frames([(count, count / 2)]):
            journal.add_record('{"a": 1}')
        assert growing.read().numbers.tolist() == list(range(1, count + 1))
        with contextlib.suppress(ZeroDivisionError), journal.frames([(99, 9.0)]):
            assert growing.read().numbers[-1] == 99
            raise ZeroDivisionError
        again, anew = growing.read(), read_journal(path)
        assert again.numbers.tolist() == anew.numbers.tolist() == list(range(1, count + 1))
        assert again.times.tolist() == anew.times.tolist()
        assert again.records == anew.records == ['{"a": 1}'] * count
    journal.close()
