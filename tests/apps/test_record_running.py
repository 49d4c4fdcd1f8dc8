"""imgstore-record while it runs: keys, lines, the live page, ZeroMQ and segments, in real processes."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq

import imgstore

from ..helpers.checked import not_none
from ..helpers.display import python_env
from ..helpers.recorded import check_recording, content
from .test_record import FAST, RUN, process, run

QUICK_LINES = 'import imgstore.apps._record_running as it; it._EVERY = 0.1; '

pytestmark = [pytest.mark.once, pytest.mark.process]


@contextmanager
def in_a_terminal(*args: Any) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run imgstore-record in a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [sys.executable, '-c', RUN, 'record', *map(str, args)]
    with subprocess.Popen(command, env=python_env(), stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        try:
            yield ours, running
        finally:
            running.kill()
    os.close(ours)


def read_until(terminal: int, pattern: str, seconds: float = 30) -> str:
    """Return what the terminal shows, once it matches."""
    shown, end = '', time.monotonic() + seconds
    while not re.search(pattern, shown):
        assert time.monotonic() < end, shown
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096).decode()
    return shown


def test_keys_start_mark_and_stop(tmp_path: Path) -> None:
    args = ['--wait', '--source', f'a={FAST}', '--source', f'b={FAST}', '--format', 'npy', tmp_path / 'r']
    with in_a_terminal(*args) as (terminal, running):
        read_until(terminal, 'keys: m or a digit marks, s starts, q stops')
        assert not (tmp_path / 'r').exists()
        os.write(terminal, b's')
        shown = read_until(terminal, r'a: [\d.]+ frames/s, \d+ frames, 0 missing, queue \d+%, disk .* GB free')
        assert '\x1b[3F\x1b[J' in shown
        for key in (b'm', b'7', b'q'):
            os.write(terminal, key)
            time.sleep(0.3)
        read_until(terminal, r'b: \d+ frames, 0 missing, .* frames/s\r\n')
        assert running.wait(30) == 0
    assert check_recording(tmp_path / 'r')
    assert {each['reason'] for each in content(tmp_path / 'r')['cameras'].values()} == {'stopped by a key'}
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        assert not_none(store.get_extra_data()).event.dropna().tolist() == ['mark', '7']


def test_a_terminal_that_is_gone_does_not_end_the_recording(tmp_path: Path) -> None:
    """The recorder has a session of its own, so nothing but its reads and writes says that its terminal is gone."""
    ours, theirs = pty.openpty()
    command = [sys.executable, '-c', RUN, 'record', '--source', f'a={FAST}', '--duration', '3', '--format', 'npy']
    streams: dict[str, Any] = {'stdin': theirs, 'stdout': theirs, 'stderr': theirs, 'start_new_session': True}
    with subprocess.Popen([*command, str(tmp_path / 'r')], env=python_env(), **streams) as running:
        os.close(theirs)
        read_until(ours, r'a: [\d.]+ frames/s, \d+ frames')
        os.close(ours)
        running.wait(60)
    assert content(tmp_path / 'r')['cameras']['a']['reason'] == 'stopped'
    assert check_recording(tmp_path / 'r')


def test_a_full_disk_of_the_log_does_not_end_the_recording(tmp_path: Path) -> None:
    command = [sys.executable, '-c', QUICK_LINES + RUN, 'record', '--source', f'a={FAST}', '--duration', '1']
    with open('/dev/full', 'w') as full:
        subprocess.run([*command, '--format', 'npy', str(tmp_path / 'r')], env=python_env(), stderr=full, check=False)
    assert content(tmp_path / 'r')['cameras']['a']['reason'] == 'stopped'
    assert check_recording(tmp_path / 'r')


def test_the_live_page_and_zeromq_take_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('IMGSTORE_TOKEN', 'from-outside')
    args = ['record', '--wait', '--web', '--port', '0', '--zmq', 'tcp://127.0.0.1:0', '--source', f'a={FAST}']
    with process(RUN, *args, '--format', 'npy', tmp_path / 'r') as running:
        page, sockets = (not_none(running.stderr).readline() for _ in range(2))
        found = not_none(re.search(r'live page: (http://127\.0\.0\.1:\d+/)\?token=from-outside$', page.strip()))
        at = not_none(re.search(r'ZeroMQ at (tcp://127\.0\.0\.1:\d+), with token from-outside$', sockets.strip()))

        def post(command: str, **body: Any) -> Any:
            headers = {'Authorization': 'Bearer from-outside'}
            request = urllib.request.Request(f'{found[1]}api/{command}', json.dumps(body).encode(), headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)

        assert post('start')['ok']
        time.sleep(0.5)
        assert post('mark', name='by HTTP')['ok']
        with zmq.Context() as context, context.socket(zmq.REQ) as socket:
            socket.setsockopt(zmq.RCVTIMEO, 30_000)
            socket.connect(at[1])
            commands: list[Any] = [{'do': 'mark', 'name': 'by ZeroMQ'}, {'do': 'stop'}]
            for command in commands:
                socket.send_json({'token': 'from-outside', **command})
                answer: Any = socket.recv_json()
                assert answer['ok']
        out, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, '')
    assert out.startswith('a: ')
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        assert not_none(store.get_extra_data()).event.dropna().tolist() == ['by HTTP', 'by ZeroMQ']
    assert content(tmp_path / 'r')['cameras']['a']['reason'] == 'stopped by ZeroMQ'


def test_segments_on_the_command_line(tmp_path: Path) -> None:
    args: list[Any] = [
        '--source',
        f'a={FAST}',
        '--segment',
        '0.5s',
        '--duration',
        '1.2',
        '--format',
        'npy',
        tmp_path / 'r',
    ]
    assert run(*args) == 0
    assert content(tmp_path / 'r')['segments'] == ['segment-0001', 'segment-0002', 'segment-0003']
    numbers = [number for path in sorted((tmp_path / 'r').glob('segment-*')) for number in check_recording(path)['a']]
    assert numbers == list(range(len(numbers)))


def test_a_killed_recording_leaves_complete_segments(tmp_path: Path) -> None:
    args: list[Any] = ['record', '--source', f'a={FAST}', '--segment', '0.5', '--format', 'npy', tmp_path / 'r']
    with process(RUN, *args) as running:
        while not (tmp_path / 'r' / 'segment-0003' / 'a').exists():
            time.sleep(0.02)
            assert running.poll() is None
        running.kill()
        running.wait(30)
    assert content(tmp_path / 'r' / 'segment-0001')['ended_utc']
    assert check_recording(tmp_path / 'r' / 'segment-0001')['a']
    assert content(tmp_path / 'r' / 'segment-0003')['ended_utc'] is None


def test_a_wrong_address_of_zeromq_is_refused_before_a_camera_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run('--zmq', 'tcp://127.0.0.1:99999', '--source', 'pylon:none', tmp_path / 'r')
    assert caught.value.code == 2
    assert 'a port from 0 to 65535' in capsys.readouterr().err


def test_an_address_that_other_machines_reach_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('--zmq', 'tcp://*:0', '--source', f'a={FAST}', '--frames', '1', '--format', 'npy', tmp_path / 'r') == 0
    assert 'warning: other machines reach this address' in capsys.readouterr().err
