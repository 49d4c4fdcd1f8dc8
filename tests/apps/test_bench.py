"""imgstore-test --bench and imgstore-convert --estimate, as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import imgstore
from imgstore.apps import main_test
from imgstore.apps.convert import main as main_convert
from imgstore.measuring import SCENES
from imgstore.measuring.table import FACTS, FIGURES

from ..helpers.display import python_env
from ..helpers.format_table import ROWS
from ..helpers.frames import numbered
from ..helpers.small_stores import store_of
from ..helpers.spying import spy

pytestmark = pytest.mark.once

SHAPE = (64, 96)


def run_it(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = 'import sys; from imgstore.apps.dispatch import main; sys.exit(main())'
    command = [sys.executable, '-P', '-c', code, name, *map(str, arguments)]
    return subprocess.run(command, env=python_env(), capture_output=True, text=True, check=False)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store:
        for index in range(40):
            store.add_image(numbered(index, SHAPE), index, index / 50)
    return tmp_path / 's'


# --- imgstore-test --bench


@pytest.mark.process
def test_bench_prints_a_table_of_each_recording(tmp_path: Path) -> None:
    done = run_it('test', '--bench', 'png,pgm,avc1', '--size', '64x64', '--frames', '3', '--color')
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    _, *tables = done.stdout.split('\n\n')
    assert [table.partition(',')[0] for table in tables[:-1]] == [each.name for each in SCENES]
    assert tables[-1].split('\n')[0].split() == ['format', 'files', 'holds', 'lossless', 'opened', 'by']
    for table in tables[:-1]:
        heading, titles, *rows = table.splitlines()
        assert heading.endswith(', 64 x 64 color, 3 frames')
        assert all(title in titles for title in FIGURES)
        assert [row.split()[0] for row in rows] == ['png', 'pgm', 'avc1/mp4']
        assert rows[0].split()[-1] == 'exact'
        assert set(rows[1].split()[1:]) == {'-'}


def test_bench_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_test(['--bench', 'npy,jpg', '--size', '64x80', '--frames', '2', '--json']) == 0
    out, err = capsys.readouterr()
    assert err == ''
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row['recording'], row['format']) for row in rows] == [
        (scene.name, fmt) for scene in SCENES for fmt in ('npy', 'jpg')
    ]
    npy, jpg = rows[:2]
    assert (npy['exact'], npy['psnr'], npy['width'], npy['height'], npy['color']) == (True, None, 64, 80, False)
    assert npy['mb_per_hour'] == pytest.approx((128 + 64 * 80) * 30 * 3600 / 1e6)
    assert not jpg['exact']
    assert min(jpg['psnr'], jpg['writes'], jpg['reads'], jpg['random_ms']) > 0


def test_bench_of_all_has_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_test(['--bench=all', '--size', '64x64', '--frames', '1']) == 0
    last = capsys.readouterr().out.split('\n\n')[-1].splitlines()
    assert [line.split('  ')[0] for line in last[1:]] == list(ROWS)
    assert all(title in last[0] for title in FACTS)


@pytest.mark.parametrize('arguments', [['--bench', 'nope'], ['--bench', 'png', '--size', '32x32']])
def test_bench_of_what_cannot_be_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main_test(arguments) == 1
    err = capsys.readouterr().err
    assert err.count('\n') == 1


@pytest.mark.parametrize('more', [['--all'], ['--doctor'], ['-k', 'align'], ['--frames', '0']])
def test_bench_takes_no_options_of_the_tests(more: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_test(['--bench', 'png', *more])
    assert end.value.code == 2


def test_without_bench_its_options_are_those_of_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(pytest, 'main', spy(lambda args, plugins: 0, lambda args, plugins: calls.append(args)))
    assert main_test(['--no-doctor', '--color', 'no', '--json']) == 0
    assert {'--color', 'no', '--json'} <= set(calls[0])


# --- imgstore-convert --estimate


@pytest.mark.process
def test_estimate_prints_a_line_for_each_format(recording: Path) -> None:
    before = sorted(recording.parent.rglob('*'))
    done = run_it('convert', '--estimate', recording)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    about, titles, *rows = done.stdout.splitlines()
    assert about.startswith('40 frames of 96 x 64 gray uint8 in png, ')
    assert titles.split()[0] == 'format'
    assert {row.split()[0] for row in rows[: len(ROWS)]} == set(ROWS)
    assert [row.split()[0] for row in rows[: len(ROWS)] if row.endswith('now')] == ['png']
    assert rows[len(ROWS)].startswith('An hour is at 50 frames/s.')
    assert sorted(recording.parent.rglob('*')) == before


def test_estimate_takes_several_formats_and_options(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_convert(['--estimate', '--format', 'jpg', '--format', 'npy', '--quality', '50', str(recording)]) == 0
    rows = capsys.readouterr().out.splitlines()[2:4]
    assert [row.split()[0] for row in rows] == ['jpg', 'npy']
    assert rows[1].split()[1:4] == ['0.251', '0', '1,129']  # MB, ± MB, MB/hour at 50 frames/s


def test_estimate_tells_what_was_left_out(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recording / '000000' / '000007.png').write_bytes(b'')
    assert main_convert(['--estimate', '--format', 'npy', str(recording)]) == 0
    assert '1 frame of the sample cannot be read, and is left out.' in capsys.readouterr().out


def test_estimate_reports_a_format_that_cannot_hold_the_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(tmp_path / 's')
    with imgstore.new_for_format('npy', store, imgshape=SHAPE, imgdtype='uint16') as made:
        made.add_image(numbered(0, SHAPE).astype('uint16'), 0, 0)
    names = ['--format', 'png', '--format', 'jpg', '--format', 'npy']
    assert main_convert(['--estimate', *names, store]) == 1
    out, err = capsys.readouterr()
    assert [row.split()[0] for row in out.splitlines()[2:4]] == ['png', 'npy']
    assert err.startswith('imgstore-convert: jpg: format jpg holds uint8, not imgdtype uint16')
    assert err.count('\n') == 1
    assert main_convert(['--estimate', '--json', *names, store]) == 1
    assert [each['format'] for each in json.loads(capsys.readouterr().out)['refused']] == ['jpg']


def test_estimate_of_no_frames_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_convert(['--estimate', str(store_of(tmp_path / 's', []))]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count('\n')) == ('', 1)


@pytest.mark.parametrize(
    'arguments',
    [
        ['--estimate', 's', 'd'],
        ['--estimate', '--overwrite', 's'],
        ['--estimate', '--workers', '1', 's'],
        ['--estimate', '--min-psnr', '30', 's'],
        ['--estimate', '--format', 'nope', 's'],
        ['--format', 'png', 's'],
        ['s', 'd'],
        ['--format', 'png', '--format', 'jpg', 's', 'd'],
    ],
)
def test_a_wrong_mix_of_arguments_is_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_convert(arguments)
    assert end.value.code == 2
