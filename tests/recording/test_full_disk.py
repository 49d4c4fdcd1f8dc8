"""Cameras on a small file system that fills up, where this user may mount one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import imgstore
from imgstore.recording import Recording

from ..helpers.recorded import check_recording, check_store, content
from ..helpers.small_disks import can_mount, mount, resize, unmount

LARGE = 'test:320x240,fps=200,buffers=100000'
SMALL = 'test:96x32,fps=200,buffers=100000'
KILOBYTES = 2000

Disk = Callable[[Path], None]


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Mounts small file systems until the end of the test."""
    mounted: list[Path] = []

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        assert mount(folder, KILOBYTES)
        mounted.append(folder)

    yield make
    for folder in mounted:
        assert unmount(folder)


def wait_for_end(recording: Recording, name: str) -> None:
    """Wait until one camera has ended."""
    end = time.monotonic() + 60
    while recording.status()[name].state != 'ended':
        assert time.monotonic() < end
        time.sleep(0.02)


if can_mount():

    @pytest.mark.parametrize(('fmt', 'options'), [('npy', {}), ('png', {}), ('avc1/mp4', {'crf': 1})])
    def test_a_full_disk_ends_the_camera_on_it(fmt: str, options: dict[str, Any], disk: Disk, tmp_path: Path) -> None:
        """The other one goes on. After a repair with more room, the store has the same frames."""
        recording = imgstore.record({'full': LARGE, 'good': SMALL}, tmp_path / 'r', fmt, chunksize=10, **options)
        disk(tmp_path / 'r' / 'full')
        with recording:
            wait_for_end(recording, 'full')
            assert recording.status()['good'].state == 'recording'
            known = recording.status()['good'].frames
            while recording.status()['good'].frames < known + 100:
                time.sleep(0.02)
        full, good = recording.status().values()
        found = check_recording(tmp_path / 'r')
        assert (good.failed, good.missing) == (False, 0)
        assert full.failed
        assert 'space' in (full.reason or '')
        assert content(tmp_path / 'r')['cameras']['full']['reason'] == full.reason
        assert found['full'] == list(range(full.frames))
        assert full.frames >= 15
        resize(tmp_path / 'r' / 'full', 10 * KILOBYTES)
        imgstore.repair(tmp_path / 'r' / 'full')
        with imgstore.new_for_filename(tmp_path / 'r' / 'full') as store:
            assert check_store(store) == found['full']

    def test_a_full_disk_of_all_cameras_leaves_what_was_recorded_and_the_reasons(disk: Disk, tmp_path: Path) -> None:
        disk(tmp_path / 'disk')
        with imgstore.record({'a': LARGE, 'b': LARGE}, tmp_path / 'disk' / 'r', 'npy', chunksize=10) as recording:
            assert recording.wait(60)
        assert content(tmp_path / 'disk' / 'r')['ended_utc']
        for name, numbers in check_recording(tmp_path / 'disk' / 'r').items():
            assert numbers == list(range(len(numbers)))
            assert len(numbers) >= 5
            told = content(tmp_path / 'disk' / 'r')['cameras'][name]
            assert told['failed']
            assert 'space' in told['reason']
