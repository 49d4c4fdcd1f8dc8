"""imgstore-info --recursive: recordings of cameras, over all their segments."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import imgstore
from imgstore.apps.info import main
from imgstore.overview import RecordingRow, list_recordings, list_stores

from ..helpers.display import python_env
from ..helpers.recorded import content
from ..helpers.small_stores import store_of

CAMERA = 'test:96x32,fps=200,buffers=100000'
RUN = 'import sys; from imgstore.apps.record import main; sys.exit(main())'
UNPLUGGED = 'the camera was unplugged'


def record(folder: Path, sources: dict[str, str], **options: Any) -> None:
    """Record until all cameras have ended by themselves."""
    with imgstore.record(sources, folder, 'npy', **options) as recording:
        recording.wait(60)


def listed(folder: Path) -> list[RecordingRow]:
    return list_recordings(list_stores(folder), folder)


def printed(folder: Path, capsys: pytest.CaptureFixture[str], code: int = 0) -> list[str]:
    """Return what the command prints of recordings."""
    assert main(['--recursive', str(folder)]) == code
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith(f'{folder}: ')]


@pytest.fixture(scope='module')
def gap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of two cameras, one without a frame in its middle segments."""
    folder = tmp_path_factory.mktemp('recordings') / 'gap'
    record(folder, {'a': f'{CAMERA},frames=120,drop=20-99', 'b': f'{CAMERA},frames=120'}, segment=0.1)
    return folder


def test_missing_numbers_from_one_segment_to_the_next_count(gap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = listed(gap)
    assert (found.path, found.state, found.problem) == (str(gap), 'ended', None)
    for camera in found.cameras:
        told = content(gap)['cameras'][camera.name]
        assert (camera.frames, camera.missing_numbers) == (told['frames'], told['missing'])
        assert camera.stores == len(list(gap.glob(f'segment-*/{camera.name}')))
    a, b = found.cameras
    assert (a.frames, a.missing_numbers, b.frames, b.missing_numbers) == (40, 80, 120, 0)
    assert sum(row.missing_numbers or 0 for row in list_stores(gap)) == 0
    assert found.segments is not None
    assert a.stores < b.stores <= found.segments
    assert printed(gap, capsys) == [
        f'{gap}: camera a: 40 frames in {a.stores} of {found.segments} segments, 80 missing',
        f'{gap}: camera b: 120 frames in {b.stores} of {found.segments} segments, 0 missing',
    ]


def test_an_object_per_recording_follows_those_of_stores(gap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['--recursive', '--json', str(gap.parent)]) == 0
    *stores, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert len(stores) == len(list_stores(gap))
    assert (last['path'], [camera['missing_numbers'] for camera in last['cameras']]) == (str(gap), [80, 0])


def test_a_store_that_cannot_be_read_makes_the_number_unknown(
    gap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / 'r'
    shutil.copytree(gap, folder)
    (folder / 'segment-0001' / 'a' / 'metadata.yaml').write_bytes(b'')
    a, b = listed(folder)[0].cameras
    assert (a.missing_numbers, b.missing_numbers) == (None, 0)
    assert 'an unknown number missing' in next(line for line in printed(folder, capsys, code=1) if 'camera a' in line)


def test_a_segment_alone_and_links_are_listed(gap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [row.path for row in listed(gap / 'segment-0001')] == [str(gap / 'segment-0001')]
    monkeypatch.chdir(gap)
    [found] = listed(Path())
    assert (found.path, found.cameras[0].missing_numbers) == ('.', 80)
    (tmp_path / 'one').symlink_to(gap)
    [found] = listed(tmp_path)
    assert (found.path, found.cameras[0].missing_numbers) == (str(tmp_path / 'one'), 80)


def test_a_camera_that_ended_without_a_last_store_has_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / 'r'
    sources = {'a': f'{CAMERA},drop=20-99,unplug=100', 'b': f'{CAMERA},frames=120'}
    record(folder, sources, segment=0.1)
    assert [camera.failure for camera in listed(folder)[0].cameras] == [UNPLUGGED, None]
    assert f'{folder}: camera a ended early: {UNPLUGGED}' in printed(folder, capsys)


@pytest.mark.parametrize('segment', [None, 0.5])
def test_a_recording_without_a_frame_is_listed(
    segment: float | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / 'r'
    record(folder, {'a': f'{CAMERA},unplug=0', 'b': f'{CAMERA},unplug=0'}, segment=segment)
    lines = printed(folder, capsys)
    assert [line for line in lines if 'ended early' in line] == [
        f'{folder}: camera {name} ended early: {UNPLUGGED}' for name in 'ab'
    ]


def test_a_good_recording_without_segments_needs_no_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path / 'r', {'a': f'{CAMERA},frames=5'})
    assert printed(tmp_path / 'r', capsys) == []
    assert not (tmp_path / 'r' / '.recording.lock').exists()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A recorder of a camera that gives no frame, so that no store is open."""
    arguments = ['--format', 'npy', '--segment', '9', '--source', f'a={CAMERA},drop=0-100000', str(tmp_path / 'r')]
    process = subprocess.Popen([sys.executable, '-c', RUN, *arguments], env=python_env())
    try:
        end = time.monotonic() + 60
        while not (tmp_path / 'r' / 'recording.yaml').exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_killed_recorder_is_noticed_without_an_open_store(
    recorder: subprocess.Popen[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / 'r'
    assert [(row.state, row.problem) for row in listed(folder)] == [('live', None)]
    recorder.kill()
    recorder.wait()
    assert [row.state for row in listed(folder)] == ['killed']
    assert printed(folder, capsys)[0] == f'{folder}: its recorder was killed'


def test_a_damaged_recording_is_unreadable_and_another_programs_file_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(tmp_path / 'other' / 'cam', [0])
    (tmp_path / 'other' / 'recording.yaml').write_text('of: another program\n')
    assert listed(tmp_path) == []
    record(tmp_path / 'r', {'a': f'{CAMERA},frames=5'})
    path = tmp_path / 'r' / 'recording.yaml'
    path.write_bytes(path.read_bytes().partition(b'cameras:')[0])
    [found] = listed(tmp_path)
    assert (found.path, found.state) == (str(tmp_path / 'r'), 'unreadable')
    assert printed(tmp_path / 'r', capsys, code=1) == [f'{tmp_path / "r"}: {path} does not list cameras']


def test_info_of_a_recording_names_the_command(gap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(gap)]) == 1
    assert f'imgstore info --recursive {os.fspath(gap)}' in capsys.readouterr().err
