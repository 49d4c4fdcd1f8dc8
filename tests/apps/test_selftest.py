from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

import imgstore
from imgstore import doctor
from imgstore._support.cpu import CORES
from imgstore.apps import main_test
from imgstore.chunks.video.backends import backend_works

from ..helpers.display import python_env
from ..helpers.format_table import ROWS
from ..helpers.spying import spy

pytestmark = [pytest.mark.process, pytest.mark.once]

TESTS = str(Path(__file__).parents[1])
ONE_PROCESS = ('--no-doctor', '-n', '0')
RUN = 'import sys; from imgstore.apps import main_test; sys.exit(main_test())'
RUN_WITHOUT_ROWS = 'import imgstore.apps.selftest as it; it.check_formats = lambda: iter([]); ' + RUN


def run_elsewhere(folder: Path, test: str, *args: str, code: str = RUN) -> subprocess.CompletedProcess[str]:
    """Run imgstore-test of a copy of the package, whose tests are this one, from another folder."""
    package = folder / 'site' / 'imgstore'
    shutil.copytree(Path(imgstore.__file__).parent, package, ignore=shutil.ignore_patterns('tests'))
    (package / 'tests').mkdir()
    (package / 'tests' / '__init__.py').touch()
    shutil.copy(Path(TESTS) / 'conftest.py', package / 'tests')
    (package / 'tests' / 'test_it.py').write_text(test)
    (folder / 'pyproject.toml').write_text('[tool.pytest.ini_options]\naddopts = ["--no-such-option"]\n')
    (folder / 'cwd').mkdir(exist_ok=True)
    env = {name: value for name, value in python_env().items() if not name.startswith('PYTEST_')}
    env['PYTHONPATH'] = str(package.parent)
    command = [sys.executable, '-P', '-c', code, *args]
    return subprocess.run(command, cwd=folder / 'cwd', env=env, capture_output=True, text=True, check=False)


def test_installed_tests_run_anywhere_and_leave_nothing(tmp_path: Path) -> None:
    """The installed tests run outside a checkout and leave no files."""
    done = run_elsewhere(tmp_path, 'def test_a(): pass\ndef test_b(): pass\n', '--no-doctor')
    assert done.returncode == 0, done.stdout + done.stderr
    assert '2 passed' in done.stdout
    assert not list((tmp_path / 'cwd').iterdir())
    assert not (tmp_path / 'site' / 'imgstore' / 'tests' / '.pytest_cache').exists()


def test_a_checkout_in_the_current_folder_is_not_what_is_tested(tmp_path: Path) -> None:
    (checkout := tmp_path / 'cwd' / 'imgstore').mkdir(parents=True)
    (checkout / '__init__.py').write_text('raise ImportError')
    done = run_elsewhere(tmp_path, 'def test_a(): pass\n', '--no-doctor', '-n', '1')
    assert done.returncode == 0, done.stdout + done.stderr
    assert '1 passed' in done.stdout


def test_a_test_that_fails_is_told_by_the_exit_code(tmp_path: Path) -> None:
    done = run_elsewhere(tmp_path, 'def test_a(): assert False\n', *ONE_PROCESS)
    assert done.returncode == 1
    assert '1 failed' in done.stdout


@pytest.mark.parametrize(('argument', 'code'), [('--nope', 2), ('-kof_nothing', 1)])
def test_an_exit_code_is_one_of_the_list(tmp_path: Path, argument: str, code: int) -> None:
    """pytest has others for wrong usage, and for no test at all."""
    assert run_elsewhere(tmp_path, 'def test_a(): pass\n', *ONE_PROCESS, argument).returncode == code


def test_arguments_are_handed_on_to_pytest(tmp_path: Path) -> None:
    done = run_elsewhere(
        tmp_path, 'def test_a(): assert False\ndef test_b(): pass\n', *ONE_PROCESS, '-k', 'test_b', '-q'
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '1 passed, 1 deselected' in done.stdout


SLOW_AND_QUICK = """
import os, pytest
@pytest.mark.slow
def test_slow(): pass
@pytest.mark.parametrize('number', range(8))
def test_quick(number): assert os.environ.get('PYTEST_XDIST_WORKER', '') == {worker!r} and number != {wrong}
"""


def test_slow_tests_run_only_where_they_are_asked_for(tmp_path: Path) -> None:
    test = SLOW_AND_QUICK.format(worker='', wrong=None)
    assert '8 passed, 1 deselected' in run_elsewhere(tmp_path / 'a', test, *ONE_PROCESS).stdout
    assert '1 passed, 8 deselected' in run_elsewhere(tmp_path / 'b', test, *ONE_PROCESS, '-m', 'slow').stdout
    assert '9 passed' in run_elsewhere(tmp_path / 'c', test, *ONE_PROCESS, '--all').stdout


def test_module_line_shows_results_of_any_process(tmp_path: Path) -> None:
    """A line for each module shows its results, whichever process ran the tests."""
    for worker, arguments in (('gw0', ['--no-doctor', '-n', '1']), ('', ONE_PROCESS)):
        done = run_elsewhere(tmp_path / f'in {worker}', SLOW_AND_QUICK.format(worker=worker, wrong=5), *arguments)
        assert 'test_it.py .....F..' in done.stdout.splitlines()


def test_tests_use_all_cores_and_print_their_duration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tests run in one process for each core, and the command prints how long they take."""
    calls: list[Any] = []
    monkeypatch.setattr(pytest, 'main', spy(lambda args, plugins: 0, lambda args, plugins: calls.append(args)))
    for arguments in (['--no-doctor'], ['--no-doctor', '--all'], ['--no-doctor', '-m', 'slow']):
        assert main_test(arguments) == 0
    assert [call[call.index('-n') + 1] for call in calls] == [str(CORES + 1)] * 3
    assert [call.count('not slow') for call in calls] == [1, 0, 1]
    assert calls[2].index('slow') > calls[2].index('not slow')  # so that it counts
    quick, everything = capsys.readouterr().out.splitlines()
    assert quick == 'The tests take about 3 minutes on 2 cores; --all runs the slow ones, too.'
    assert everything == 'The tests take about 15 minutes on 2 cores.'


@pytest.mark.parametrize(
    ('arguments', 'is_told'),
    [
        (['-q'], True),
        (['--color=no'], True),
        (['-x', '-n', '2', '--tb', 'short', '--durations=3'], True),
        (['-q', '-k', 'align'], False),
        (['-kalign'], False),
        (['-m', 'slow'], False),
        (['--deselect', 'test_a.py'], False),
        (['-n', '2', 'test_align.py'], False),
    ],
)
def test_duration_is_printed_unless_tests_are_selected(
    arguments: list[str], is_told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pytest, 'main', lambda *_, **__: 0)
    assert main_test(['--no-doctor', *arguments]) == 0
    assert ('The tests take about' in capsys.readouterr().out) == is_told


@pytest.mark.parametrize(
    ('enough', 'given', 'is_in_memory'), [(0, None, True), (1 << 60, None, False), (0, '/given', False)]
)
def test_files_are_in_memory_if_there_is_plenty(
    enough: int, given: str | None, is_in_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporary files are in memory if there is plenty and the user names no folder."""
    seen: list[tuple[str, str | None]] = []

    def run(*_: Any, **__: Any) -> int:
        seen.append((tempfile.gettempdir(), os.environ.get('TMPDIR')))
        return 0

    monkeypatch.setattr(pytest, 'main', run)
    monkeypatch.setattr('imgstore.apps.selftest._MEMORY', str(tmp_path))
    monkeypatch.setattr('imgstore.apps.selftest._ENOUGH', enough)
    monkeypatch.delenv('TMPDIR', raising=False)
    if given:
        monkeypatch.setenv('TMPDIR', given)
    before = tempfile.gettempdir(), given
    assert main_test(['--no-doctor']) == 0
    [(folder, variable)] = seen
    if is_in_memory:
        assert folder == variable
        assert Path(folder).parent == tmp_path
    else:
        assert (folder, variable) == before
    assert (tempfile.gettempdir(), os.environ.get('TMPDIR')) == before
    assert not list(tmp_path.iterdir())


def test_without_pytest_one_line_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'pytest', None)
    monkeypatch.setattr('imgstore.apps.selftest.check_formats', lambda: pytest.fail('the doctor ran first'))
    assert main_test([]) == 1
    out, err = capsys.readouterr()
    assert out == ''
    assert err.count('\n') == 1
    assert 'pip install "imgstore[test]"' in err


def test_help_tells_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_test(['--help'])
    assert end.value.code == 0
    assert 'pytest' in capsys.readouterr().out


@pytest.fixture(scope='module')
def findings() -> list[doctor.Finding]:
    return list(doctor.check_formats())


def test_first_a_table_tells_what_works_on_this_machine(
    findings: list[doctor.Finding], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr('imgstore.apps.selftest.check_formats', lambda: iter(findings))
    assert main_test(['--doctor']) == 0
    out, err = capsys.readouterr()
    assert err == ''
    head, _, rows = out.partition('\n\n')
    assert f'imgstore {imgstore.__version__}' in head
    assert f'OpenCV {cv2.__version__}' in head
    assert f'PyAV {av.__version__}, with FFmpeg' in head
    names = [line.split()[:2] for line in rows.splitlines()[1:-2]]
    videos = [['mjpeg/avi', 'pyav'], ['mjpeg/avi', 'opencv'], ['h264/mkv', 'pyav'], ['avc1/mp4', 'opencv']]
    assert [row for row in [*videos, ['png', '-'], ['npy', '-']] if row not in names] == []
    assert 'WRONG' not in out


def test_what_a_format_does_is_found_out(findings: list[doctor.Finding]) -> None:
    found = {(each.format, each.backend): each for each in findings}
    for each in found.values():
        assert not each.failed
        row = ROWS[each.format]
        if each.backend and not backend_works(each.backend, row.codec, row.extension, 'read'):  # it is not exact
            assert not each.reads
            continue
        assert each.reads
        assert each.seeks
        assert each.lossless == imgstore.formats.resolve_format(each.format).lossless
    assert found['avc1/mp4', 'pyav'].writes
    assert found['png', ''].writes


def test_wrong_images_of_a_format_set_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A format that gives wrong images is reported by the exit code."""
    wrong = doctor.Finding('png', '', 100.0, 100.0, True, False, True)
    monkeypatch.setattr('imgstore.apps.selftest.check_formats', lambda: iter([wrong]))
    monkeypatch.setattr(pytest, 'main', lambda *_, **__: 0)
    assert main_test(['--doctor']) == 1
    assert main_test([]) == 1
    assert 'WRONG' in capsys.readouterr().out
    assert main_test(['--no-doctor']) == 0


def test_the_last_line_is_pytests(tmp_path: Path) -> None:
    done = run_elsewhere(tmp_path, 'def test_a(): pass\n', '-n', '0', code=RUN_WITHOUT_ROWS)
    assert 'format            backend' in done.stdout
    assert '1 passed' in done.stdout.splitlines()[-1]


def test_the_api_calls_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(pytest, 'main', spy(lambda args, plugins: 0, lambda args, plugins: calls.append(args)))
    monkeypatch.setattr('imgstore.apps.selftest.check_formats', lambda: iter([]))
    imgstore.test()
    assert calls[0][-1] == TESTS
