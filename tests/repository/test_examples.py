"""The examples in the docstrings run, and print what they show."""

from __future__ import annotations

import contextlib
import inspect
import io
import shutil
from collections.abc import Iterator
from doctest import ELLIPSIS, DocTest, DocTestFinder, DocTestParser, DocTestRunner
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import imgstore
import imgstore.align
import imgstore.convert
import imgstore.export
import imgstore.overview

from . import REPOSITORY

SOURCES = {
    '.'.join(path.relative_to(REPOSITORY).with_suffix('').parts).removesuffix('.__init__'): text
    for path in sorted((REPOSITORY / 'imgstore').rglob('*.py'))
    if '>>> ' in (text := path.read_text(encoding='utf-8'))
}
FIRST = inspect.getdoc(imgstore.ImgStore) or ''
"""The docstring that all other examples go on from."""

FUNCTIONS = [
    *(getattr(imgstore, name) for name in imgstore.__all__),
    *(getattr(imgstore.align, name) for name in imgstore.align.__all__),
    *(getattr(imgstore.export, name) for name in imgstore.export.__all__),
    imgstore.convert.convert,
]
METHODS = ['add_image', 'add_extra_data', 'find', 'get_image', 'get_images', 'get_nearest_image', 'get_next_image']


@pytest.fixture(scope='module')
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the recording of the first example."""
    folder = tmp_path_factory.mktemp('first')
    with contextlib.chdir(folder):
        names: dict[str, Any] = {}
        for example in DocTestParser().get_examples(FIRST):
            exec(example.source, names)
        names['store'].close()
    return folder / 'recording'


def examples(module: ModuleType) -> Iterator[DocTest]:
    """Find the docstrings with examples of a module, its classes and its functions, decorated ones too."""
    yield from DocTestFinder(recurse=False).find(module, module=False)
    for name, value in vars(module).items():
        if getattr(value, '__module__', None) == module.__name__ and callable(value):
            yield from DocTestFinder().find(inspect.unwrap(value), f'{module.__name__}.{name}', module=False)


@pytest.mark.parametrize('name', SOURCES)
def test_the_examples_of_docstrings_print_what_they_show(
    name: str, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each runs in a folder of its own, after the one of `ImgStore`."""
    found = {test.docstring: test for test in examples(import_module(name)) if test.examples}
    assert sum(len(test.examples) for test in found.values()) == SOURCES[name].count('>>> ')
    runner, told = DocTestRunner(optionflags=ELLIPSIS), io.StringIO()
    for number, test in enumerate(found.values()):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        test.globs = {'imgstore': imgstore, 'np': np}
        if inspect.cleandoc(test.docstring or '') != FIRST:
            shutil.copytree(recording, 'recording')
            test.globs['store'] = imgstore.new_for_filename('recording')
        runner.run(test, out=told.write)
    assert not runner.failures, told.getvalue()


def test_the_public_functions_show_an_example() -> None:
    functions = [value for value in FUNCTIONS if inspect.isfunction(value) and value is not imgstore.test]
    functions += [getattr(imgstore.ImgStore, name) for name in METHODS]
    assert [value.__name__ for value in functions if '>>> ' not in (inspect.getdoc(value) or '')] == []
