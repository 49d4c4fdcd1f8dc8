"""What a link in a store points to is read and never changed: overwriting and emptying remove the link alone."""

import os
import shutil
import threading

import numpy as np
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.convert import convert
from imgstore.errors import ImgStoreError, InvalidArgumentError

from ..helpers.killed_stores import content
from ..helpers.raised import raises

SHAPE = (4, 4)


def store(path, first=0, count=12, **options):
    with new_for_format('npy', path, imgshape=SHAPE, chunksize=4, **options) as made:
        for index in range(count):
            made.add_image(np.full(SHAPE, index, np.uint8), first + index, float(index))
            made.add_extra_data(v=index)
    return path


@pytest.fixture
def linked(tmp_path):
    """A store whose last chunk is another store's, and that other one."""
    mine, other = store(tmp_path / 'mine'), store(tmp_path / 'other')
    shutil.rmtree(mine / '000002')
    os.symlink(other / '000002', mine / '000002')
    return mine, other


def overwrite(path):
    new_for_format('npy', path, imgshape=SHAPE, overwrite=True).close()


def convert_over(path):
    source = store(path.parent / 'source')
    convert(source, path, 'png', overwrite=True)


@pytest.mark.parametrize('change', [overwrite, convert_over])
def test_replacing_a_store_keeps_target_of_linked_chunk(linked, change):
    """Replacing a store removes a linked chunk and keeps what the link points to."""
    mine, other = linked
    before = content(other)
    change(mine)
    assert content(other) == before
    assert not os.path.islink(mine / '000002')


def test_a_linked_chunk_behind_a_gap_is_removed_too(linked):
    mine, other = linked
    before = content(other)
    shutil.rmtree(mine / '000001')
    overwrite(mine)
    assert content(other) == before
    assert os.listdir(mine) == ['metadata.yaml']


def test_a_link_to_nothing_is_removed(linked):
    mine, other = linked
    shutil.rmtree(other)
    overwrite(mine)
    assert os.listdir(mine) == ['metadata.yaml']


def test_emptying_a_store_keeps_what_a_link_points_to(tmp_path, linked):
    _, other = linked
    before = content(other)
    with new_for_format('npy', tmp_path / 'new', imgshape=SHAPE, chunksize=2) as made:
        for index in range(5):
            made.add_image(np.zeros(SHAPE, np.uint8), index, 0)
        assert made.frame_count == 5
        for thread in threading.enumerate():
            if thread.name == 'imgstore sync':  # it would miss the folder
                thread.join()
        shutil.rmtree(tmp_path / 'new' / '000001')
        os.symlink(other / '000001', tmp_path / 'new' / '000001')
        made.empty()
    assert content(other) == before


@pytest.mark.parametrize('damage', ['no index', 'damaged index', 'half an index'])
def test_repair_changes_nothing_behind_a_link(linked, damage):
    mine, other = linked
    index = other / '000002' / 'index.npz'
    if damage == 'no index':
        index.unlink()
    elif damage == 'damaged index':
        index.write_bytes(b'no index')
    else:
        index.rename(other / '000002' / '.index.open.npz')
    before = content(other)
    imgstore.repair(mine)
    assert content(other) == before


def test_reindex_refuses_a_store_of_which_a_chunk_is_a_link(tmp_path):
    mine, other = store(tmp_path / 'mine', -2), store(tmp_path / 'other', 6)
    shutil.rmtree(mine / '000002')
    os.symlink(other / '000000', mine / '000002')
    with new_for_filename(mine) as opened:
        assert opened.get_frame_metadata()['frame_number'][-4:] == [6, 7, 8, 9]
    edited = store(tmp_path / 'third', 40, 4)
    shutil.copy(edited / '000000' / 'index.npz', mine / '000000' / 'index.npz')
    shutil.copy(store(tmp_path / 'fourth', -1, 4) / '000000' / 'index.npz', mine / '000001' / 'index.npz')
    before = content(other), content(mine)
    with new_for_filename(mine) as opened, raises(InvalidArgumentError, store=str(mine), chunk=2):
        opened.reindex()
    assert (content(other), content(mine)) == before


def test_a_writer_does_not_write_behind_a_link(tmp_path, linked):
    _, other = linked
    before = content(other)
    made = new_for_format('npy', tmp_path / 'new', imgshape=SHAPE, chunksize=2, workers=0)
    os.symlink(other / '000000', tmp_path / 'new' / '000001')
    for index in range(2):
        made.add_image(np.zeros(SHAPE, np.uint8), index, 0)
    with pytest.raises(ImgStoreError):
        made.add_image(np.zeros(SHAPE, np.uint8), 2, 0)
    made.close()
    assert content(other) == before


@pytest.mark.parametrize(
    'name',
    [
        '.metadata.open.yaml',
        '.index.open.imgstore',
        '.000000.open.journal',
        '.000000.open.npz',
        '.000000.open.mp4',
        '.000000.open.tail0',
    ],
)
def test_temporary_file_is_not_written_through_link(tmp_path, name):
    """A file that is first written under a temporary name is never written through a link."""
    mine = tmp_path / 'mine'
    mine.mkdir()
    (tmp_path / 'precious').write_bytes(b'precious')
    os.symlink(tmp_path / 'precious', mine / name)
    with new_for_format('avc1/mp4', mine, imgshape=(16, 16), overwrite=True, chunksize=2) as made:
        for index in range(3):
            made.add_image(np.zeros((16, 16), np.uint8), index, 0)
    assert (tmp_path / 'precious').read_bytes() == b'precious'
    with new_for_filename(mine) as opened:
        opened.save_index()
    assert (tmp_path / 'precious').read_bytes() == b'precious'


@pytest.mark.parametrize('name', ['.reindex', '.reindex.open', '.emptied', '.emptied.open'])
@pytest.mark.parametrize('change', ['repair', 'reindex', 'overwrite'])
def test_link_at_changes_folder_takes_no_foreign_file(tmp_path, name, change):
    """A link in place of a folder of changes never brings in a file of another store."""
    for path in (tmp_path / 'other', tmp_path / 's'):
        with new_for_format('png', path, imgshape=(8, 8), chunksize=2, metadata={'of': path.name}) as store:
            for number in (7, 8, 0):
                store.add_image(np.zeros((8, 8), np.uint8), number, float(number))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'other').rglob('*')}
    (tmp_path / 's' / name).symlink_to('../other')
    with new_for_filename(tmp_path / 's') as store:
        assert (len(store), store.user_metadata) == (3, {'of': 's'})
        if change == 'reindex':
            assert store.reindex()
    if change == 'overwrite':
        new_for_format('png', tmp_path / 's', imgshape=(8, 8), overwrite=True).close()
    imgstore.repair(tmp_path / 's')
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / 'other').rglob('*')} == before
    with new_for_filename(tmp_path / 's') as store:
        assert len(store) == (0 if change == 'overwrite' else 3)
