"""OpenCV that cannot be imported, or is installed twice, is told of in a sentence that says what to do."""

import os
import subprocess
import sys

import pytest

from imgstore import doctor
from imgstore.errors import MissingDependencyError

from .display import python_env

NO_LIBGL = 'libGL.so.1: cannot open shared object file: No such file or directory'


def importing(folder, module='imgstore'):
    """What importing prints on standard error where another cv2 is found first."""
    environment = python_env()
    environment['PYTHONPATH'] = os.pathsep.join(filter(None, [str(folder), environment.get('PYTHONPATH')]))
    done = subprocess.run([sys.executable, '-c', f'import {module}'], env=environment, text=True, capture_output=True)
    assert done.returncode
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize('module', ['imgstore', 'imgstore.stores', 'imgstore.apps.info', 'imgstore.ui'])
def test_without_libgl_one_sentence_says_what_to_install(tmp_path, module):
    (tmp_path / 'cv2').mkdir()
    (tmp_path / 'cv2' / '__init__.py').write_text(f'raise ImportError({NO_LIBGL!r})\n')
    said = importing(tmp_path, module)
    assert said.startswith('imgstore.errors.MissingDependencyError: OpenCV cannot be imported (libGL.so.1')
    assert 'apt-get install libgl1 libglib2.0-0' in said
    assert 'opencv-python-headless' in said


def test_without_opencv_one_sentence_says_what_to_install(tmp_path):
    (tmp_path / 'cv2.py').write_text("raise ModuleNotFoundError(\"No module named 'cv2'\", name='cv2')\n")
    said = importing(tmp_path)
    assert said.startswith('imgstore.errors.MissingDependencyError: OpenCV is not installed: run `pip install')


def test_the_error_is_an_import_error():
    assert issubclass(MissingDependencyError, ImportError)


class Distribution:
    def __init__(self, name):
        self.metadata = {'Name': name}


@pytest.mark.parametrize(('names', 'warned'), [
    (['opencv-python'], False),
    (['opencv-python', 'opencv-python'], False),
    (['opencv-contrib-python', 'opencv-stubs'], False),
    (['opencv-python', 'opencv_python_headless'], True),
    (['opencv-python', 'opencv-contrib-python'], True),
    (['opencv-contrib-python-headless', 'opencv-python-headless'], True),
])
def test_two_distributions_of_opencv_are_warned_of(monkeypatch, names, warned):
    monkeypatch.setattr(doctor, 'distributions', lambda: [Distribution(name) for name in [*names, 'numpy', None]])
    said = '\n'.join(doctor.versions())
    assert ('Warning' in said) == ('pip uninstall opencv' in said) == warned
    for name in names if warned else ():
        assert name.replace('_', '-') in said
