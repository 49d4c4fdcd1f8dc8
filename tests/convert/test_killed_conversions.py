"""A conversion on a cluster survives the death of workers; that of its own process, it can be run again after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, Future, LocalCluster
from distributed.process import AsyncProcess

from imgstore.apps.convert import main
from imgstore.convert import convert, worker_watch
from imgstore.errors import FrameWriteError, StoreIOError

from ..helpers import HELPERS
from ..helpers.dying_workers import die_at_comparison, limit_files
from ..helpers.kills import environment
from ..helpers.raised import raises
from .test_cluster import WORK, files, finished, names
from .test_convert import COUNT, store_of

pytestmark = [pytest.mark.once, pytest.mark.process]  # older versions of Dask hang if a worker dies early

OPTIONS: Any = {'fmt': 'h264/mkv', 'chunksize': 4}
PARTS = 6


@pytest.fixture(scope='module')
def cluster() -> Iterator[Any]:
    """Two processes; a task may lose its process twice."""
    cluster: Any
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=':0', silence_logs=50) as cluster:
        cluster.scheduler.allowed_failures = 2
        yield cluster


@pytest.fixture
def client(cluster: Any) -> Iterator[Client]:
    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        yield client


def test_killed_workers_are_replaced(cluster: Any, client: Client, tmp_path: Path) -> None:
    """Two of them die with a part that is written and not compared."""
    source = store_of(tmp_path / 's')
    client.run(die_at_comparison, str(tmp_path / 'died'), 2)
    done = convert(source, tmp_path / 'd', scheduler=cluster.scheduler_address, **OPTIONS)
    assert names(tmp_path) == {'s', 'd', 'died0', 'died1'}
    assert done == convert(source, tmp_path / 'e', **OPTIONS)
    assert files(tmp_path / 'd') == files(tmp_path / 'e')


def test_a_part_that_kills_every_worker_is_named(cluster: Any, client: Client, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    client.run(die_at_comparison, str(tmp_path / 'died'), 1)
    cluster.scheduler.allowed_failures = 0
    with raises(StoreIOError, path=str(source)):
        convert(source, tmp_path / 'd', scheduler=cluster.scheduler_address, **OPTIONS)
    cluster.scheduler.allowed_failures = 2
    assert not (tmp_path / 'd').exists()
    assert convert(source, tmp_path / 'd', scheduler=cluster.scheduler_address, **OPTIONS).frames == COUNT


def test_a_full_disk_is_an_error_and_leaves_no_store(cluster: Any, client: Client, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    client.run(limit_files, 2000)
    try:
        with raises(FrameWriteError):
            convert(source, tmp_path / 'd', scheduler=cluster.scheduler_address, **OPTIONS)
    finally:
        client.run(limit_files, -1)
    deadline = time.monotonic() + 10
    while names(tmp_path) != {'s'}:  # another task may notice the end a little later
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert convert(source, tmp_path / 'd', scheduler=cluster.scheduler_address, **OPTIONS).frames == COUNT


KILLED = """
import os, signal, sys
from imgstore.convert import convert, worker_watch
source, target, scheduler = sys.argv[1:]
calls = []
def progress():
    calls.append(1)
    if len(calls) == 20:
        os.kill(os.getpid(), signal.SIGKILL)
convert(source, target, 'h264/mkv', chunksize=4, scheduler=scheduler, progress=progress)
"""


INTERRUPTED = """
import os, signal, sys
from imgstore.apps import convert
signal.signal(signal.SIGINT, signal.default_int_handler)
calls = []
class Progress(convert.Progress):
    def step(self):
        calls.append(1)
        if len(calls) == 5:
            os.killpg(0, signal.SIGINT)
convert.Progress = Progress
sys.exit(convert.main())
"""


def test_a_killed_conversion_is_run_again(cluster: Any, client: Client, tmp_path: Path) -> None:
    """Finished parts are those files that were finished before."""
    source = store_of(tmp_path / 's')
    command = [sys.executable, '-c', KILLED, str(source), str(tmp_path / 'd'), cluster.scheduler_address]
    killed = subprocess.run(command, env=environment(), cwd=tmp_path, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    before = {name: (tmp_path / WORK / name / '000000.mkv').stat().st_ino for name in finished(tmp_path)}
    assert 2 <= len(before) <= PARTS
    assert not (tmp_path / 'd').exists()
    convert(source, tmp_path / 'd', scheduler=cluster.scheduler_address, **OPTIONS)
    assert {name: (tmp_path / 'd' / f'{name}.mkv').stat().st_ino for name in before} == before
    convert(source, tmp_path / 'e', **OPTIONS)
    assert files(tmp_path / 'd') == files(tmp_path / 'e')
    assert names(tmp_path) == {'s', 'd', 'e'}


def test_the_command_starts_a_cluster_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = store_of(tmp_path / 's')
    assert main(['--format', 'png', '--scheduler', 'local', str(source), str(tmp_path / 'd')]) == 0
    out, err = capsys.readouterr()
    assert out.endswith('all are identical bit for bit\n')
    assert err == ''


class Deadly:
    """Kills the next ``count`` workers as soon as each is started.

    ``pids`` has all others.
    """

    def __init__(self) -> None:
        self.count, self.pids = 0, list[int]()

    def after_start(self, pid: int) -> None:
        if self.count:
            self.count -= 1
            os.kill(pid, signal.SIGKILL)
        else:
            self.pids.append(pid)

    def kill_all(self) -> None:
        """Kill all workers, and each that follows."""
        self.count = 1000
        while self.pids:
            os.kill(self.pids.pop(), signal.SIGKILL)


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> Deadly:
    start, deadly = AsyncProcess.start, Deadly()

    async def started(process: Any) -> None:
        await start(process)
        deadly.after_start(process.pid)

    monkeypatch.setattr(AsyncProcess, 'start', started)
    return deadly


def test_a_worker_killed_at_the_start_is_started_again(deadly: Deadly, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    deadly.count = 2
    assert convert(source, tmp_path / 'd', scheduler='local', **OPTIONS).frames == COUNT
    assert deadly.count == 0


def test_workers_killed_at_each_start_are_an_error(
    deadly: Deadly, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = store_of(tmp_path / 's')
    deadly.count = 1000
    assert main(['--format', 'png', '--scheduler', 'local', str(source), str(tmp_path / 'd')]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert 'could not be started' in line
    assert names(tmp_path) == {'s'}


def test_workers_killed_for_good_end_the_conversion(
    deadly: Deadly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that replace killed ones are killed too; what is finished is kept."""
    monkeypatch.setattr(worker_watch, 'LOOK_EVERY', 0.1)
    monkeypatch.setattr(worker_watch, '_GIVE_UP_AFTER', 1.0)
    source = store_of(tmp_path / 's')

    def progress() -> None:
        if finished(tmp_path):
            deadly.kill_all()

    with raises(StoreIOError, path=str(source)) as caught:
        convert(source, tmp_path / 'd', scheduler='local', progress=progress, fmt='h264/mkv', chunksize=1)
    assert str(tmp_path / WORK) in caught.value.__notes__[0]
    assert finished(tmp_path)


def test_workers_killed_before_they_gave_a_report(
    deadly: Deadly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask would wait for a new worker to convert that part again."""
    monkeypatch.setattr(worker_watch, 'LOOK_EVERY', 0.1)
    monkeypatch.setattr(worker_watch, '_GIVE_UP_AFTER', 1.0)
    source, result = store_of(tmp_path / 's'), Future.result

    def after_the_end(future: Future, timeout: float | None = None) -> Any:
        deadly.kill_all()
        return result(future, timeout)

    monkeypatch.setattr(Future, 'result', after_the_end)
    with raises(StoreIOError, path=str(source)):
        convert(source, tmp_path / 'd', scheduler='local', fmt='h264/mkv', chunksize=1)
    assert finished(tmp_path)


def is_alive(group: int) -> bool:
    """Whether a process of the group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_keeps_finished_parts_and_ends_all_workers(tmp_path: Path) -> None:
    """It reaches the workers too, as they are in the program's process group."""
    source = store_of(tmp_path / 's')
    options = ['--format', 'h264/mkv', '--chunksize', '1', '--scheduler', 'local']
    command = [sys.executable, '-c', INTERRUPTED, *options, str(source), str(tmp_path / 'd')]
    running = subprocess.Popen(command, env=environment(), cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True)
    _, err = running.communicate(timeout=60)
    deadline = time.monotonic() + 30
    assert running.returncode == 128 + signal.SIGINT
    work = str(tmp_path / WORK)
    assert err.decode() == (f'imgstore-convert: interrupted; finished parts are in {work!r}; run again to continue\n')
    while is_alive(running.pid):  # multiprocessing's own process ends a little later
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert names(tmp_path) == {'s', WORK}


STARTING = """
import os, signal, sys, threading
from distributed import LocalCluster, Nanny
from imgstore.apps import convert
signal.signal(signal.SIGINT, signal.default_int_handler)
start = Nanny.start_unsafe
async def interrupted(self):
    os.killpg(0, signal.SIGINT)
    return await start(self)
Nanny.start_unsafe = interrupted
sys.exit(convert.main())
"""


def test_ctrl_c_while_the_cluster_starts_is_quiet(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    options = ['--format', 'h264/mkv', '--chunksize', '1', '--scheduler', 'local']
    command = [sys.executable, '-c', STARTING, *options, str(source), str(tmp_path / 'd')]
    running = subprocess.Popen(command, env=environment(), cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (128 + signal.SIGINT, b'')
    assert names(tmp_path) == {'s'}


@pytest.mark.once
def test_killed_at_any_call_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """The target is the old store or the new one, and no finished part is done again."""
    command = [sys.executable, str(HELPERS / 'dying_conversion.py'), str(tmp_path)]
    done = subprocess.run(
        command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    old, new = results[0]['found'], results[-1]['found']
    assert (old['which'], new['which']) == ('old', 'new')
    assert new['numbers'] == list(range(5))
    for place, result in enumerate(results[:-1], 1):
        assert result['found'] in (old, new), place
        assert not set(result['kept']) & set(result['redone']), place
        assert result['again'] == new, place
        assert result['left'] == ['log', 's', 's.source'], place
    assert len(results) > 20
