"""What the system refuses is told as such, and what was there before stays."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.errors import CorruptFileError, FrameWriteError, LockTakenOverWarning, StoreIOError
from imgstore.ondisk import chunk_index, emptying, plain_npz, replacing
from imgstore.ondisk.chunk_index import count_frames, read_chunk_index, read_first_numbers, rewrite_frame_numbers
from imgstore.ondisk.files import partial_path
from imgstore.ondisk.lock import StoreLock, is_held

from ..helpers.raised import raises
from ..helpers.small_stores import store_of


def numbers_in(folder: Path) -> list[int]:
    with imgstore.new_for_filename(folder) as store:
        return [store.get_next_image()[1][0] for _ in range(len(store))]


def failing(name: str, number: int, on: str = '') -> Any:
    """A call of `os` that fails with that error, on paths that end so."""
    usual = getattr(os, name)

    def call(*args: Any, **options: Any) -> Any:
        if str(args[-1]).endswith(on):
            raise OSError(number, os.strerror(number), args[0])
        return usual(*args, **options)

    return call


# --- replacing a store


def test_where_files_cannot_be_linked_the_users_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = store_of(tmp_path / 's', [1, 2, 3])
    (old / 'notes.txt').write_text('mine')
    os.utime(old / 'notes.txt', (1e9, 1e9))
    store_of(Path(partial_path(str(old))), [7])
    monkeypatch.setattr(os, 'link', failing('link', errno.EPERM))
    replacing.replace_folder(partial_path(str(old)), str(old))
    assert numbers_in(old) == [7]
    assert (old / 'notes.txt').read_text() == 'mine'
    assert (old / 'notes.txt').stat().st_mtime == 1e9


def test_a_file_of_the_new_store_wins_over_the_users(tmp_path: Path) -> None:
    old = store_of(tmp_path / 's', [1, 2, 3])
    (old / 'frames.csv').write_text('old')
    new = store_of(Path(partial_path(str(old))), [7])
    (new / 'frames.csv').write_text('new')
    replacing.replace_folder(str(new), str(old))
    assert (old / 'frames.csv').read_text() == 'new'


@pytest.mark.parametrize('number', [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EACCES])
def test_without_an_exchange_of_folders_there_are_two_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Another error than that of a system which cannot do it leaves the old store."""

    class Library:
        def renameat2(self, *_: object) -> int:
            return -1

    monkeypatch.setattr('ctypes.CDLL', lambda *args, **options: Library())
    monkeypatch.setattr('ctypes.get_errno', lambda: number)
    old = store_of(tmp_path / 's', [1, 2, 3])
    store_of(Path(partial_path(str(old))), [7])
    if number == errno.EACCES:
        with raises(StoreIOError, path=str(old)):
            replacing.replace_folder(partial_path(str(old)), str(old))
        assert numbers_in(old) == [1, 2, 3]
    else:
        replacing.replace_folder(partial_path(str(old)), str(old))
        assert numbers_in(old) == [7]
        assert os.listdir(tmp_path) == ['s']


def test_a_system_without_that_call_renames_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('ctypes.CDLL', lambda *args, **options: object())
    old = store_of(tmp_path / 's', [1, 2, 3])
    store_of(Path(partial_path(str(old))), [7])
    replacing.replace_folder(partial_path(str(old)), str(old))
    assert numbers_in(old) == [7]


# --- emptying a store


def test_a_store_is_not_emptied_for_metadata_of_something_else(tmp_path: Path) -> None:
    old = store_of(tmp_path / 's', [1, 2, 3])
    with raises(CorruptFileError, path=str(old / 'metadata.yaml')):
        emptying.empty_store(str(old), b'subject: A7\n')
    assert numbers_in(old) == [1, 2, 3]


def test_a_store_that_cannot_be_emptied_keeps_its_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5)) as store:
        for number in range(3):
            store.add_image(np.zeros((4, 5), np.uint8), number, number)
        with monkeypatch.context() as patch:
            patch.setattr(os, 'rename', failing('rename', errno.EIO))
            with raises(StoreIOError, store=str(tmp_path / 's')):
                store.empty()
        store.add_image(np.zeros((4, 5), np.uint8), 3, 3)
    assert numbers_in(tmp_path / 's') == [0, 1, 2, 3]
    assert not [name for name in os.listdir(tmp_path / 's') if name.startswith('.')]


def test_a_video_that_cannot_be_inserted_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with imgstore.new_for_format('mjpeg/avi', tmp_path / 'other', imgshape=(32, 48)) as other:
        other.add_image(np.zeros((32, 48), np.uint8), 0, 0)
    video = tmp_path / 'other' / '000000.avi'
    with imgstore.new_for_format('mjpeg/avi', tmp_path / 's', imgshape=(32, 48)) as store:
        store.add_image(np.zeros((32, 48), np.uint8), 5, 5)
        with monkeypatch.context() as patch:
            patch.setattr('imgstore.writing.rolling_writer.move_or_copy', failing('link', errno.ENOSPC))
            with raises(FrameWriteError, path=str(video)):
                store.insert_chunk(str(video), [6], [6.0])
        store.insert_chunk(str(video), [7], [7.0])
    assert numbers_in(tmp_path / 's') == [5, 7]


# --- locks


def test_where_files_cannot_be_locked_a_store_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told that a store is locked, only because nobody can know."""
    monkeypatch.setattr(fcntl, 'flock', failing('link', errno.ENOLCK))
    store_of(tmp_path / 's', [1, 2])
    assert numbers_in(tmp_path / 's') == [1, 2]
    (tmp_path / 's' / '.lock').touch()
    assert not is_held(str(tmp_path / 's' / '.lock'))


def test_a_lock_is_released_once_and_by_garbage_collection(tmp_path: Path) -> None:
    path = str(tmp_path / '.lock')
    held = StoreLock(path)
    held.release()
    held.release()
    assert not os.path.exists(path)
    held = StoreLock(path)
    assert is_held(path)
    del held
    assert not is_held(path)
    assert StoreLock(path).was_left


def test_a_lock_removed_by_hand_is_no_error_at_the_end(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5)) as store:
        store.add_image(np.zeros((4, 5), np.uint8), 0, 0)
        (tmp_path / 's' / '.lock').unlink()
    assert numbers_in(tmp_path / 's') == [0]


def test_a_lock_that_cannot_be_removed_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, 'unlink', failing('unlink', errno.EACCES, on='.lock'))
        store_of(tmp_path / 's', [1])
    assert (tmp_path / 's' / '.lock').exists()
    with (
        pytest.warns(LockTakenOverWarning),
        imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5), overwrite=True),
    ):
        pass
    shutil.rmtree(tmp_path / 's')


# --- indexes of chunks


@pytest.mark.parametrize('number', [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_an_index_is_not_damaged_by_a_lack_of_resources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    stem = str(tmp_path / 'index')
    monkeypatch.setattr(chunk_index, 'open_regular', failing('link', number))
    monkeypatch.setattr(plain_npz, 'open_descriptor', failing('link', number))
    for save in (np.savez, np.savez_compressed):
        save(f'{stem}.npz', frame_number=[1, 2], frame_time=[0.5, 1.5])
        for read in (read_chunk_index, count_frames):
            with raises(StoreIOError, path=f'{stem}.npz'):
                read(stem)


def test_an_index_of_unequal_columns_is_damaged(tmp_path: Path) -> None:
    np.savez(tmp_path / 'index.npz', frame_number=[1, 2], frame_time=[0.5])
    for read in (read_chunk_index, count_frames):
        with raises(CorruptFileError, path=str(tmp_path / 'index.npz')):
            read(str(tmp_path / 'index'))


def test_a_number_beyond_64_bits_is_damage_of_an_index(tmp_path: Path) -> None:
    (tmp_path / 'index.yaml').write_text(f'frame_number: [1, {2**70}]\nframe_time: [0.5, 1.5]\n')
    with raises(CorruptFileError, path=str(tmp_path / 'index.yaml')):
        read_chunk_index(str(tmp_path / 'index'))


def test_a_chunk_without_an_index_has_no_numbers_to_change(tmp_path: Path) -> None:
    stem = str(tmp_path / 'index')
    assert read_first_numbers(stem) is None
    with raises(CorruptFileError, path=stem):
        rewrite_frame_numbers(stem, np.zeros(1, np.int64), str(tmp_path / 'new'))
    assert not list(tmp_path.iterdir())
