from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import imgstore
from imgstore.apps import _progress
from imgstore.apps._cli import run
from imgstore.apps.commands import COMMANDS, Command
from imgstore.apps.dispatch import main as dispatch
from imgstore.errors import InvalidArgumentError

from ..helpers.display import python_env
from ..helpers.small_stores import store_of
from ..helpers.spying import spy

EVERY_COMMAND = pytest.mark.parametrize('command', COMMANDS, ids=lambda command: command.name)
RUN = 'import sys; from imgstore.apps.dispatch import main; sys.exit(main())'


def process(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-c', RUN, *map(str, args)],
        env=python_env(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@EVERY_COMMAND
def test_every_command_has_help_with_an_example(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        dispatch([command.name, '--help'])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f'usage: {command.script} ')
    assert f'imgstore-{command.name} ' in out.split('example')[-1] or f'imgstore {command.name} ' in out


@EVERY_COMMAND
def test_every_option_of_every_command_is_explained(command: Command) -> None:
    assert [action.dest for action in command.parser()._actions if not action.help] == []


@pytest.mark.parametrize('command', [row for row in COMMANDS if row.name != 'test'], ids=lambda command: command.name)
def test_wrong_usage_of_every_command_is_exit_code_2(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        dispatch([command.name, '--no-such-option'])
    assert end.value.code == 2
    assert f'usage: {command.script}' in capsys.readouterr().err


@pytest.mark.parametrize('args', [[], ['no-such-command'], ['--no-such-option']])
def test_wrong_usage_of_the_dispatcher_is_exit_code_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        dispatch(args)
    assert end.value.code == 2
    assert 'usage: imgstore ' in capsys.readouterr().err


def test_the_dispatchers_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        dispatch(['--help'])
    assert end.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(f'  {command.name} ' in '\n'.join(lines) and command.summary in '\n'.join(lines) for command in COMMANDS)


def test_the_dispatcher_tells_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        dispatch(['--version'])
    assert end.value.code == 0
    assert capsys.readouterr().out == f'imgstore {imgstore.__version__}\n'


@pytest.mark.once
@pytest.mark.process
def test_dispatcher_process_exits_with_commands_code(tmp_path: Path) -> None:
    """A process of the dispatcher runs a command and exits with its exit code."""
    store_of(tmp_path / 's', [0, 1, 2])
    done = process('index', tmp_path / 's')
    assert (done.returncode, done.stderr) == (0, '')
    assert '3 frames' in done.stdout
    assert process('index', tmp_path / 'none').returncode == 1


@pytest.mark.parametrize('buffering', [1, -1])
def test_an_error_of_the_standard_output_names_it(
    buffering: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line is written at once, or all at the end."""
    folder = store_of(tmp_path / 's', [0, 1, 2])
    only_read = os.open(folder / 'metadata.yaml', os.O_RDONLY)
    with contextlib.suppress(OSError), open(only_read, 'w', buffering, encoding='utf-8') as output:
        monkeypatch.setattr(sys, 'stdout', output)
        assert dispatch(['info', str(folder)]) == 1
    assert capsys.readouterr().err == "imgstore-info: [Errno 9] Bad file descriptor: 'standard output'\n"


@pytest.mark.parametrize('name', ['index', 'reindex'])
def test_no_store_is_one_line_and_exit_code_1(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch([name, str(tmp_path / 'none')]) == 1
    out, err = capsys.readouterr()
    assert out == ''
    assert err.startswith(f'imgstore-{name}: ')
    assert err.count('\n') == 1


def test_verbose_tells_an_error_with_its_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(['index', '--verbose', str(tmp_path / 'none')]) == 1
    err = capsys.readouterr().err
    assert err.startswith('Traceback')
    assert err.splitlines()[-1].startswith('imgstore-index: ')


def test_the_index_is_saved(tmp_path: Path) -> None:
    folder = store_of(tmp_path / 's', list(range(9)))
    assert not (folder / '.index.imgstore').exists()
    assert dispatch(['index', str(folder)]) == 0
    assert (folder / '.index.imgstore').exists()
    assert not (folder / '.index.sqlite').exists()
    assert dispatch(['index', '--sqlite', str(folder)]) == 0
    assert (folder / '.index.sqlite').exists()


def test_frames_before_number_0_count_down_from_minus_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store_of(tmp_path / 's', [71, 72, 73, 0, 1, 2])
    assert dispatch(['reindex', str(folder)]) == 0
    assert 'from -3 to 2' in capsys.readouterr().out
    with imgstore.new_for_filename(folder) as store:
        assert store.get_frame_metadata()['frame_number'] == [-3, -2, -1, 0, 1, 2]


def test_without_a_frame_numbered_0_nothing_is_renumbered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store_of(tmp_path / 's', [1, 2])
    assert dispatch(['reindex', str(folder)]) == 1
    assert capsys.readouterr().err.count('\n') == 1


@pytest.mark.parametrize(('number', 'code'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_with_its_exit_code(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(signal.SIGTERM)
    waits = spy(lambda: time.sleep(20), lambda: signal.raise_signal(number))
    assert run('imgstore-x', waits) == code
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.process
def test_closed_pipe_ends_a_command_quietly() -> None:
    """A command ends quietly if the reader of its output stops reading."""
    code = 'import sys; from imgstore.apps._cli import run; sys.exit(run("x", lambda: print("a\\n" * 10**6) or 0))'
    with subprocess.Popen(
        [sys.executable, '-c', code], env=python_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b''
    assert running.returncode == 141


def test_an_error_of_the_library_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise InvalidArgumentError('two\nlines')

    assert run('imgstore-x', fail) == 1
    assert capsys.readouterr() == ('', 'imgstore-x: two lines\n')


def test_progress_without_a_terminal_is_occasional_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal, an occasional line reports the progress."""
    now = 100.0
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    with _progress.Progress('imgstore-x', 60) as progress:
        for _ in range(30):
            now += 0.5
            progress.step()
    assert capsys.readouterr().err == 'imgstore-x: 20 of 60 frames, 2 a second, 20 s left\n'


def test_a_slow_start_makes_no_time_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The rate is that from the first frame on, and two seconds later it is known."""
    now = 100.0
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    with _progress.Progress('imgstore-x', 100) as progress:
        now += 60
        progress.step()
        for _ in range(20):
            now += 0.5
            progress.step()
    assert capsys.readouterr().err.splitlines() == [
        'imgstore-x: 1 of 100 frames',
        'imgstore-x: 21 of 100 frames, 2 a second, 40 s left',
    ]


def test_what_is_soon_done_tells_nothing_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress.Progress('imgstore-x') as progress:
        progress.step(5)
    assert capsys.readouterr().err == ''


def test_on_a_terminal_a_bar_tells_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
    with _progress.Progress('imgstore-x', 60) as progress:
        progress.step(60)
    err = capsys.readouterr().err
    assert '60/60 [' in err
    assert 'frames/s' in err
    assert '<' in err


@pytest.mark.once
@pytest.mark.process
def test_on_a_real_terminal_the_bar_is_seen(tmp_path: Path) -> None:
    folder, (ours, theirs) = store_of(tmp_path / 's', list(range(5))), os.openpty()
    command = [sys.executable, '-c', RUN, 'export', str(folder), str(tmp_path / 'f.npz')]
    with os.fdopen(ours, 'rb', 0) as terminal, subprocess.Popen(command, env=python_env(), stderr=theirs) as running:
        assert running.wait(60) == 0
        shown = terminal.read(10000)
    os.close(theirs)
    assert b'5/5 [' in shown
    assert b'frames/s' in shown


@pytest.mark.once
@pytest.mark.process
@pytest.mark.parametrize('words', ['imgstore re', 'imgstore index --sq', 'imgstore-save --form'])
def test_bash_completes_commands_and_options(words: str, tmp_path: Path) -> None:
    bash = shutil.which('bash')
    assert bash
    (tmp_path / 'completion').write_text(process('completion', 'bash').stdout)
    name, *_, last = words.split()
    lookup = (
        f'source {tmp_path}/completion; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); '
        f'f=$(complete -p {name}); f=${{f#*-F }}; ${{f%% *}} {name} {last} ""; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(
        [bash, '-c', lookup], capture_output=True, text=True, check=True, env={'PATH': os.environ['PATH']}
    )
    assert (
        done.stdout.split()
        == {'re': ['record', 'reindex', 'repair'], '--sq': ['--sqlite'], '--form': ['--format']}[last]
    )


def test_what_zsh_needs_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(['completion', 'zsh']) == 0
    out = capsys.readouterr().out
    assert out.startswith('#compdef imgstore')
    assert all(command.script in out for command in COMMANDS)


LONG = {
    'export': ['{s}', '{d}.mp4'],
    'convert': ['--format', 'png', '{s}', '{d}'],
    'save': ['--format', 'npy', '--source', '{s}/../images', '{d}'],
}


@pytest.mark.process
@pytest.mark.parametrize(('number', 'code'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize('name', LONG)
@pytest.mark.once
def test_a_process_that_is_interrupted_leaves_nothing_half_done(
    name: str, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 400), np.uint8)
    (tmp_path / 'images').mkdir()
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=image.shape) as store:
        for index in range(400):
            store.add_image(image, index, index / 25)
            if name == 'save':
                (tmp_path / 'images' / f'{index}.pgm').write_bytes(b'P5 400 300 255\n' + image.tobytes())
    args = [arg.format(s=tmp_path / 's', d=tmp_path / 'd') for arg in LONG[name]]
    with subprocess.Popen(
        [sys.executable, '-c', RUN, name, *args],
        env=python_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        end = time.monotonic() + 30
        while not [path for path in tmp_path.iterdir() if path.name not in ('s', 'images')] and time.monotonic() < end:
            time.sleep(0.01)
        running.send_signal(number)
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (code, '')
    left = [path for path in tmp_path.iterdir() if path.name not in ('s', 'images')]
    if name == 'save':
        with imgstore.new_for_filename(tmp_path / 'd') as whole:
            assert 0 < len(whole) < 400
    else:
        assert left == []
