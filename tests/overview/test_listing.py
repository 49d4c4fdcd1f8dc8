"""imgstore-info --recursive: all stores below a folder."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.apps.info import main
from imgstore.errors import StoreNotFoundError
from imgstore.overview import list_stores

from ..helpers.small_stores import store_of

RUN = 'import sys; from imgstore.apps.info import main; sys.exit(main())'


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three stores below a folder, and folders that are none."""
    folder = tmp_path / 'data'
    store_of(folder / 'mouse10' / 'cam', [0, 1, 2, 5, 6])
    store_of(folder / 'mouse2' / 'cam', [0, 1])
    with imgstore.new_for_format('avc1/mp4', folder / 'mouse2' / 'top', imgshape=(64, 48, 3)) as store:
        for number in range(3):
            store.add_image(np.zeros((64, 48, 3), np.uint8), number, 1700000000 + number)
    (folder / 'notes').mkdir()
    (folder / 'notes' / 'metadata.yaml').write_text('of: another program\n')
    (folder / 'notes' / '20240131.mp4').write_bytes(b'')
    (folder / '.hidden').mkdir()
    store_of(folder / '.hidden' / 'old', [0])
    monkeypatch.chdir(tmp_path)
    return folder


def listed(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, list[Any]]:
    code = main(['--recursive', '--json', *args])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_store_is_a_row_sorted_as_people_count(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = listed(capsys, 'data')
    assert code == 0
    assert [row['path'] for row in rows] == ['data/mouse2/cam', 'data/mouse2/top', 'data/mouse10/cam']
    assert [(row['frames'], row['missing_numbers'], row['state']) for row in rows] == [
        (2, 0, 'good'),
        (3, 0, 'good'),
        (5, 2, 'good'),
    ]
    top = rows[1]
    assert (top['format'], top['image_shape'], top['dtype']) == ('avc1/mp4', [64, 48, 3], 'uint8')
    assert (top['first_time'], top['last_time'], top['duration']) == (1700000000.0, 1700000002.0, 2.0)
    files = [path for path in (data / 'mouse2' / 'top').rglob('*') if path.is_file()]
    assert (top['files'], top['bytes_on_disk']) == (len(files), sum(path.stat().st_size for path in files))


def test_a_csv_has_the_same_values(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, rows = listed(capsys, 'data')
    assert main(['--recursive', '--csv', 'data']) == 0
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row['path'] for row in table] == [row['path'] for row in rows]
    assert [int(row['frames']) for row in table] == [2, 3, 5]
    assert [row['image_shape'] for row in table] == ['4x5', '64x48x3', '4x5']
    assert float(table[2]['duration']) == rows[2]['duration']
    assert list(table[0]) == list(rows[0])


def test_a_folder_may_be_a_store_itself(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [row['path'] for row in listed(capsys, 'data/mouse2/cam/')[1]] == ['data/mouse2/cam']
    assert [row['path'] for row in listed(capsys, 'data/mouse2', 'data')[1]] == [
        'data/mouse2/cam',
        'data/mouse2/top',
        'data/mouse10/cam',
    ]


def test_paths_below_the_current_folder_are_short(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    assert [row['path'] for row in listed(capsys, '.')[1]] == ['mouse2/cam', 'mouse2/top', 'mouse10/cam']


def test_the_users_folders_in_a_store_are_searched_too(data: Path) -> None:
    store_of(data / 'mouse2' / 'cam' / 'copies' / 'small', [0])
    assert 'data/mouse2/cam/copies/small' in [row.path for row in list_stores('data')]


def test_links_are_followed_once(data: Path, tmp_path: Path) -> None:
    """A loop ends; a store reached by its own path and by a link has its own path."""
    store_of(tmp_path / 'elsewhere' / 'far', [0])
    (data / 'a_loop').symlink_to('..')
    (data / 'mouse2' / 'self').symlink_to('.')
    (data / 'a_link').symlink_to(data / 'mouse2')
    (data / 'linked').symlink_to(tmp_path / 'elsewhere')
    (data / 'to_nothing').symlink_to(tmp_path / 'missing')
    paths = [row.path for row in list_stores('data')]
    assert paths == ['data/linked/far', 'data/mouse2/cam', 'data/mouse2/top', 'data/mouse10/cam']


def test_a_damaged_store_is_a_row_and_the_exit_code(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / 'mouse2' / 'cam' / 'metadata.yaml').write_text('__store: [')
    (data / 'mouse2' / 'top' / 'metadata.yaml').unlink()
    store_of(data / 'holes', list(range(6)))
    for path in (data / 'holes' / '000001').iterdir():
        path.unlink()
    (data / 'holes' / '000001').rmdir()
    code, rows = listed(capsys, 'data')
    assert code == 1
    assert [(row['path'], row['state']) for row in rows] == [
        ('data/holes', 'damaged'),
        ('data/mouse2/cam', 'unreadable'),
        ('data/mouse2/top', 'unreadable'),
        ('data/mouse10/cam', 'good'),
    ]
    assert rows[0]['problem'] == 'missing chunks: 1'
    assert 'YAML' in rows[1]['problem']
    assert 'metadata.yaml' in rows[2]['problem']
    assert main(['--recursive', 'data']) == 1
    out = capsys.readouterr().out
    assert '1 damaged, 2 unreadable' in out
    assert 'data/holes: missing chunks: 1' in out


@pytest.mark.parametrize('store', ['mouse2/cam', 'mouse2/top', 'empty'])
@pytest.mark.parametrize('content', [b'', bytes(300), b'__store: [', None])
def test_a_store_that_lost_its_metadata_is_a_row_with_the_way_to_restore_it(
    data: Path, store: str, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(data / 'empty', [])
    metadata = data / store / 'metadata.yaml'
    metadata.unlink() if content is None else metadata.write_bytes(content)
    code, rows = listed(capsys, 'data')
    if content is None and store == 'empty':  # nothing is left
        assert (code, len(rows)) == (0, 3)
        return
    assert code == 1
    (row,) = (row for row in rows if row['path'] == f'data/{store}')
    assert row['state'] == 'unreadable'
    assert 'restore metadata.yaml from a backup, or copy it from a recording of the same camera' in row['problem']
    if content is not None:
        assert main([str(data / store)]) == 1
        assert 'restore metadata.yaml from a backup' in capsys.readouterr().err


@pytest.mark.parametrize('content', [b'subject: A7\n', b'subject: [', b'', bytes(300)])
def test_metadata_cut_off_before_the_part_of_the_store_hides_no_frames(data: Path, content: bytes) -> None:
    (data / 'mouse2' / 'cam' / 'metadata.yaml').write_bytes(content)
    assert [row.state for row in list_stores('data')] == ['unreadable', 'good', 'good']


def test_a_store_with_holes_alone_is_no_failure(tmp_path: Path) -> None:
    """As for one store: what can be read is shown, and the exit code is 0."""
    store_of(tmp_path / 'holes', list(range(6)))
    (tmp_path / 'holes' / '000001' / 'index.npz').write_bytes(b'')
    assert main(['--recursive', str(tmp_path)]) == 0


def test_live_stores_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5)) as store:
        store.add_image(np.zeros((4, 5), np.uint8), 0, 0.0)
        _, (row,) = listed(capsys, str(tmp_path))
    assert row['state'] == 'live'
    assert listed(capsys, str(tmp_path))[1][0]['state'] == 'good'


@pytest.mark.process
def test_a_killed_writer_leaves_a_row_that_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        'import imgstore, numpy, os\n'
        f'store = imgstore.new_for_format("npy", {str(tmp_path / "s")!r}, imgshape=(4, 5), workers=0)\n'
        'store.add_image(numpy.zeros((4, 5), numpy.uint8), 0, 0.0)\n'
        'os._exit(1)\n'
    )
    subprocess.run([sys.executable, '-c', code], check=False)
    _, (row,) = listed(capsys, str(tmp_path))
    assert (row['state'], row['frames']) == ('not closed', 1)
    assert 'imgstore repair' in row['problem']


def test_a_folder_without_stores_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is an error, also for a program that reads JSON or a table."""
    told = f"imgstore-info: no store in '{tmp_path}' or below; give a folder with recordings\n"
    assert main(['--recursive', str(tmp_path)]) == 1
    assert capsys.readouterr() == ('', told)
    assert main(['--recursive', '--json', str(tmp_path)]) == 1
    assert capsys.readouterr() == ('', told)
    assert main(['--recursive', '--csv', str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert (out.startswith('path,state,'), out.count('\n'), err) == (True, 1, told)


def test_a_missing_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['--recursive', str(tmp_path / 'missing')]) == 1
    assert 'is not a folder' in capsys.readouterr().err
    with pytest.raises(StoreNotFoundError):
        list_stores(tmp_path, tmp_path / 'missing')


def test_a_forbidden_folder_is_a_row(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith('mouse2'):
            raise PermissionError(13, 'Permission denied', path)
        return real(path)

    monkeypatch.setattr(os, 'scandir', scandir)
    rows = list_stores('data')
    assert [(row.path, row.state, row.problem) for row in rows][:1] == [
        ('data/mouse2', 'unreadable', 'Permission denied')
    ]
    assert [row.path for row in rows][1:] == ['data/mouse10/cam']


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--recursive', '--plot', 'a.png'], '--plot is for one store'),
        (['--recursive', '--drops', '3'], '--drops is for one store'),
        (['--csv'], '--csv needs --recursive'),
        (['--recursive', '--csv', '--json'], 'give one of them'),
    ],
)
def test_options_of_one_store_are_refused(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*options, 'data'])
    assert said in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.parametrize('columns', [200, 100, 80, 60, 40])
def test_the_table_fits_the_terminal(data: Path, columns: int) -> None:
    store_of(data / 'a long name of a folder' / 'with another one in it' / '日本語の長い名前' / 'recording', [0, 1])
    lines = on_terminal(columns, 'data')
    rows = [line for line in lines if line and 'stores' not in line]
    assert len(rows) == 5
    assert max(len(line) + sum(ord(letter) > 0x2FFF for letter in line) for line in rows) <= columns
    assert all(line.endswith(('state', 'good')) for line in rows)
    assert any('recording' in line for line in rows)


def on_terminal(columns: int, folder: str) -> list[str]:
    """Return what the command prints on a terminal of this width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ('COLUMNS', 'LINES')}
    command = [sys.executable, '-c', RUN, '--recursive', folder]
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=environment):
        os.close(follower)
        out = b''
        while part := _read(leader):
            out += part
    os.close(leader)
    return out.decode().splitlines()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 2**16)
    except OSError:  # the other end is closed
        return b''


def test_names_cannot_command_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store_of(tmp_path / 'red\x1b[31m\nline', [0])
    assert main(['--recursive', str(tmp_path)]) == 0
    out = capfd.readouterr().out
    assert '\x1b' not in out
    assert len(out.splitlines()) == 3


def test_no_video_is_opened(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import av
    import cv2

    for module, name in (av, 'open'), (cv2, 'VideoCapture'), (cv2, 'imread'):
        monkeypatch.setattr(module, name, None)
    assert sum(row.frames or 0 for row in list_stores('data')) == 10


def test_links_in_a_circle_hide_no_store(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (data / 'mouse2', data / 'mouse2' / 'cam'):
        (folder / 'a').symlink_to('b')
        (folder / 'b').symlink_to('a')
        (folder / '7').symlink_to('7')
    code, rows = listed(capsys, 'data/mouse2')
    assert (code, [row['path'] for row in rows]) == (0, ['data/mouse2/cam', 'data/mouse2/top'])


def test_an_unknown_format_is_a_problem(data: Path) -> None:
    metadata = data / 'mouse2' / 'top' / 'metadata.yaml'
    metadata.write_text(metadata.read_text().replace('avc1/mp4', 'xyz/q'))
    problems = {row.path: row.problem for row in list_stores('data/mouse2')}
    assert problems['data/mouse2/cam'] is None
    assert "'xyz/q'" in (problems['data/mouse2/top'] or '')


@pytest.mark.process
@pytest.mark.parametrize(
    ('args', 'encoding'),
    [
        (['--recursive'], 'cp1252'),
        (['--recursive', '--csv'], 'latin-1'),
        ([], 'ascii'),
        (['--drop日'], 'ascii:surrogateescape'),
    ],
)
def test_letters_that_the_terminal_lacks_are_escaped(tmp_path: Path, args: list[str], encoding: str) -> None:
    store_of(tmp_path / '日本', [0, 1])
    command = [sys.executable, '-c', RUN, *args, str(tmp_path / '日本')]
    ran = subprocess.run(command, env={**os.environ, 'PYTHONIOENCODING': encoding}, capture_output=True, check=False)
    assert ran.returncode == (2 if args[:1] == ['--drop日'] else 0)
    assert b'\\u65e5' in ran.stdout + ran.stderr
    assert b'Traceback' not in ran.stderr
