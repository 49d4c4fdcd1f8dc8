"""imgstore-info --watch while a store is recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import imgstore
from imgstore.apps.info import main

from ..helpers.display import PATIENCE, python_env
from ..helpers.small_stores import store_of

INFO = 'import sys; from imgstore.apps.info import main; sys.exit(main())'


def add(store: imgstore.ImgStore, numbers: range) -> None:
    for number in numbers:
        store.add_image(np.zeros((4, 5), np.uint8), number, number / 25)


def test_a_store_that_nobody_records_is_shown_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['--watch', str(store_of(tmp_path / 's', [0, 1, 2]))]) == 0
    out = capsys.readouterr().out
    assert out.count('numbered from 0 to 2') == 1
    assert 'now           no writer has the store open' in out


def test_it_shows_each_state_and_ends_with_the_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every summary has at least the frames of the one before, and the last one has all."""
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5), workers=0) as store:
        add(store, range(5))
        watching = threading.Thread(target=main, args=(['--watch', '--every', '0.05', '--json', str(tmp_path / 's')],))
        watching.start()
        out, end = '', time.monotonic() + PATIENCE
        while out.count('\n') < 2 and time.monotonic() < end:
            time.sleep(0.02)
            out += capsys.readouterr().out
        add(store, range(5, 30))
        time.sleep(0.5)
    watching.join(PATIENCE)
    assert not watching.is_alive()
    frames = [json.loads(line)['frames'] for line in (out + capsys.readouterr().out).splitlines()]
    assert frames == sorted(frames)
    assert frames[-1] == 30


@pytest.mark.process
@pytest.mark.parametrize(('number', 'code'), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_on_a_terminal_each_summary_replaces_the_last_until_ctrl_c(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5), workers=0) as store:
        add(store, range(5))
        ours, theirs = os.openpty()
        command = [sys.executable, '-c', INFO, '--watch', '--every', '0.1', str(tmp_path / 's')]
        with (
            os.fdopen(ours, 'rb', 0) as terminal,
            subprocess.Popen(command, env=python_env(), stdout=theirs) as running,
        ):
            shown = b''
            while shown.count(b'\x1b[2J') < 3:
                shown += terminal.read(10000)
            running.send_signal(number)
            assert running.wait(PATIENCE) == code
        os.close(theirs)
    assert b'+0 frames in' in shown


@pytest.mark.parametrize(
    ('args', 'told'),
    [
        (['--watch', 'a', 'b'], '--watch is for one store'),
        (['--watch', '--recursive', 'a'], '--watch is for one store'),
        (['--every', '3', 'a'], '--every needs --watch'),
        (['--watch', '--every', '0', 'a'], 'greater than 0'),
    ],
)
def test_wrong_usage_is_explained(args: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(args)
    assert end.value.code == 2
    assert told in capsys.readouterr().err
