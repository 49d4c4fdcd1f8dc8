"""imgstore-record with a set-up in a file."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

import imgstore
from imgstore.errors import InvalidArgumentError, StoreExistsError
from imgstore.recording import load_rig

from ..helpers.raised import raises
from ..helpers.recorded import check_recording, content
from .test_record import run

pytestmark = pytest.mark.once

FAST = 'test:96x32,fps=500,buffers=100000'
RIG = f"""
folder: "data/{{date}}_{{subject}}"
subject: mouse7
format: npy
frames: 20
metadata: {{cage: 3}}
cameras:
  left: {{source: "{FAST}", fps: 400}}
  right: {{source: "{FAST}", format: png, metadata: {{lens: 16}}}}
"""


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    path = tmp_path / 'rig.yaml'
    path.write_text(RIG)
    return path


def folder_of(rig: Path) -> Path:
    return rig.parent / 'data' / f'{time.strftime("%Y-%m-%d")}_mouse7'


def test_a_file_is_all_that_the_command_needs(rig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(rig) == 0
    assert [line.split(',')[0] for line in capsys.readouterr().out.splitlines()] == [
        'left: 20 frames',
        'right: 20 frames',
    ]
    assert check_recording(folder_of(rig)) == {'left': list(range(20)), 'right': list(range(20))}
    told = content(folder_of(rig))
    assert told['metadata'] == {'subject': 'mouse7', 'cage': 3}
    assert told['format'] == 'npy'
    assert [each['format'] for each in told['cameras'].values()] == ['npy', 'png']
    assert run(rig) == 1  # the folder of this day is there
    assert 'already holds a recording' in capsys.readouterr().err


def test_python_takes_the_same_file(rig: Path, tmp_path: Path) -> None:
    ways: list[Any] = [rig, str(rig), load_rig(rig)]
    for number, given in enumerate(ways):
        with imgstore.record(given, tmp_path / f'r{number}', metadata={'cage': 4}, frames=5) as recording:
            assert recording.wait(30)
        assert {len(numbers) for numbers in check_recording(tmp_path / f'r{number}').values()} == {5}
    with imgstore.record(rig) as recording:
        assert recording.wait(30)
    with raises(StoreExistsError):
        imgstore.record(rig)
    assert recording.folder == str(folder_of(rig))
    with imgstore.new_for_filename(tmp_path / 'r0' / 'right') as store:
        assert (store.user_metadata['cage'], store.user_metadata['lens']) == (4, 16)


def test_settings_in_force_are_in_the_metadata_of_each_store(rig: Path) -> None:
    assert run(rig) == 0
    with imgstore.new_for_filename(folder_of(rig) / 'left') as store:
        in_force = store.user_metadata['camera']['settings']
    assert in_force == {'fps': 400.0, 'size': [96, 32], 'pixel_format': 'Mono8', 'trigger': None}
    assert content(folder_of(rig))['cameras']['left']['settings'] == in_force


def test_the_command_line_comes_before_the_file(rig: Path, tmp_path: Path) -> None:
    assert run(rig, tmp_path / 'other', '--frames', '3', '--format', 'bmp', '--metadata', 'cage=5') == 0
    assert {len(numbers) for numbers in check_recording(tmp_path / 'other').values()} == {3}
    assert {each['format'] for each in content(tmp_path / 'other')['cameras'].values()} == {'bmp'}
    assert content(tmp_path / 'other')['metadata']['cage'] == 5


def test_until_a_time_of_day(rig: Path, tmp_path: Path) -> None:
    soon = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(time.time() + 2))
    assert run(rig, tmp_path / 'r', '--frames', '100000', '--until', soon) == 0
    assert time.strftime('%Y-%m-%d %H:%M:%S') >= soon
    assert all(len(numbers) > 20 for numbers in check_recording(tmp_path / 'r').values())


@pytest.mark.parametrize(
    ('args', 'text'),
    [
        (['--source', 'test:', 'rig.yaml', 'folder'], '--source and a set-up'),
        (['rig.yaml', '--fps', '5'], 'change fps there'),
        (['none.yaml'], 'none.yaml'),
        (['rig.yaml', '--until', '2020-01-01 10:00'], 'which is over'),
    ],
)
def test_wrong_uses_are_one_line(
    args: list[str], text: str, rig: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(rig.parent)
    assert run(*args) == 1
    err = capsys.readouterr().err
    assert text in err
    assert err.count('\n') == 1


def test_a_folder_without_a_source_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(tmp_path / 'r')
    assert caught.value.code == 2
    assert 'give --source, or the file of a set-up' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('args', 'text'),
    [
        (['--check', '--source', 'test:', 'rig.yaml'], '--check takes a set-up, not --source'),
        (['--check', '--source', 'test:', 'folder'], '--check takes a set-up, not --source'),
        (['--check', 'rig.yaml', 'folder'], 'remove FOLDER'),
        (['--check', 'rig.yaml', '--frames', '5'], 'remove --frames'),
        (['--check', 'rig.yaml', '--format', 'npy'], 'remove --format'),
        (['--check', 'rig.yaml', '--web'], 'remove --web'),
        (['rig.yaml', '--port', '8322'], 'add --web'),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(
    args: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*args)
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


def test_a_subject_of_the_command_line_names_the_folder(rig: Path) -> None:
    assert run(rig, '--metadata', 'subject=mouse8', '--frames', '2') == 0
    folder = folder_of(rig).parent / folder_of(rig).name.replace('mouse7', 'mouse8')
    assert content(folder)['metadata']['subject'] == 'mouse8'


def test_a_time_that_is_over_has_its_line(rig: Path) -> None:
    rig.write_text(RIG + 'until: 2020-01-01 10:00\n')
    with raises(InvalidArgumentError, path=str(rig)) as caught:
        imgstore.record(rig)
    assert f'{rig}, line {len(RIG.splitlines()) + 1}, until: until is 2020' in str(caught.value)
    with imgstore.record(rig, duration=30) as recording:  # the argument comes before it
        assert recording.wait(30)


def test_an_error_from_the_settings_of_all_cameras_names_the_camera(rig: Path) -> None:
    rig.write_text(RIG.replace('cameras:', 'settings: {pixel_format: Mono9}\ncameras:'))
    with raises(InvalidArgumentError, path=str(rig)) as caught:
        imgstore.record(rig)
    assert "settings.pixel_format: camera 'left', source test:96x32" in str(caught.value)


def test_settings_beside_a_set_up_are_refused(rig: Path) -> None:
    with raises(InvalidArgumentError, argument='settings'):
        imgstore.record(rig, settings={})


def test_a_check_says_whether_the_machine_keeps_the_pace(rig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = RIG.replace('frames: 20\n', '').replace(FAST, 'test:96x32,fps=30').replace('fps: 400', 'fps: 20')
    rig.write_text(text)
    assert run('--check', '--check-seconds', '1', rig) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == 'this machine keeps the pace'
    assert re.match(r'left: \d+ frames, 0 missing, 20\.\d frames/s, capture ', out)
    assert err == 'imgstore-record: records 1 s of left, right, then tries formats\n'
    rig.write_text(text.replace('fps=30', 'fps=30,drop=4'))
    assert run('--check', '--check-seconds', '1', '--json', rig) == 1
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert not report['keeps_pace']
    assert '1 missing (1 in the camera)' in err
    assert [path.name for path in rig.parent.iterdir()] == ['rig.yaml']
