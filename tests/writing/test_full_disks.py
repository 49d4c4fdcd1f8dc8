"""Disks that fill up or fail: no frame is lost, and all commands agree. Small file systems need the right to mount."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.errors import FrameWriteError
from imgstore.overview.report import overview

from ..helpers.frames import BITS, index_in, numbered
from ..helpers.small_disks import can_mount, mount, resize, unmount
from ..helpers.writing import WRITERS, add, at_once, new

SHAPE = (64, 96)
KILOBYTES = {None: 600, 'pyav': 600, 'opencv': 2000}
PERIOD = 2**BITS


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a small file system is mounted by `fill`."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    yield folder
    unmount(folder)


def noisy(number: int) -> np.ndarray[Any, Any]:
    """An image with its number that takes some room in any format."""
    image: np.ndarray[Any, Any] = numbered(number, SHAPE)
    image[-16:] = np.random.default_rng(number).integers(0, 256, (16, SHAPE[1]))
    return image


def fill(store: imgstore.ImgStore) -> tuple[list[int], FrameWriteError]:
    """Add frames until one is refused; return the numbers that were taken, and the error."""
    for number in range(100_000):
        try:
            store.add_image(noisy(number), number, number / 100, extra_data={'n': number})
        except FrameWriteError as error:
            return list(range(number)), error
    raise AssertionError('the disk did not get full')


def numbers_in(path: Path) -> list[int]:
    """Compare each image with its number."""
    with imgstore.new_for_filename(path) as store:
        numbers = [int(number) for number in store.frame_numbers]
        for image, (number, _) in store:
            assert index_in(image) == number % PERIOD
        extra = store.get_extra_data()
        assert extra is not None
        assert extra['n'].tolist() == extra['frame_number'].tolist()
    return numbers


def check_agreement(path: Path, numbers: list[int]) -> None:
    """All that looks at the store finds these frames, and nothing else that is wrong."""
    assert numbers_in(path) == numbers
    assert imgstore.verify(path)
    plan = imgstore.repair(path, dry_run=True)
    assert (bool(plan), plan.unreadable) == (not overview(path).health.good, ())
    assert [name for name in os.listdir(path) if name.endswith(('.mp4', '.mkv', '.avi'))] == [
        name for name in os.listdir(path) if name.endswith(('.mp4', '.mkv', '.avi')) and (path / name).stat().st_size
    ]
    assert sum(chunk.lost != [] for chunk in plan.chunks) == 0


if can_mount():

    @pytest.mark.parametrize('durability', ['frame', 'chunk'])
    @pytest.mark.parametrize(('fmt', 'backend'), WRITERS)
    def test_a_full_disk_ends_the_writing_and_costs_no_earlier_frame(
        fmt: str, backend: str | None, durability: str, disk: Path
    ) -> None:
        """The error is one sentence. All commands agree on the store, then and after a repair with more room."""
        assert mount(disk, KILOBYTES[backend])
        store = at_once(disk / 's', fmt, SHAPE, backend=backend, durability=durability, chunksize=20)
        taken, error = fill(store)
        assert error.reason == 'No space left on device'
        assert error.frame_number == taken[-1] + 1
        assert (len(str(error)) < 400, str(error).count('Errno')) == (True, 0)
        resize(disk, 10 * KILOBYTES[backend])
        with pytest.raises(FrameWriteError) as refused:
            store.add_image(noisy(0), 10_000, 10_000)
        assert refused.value.frame_numbers == (10_000,)
        store.close()
        lost = set(error.frame_numbers) - {error.frame_number}
        assert durability == 'chunk' or not lost
        kept = [number for number in taken if number not in lost]
        if durability == 'frame':
            check_agreement(disk / 's', kept)
        imgstore.repair(disk / 's')
        assert set(numbers_in(disk / 's')) >= set(kept)
        assert overview(disk / 's').health.good
        assert imgstore.verify(disk / 's').incomplete == ()
        assert not imgstore.repair(disk / 's')

    @pytest.mark.parametrize(('fmt', 'backend'), WRITERS)
    def test_frames_in_the_queue_of_a_full_disk_are_named_once(fmt: str, backend: str | None, disk: Path) -> None:
        """Frames that were taken and not stored are named by the next calls, in one sentence each."""
        assert mount(disk, KILOBYTES[backend])
        store = new(disk / 's', fmt, SHAPE, backend=backend, chunksize=20, workers=2)
        taken, error = fill(store)
        assert len(str(error)) < 400
        store.close()
        kept = numbers_in(disk / 's')
        assert kept == list(range(len(kept)))
        assert set(taken) - set(kept) <= set(error.frame_numbers)
        check_agreement(disk / 's', kept)

    def test_an_emptied_store_takes_frames_again(disk: Path) -> None:
        assert mount(disk, 600)
        with at_once(disk / 's', 'npy', SHAPE) as store:
            fill(store)
            resize(disk, 700)
            store.empty()
            store.add_image(noisy(3), 3, 3, extra_data={'n': 3})
        assert numbers_in(disk / 's') == [3]


@pytest.mark.parametrize('code', ['EIO', 'EDQUOT', 'EROFS', 'ESTALE'])
@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4', 'h264/mkv', 'mjpeg/avi'])
def test_other_errors_of_the_disk_end_the_writing_too(
    fmt: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk raises an error once; the writer leaves it alone from then on."""
    store = at_once(tmp_path / 's', fmt, SHAPE)
    for number in range(5):
        store.add_image(noisy(number), number, number, extra_data={'n': number})
    number = getattr(errno, code)

    def fail(*args: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr('imgstore.ondisk.journal.write_all', fail)
    with pytest.raises(FrameWriteError) as caught:
        store.add_image(noisy(5), 5, 5)
    monkeypatch.undo()
    assert caught.value.reason == os.strerror(number)
    with pytest.raises(FrameWriteError):
        store.add_image(noisy(6), 6, 6)
    store.close()
    assert numbers_in(tmp_path / 's') == list(range(5))
    assert imgstore.repair(tmp_path / 's')
    assert numbers_in(tmp_path / 's') == list(range(5))
    assert imgstore.verify(tmp_path / 's').verified == 5


def test_a_chunk_that_cannot_be_synced_ends_the_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks are synced in the background; a disk that cannot takes no further frame."""

    def fail(*args: object) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr('imgstore.writing.completing.sync_chunk', fail)
    store = at_once(tmp_path / 's', 'png', SHAPE, chunksize=2)
    with pytest.raises(FrameWriteError) as caught:
        add(store, *range(1000))
    assert caught.value.reason == os.strerror(5)
    with pytest.raises(FrameWriteError):
        store.close()
