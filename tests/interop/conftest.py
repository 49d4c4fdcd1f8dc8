"""The exchange of stores between both packages, and the table of how it went at the end of the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product, repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from .cases import CASES, OURS_ALONE, VIDEO, folder_of

PYTHONS = {
    'original': os.environ.get('IMGSTORE_ORIGINAL_PYTHON'),
    'debian': os.environ.get('IMGSTORE_DEBIAN_PYTHON'),
    'ours': sys.executable,
}
FORMATS = {('debian', 'write'): VIDEO, ('debian', 'read'): [*VIDEO, *OURS_ALONE]}
collect_ignore = [] if PYTHONS['original'] and PYTHONS['debian'] else ['test_interop.py']
if collect_ignore or not os.environ.get('IMGSTORE_PLAYERS_PYTHON'):
    collect_ignore.append('test_players.py')
OUR_WARNINGS = ['-W', 'error', '-W', 'ignore:format pgm holds only gray']


WAYS = {
    'from original': "ours reads original's",
    'to original': 'original reads ours',
    'from debian': '… with OpenCV 4.6',
    'to debian': '… with OpenCV 4.6',
}
VIDEO_FORMATS = {fmt: fmt for fmt in (*VIDEO, *OURS_ALONE)}


class Dump(NamedTuple):
    """What one package read of a store: facts, all images in their order, every third image backwards."""

    facts: dict[str, Any]
    images: np.ndarray
    backwards: np.ndarray


class Exchange:
    """The stores that both packages wrote, the original with two versions of OpenCV, and what each read of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with ThreadPoolExecutor(2) as pool:
            deque(pool.map(self._run, repeat('write'), PYTHONS, PYTHONS), 0)
            pairs = [pair for pair in product(PYTHONS, PYTHONS) if {*pair} != {'original', 'debian'}]
            deque(pool.map(self._run, repeat('read'), *zip(*pairs, strict=True)), 0)

    def _run(self, action: str, who: str, writer: str) -> None:
        folder = self.folder / writer
        folder.mkdir(exist_ok=True)
        environment = dict(os.environ)
        if who != 'ours':
            environment.pop('PYTHONPATH', None)  # it may lead to ours
        python = [PYTHONS[who], *(OUR_WARNINGS if who == 'ours' else ())]
        script = Path(__file__).with_name('run.py')
        command = [*python, script, action, who, folder, *FORMATS.get((who, action), ())]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:  # else OpenCV's complaints about missing encoders are no news
            pytest.fail(f'{who} could not {action}: {done.stderr.decode()[-2000:]}')

    def store(self, writer: str, name: str) -> Path:
        return Path(self.folder, writer, folder_of(name), 'store')

    def error(self, writer: str, name: str, who: str) -> str | None:
        """Why ``who`` could not write or read a store."""
        path = self.store(writer, name).with_name(f'{who}.error')
        return path.read_text() if path.exists() else None

    def read(self, writer: str, name: str, by: str, saved_index: bool = False, writer_must_read: bool = True) -> Dump:
        """What was read of a store; fails the test where it could not be."""
        for who in (writer, by) if writer_must_read else (by,):
            if (error := self.error(writer, name, who)) is not None:
                pytest.fail(f'{who}: {error}')
        home = self.store(writer, name).with_name(f'by-{by}-and-saved-index' if saved_index else f'by-{by}')
        facts = json.loads((home / 'facts.json').read_text())
        return Dump(facts, np.load(home / 'images.npy'), np.load(home / 'backwards.npy'))


@pytest.fixture(scope='session')
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    return Exchange(tmp_path_factory.mktemp('exchange'))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many stores came over whole, and what players see, with the largest difference of a pixel or patch."""
    stores, players = (_results(terminalreporter, key) for key in ('interop', 'player'))
    cells: dict[tuple, list]
    if stores:
        terminalreporter.section('stores exchanged with the original (largest difference of a pixel)')
        cells = {(CASES[name].fmt, CASES[name].channels, way): [] for name, way, *_ in stores}
        for name, way, *result in stores:
            cells[CASES[name].fmt, CASES[name].channels, way].append(result)
        rows = dict.fromkeys((case.fmt, case.channels) for case in CASES.values())
        _write_table(terminalreporter, rows, WAYS, cells)
    if players:
        terminalreporter.section('our videos in other programs (largest difference of a colour)')
        cells = {}
        for program, fmt, *result in players:
            cells.setdefault((program, '', fmt), []).append(result)
        _write_table(terminalreporter, dict.fromkeys((program, '') for program, *_ in players), VIDEO_FORMATS, cells)


def _results(terminalreporter: pytest.TerminalReporter, wanted: str) -> list[list[Any]]:
    """What tests recorded under a key, each with whether it passed."""
    return [
        [*value, outcome == 'passed']
        for outcome in ('passed', 'failed')
        for report in terminalreporter.getreports(outcome)
        if report.when == 'call'
        for key, value in report.user_properties
        if key == wanted
    ]


def _write_table(
    terminalreporter: pytest.TerminalReporter,
    rows: Iterable[tuple[str, str]],
    columns: dict[str, str],
    cells: dict[tuple[str, str, str], list[Any]],
) -> None:
    terminalreporter.write_line(f'{"":22}' + ''.join(f'{title:24}' for title in columns.values()))
    for row in rows:
        found = [_cell(cells.get((*row, column), [])) for column in columns]
        terminalreporter.write_line(f'{row[0]:12}{row[1]:10}' + ''.join(f'{cell:24}' for cell in found))


def _cell(results: list[Any]) -> str:
    known = [difference for difference, _ in results if difference == difference]
    worst = f' ({max(known):g})' if known else ''
    return f'{sum(passed for _, passed in results)} of {len(results)}{worst}' if results else '-'
