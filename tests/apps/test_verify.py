"""imgstore-verify: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imgstore.apps.verify import main

from ..helpers.small_stores import store_of
from ..helpers.unverified import forget_checksums

FRAMES = [0, 1, 2, 3, 4]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store_of(tmp_path / 's', FRAMES)


def damage(path: Path) -> None:
    image = path / '000001' / '000001.npy'
    image.write_bytes(image.read_bytes()[:-1] + b'\1')


def test_a_sound_store_is_exit_code_0(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path)]) == 0
    assert capsys.readouterr() == (f'{path}: 5 of 5 frames match their checksums\n', '')


def test_damage_is_exit_code_1_and_named(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(path)
    assert main([str(path), str(store_of(tmp_path / 't', FRAMES))]) == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f'{path}: 4 of 5 frames match their checksums, 1 frame damaged'
    assert second == 'chunk 1: #3 damaged'
    assert third.startswith(str(tmp_path / 't'))


def test_json_has_what_the_report_has(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(path)
    assert main(['--json', str(path)]) == 1
    assert json.loads(capsys.readouterr().out) == {
        'path': str(path),
        'sound': False,
        'frames': 5,
        'verified': 4,
        'unverified': 0,
        'damaged': [3],
        'changed': 0,
        'incomplete_chunks': [],
        'unreadable': [],
        'chunks': [
            {
                'number': 1,
                'frames': 2,
                'unverified': 0,
                'damaged': [3],
                'changed': [],
                'changed_extra_data': False,
                'problem': '',
            }
        ],
    }


def test_add_and_update_are_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forget_checksums(path)
    assert main([str(path)]) == 0
    assert '5 without a checksum, which --add computes' in capsys.readouterr().out
    assert main(['--add', str(path)]) == 0
    damage(path)
    assert main(['--update', str(path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f'{path}: 5 of 5 frames match their checksums, 1 with a new checksum'


def test_only_a_sound_store_is_listed(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ['--manifest', str(tmp_path / 'list'), str(path)]
    damage(path)
    assert main(command) == 1
    assert not (tmp_path / 'list').exists()
    assert main(['--update', *command]) == 0
    assert capsys.readouterr().out.endswith(': 9 files listed\n')


@pytest.mark.parametrize('option', ['--resume', '--manifest'])
def test_a_file_is_for_one_store(option: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([option, 'x', str(path), str(path)])
    assert end.value.code == 2
    assert option in capsys.readouterr().err


def test_an_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / 'missing')]) == 1
    assert capsys.readouterr().err.count('\n') == 1
