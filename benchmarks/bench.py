"""Runs cases, each piece of work in a process of its own, and keeps what was measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import environments
from environments import Environment, MissingError
from model import OURS, PEERS, Arguments, Case, Recording, Sizes

WORK = str(Path(__file__).with_name('work.py'))
REFERENCE, LIMIT = 'reference', 'limit'
"""Beside OURS and its peers the sides of a case."""

SMALL = (96, 128)  # pixels: the frames of long recordings
ROUNDS_OF_LIMITS = 3


class FailedError(Exception):
    """A process failed, or could not measure; the message says why."""


@dataclass
class Results:
    """What was measured: a value a round by case, side and metric, and why there is none.

    Notes are about all metrics of a case and side, remarks about one: then its values do not count.
    """

    values: dict[tuple[str, str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    remarks: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def median(self, case: str, side: str, key: str) -> float | None:
        """Of all rounds; None where nothing was measured."""
        values = None if (case, side, key) in self.remarks else self.values.get((case, side, key))
        return median(values) if values else None


class Bench:
    """Measures cases.

    Parameters
    ----------
    folder : Path
        For all that is written, on the disk that is to be measured.
    home : Path
        Of the virtual environments.
    sizes : Sizes
    ours_only : bool
        Leave the original out, and make its recordings by ours.
    """

    def __init__(self, folder: Path, home: Path, sizes: Sizes, ours_only: bool) -> None:
        self._folder, self._home, self._sizes, self._ours_only = folder, home, sizes, ours_only
        self.results = Results()
        self._environments: dict[str, Environment | MissingError] = {}
        self._frames: dict[str, str] = {}
        self._recordings: dict[tuple[str, str], str | FailedError] = {}

    def run(self, case: Case, number: int) -> None:
        """One round: ours and the others in turn, another one first each time, and the limit behind them."""
        sides = self._sides(case)
        first = number % len(sides)
        for side in sides[first:] + sides[:first]:
            self._measure(case, side, number)
        if case.limit is not None and number < ROUNDS_OF_LIMITS:
            self._measure(case, LIMIT, number)

    def _sides(self, case: Case) -> list[str]:
        reference = [REFERENCE] if self._environment_of(case, REFERENCE) else []
        return [OURS, *reference, *([] if self._ours_only else case.peers)]

    def _measure(self, case: Case, side: str, number: int) -> None:
        """Nothing is tried again that failed, nor compared with what ours cannot do."""
        if {(case.name, side), (case.name, OURS)} & self.results.notes.keys():
            return
        _empty_the_disk_queue()
        try:
            metrics = self._metrics(case, side, number)
        except (FailedError, MissingError) as error:
            self.results.notes[case.name, side] = str(error)
            return
        for key, remark in metrics.pop('remarks', {}).items():
            self.results.remarks[case.name, side, key] = remark
        for key, value in metrics.items():
            self.results.values[case.name, side, key].append(value)

    def _metrics(self, case: Case, side: str, number: int) -> dict[str, Any]:
        environment = str(self._environment_of(case, side))
        offered: Arguments = {'folder': str(self._folder), 'check': number == 0, 'reader': side}
        if case.frames:
            offered['frames'] = self._frames_file(case.frames)
        if case.recording:
            offered['path'] = self._recording(case.recording, case.recording.by or environment)
        if side in PEERS:
            return self._answer(environment, case.task, {**offered, **case.arguments}, 'numpy')
        if side == LIMIT and case.limit:
            return self._answer(OURS, case.limit.task, {**offered, **case.limit.arguments}, case.limit.imports)
        task = case.reference_task if side == REFERENCE else None
        return self._answer(environment, task or case.task, {**offered, **case.arguments})

    def _environment_of(self, case: Case, side: str) -> str | None:
        if side != REFERENCE:
            return case.environment or PEERS.get(side, OURS)
        return None if self._ours_only and case.reference != OURS else case.reference

    # --- what the work needs

    def environment(self, name: str) -> Environment:
        """Return the environment of that name, made once; MissingError."""
        if name not in self._environments:
            try:
                self._environments[name] = environments.make(name, self._home)
            except MissingError as error:
                self._environments[name] = error
        found = self._environments[name]
        if isinstance(found, MissingError):
            raise found
        return found

    def _frames_file(self, kind: str) -> str:
        if kind not in self._frames:
            height, width = SMALL if kind == 'small' else (self._sizes.height, self._sizes.width)
            path = str(self._folder / f'frames-{kind}.npy')
            self._answer(
                OURS,
                'make_frames',
                {
                    'target': path,
                    'count': self._sizes.distinct,
                    'height': height,
                    'width': width,
                    'gray': kind != 'color',
                },
            )
            self._frames[kind] = path
        return self._frames[kind]

    def _recording(self, recording: Recording, by: str) -> str:
        """Path of the recording, made once; ours stands in where the original is missing."""
        by = by if self._has(by) else OURS
        key = recording.name, by
        if key not in self._recordings:
            self._recordings[key] = self._record(recording, by)
        made = self._recordings[key]
        if isinstance(made, FailedError):
            raise made
        return made

    def _record(self, recording: Recording, by: str) -> str | FailedError:
        path = str(self._folder / re.sub(r'\W+', '-', f'{recording.name} by {by}'))
        frames = {'frames': self._frames_file(recording.frames)} if recording.frames else {}
        try:
            self._answer(by, recording.task, {**recording.arguments, **frames, 'path': path})
        except FailedError as error:
            return error
        _empty_the_disk_queue()
        return path

    def _has(self, name: str) -> bool:
        if self._ours_only:
            return name == OURS
        try:
            return bool(self.environment(name))
        except MissingError:
            return False

    # --- processes

    def _answer(self, environment: str, task: str, arguments: Arguments, imports: str = 'imgstore') -> dict[str, Any]:
        """Return what a task measured; FailedError."""
        answer = self.process(environment, {'task': task, 'arguments': arguments, 'imports': imports})
        if 'unavailable' in answer:
            raise FailedError(f'left out: {answer["unavailable"]}')
        return answer

    def process(self, environment: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a request by work.py in an environment; FailedError."""
        try:
            done = self.environment(environment).run(WORK, json.dumps(request))
        except subprocess.TimeoutExpired as error:
            raise FailedError(f'failed: not done after {error.timeout:.0f} s') from error
        if done.returncode:
            raise FailedError(f'failed: {_end(done.stderr, 3) or f"ended with {done.returncode}"}')
        answer: dict[str, Any] = json.loads(_end(done.stdout, 1))
        return answer

    def versions(self) -> dict[str, dict[str, str]]:
        """Return the packages installed in the environments used."""
        return {name: self._versions(name) for name in self._environments if self._has(name)}

    def _versions(self, name: str) -> dict[str, str]:
        task, imports = ('reader_versions', 'numpy') if name in PEERS.values() else ('versions', 'imgstore')
        found: dict[str, str] = self._answer(name, task, {}, imports)['versions']
        return found


def _empty_the_disk_queue() -> None:
    """Write everything to the disk, so that the next measurement has it alone."""
    if hasattr(os, 'sync'):
        os.sync()


def _end(text: str, lines: int) -> str:
    return '; '.join(line.strip() for line in text.strip().splitlines()[-lines:])
