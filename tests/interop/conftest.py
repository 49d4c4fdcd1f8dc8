"""The exchange of stores between both packages, and the table of how it went at the end of the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from .cases import CASES, H264, folder_of

ORIGINAL_PYTHON = os.environ.get('IMGSTORE_ORIGINAL_PYTHON')
collect_ignore = [] if ORIGINAL_PYTHON else ['test_interop.py']
OUR_WARNINGS = ['-W', 'error', '-W', 'ignore:format pgm holds gray']


class Dump(NamedTuple):
    """What one package read of a store: facts, all images in their order, every third image backwards."""

    facts: dict[str, Any]
    images: np.ndarray
    backwards: np.ndarray


class Exchange:
    """The stores that both packages wrote, and what each read of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for writer in ('original', 'ours'):
            (folder / writer).mkdir()
            self._run('write', writer, folder / writer)
            for reader in ('original', 'ours'):
                self._run('read', reader, folder / writer)

    def _run(self, action: str, who: str, folder: Path) -> None:
        environment = dict(os.environ)
        if who == 'original':
            environment.pop('PYTHONPATH', None)  # it may lead to ours
        python = [ORIGINAL_PYTHON] if who == 'original' else [sys.executable, *OUR_WARNINGS]
        script = Path(__file__).with_name('run.py')
        command = [*python, script, action, who, folder]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:  # else OpenCV's complaints about missing encoders are no news
            pytest.fail(f'{who} could not {action}: {done.stderr.decode()[-2000:]}')

    def store(self, writer: str, name: str) -> Path:
        return self.folder / writer / folder_of(name) / 'store'

    def error(self, writer: str, name: str, who: str) -> str | None:
        """Why ``who`` could not write or read a store."""
        path = self.store(writer, name).with_name(f'{who}.error')
        return path.read_text() if path.exists() else None

    def read(self, writer: str, name: str, by: str, saved_index: bool = False) -> Dump:
        """What was read of a store; fails the test where it could not be."""
        for who in (writer, by):
            if (error := self.error(writer, name, who)) is not None:
                pytest.fail(f'{who}: {error}')
        home = self.store(writer, name).with_name(f'by-{by}-and-saved-index' if saved_index else f'by-{by}')
        facts = json.loads((home / 'facts.json').read_text())
        return Dump(facts, np.load(home / 'images.npy'), np.load(home / 'backwards.npy'))


@pytest.fixture(scope='session')
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    return Exchange(tmp_path_factory.mktemp('exchange'))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print for each format and direction how many stores came over whole, and the largest difference of a pixel."""
    cells: dict[tuple[str, str, str], list[Any]] = {}
    for outcome in ('passed', 'failed'):
        for report in terminalreporter.getreports(outcome):
            for key, (name, direction, difference) in report.user_properties if report.when == 'call' else []:
                if key == 'interop':
                    case = CASES[name]
                    cells.setdefault((case.fmt, case.channels, direction), []).append((outcome == 'passed', difference))
    if cells:
        terminalreporter.section('stores exchanged with the original (largest difference of a pixel)')
        for line in _matrix(cells):
            terminalreporter.write_line(line)


def _matrix(cells: dict[tuple[str, str, str], list[Any]]) -> list[str]:
    lines = [f'{"format":12}{"images":10}{"original writes, ours reads":30}ours writes, original reads']
    for fmt, channels in dict.fromkeys((case.fmt, case.channels) for case in CASES.values()):
        there, back = (_cell(cells.get((fmt, channels, way), [])) for way in ('from original', 'to original'))
        lines.append(f'{fmt:12}{channels:10}{"its OpenCV has no H.264" if fmt in H264 else there:30}{back}')
    return lines


def _cell(results: list[Any]) -> str:
    whole = sum(passed for passed, _ in results)
    return f'{whole} of {len(results)} ({np.nanmax([difference for _, difference in results]):g})' if whole else '0'
