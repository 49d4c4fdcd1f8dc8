"""What a repair leaves in metadata.yaml, and where it is shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

import imgstore
from imgstore.apps.dispatch import main
from imgstore.ondisk.metadata import load_metadata
from imgstore.ondisk.repair_notes import repair_notes
from imgstore.overview.listing import list_stores
from imgstore.overview.report import overview

from ..helpers.writing import add, at_once, check


def killed(path: Path, frames: int = 5) -> Path:
    """A store as a killed writer leaves it, with metadata that somebody has edited."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name('whole')
    with at_once(whole, 'npy', chunksize=3, metadata={'mouse': 7}) as store:
        add(store, *range(frames))
        shutil.copytree(whole, path)
    shutil.rmtree(whole)
    metadata = path / 'metadata.yaml'
    metadata.write_text('# the first one\n' + metadata.read_text())
    return path


def test_a_repair_is_noted_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = killed(tmp_path / 's')
    before = (path / 'metadata.yaml').read_text()
    assert imgstore.repair(path)
    (note,) = repair_notes(load_metadata(str(path)))
    assert (note.found, note.chunks, note.frames, note.lost) == ('its writer was killed', (1,), 2, 0)
    after = (path / 'metadata.yaml').read_text()
    assert after.startswith('# the first one\nmouse: 7\n')
    assert yaml.safe_load(after)['__store']['imgshape'] == yaml.safe_load(before)['__store']['imgshape']
    check(path, range(5))
    assert overview(path).repairs == (note,)
    assert list_stores(path)[0].problem == str(note)
    main(['info', str(path)])
    assert f'good\n                {note}' in capsys.readouterr().out
    assert not imgstore.repair(path)
    assert (path / 'metadata.yaml').read_text() == after


def test_each_repair_is_noted(tmp_path: Path) -> None:
    path = killed(tmp_path / 's')
    imgstore.repair(path)
    (path / '.lock').touch()
    imgstore.repair(path)
    assert [note.chunks for note in repair_notes(load_metadata(str(path)))] == [(1,), ()]
    check(path, range(5))


def test_a_dry_run_and_a_sound_store_are_not_noted(tmp_path: Path) -> None:
    path = killed(tmp_path / 's')
    before = (path / 'metadata.yaml').read_bytes()
    imgstore.repair(path, dry_run=True)
    assert (path / 'metadata.yaml').read_bytes() == before


def test_metadata_of_another_form_are_written_again(tmp_path: Path) -> None:
    path = killed(tmp_path / 's')
    content = yaml.safe_load((path / 'metadata.yaml').read_text())
    (path / 'metadata.yaml').write_text(yaml.safe_dump(content, default_flow_style=True))
    imgstore.repair(path)
    assert len(repair_notes(load_metadata(str(path)))) == 1
    check(path, range(5))


@pytest.mark.parametrize(
    'kept', [3, [3], [{'utc': 1}], [{'utc': 'x', 'found': 'y', 'chunks': 3, 'frames': 1, 'lost': 0}]]
)
def test_notes_of_another_form_are_left_out(kept: object, tmp_path: Path) -> None:
    path = killed(tmp_path / 's')
    content = yaml.safe_load((path / 'metadata.yaml').read_text())
    content['__store']['repairs'] = kept
    (path / 'metadata.yaml').write_text(yaml.safe_dump(content))
    assert overview(path).repairs == ()
    imgstore.repair(path)
    assert len(overview(path).repairs) == 1


def test_a_folder_of_stores_is_repaired_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a recording in segments is."""
    for number in (1, 2, 10):
        for camera in ('left', 'right'):
            killed(tmp_path / 'r' / f'segment-{number:04d}' / camera)
    assert main(['repair', str(tmp_path / 'r')]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if 'was completed' in line]
    assert [line.rpartition('/r/')[2].partition(':')[0] for line in lines] == [
        f'segment-{number:04d}/{camera}' for number in (1, 2, 10) for camera in ('left', 'right')
    ]
    assert main(['verify', str(tmp_path / 'r')]) == 0
    assert capsys.readouterr().out.count('5 of 5 frames match their checksums') == 6
    (tmp_path / 'r' / 'segment-0001' / 'left' / '000000' / '000001.npy').write_bytes(b'')
    assert main(['verify', str(tmp_path / 'r')]) == 1
    assert capsys.readouterr().out.count('5 of 5 frames match their checksums') == 5


def test_a_store_that_cannot_be_repaired_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed(tmp_path / 'r' / 'b')
    with at_once(tmp_path / 'r' / 'a', 'npy') as live:
        add(live, 0)
        assert main(['repair', str(tmp_path / 'r')]) == 1
    out, err = capsys.readouterr()
    assert 'b: 1 chunk was completed' in out
    assert 'is open in another writer' in err


@pytest.mark.parametrize('command', ['repair', 'verify'])
def test_a_folder_without_stores_is_an_error(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(tmp_path)]) == 1
    assert 'holds no store' in capsys.readouterr().err
