"""A folder that has the name of a change that was cut off costs no frame, unless it is one."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import imgstore
from imgstore.constants import EMPTIED_CHUNKS, EMPTIED_FOLDER, STAGED_FOLDER, STORE_MD_FILENAME, UNFINISHED_CHANGES
from imgstore.ondisk.files import finish_replacement, parked, partial_path

from ..helpers.checked import not_none

NUMBERS = [7, 8, 0, 1]


@pytest.fixture(scope='module', params=['npy', 'mjpeg/avi'])
def written(request, tmp_path_factory):
    """A store of two chunks."""
    path = tmp_path_factory.mktemp('written') / 's'
    with imgstore.new_for_format(request.param, path, imgshape=(16, 16), chunksize=2, workers=0) as made:
        for index, number in enumerate(NUMBERS):
            made.add_image(np.full((16, 16), 40 * index + 40, np.uint8), number, float(index))
            made.add_extra_data(v=index)
    return path


@pytest.fixture
def store(written, tmp_path):
    """A copy of its own for each test."""
    return shutil.copytree(written, tmp_path / 's')


def told(path):
    with imgstore.new_for_filename(path) as opened:
        shades = [round(float(opened.get_image(None, frame_index=i)[0].mean()) / 40) - 1 for i in range(len(opened))]
        return opened.get_frame_metadata()['frame_number'], shades, not_none(opened.get_extra_data())['v'].tolist()


def check_kept(path, name):
    """Readers, a dry run and a repair see all frames; the repair says that it removes the folder, and does."""
    before = told(path)
    assert before == (NUMBERS, [0, 1, 2, 3], [0, 1, 2, 3])
    assert imgstore.repair(path, dry_run=True).removed == [str(path / name)]
    assert name in str(imgstore.repair(path, dry_run=True))
    assert os.path.lexists(path / name)
    assert imgstore.repair(path).removed == [str(path / name)]
    assert not os.path.lexists(path / name)
    assert told(path) == before
    assert not imgstore.repair(path)


def filled(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize('name', UNFINISHED_CHANGES)
def test_an_empty_folder_of_changes_costs_no_frame(store, name):
    (store / name).mkdir()
    check_kept(store, name)


WITH_KEY = b'__store: {}\n'


@pytest.mark.parametrize(
    'files',
    [
        {'chunks': b'0 1'},
        {'notes.txt': b'mine'},
        {STORE_MD_FILENAME: WITH_KEY},
        {'metadata.yaml/x': b'', 'chunks': b'0'},
        {STORE_MD_FILENAME: b'', 'chunks': b'0 1'},
        {STORE_MD_FILENAME: b'a: 1\n', 'chunks': b'0 1'},
        {STORE_MD_FILENAME: bytes(2**20), 'chunks': b''},
        {STORE_MD_FILENAME: WITH_KEY, 'chunks': b'all'},
        {STORE_MD_FILENAME: WITH_KEY, 'chunks': b'\0' * 4},
        {STORE_MD_FILENAME: WITH_KEY, 'chunks/0': b''},
    ],
)
def test_an_emptied_folder_that_is_not_complete_costs_no_frame(store, files):
    filled(store / EMPTIED_FOLDER, files)
    check_kept(store, EMPTIED_FOLDER)


@pytest.mark.parametrize('linked', [STORE_MD_FILENAME, EMPTIED_CHUNKS])
def test_an_emptied_folder_with_a_link_in_it_costs_no_frame(store, linked):
    filled(store / EMPTIED_FOLDER, {STORE_MD_FILENAME: WITH_KEY, EMPTIED_CHUNKS: b'0'})
    os.replace(store / EMPTIED_FOLDER / linked, store.parent / linked)
    os.symlink(store.parent / linked, store / EMPTIED_FOLDER / linked)
    check_kept(store, EMPTIED_FOLDER)


def complete_emptying(store, who='new'):
    text = (store / STORE_MD_FILENAME).read_bytes() if store.exists() else WITH_KEY
    filled(store / EMPTIED_FOLDER, {STORE_MD_FILENAME: f'who: {who}\n'.encode() + text, EMPTIED_CHUNKS: b'0 1'})


def test_repair_reports_completed_removal_of_all_frames(store):
    """Repair reports that it completed the removal of all frames."""
    complete_emptying(store)
    planned = imgstore.repair(store, dry_run=True)
    assert planned.emptied
    assert planned.removed == []
    assert 'removal of all frames' in str(planned)
    done = imgstore.repair(store)
    assert done.emptied
    assert not (store / EMPTIED_FOLDER).exists()
    assert not imgstore.repair(store)
    with imgstore.new_for_filename(store) as opened:
        assert (len(opened), opened.user_metadata['who']) == (0, 'new')


@pytest.mark.parametrize('name', UNFINISHED_CHANGES)
def test_new_store_ignores_earlier_unfinished_change(tmp_path, name):
    """A new store does not take an unfinished change that was there before as its own."""
    folder = tmp_path / 's'
    filled(folder / name, {STORE_MD_FILENAME: WITH_KEY, EMPTIED_CHUNKS: b'', '000000/index.extra.json': b'[]'})
    with imgstore.new_for_format('npy', folder, imgshape=(4, 4), overwrite=True) as made:
        made.add_image(np.zeros((4, 4), np.uint8), 3, 0)
        made.add_extra_data(v=1)
    assert not (folder / name).exists()
    with imgstore.new_for_filename(folder) as opened:
        assert (len(opened), not_none(opened.get_extra_data())['v'].tolist()) == (1, [1])
    assert not imgstore.repair(folder)


# --- what reindex had staged


def own_names(store):
    """Of each kind of file that a chunk has, one: relative to the store."""
    return sorted(
        {
            path.suffixes[-1]: str(path.relative_to(store))
            for path in sorted(store.rglob('*'))
            if path.is_file() and path.relative_to(store).parts[0][0] == '0'
        }.values()
    )


@pytest.mark.parametrize('content', [b'', b'\0' * 100, b'PK\3\4 and so on', b'{}', b'text'])
def test_a_file_that_reindex_did_not_stage_replaces_none(store, content):
    names = own_names(store)
    assert len(names) == 3
    filled(store / STAGED_FOLDER, dict.fromkeys(names, content))
    check_kept(store, STAGED_FOLDER)


def test_an_index_of_other_frames_replaces_none(store):
    (name,) = (name for name in own_names(store) if name.endswith('.npz'))
    other = name.replace('000001', '000000')
    filled(store / STAGED_FOLDER, {name: (store / other).read_bytes()})
    check_kept(store, STAGED_FOLDER)


def test_reindex_works_if_its_staging_folder_exists(store):
    """A reindex works even if a folder already has the name of its staging folder."""
    filled(store / STAGED_FOLDER, dict.fromkeys(own_names(store), b''))
    with imgstore.new_for_filename(store) as opened:
        assert opened.reindex()
        assert opened.get_frame_metadata()['frame_number'] == [-2, -1, 0, 1]
    assert not (store / STAGED_FOLDER).exists()
    assert told(store)[1:] == ([0, 1, 2, 3], [0, 1, 2, 3])


# --- a replaced folder


def fifo(path):
    os.mkfifo(path)


def file(path):
    path.write_text('x')


def link(path):
    path.with_name('elsewhere').mkdir(exist_ok=True)
    os.symlink('elsewhere', path)


@pytest.mark.parametrize('new', [fifo, file, link, Path.mkdir])
@pytest.mark.parametrize('old', [fifo, file, link, Path.mkdir])
def test_only_a_folder_takes_the_place_of_one_that_was_replaced(tmp_path, old, new):
    target = tmp_path / 's'
    new(Path(partial_path(str(target))))
    old(Path(parked(str(target))))
    before = sorted(os.listdir(tmp_path))
    finish_replacement(str(target))
    if old == new == Path.mkdir:
        assert sorted(os.listdir(tmp_path)) == ['.s.replaced', 's']
    else:
        assert sorted(os.listdir(tmp_path)) == before
    shutil.rmtree(tmp_path)
