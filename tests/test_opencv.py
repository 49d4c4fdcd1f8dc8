"""OpenCV that cannot be imported, or is installed twice, is told of in a sentence that says what to do."""

import os
import subprocess
import sys

import pytest

from imgstore import doctor
from imgstore.apps import commands
from imgstore.errors import MissingDependencyError

from .helpers.display import python_env

pytestmark = pytest.mark.process

NO_LIBGL = 'libGL.so.1: cannot open shared object file: No such file or directory'


LISTED = """
from importlib import metadata
from types import SimpleNamespace

def distribution(name):
    if name not in {listed}:
        raise metadata.PackageNotFoundError(name)
    return SimpleNamespace(metadata={{'Name': name}})

metadata.distribution = distribution
"""
NO_CV2 = "raise ModuleNotFoundError(\"No module named 'cv2'\", name='cv2')\n"
NOT_INSTALLED = LISTED.format(listed=[]) + NO_CV2
COMMANDS = {'imgstore': 'dispatch', **{command.script: command.module for command in commands.COMMANDS}}


def broken(folder, code=f'raise ImportError({NO_LIBGL!r})\n'):
    """Make a cv2 that cannot be imported."""
    (folder / 'cv2').mkdir()
    (folder / 'cv2' / '__init__.py').write_text(code)
    return folder


def python(folder, *arguments):
    """Run another Python that finds the cv2 of a folder first."""
    environment = python_env()
    environment['PYTHONPATH'] = os.pathsep.join(filter(None, [str(folder), environment.get('PYTHONPATH')]))
    return subprocess.run([sys.executable, *arguments], env=environment, text=True, capture_output=True)


def importing(folder, module='imgstore'):
    """What importing prints last on standard error where another cv2 is found first."""
    done = python(folder, '-c', f'import {module}')
    assert done.returncode
    return done.stderr.strip().splitlines()[-1]


def script(folder, name, module='info'):
    """Make a program as pip makes it of an entry point."""
    path = folder / name
    path.write_text(f'import sys\nfrom imgstore.apps.{module} import main\nsys.exit(main())\n')
    return path


@pytest.mark.parametrize('module', ['imgstore', 'imgstore.stores', 'imgstore.apps.info', 'imgstore.ui'])
def test_without_libgl_one_sentence_says_what_to_install(tmp_path, module):
    said = importing(broken(tmp_path), module)
    assert said.startswith('imgstore.errors.MissingDependencyError: OpenCV cannot be imported (libGL.so.1')
    assert 'apt-get install libgl1 libglib2.0-0' in said
    assert 'opencv-python-headless' in said


def test_without_opencv_one_sentence_says_what_to_install(tmp_path):
    said = importing(broken(tmp_path, NOT_INSTALLED))
    assert said.startswith('imgstore.errors.MissingDependencyError: OpenCV is not installed: run `pip install')


@pytest.mark.parametrize('command', COMMANDS)
def test_without_libgl_a_command_ends_with_one_sentence(tmp_path, command):
    done = python(broken(tmp_path), script(tmp_path, command, COMMANDS[command]), '--help')
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (1, '', 1)
    assert done.stderr.startswith(f'{command}: OpenCV cannot be imported (libGL.so.1')
    assert 'apt-get install libgl1 libglib2.0-0' in done.stderr


@pytest.mark.parametrize('code', ['', NO_CV2])
def test_opencv_broken_by_another_package_is_reported(tmp_path, code):
    """If OpenCV lost its files together with another package, the error says so."""
    said = importing(broken(tmp_path, LISTED.format(listed=['opencv-python-headless']) + code))
    assert said.startswith('imgstore.errors.MissingDependencyError: OpenCV is incomplete')
    assert said.endswith('`pip install --force-reinstall --no-deps opencv-python-headless`')


def test_incomplete_opencv_ends_command_in_one_line(tmp_path):
    """If files of OpenCV are missing, a command ends with a one-line message."""
    done = python(broken(tmp_path, ''), script(tmp_path, 'imgstore-info'))
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (1, '', 1)
    assert done.stderr.startswith('imgstore-info: OpenCV is incomplete')


def test_without_opencv_a_command_ends_with_one_sentence(tmp_path):
    done = python(broken(tmp_path, NOT_INSTALLED), script(tmp_path, 'imgstore-info'))
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (1, '', 1)
    assert done.stderr.startswith('imgstore-info: OpenCV is not installed: run `pip install')


@pytest.mark.parametrize('name', ['record.py', 'imgstore_of_mine.py'])
def test_without_libgl_other_programs_have_their_traceback(tmp_path, name):
    done = python(broken(tmp_path), script(tmp_path, name))
    assert done.returncode == 1
    assert 'Traceback' in done.stderr


def test_the_error_is_an_import_error():
    assert issubclass(MissingDependencyError, ImportError)


class Distribution:
    def __init__(self, name):
        self.metadata = {'Name': name}


@pytest.mark.parametrize(
    ('names', 'warned'),
    [
        (['opencv-python'], False),
        (['opencv-python', 'opencv-python'], False),
        (['opencv-contrib-python', 'opencv-stubs'], False),
        (['opencv-python', 'opencv_python_headless'], True),
        (['opencv-python', 'opencv-contrib-python'], True),
        (['opencv-contrib-python-headless', 'opencv-python-headless'], True),
    ],
)
def test_two_distributions_of_opencv_are_warned_of(monkeypatch, names, warned):
    monkeypatch.setattr(doctor, 'distributions', lambda: [Distribution(name) for name in [*names, 'numpy', None]])
    said = '\n'.join(doctor.versions())
    assert ('Warning' in said) == ('pip uninstall opencv' in said) == warned
    for name in names if warned else ():
        assert name.replace('_', '-') in said
