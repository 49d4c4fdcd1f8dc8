"""imgstore-record: real processes, signals, full disks."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import imgstore
from imgstore.apps.dispatch import main as dispatch

from ..helpers.checked import not_none
from ..helpers.display import python_env
from ..helpers.recorded import check_recording, content

pytestmark = pytest.mark.once

RUN = 'import sys; from imgstore.apps.dispatch import main; sys.exit(main())'
FAST = 'test:96x32,fps=500,buffers=100000'
MANY = 60
LIMITED = 'import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY)); '
OF_API = """
import sys, time, imgstore
with imgstore.record({name: 'test:96x32,fps=200,buffers=9999' for name in 'ab'}, sys.argv[1], 'npy'):
    print('begun', flush=True)
    time.sleep(60)
"""
HANGING = """
import sys, time, imgstore
from imgstore.apps.record import main
from imgstore.recording import Recording
Recording.stop = lambda *args: [time.sleep(0.1) for _ in range(600)]
main(['--source', 'a=test:96x32,fps=500', '--format', 'npy', sys.argv[1]])
"""
LAUNCHED = """
import builtins, os, signal, sys
import_now = builtins.__import__
def importing(name, *args):
    if name.endswith('{module}'.rpartition('.')[2]) and '{module}' not in sys.modules and 'imgstore' in sys.modules:
        print('begun', flush=True)
        os.kill(os.getpid(), signal.SIGINT)
    return import_now(name, *args)
builtins.__import__ = importing
from imgstore.apps.record import main
sys.exit(main())
"""
WITHOUT_STOP = """
import sys, time, imgstore
recording = imgstore.record('test:96x32,fps=200', sys.argv[1], 'npy')
recording.start()
time.sleep(0.5)
"""


def run(*args: str | Path) -> int:
    return dispatch(['record', *map(str, args)])


@contextmanager
def process(code: str, *args: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A Python process with these arguments, ended at the latest after the block."""
    with subprocess.Popen(
        [sys.executable, '-c', code, *map(str, args)],
        env=python_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def wait_for_frames(folder: Path, *names: str) -> None:
    """Wait until each store has many frames."""
    end = time.monotonic() + 30
    for name in names:
        while len(list((folder / name).glob('*/*.npy'))) < MANY:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_one_line_a_camera_says_what_became_of_its_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = ['--source', f'left={FAST},frames=100', '--source', f'right={FAST},frames=100,drop=10-12,fail=50']
    assert run(*sources, '--format', 'npy', tmp_path / 'r') == 0
    left, right = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r'left: 100 frames, 0 missing, [45]\d\d\.\d\d frames/s', left)
    assert re.fullmatch(
        r'right: 96 frames, 4 missing \(3 in the camera, 1 in transport\), [45]\d\d\.\d\d frames/s, '
        r'largest gap 3 frames, 1 failed grab: the buffer is incomplete',
        right,
    )
    assert check_recording(tmp_path / 'r')['right'] == [n for n in range(100) if n not in (10, 11, 12, 50)]


@pytest.mark.parametrize(('faults', 'code'), [('', 0), (',drop=3', 3), (',unplug=5', 1), (',drop=2,unplug=5', 3)])
def test_the_exit_code_says_if_frames_are_missing(faults: str, code: int, tmp_path: Path) -> None:
    assert run('--source', f'{FAST},frames=10{faults}', '--strict', '--format', 'npy', tmp_path / 'strict') == code
    assert run('--source', f'{FAST},frames=10{faults}', '--format', 'npy', tmp_path / 'r') == int('unplug' in faults)


def test_a_camera_that_ends_early_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('--source', f'a={FAST},unplug=0', '--source', f'b={FAST}', '--frames', '9', tmp_path / 'r') == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == 'a: 0 frames, 0 missing; the camera was unplugged'
    assert err.splitlines() == ['imgstore-record: a ended early: the camera was unplugged']


def test_a_camera_without_a_frame_is_missing_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = ['--source', f'a={FAST},fps=0.01,start=0', '--source', f'b={FAST},frames=0', '--duration', '0.2']
    assert run('--strict', *sources[2:], tmp_path / 'strict') == 3
    assert capsys.readouterr().err.splitlines() == ['imgstore-record: b gave no frame']
    assert run(*sources[2:], tmp_path / 'r') == 0
    assert capsys.readouterr().err.splitlines() == ['imgstore-record: b gave no frame']


def test_options_reach_the_cameras_and_the_stores(tmp_path: Path) -> None:
    made = tmp_path / 'more.yaml'
    made.write_text('cage: 3\nmouse: 5\n')
    options = ['--fps', '200', '--size', '64x48', '--pixel-format', 'BayerRG8', '--frames', '12', '--chunksize', '5']
    options += ['--metadata', 'mouse=7', '--metadata-file', str(made), '--compression', '1', '--format', 'png']
    assert run('--source', 'cam=test:640x480', *options, tmp_path / 'r') == 0
    with imgstore.new_for_filename(tmp_path / 'r' / 'cam') as store:
        assert (store.image_shape, len(store), len(store.chunks)) == ((48, 64, 3), 12, 3)
        assert (store.user_metadata['mouse'], store.user_metadata['cage']) == (7, 3)
        assert store.encoding == 'cv_bayerbg'
    assert content(tmp_path / 'r')['metadata'] == {'cage': 3, 'mouse': 7}


@pytest.mark.parametrize(
    ('args', 'text'),
    [
        (['--source', 'none:0'], "unknown kind 'none'"),
        (['--source', 'a=test:', '--source', 'test:'], 'has no name'),
        (['--source', 'a=test:', '--source', 'a=test:'], "two sources have the name 'a'"),
        (['--source', 'test:', '--gain', '5'], 'has no gain'),
        (['--source', 'test:', '--set', 'ExposureAuto=Off'], 'has no features'),
        (['--source', 'opencv:95'], 'cannot be opened'),
        (['--source', 'file:none.mp4'], "'none.mp4' does not exist"),
        (
            ['--source', 'a=test:96x32,pixel=Mono16', '--format', 'avc1/mp4'],
            "camera 'a', source test:96x32,pixel=Mono16: format",
        ),
        (['--source', 'a=test:1x1', '--format', 'avc1/mp4'], "camera 'a', source test:1x1: "),
        (['--source', 'a=test:96x32', '--metadata', '__store=4'], "camera 'a', source test:96x32: metadata must"),
    ],
)
def test_wrong_sources_are_one_line(
    args: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*args, tmp_path / 'r') == 1
    err = capsys.readouterr().err
    assert text in err
    assert err.count('\n') == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
@pytest.mark.process
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_cameras_and_completes_their_stores(number: signal.Signals, tmp_path: Path) -> None:
    args = ['record', '--source', f'a={FAST}', '--source', f'b={FAST}', '--format', 'npy', str(tmp_path / 'r')]
    with process(RUN, *args) as running:
        wait_for_frames(tmp_path / 'r', 'a', 'b')
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, '')
    assert [line.split(':')[0] for line in out.splitlines()] == ['a', 'b']
    assert min(map(len, check_recording(tmp_path / 'r').values())) >= MANY
    assert {each['reason'] for each in content(tmp_path / 'r')['cameras'].values()} == {'stopped by a signal'}


@pytest.mark.once
@pytest.mark.process
@pytest.mark.parametrize('times', [2, 5])
def test_a_key_that_is_held_down_does_not_break_the_end(times: int, tmp_path: Path) -> None:
    args = ['record', '--source', f'a={FAST}', '--source', f'b={FAST}', '--format', 'npy', str(tmp_path / 'r')]
    with process(RUN, *args) as running:
        wait_for_frames(tmp_path / 'r', 'a', 'b')
        for _ in range(times):
            running.send_signal(signal.SIGINT)
            time.sleep(0.02)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, '')
    assert [line.split(':')[0] for line in out.splitlines()] == ['a', 'b']
    assert min(map(len, check_recording(tmp_path / 'r').values())) >= MANY


@pytest.mark.once
@pytest.mark.process
def test_the_third_of_three_interrupts_ends_the_program_at_once(tmp_path: Path) -> None:
    """The second one is answered. What was on the disk can be read, as after a kill."""
    with process(HANGING, tmp_path / 'r') as running:
        wait_for_frames(tmp_path / 'r', 'a')
        running.send_signal(signal.SIGINT)
        time.sleep(1.2)
        running.send_signal(signal.SIGINT)
        assert 'Ctrl-C once more ends the program at once' in not_none(running.stderr).readline()
        time.sleep(1.2)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=10)
    assert running.returncode == -signal.SIGINT
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        assert store.frame_numbers.tolist() == list(range(len(store)))


@pytest.mark.once
@pytest.mark.process
def test_an_interrupt_at_launch_prints_no_traceback(tmp_path: Path) -> None:
    """Neither during the imports of the package, nor during those of the command line."""
    script = tmp_path / 'imgstore-record'
    for module in ('numpy', 'imgstore.formats', 'imgstore.recording', 'argparse'):
        script.write_text(LAUNCHED.format(module=module))
        with process('import runpy, sys; sys.argv.pop(0); runpy.run_path(sys.argv[0])', script) as running:
            out, err = running.communicate(timeout=30)
        assert (running.returncode, out, err) == (130, 'begun\n', ''), module


@pytest.mark.once
@pytest.mark.process
@pytest.mark.parametrize(('number', 'code'), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_a_signal_to_a_program_completes_its_recording(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with process(OF_API, tmp_path / 'r') as running:
        wait_for_frames(tmp_path / 'r', 'a', 'b')
        running.send_signal(number)
        running.communicate(timeout=30)
    assert running.returncode == code
    assert min(map(len, check_recording(tmp_path / 'r').values())) >= MANY
    assert all(each['reason'] for each in content(tmp_path / 'r')['cameras'].values())
    assert content(tmp_path / 'r')['ended_utc']


@pytest.mark.once
@pytest.mark.process
def test_a_recording_that_is_never_stopped_is_complete_at_the_end(tmp_path: Path) -> None:
    with process(WITHOUT_STOP, tmp_path / 'r') as running:
        _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, '')
    assert len(check_recording(tmp_path / 'r')['test-96x32']) > 20
    assert content(tmp_path / 'r')['ended_utc']


@pytest.mark.once
@pytest.mark.process
def test_a_disk_that_takes_no_large_file_stops_one_camera(tmp_path: Path) -> None:
    """The limit of a file's size stands for a full disk: the images of one camera are larger."""
    sources = ['--source', f'small={FAST},frames=400', '--source', 'large=test:640x480,fps=50']
    with process(LIMITED + RUN, 'record', *sources, '--format', 'npy', tmp_path / 'r') as running:
        out, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert 'large ended early: ' in err
    assert 'Traceback' not in err
    assert out.startswith('small: 400 frames, 0 missing')
    assert check_recording(tmp_path / 'r')['small'] == list(range(400))
    large = content(tmp_path / 'r')['cameras']['large']
    assert large['failed']
    assert 'could not be written' in large['reason']


@pytest.mark.once
@pytest.mark.process
def test_a_recording_that_was_killed_is_readable(tmp_path: Path) -> None:
    args = ['record', '--source', f'a={FAST}', '--format', 'npy', str(tmp_path / 'r')]
    with process(RUN, *args) as running:
        wait_for_frames(tmp_path / 'r', 'a')
        running.kill()
        running.wait(30)
    assert content(tmp_path / 'r')['ended_utc'] is None
    assert content(tmp_path / 'r')['cameras']['a']['source'] == FAST
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        assert len(store) > MANY // 2
        assert store.frame_numbers.tolist() == list(range(len(store)))


@pytest.mark.once
@pytest.mark.process
@pytest.mark.parametrize('scheme', ['tcp', 'rtsp'])
def test_a_stream_that_cannot_be_opened_is_one_line_of_ours(scheme: str, tmp_path: Path) -> None:
    """FFmpeg in OpenCV has a line of its own, which it writes to the terminal itself."""
    source = f'{scheme}://127.0.0.1:9/stream'
    with process(RUN, 'record', '--source', f'a={source}', tmp_path / 'r') as running:
        _, err = running.communicate(timeout=60)
    assert err == (
        f"imgstore-record: camera 'a': stream {source!r} cannot be opened; check its address and its other users\n"
    )
