"""A store's folder is replaced at once: killed at any moment, the old or the new store is at its path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore._support.syncing import sync
from imgstore.apps._destination import Destination
from imgstore.errors import InvalidArgumentError, StoreIOError, StoreLockedError
from imgstore.ondisk import replacing
from imgstore.ondisk.files import parked, partial_path

from ..helpers.raised import raises
from ..helpers.spying import spy

pytestmark = pytest.mark.process

OLD, NEW = 3, 5

KILLED = """
import os, sys
from imgstore.ondisk import files, replacing

count = 0


def counted(function, moment):
    def call(*args, **options):
        global count
        count += 1
        if count == moment:
            os._exit(9)
        return function(*args, **options)
    return call


def replace(target, moment):
    for name in ('rename', 'link', 'unlink', 'rmdir', 'fsync', 'mkdir', 'symlink'):
        setattr(os, name, counted(getattr(os, name), moment))
    replacing.replace_folder(files.partial_path(target), target)
    os._exit(0)


if sys.argv[1] == 'renames':
    replacing._exchange = lambda one, other: False
for moment, target in enumerate(sys.argv[2:], 1):
    child = os.fork()
    if not child:
        replace(target, moment)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Forks a child for each store, which replaces it and is killed at the moment of that number."""


def make(folder: Path, frames: int, fmt: str = 'npy') -> Path:
    with imgstore.new_for_format(fmt, folder, imgshape=(4, 4), chunksize=2) as store:
        for number in range(frames):
            store.add_image(np.full((4, 4), number, np.uint8), number, float(number))
    return folder


def count(folder: Path) -> int:
    with imgstore.new_for_filename(folder) as store:
        return len([store.get_next_image() for _ in range(len(store))])


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """An old store with files of its user, and the new one beside it."""
    old = make(tmp_path / 's', OLD)
    (old / 'notes.txt').write_text('mine')
    (old / '000000' / 'notes.txt').write_text('mine too')
    (old / 'deep' / 'empty').mkdir(parents=True)
    (old / 'deep' / 'link').symlink_to('../notes.txt')
    make(Path(replacing.room_beside(str(old))), NEW)
    return old


def check_user_files(store: Path) -> None:
    assert (store / 'notes.txt').read_text() == 'mine'
    assert (store / '000000' / 'notes.txt').read_text() == 'mine too'
    assert (store / 'deep' / 'empty').is_dir()
    assert (store / 'deep' / 'link').is_symlink()
    assert (store / 'deep' / 'link').read_text() == 'mine'


@pytest.mark.parametrize('can_exchange', [True, False])
def test_the_new_store_has_the_users_files_and_nothing_is_left(
    both: Path, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange:
        monkeypatch.setattr(replacing, '_exchange', lambda one, other: False)
    replacing.replace_folder(partial_path(str(both)), str(both))
    assert count(both) == NEW
    check_user_files(both)
    assert not list(both.glob('00000[3-9]'))
    assert os.listdir(both.parent) == ['s']


@pytest.mark.exhaustive
@pytest.mark.parametrize('way', ['exchange', 'renames'])
def test_killed_at_any_moment_the_old_or_the_new_store_is_there(tmp_path: Path, way: str) -> None:
    olds = [tmp_path / f'{moment:02d}' / 's' for moment in range(60)]
    for old in olds:
        make(old, OLD)
        (old / 'notes.txt').write_text('mine')
        make(Path(partial_path(str(old))), NEW)
    done = subprocess.run([sys.executable, '-c', KILLED, way, *map(str, olds)], check=True, capture_output=True)
    codes = [int(code) for code in done.stdout.split()]
    assert codes == sorted(codes, reverse=True)
    assert set(codes) == {0, 9}
    found = [count(old) for old in olds]
    assert found == sorted(found)
    assert set(found) == {OLD, NEW}
    assert {(old / 'notes.txt').read_text() for old in olds} == {'mine'}


def test_new_store_is_synced_before_any_rename(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files of the new store are synced before anything is renamed."""
    done: list[str] = []

    def noted(function: Any, what: str) -> Any:
        return spy(function, lambda *args: done.append(f'{what} {args[0]}'))

    monkeypatch.setattr(replacing, 'sync', noted(sync, 'sync'))
    monkeypatch.setattr(replacing, '_exchange', noted(replacing._exchange, 'exchange'))
    room = partial_path(str(both))
    replacing.replace_folder(room, str(both))
    swapped = done.index(f'exchange {room}')
    synced = {line.removeprefix('sync ').rstrip('/') for line in done[:swapped]}
    files = {f'{room}{str(path).removeprefix(str(both))}' for path in both.rglob('*') if not path.is_symlink()}
    assert files <= synced
    assert room in synced
    assert done[swapped + 1 :] == [f'sync {both.parent}']


def test_a_chunk_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    other = make(tmp_path / 'other', 4)
    old = make(tmp_path / 's', OLD)
    for path in (old / '000001').iterdir():
        path.unlink()
    (old / '000001').rmdir()
    (old / '000001').symlink_to(other / '000001')
    make(Path(replacing.room_beside(str(old))), NEW)
    replacing.replace_folder(partial_path(str(old)), str(old))
    assert count(other) == 4
    assert count(old) == NEW


def test_two_do_not_build_the_same_replacement(tmp_path: Path) -> None:
    old = make(tmp_path / 's', OLD)
    with (
        imgstore.new_for_format('npy', replacing.room_beside(str(old)), imgshape=(4, 4)),
        pytest.raises(StoreLockedError),
    ):
        replacing.room_beside(str(old))


def test_what_a_killed_run_left_is_kept_under_a_name_of_its_own(tmp_path: Path) -> None:
    old = make(tmp_path / 's', OLD)
    for name in ('s.incomplete', 's.incomplete-2'):
        make(Path(partial_path(str(old))), NEW)
        assert not os.path.exists(replacing.room_beside(str(old), keep=True))
        assert count(tmp_path / name) == NEW
    make(Path(partial_path(str(old))), NEW)
    assert not os.path.exists(replacing.room_beside(str(old)))
    assert count(old) == OLD


def test_the_root_of_a_file_system_is_refused() -> None:
    with raises(StoreIOError, path=os.path.abspath(os.sep)):
        replacing.room_beside(os.path.abspath(os.sep))


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize('kind', ['root', 'home', 'files', 'folder'])
def test_the_place_of_a_saved_store_is_no_folder_of_other_files(
    tmp_path: Path, kind: str, overwrite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(os.path.abspath(os.sep)) if kind == 'root' else tmp_path
    if kind == 'home':
        monkeypatch.setenv('HOME', str(tmp_path))
    elif kind == 'files':
        (tmp_path / 'thesis.txt').touch()
    elif kind == 'folder':
        (tmp_path / 'thesis').mkdir()
    before = sorted(os.listdir(folder))
    with pytest.raises(InvalidArgumentError, match='new folder'):
        Destination(str(folder), overwrite, False)
    assert sorted(os.listdir(folder)) == before


def test_store_may_go_into_a_folder_of_hidden_files(tmp_path: Path) -> None:
    """A saved store may go into an empty folder or one with only hidden files."""
    assert Destination(str(tmp_path), False, False).folder == str(tmp_path)
    (tmp_path / '.DS_Store').touch()
    assert Destination(str(tmp_path), True, False).folder == str(tmp_path)


def test_a_failed_rename_brings_the_old_store_back(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing, '_exchange', lambda one, other: False)
    rename, room = os.rename, partial_path(str(both))

    def fails(source: str, target: str) -> None:
        if source == room:
            raise PermissionError('no')
        rename(source, target)

    monkeypatch.setattr(os, 'rename', fails)
    with raises(StoreIOError, path=str(both)):
        replacing.replace_folder(room, str(both))
    assert count(both) == OLD
    assert not os.path.exists(parked(str(both)))


def test_fifo_or_link_in_temporary_path_does_not_block(tmp_path: Path) -> None:
    """A FIFO or a link at the temporary path does not make the writer wait."""
    for name in ('elsewhere', 's'):
        (tmp_path / name).mkdir()
    (tmp_path / 'elsewhere' / 'file').touch()
    os.mkfifo(partial_path(str(tmp_path / 's')))
    os.symlink('elsewhere', parked(str(tmp_path / 's')))
    room = replacing.room_beside(str(tmp_path / 's'))
    assert not os.path.lexists(room)
    assert sorted(path.name for path in tmp_path.rglob('*')) == ['elsewhere', 'file', 's']
