"""A reindex changes nothing where that is wanted, or where there is nothing to change."""

import os

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.apps.reindex import main

SHAPE = (16, 24)
FORMATS = ['npy', 'mjpeg/avi']
SHIFTED, RIGHT = [8, 9, 0, 1, 2], [-2, -1, 0, 1, 2]


def write_store(path, fmt, numbers):
    with new_for_format(fmt, path, imgshape=SHAPE, chunksize=2, workers=0) as store:
        for index, number in enumerate(numbers):
            store.add_image(np.full(SHAPE, 40 * index, np.uint8), number, index / 10)
            store.add_extra_data(value=index)
        store.close(save_index=True)
    return path


def state(path):
    """All that is on the disk of a store: bytes, times of change, and which files they are."""
    found = {}
    for place in sorted([path, *path.rglob('*')]):
        status = place.stat()
        content = place.read_bytes() if place.is_file() else sorted(os.listdir(place))
        found[place] = content, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    return found


@pytest.mark.parametrize('fmt', FORMATS)
def test_a_dry_run_tells_what_would_change_and_changes_nothing(tmp_path, fmt):
    path = write_store(tmp_path / 's', fmt, SHIFTED)
    before = state(path)
    with new_for_filename(path) as store:
        planned = store.reindex(dry_run=True)
        assert store.get_frame_metadata()['frame_number'] == SHIFTED
    assert state(path) == before
    assert planned
    assert (planned.dry_run, planned.changed, planned.first, planned.last) == (True, 2, -2, 2)
    assert 'would be renumbered' in str(planned)
    with new_for_filename(path) as store:
        done = store.reindex()
        assert store.get_frame_metadata()['frame_number'] == RIGHT
    assert (done.dry_run, done.changed, done.files) == (False, planned.changed, planned.files)


@pytest.mark.parametrize('fmt', FORMATS)
def test_the_command_with_dry_run_tells_and_changes_nothing(tmp_path, fmt, capsys):
    path = write_store(tmp_path / 's', fmt, SHIFTED)
    before = state(path)
    assert main([str(path), '--dry-run']) == 0
    assert state(path) == before
    assert '2 frames would be renumbered, from -2 to 2' in capsys.readouterr().out
    assert main([str(path)]) == 0
    assert '2 frames renumbered, from -2 to 2' in capsys.readouterr().out
    with new_for_filename(path) as store:
        assert store.get_frame_metadata()['frame_number'] == RIGHT


@pytest.mark.parametrize('dry_run', [False, True])
@pytest.mark.parametrize('fmt', FORMATS)
def test_a_store_that_needs_none_stays_as_it_is(tmp_path, fmt, dry_run):
    path = write_store(tmp_path / 's', fmt, RIGHT)
    before = state(path)
    with new_for_filename(path) as store:
        report = store.reindex(dry_run=dry_run)
        assert store.get_frame_metadata()['frame_number'] == RIGHT
    assert state(path) == before
    assert not report
    assert (report.changed, report.files) == (0, [])
    assert 'nothing to renumber' in str(report)


@pytest.mark.parametrize('fmt', FORMATS)
def test_a_second_run_of_the_command_changes_nothing(tmp_path, fmt, capsys):
    path = write_store(tmp_path / 's', fmt, SHIFTED)
    assert main([str(path)]) == 0
    before = state(path)
    assert main([str(path)]) == 0
    assert state(path) == before
    assert 'nothing to renumber, frames are numbered from -2 to 2' in capsys.readouterr().out
