from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.apps import generate_timecodes, main_generate_timecodes


def store_of(folder: Path, times: list[float]) -> Any:
    with imgstore.new_for_format('npy', basedir=folder, imgshape=(4, 5), chunksize=2) as store:
        for number, time in enumerate(times):
            store.add_image(np.zeros((4, 5), np.uint8), number, time)
    return imgstore.new_for_filename(folder)


def test_each_frame_has_a_line_of_milliseconds_from_the_first(tmp_path: Path) -> None:
    file = io.StringIO()
    seconds = generate_timecodes(store_of(tmp_path / 's', [1.6e9, 1.6e9 + 0.04, 1.6e9 + 0.0805]), file)
    assert file.getvalue() == '# timecode format v2\n0.000\n40.000\n80.500\n'
    assert isinstance(seconds, np.ndarray)
    assert seconds.dtype == np.float64
    assert seconds == pytest.approx([0, 0.04, 0.0805], abs=1e-6)


def test_an_empty_store_has_the_first_line_alone(tmp_path: Path) -> None:
    file = io.StringIO()
    assert generate_timecodes(store_of(tmp_path / 's', []), file).shape == (0,)
    assert file.getvalue() == '# timecode format v2\n'


def test_the_command_prints_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_of(tmp_path / 's', [5.0, 5.5])
    assert main_generate_timecodes([str(tmp_path / 's')]) == 0
    assert capsys.readouterr() == ('# timecode format v2\n0.000\n500.000\n', '')


def test_the_command_reads_the_processs_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(tmp_path / 's', [5.0])
    monkeypatch.setattr('sys.argv', ['imgstore-timecodes', str(tmp_path / 's' / 'metadata.yaml')])
    assert main_generate_timecodes() == 0
    assert capsys.readouterr().out.splitlines()[1:] == ['0.000']


def test_no_store_is_one_line_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_generate_timecodes([str(tmp_path / 'none')]) == 1
    out, err = capsys.readouterr()
    assert out == ''
    assert len(err.splitlines()) == 1
    assert 'none' in err


def test_no_arguments_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_generate_timecodes([])
    assert end.value.code == 2
    assert 'path' in capsys.readouterr().err
