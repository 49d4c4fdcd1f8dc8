"""One kill: a process that records is killed, and what it leaves is judged, by ours and by the original."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imgstore
from tests.helpers import kills
from tests.helpers.kills import Case, Killed, check, is_frame
from tests.helpers.recording import read, told

LONGEST = 60  # seconds that the original may take to read a store

Result = dict[str, Any]


@dataclass(frozen=True)
class Pythons:
    """The pythons of the original that write and that read a format; None where there is none."""

    write: str | None
    read: str | None


class Reader:
    """A process that reads stores with the original, begun anew where it crashes."""

    def __init__(self, python: str) -> None:
        self._command = [python, kills.SCRIPT, 'read']
        self._begin()

    def _begin(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            stderr=subprocess.DEVNULL,
            env=kills.environment(original=True),
        )

    def read(self, path: Path) -> dict[str, Any]:
        """As `tests.helpers.recording.read`."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f'{path}\n')
        self._process.stdin.flush()
        line = self._process.stdout.readline() if select.select([self._process.stdout], [], [], LONGEST)[0] else ''
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        self.close()
        self._begin()
        return {'frames': [], 'records': [], 'listed': [], 'errors': ['it crashed, or took too long']}

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


_readers: dict[str, Reader] = {}


def _read_by(python: str, path: Path) -> dict[str, Any]:
    if python not in _readers:
        _readers[python] = Reader(python)
    return _readers[python].read(path)


def judge(case: Case, folder: Path, pythons: Pythons, original: bool) -> Result:
    """Judge one recording; remove its folder unless something is wrong."""
    home = folder / f'{"original" if original else "ours"}-{case.seed}'
    home.mkdir(parents=True)
    try:
        result = _original(case, home, pythons) if original else _ours(case, home, pythons)
    except Exception as error:  # noqa: BLE001 - it is told, beside the other kills
        result = {'added': 0, 'lost': 0, 'wrong': [f'the check failed: {told(error)}']}
    if not result['wrong']:
        shutil.rmtree(home)
    return {'by': 'original' if original else 'ours', **kills.as_json(case), **result}


def _about(case: Case, killed: Killed, kept: int, records: int) -> Result:
    added = killed.count('frame')
    return {
        'added': added,
        'lost': max(0, added - kept),
        'must be there': kills.must_be_there(case, killed),
        'records added': killed.count('record'),
        'records lost': max(0, killed.count('record') - records),
        'closing': killed.told('closing'),
        'closed': killed.told('closed'),
    }


# --- ours


def _ours(case: Case, home: Path, pythons: Pythons) -> Result:
    path = home / 'store'
    killed = kills.kill(case, path)
    wrong = [f'the process said {text[-500:]}'] if (text := kills.said(killed.events)) else []
    before = kills.snapshot(path)
    found, warned = _read(path)
    checked = check(case, killed, found)
    wrong += checked.wrong
    result = {**_about(case, killed, checked.frames, checked.records), 'warned': warned, 'wrong': wrong}
    if (path / 'metadata.yaml').exists():
        if kills.snapshot(path) != before:
            wrong.append('reading changed the folder')
        result['report'] = str(imgstore.repair(path, dry_run=True))
        wrong += kills.wrong_after_repair(case, path, found)
        wrong += _wrong_to_the_original(case, killed, path, found, pythons.read)
    return result


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        found = read(str(path))
    return found, [str(warning.message) for warning in caught]


def _wrong_to_the_original(
    case: Case, killed: Killed, path: Path, found: dict[str, Any], python: str | None
) -> list[str]:
    """Return the differences between our and the original's reading."""
    if python is None or not found['frames']:
        return []
    theirs = kills.known(case, _read_by(python, path), found)
    return [f'the original: {text}' for text in check(case, killed, theirs).wrong]


# --- the original


def _original(case: Case, home: Path, pythons: Pythons) -> Result:
    assert pythons.write
    assert pythons.read
    path = home / 'store'
    killed = kills.kill(case, path, pythons.write, original=True)
    if path.exists():
        shutil.copytree(path, home / 'copy')
    found = _read_by(pythons.read, path)
    right = _right(case, found)
    about = _about(case, killed, right, len(found['records']))
    brought_back = min(about['lost'], max(0, _brought_back(home / 'copy') - right))  # there may be one not counted yet
    return {
        **about,
        'false': len(found['frames']) - right,
        'errors': found['errors'],
        'brought back': brought_back,
        'wrong': [],
    }


def _right(case: Case, found: dict[str, Any]) -> int:
    """How many frames came back as they were added, each with its own number and time."""
    return len({frame[2] for frame in found['frames'] if is_frame(case, frame[2], frame)})


def _brought_back(path: Path) -> int:
    """How many frames there are, each where it was, once ours has repaired the store of the original."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            imgstore.repair(str(path))
            frames = read(str(path))['frames']
    except imgstore.errors.ImgStoreError:
        return 0
    return sum(frame[2] == index for index, frame in enumerate(frames))
