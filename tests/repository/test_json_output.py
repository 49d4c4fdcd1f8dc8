"""What the commands print with --json is what docs/json-output.schema.json says."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.apps.commands import COMMANDS
from imgstore.apps.dispatch import main

from ..helpers.json_schema import problems
from . import REPOSITORY

DOCS = REPOSITORY / 'docs'
TEXT = (DOCS / 'json-output.schema.json').read_text(encoding='utf-8')
SCHEMAS = json.loads(TEXT)['$defs']
ROWS = re.findall(r'^\| `imgstore (\w+)(.*?)` \| `(\w+)` \|', (DOCS / 'json-output.md').read_text(), re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a gap and extra data, one of a killed writer, one to renumber, and images."""
    monkeypatch.chdir(tmp_path)
    with imgstore.new_for_format('png', 'store', imgshape=(48, 64), chunksize=4, metadata={'a': [1]}) as store:
        for number in (0, 1, 2, 5, 6, 7):
            store.add_image(np.full((48, 64), number, np.uint8), number, number / 25)
            store.add_extra_data(temperature=number)
    with imgstore.new_for_format('npy', 'open', imgshape=(48, 64), workers=0) as store:
        for number in (0, 1):
            store.add_image(np.full((48, 64), number, np.uint8), number, number / 25)
        shutil.copytree('open', 'killed')
    with imgstore.new_for_format('npy', 'triggered', imgshape=(48, 64)) as store:
        for index, number in enumerate((7, 8, 0, 1)):
            store.add_image(np.zeros((48, 64), np.uint8), number, index / 25)
    (tmp_path / 'rig.yaml').write_text('folder: data\nformat: npy\ncameras: {a: "test:64x48"}')
    (tmp_path / 'marks.csv').write_text('start,end,label\n1,2,first\n6,,\n')
    return tmp_path


RUNS = {
    'save': ['save', '--json', '--format', 'npy', 'store/000000', 'saved'],
    'record': [
        'record',
        '--json',
        '--format',
        'npy',
        '--frames',
        '5',
        *2 * ['--source', 'test:64x48,fps=50'],
        'cameras',
    ],
    'pace': ['record', '--json', '--check', '--check-seconds', '0.5', 'rig.yaml'],
    'info': ['info', '--json', 'store', 'killed'],
    'listing': ['info', '--json', '--recursive', '.'],
    'export': ['export', '--json', '--clip', 'marks.csv', 'store', 'clip.mp4'],
    'convert': ['convert', '--json', '--format', 'jpg', 'store', 'converted'],
    'estimate': ['convert', '--json', '--estimate', '--format', 'jpg', '--format', 'png', 'store'],
    'index': ['index', '--json', 'store', 'open'],
    'verify': ['verify', '--json', 'store', 'open'],
    'reindex': ['reindex', '--json', 'triggered'],
    'repair': ['repair', '--json', '--dry-run', 'killed'],
    'bench': ['test', '--bench', 'png,mjpeg/avi', '--json', '--size', '64x64', '--frames', '3'],
}
LINES = {'record': 2, 'info': 2, 'listing': 4, 'export': 2, 'index': 2, 'verify': 2, 'bench': 6}


def objects(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main(arguments) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize('name', RUNS)
def test_a_commands_objects_are_as_the_schema_says(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = objects(RUNS[name], capsys)
    assert len(found) == LINES.get(name, 1)
    assert [problem for each in found for problem in problems(each, SCHEMAS[name])] == []


@pytest.mark.parametrize('ending', ['csv', 'npz', 'gif', 'txt', 'tif'])
def test_every_kind_of_output_is_told_alike(ending: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = objects(['export', '--json', 'store', f'out.{ending}'], capsys)
    assert problems(found, SCHEMAS['export']) == []
    assert (found['frames'], found['path']) == (6, str(folder / f'out.{ending}'))


def test_a_store_that_was_not_replaced_is_told_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / 'images').mkdir()
    shutil.copy(folder / 'store' / '000000' / '000000.png', folder / 'images' / '0.png')
    (folder / 'images' / '1.png').write_bytes(b'damaged')
    assert main(['save', '--json', '--overwrite', '--format', 'npy', 'images', 'open']) == 1
    found = json.loads(capsys.readouterr().out)
    assert problems(found, SCHEMAS['save']) == []
    assert (found['path'], found['frames']) == (None, 0)


@pytest.mark.slow
def test_the_doctors_objects_are_as_the_schema_says(capsys: pytest.CaptureFixture[str]) -> None:
    found = objects(['test', '--doctor', '--json'], capsys)
    assert {each['format'] for each in found} >= {'png', 'avc1/mp4'}
    assert [problem for each in found for problem in problems(each, SCHEMAS['doctor'])] == []


def test_the_schema_is_that_of_the_classes() -> None:
    """Run tools/make_schema.py after a change."""
    assert runpy.run_path(str(REPOSITORY / 'tools' / 'make_schema.py'))['schema']() == TEXT


def test_the_page_names_every_object_and_every_command_with_json() -> None:
    assert {name for _, _, name in ROWS} == set(SCHEMAS)
    with_json = {row.name for row in COMMANDS if '--json' in row.parser()._option_string_actions}
    assert {name for name, _, _ in ROWS} == with_json == {row.name for row in COMMANDS} - {'view', 'completion'}


def test_everything_is_described() -> None:
    assert re.findall(r'"description": ""', TEXT) == []


@pytest.mark.parametrize(
    'value', [{}, {'path': 3}, {'path': 'p', 'frames': True, 'sqlite': False}, {'path': 'p', 'x': 1}]
)
def test_what_does_not_fit_is_noticed(value: dict[str, Any]) -> None:
    assert problems(value, SCHEMAS['index'])
