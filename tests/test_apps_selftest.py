from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import imgstore
from imgstore.apps import main_test

from .display import python_env

RUN = 'import sys; from imgstore.apps import main_test; sys.exit(main_test())'


def run_elsewhere(folder: Path, test: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run imgstore-test of a copy of the package, whose tests are this one, from another folder."""
    package = folder / 'site' / 'imgstore'
    shutil.copytree(Path(imgstore.__file__).parent, package, ignore=shutil.ignore_patterns('tests', '__pycache__'))
    (package / 'tests').mkdir()
    (package / 'tests' / '__init__.py').touch()
    (package / 'tests' / 'test_it.py').write_text(test)
    (folder / 'pyproject.toml').write_text('[tool.pytest.ini_options]\naddopts = ["--no-such-option"]\n')
    (folder / 'cwd').mkdir()
    env = {**python_env(), 'PYTHONPATH': str(package.parent)}
    return subprocess.run(
        [sys.executable, '-c', RUN, *args], cwd=folder / 'cwd', env=env, capture_output=True, text=True, check=False
    )


def test_the_installed_tests_run_far_from_a_checkout_and_leave_nothing(tmp_path: Path) -> None:
    done = run_elsewhere(tmp_path, 'def test_a(): pass\ndef test_b(): pass\n')
    assert done.returncode == 0, done.stdout + done.stderr
    assert '2 passed' in done.stdout
    assert not list((tmp_path / 'cwd').iterdir())
    assert not (tmp_path / 'site' / 'imgstore' / 'tests' / '.pytest_cache').exists()


def test_a_test_that_fails_is_told_by_the_exit_code(tmp_path: Path) -> None:
    done = run_elsewhere(tmp_path, 'def test_a(): assert False\n')
    assert done.returncode == 1
    assert '1 failed' in done.stdout


def test_arguments_are_handed_on_to_pytest(tmp_path: Path) -> None:
    done = run_elsewhere(tmp_path, 'def test_a(): assert False\ndef test_b(): pass\n', '-k', 'b', '-q')
    assert done.returncode == 0, done.stdout + done.stderr
    assert '1 passed, 1 deselected' in done.stdout


def test_without_pytest_one_line_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'pytest', None)
    assert main_test([]) == 1
    err = capsys.readouterr().err
    assert err.count('\n') == 1
    assert 'pip install imgstore[test]' in err


def test_help_tells_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_test(['--help'])
    assert end.value.code == 0
    assert 'pytest' in capsys.readouterr().out


def test_the_api_calls_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(pytest, 'main', lambda args: calls.append(args) or 0)
    imgstore.test()
    assert calls[0][-2:] == ['--pyargs', 'imgstore.tests']
