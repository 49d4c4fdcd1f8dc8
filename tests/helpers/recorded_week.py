"""A long recording of two cameras in segments: killed once, on a full disk once, and with a cable unplugged once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from imgstore.align import align_recording, open_recording
from imgstore.viewers.web.recording import Recording

from .display import python_env
from .recorded import check_store, close_all, content
from .small_disks import mount, resize, unmount

SEGMENTS = 8  # of each of the three parts
_RUN = 'import sys; from imgstore.apps.dispatch import main; sys.exit(main())'
_PARTS = ('killed', 'unplugged', 'full')


@dataclass(frozen=True)
class Week:
    """How long and how fast it is.

    Attributes
    ----------
    folder : Path
        New folder of all parts.
    segment : float
        Seconds of a segment.
    fps : int
        Frames per second of both cameras.
    format : str
        Format of the stores.
    small, large : str
        Sizes of the images of both cameras.
    disk_kilobytes : int
        Size of the file system for the fourth segment of the large camera: too small for it. After the recording, it
        gets room for a repair.
    """

    folder: Path
    segment: float
    fps: int
    format: str
    small: str
    large: str
    disk_kilobytes: int

    @property
    def _disk(self) -> Path:
        return self.folder / 'full' / 'segment-0004' / 'right'

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._disk.is_mount():
            assert unmount(self._disk)

    def record(self) -> None:
        """Record the three parts, one after the other."""
        self.folder.mkdir()
        for part in _PARTS:
            unplug = f',unplug={round(3.5 * self.segment * self.fps)}' if part == 'unplugged' else ''
            self._rig(part).write_text(
                f'folder: {part}\nformat: {self.format}\nsegment: {self.segment}\nmetadata: {{part: {part}}}\n'
                f'settings: {{fps: {self.fps}}}\ncameras:\n'
                f'  left: "test:{self.small},buffers=100000"\n  right: "test:{self.large},buffers=100000{unplug}"\n'
            )
            with subprocess.Popen(self._command(part), env=python_env(), stderr=subprocess.PIPE, text=True) as running:
                self._meanwhile(part, running)
                _, err = running.communicate(timeout=60 + 2 * SEGMENTS * self.segment)
                assert 'Traceback' not in err, err
                assert running.returncode == (-9 if part == 'killed' else 1), err
        resize(self._disk, 10 * self.disk_kilobytes)

    def _rig(self, part: str) -> Path:
        return self.folder / f'{part}.yaml'

    def _command(self, part: str) -> list[str]:
        seconds = [] if part == 'killed' else ['--duration', str(SEGMENTS * self.segment - self.segment / 2)]
        return [sys.executable, '-c', _RUN, 'record', '--quiet', *seconds, str(self._rig(part))]

    def _meanwhile(self, part: str, running: subprocess.Popen[str]) -> None:
        """Do what goes wrong in this part."""
        if part == 'killed':
            self._wait_for(part, SEGMENTS, running)
            time.sleep(self.segment / 2)
            running.kill()
        elif part == 'full':
            self._wait_for(part, 1, running)
            self._disk.mkdir(parents=True)
            assert mount(self._disk, self.disk_kilobytes)

    def _wait_for(self, part: str, segment: int, running: subprocess.Popen[str]) -> None:
        while not (self.folder / part / f'segment-{segment:04d}' / 'right').exists():
            assert running.poll() is None
            time.sleep(0.02)

    # --- afterwards

    def listing(self) -> list[dict[str, Any]]:
        """Return what imgstore-info says of all stores."""
        found = map(json.loads, imgstore_of('info', '--recursive', '--json', self.folder).splitlines())
        return [row for row in found if 'cameras' not in row]

    def repair(self) -> None:
        """Repair the stores that their writer did not close."""
        paths = [row['path'] for row in self.listing() if row['state'] == 'not closed']
        assert paths
        imgstore_of('repair', *paths)

    def check(self) -> dict[str, dict[str, int]]:
        """Compare all frames; return the numbers of frames of each part and camera."""
        paths = [row['path'] for row in self.listing()]
        imgstore_of('verify', *paths)
        for path in paths:
            shown = Recording(path)
            assert shown.summary()['frames'] == len(shown.store.frame_numbers)
            shown.close()
        return {part: self._check_part(self.folder / part) for part in _PARTS}

    @staticmethod
    def _check_part(folder: Path) -> dict[str, int]:
        counts = {}
        for name, store in open_recording(folder).items():
            with store:
                assert check_store(store) == list(range(store.frame_count))
                counts[name] = store.frame_count
        alignment = align_recording(folder)
        assert len(alignment) >= 0.95 * min(counts.values())
        assert np.ptp(alignment.times, axis=1).max() <= 0.05
        close_all(alignment)
        return counts

    def reasons(self, part: str) -> dict[str, str | None]:
        """Return why each camera of a part ended, by recording.yaml."""
        return {name: each['reason'] for name, each in content(self.folder / part)['cameras'].items()}


def imgstore_of(*args: Any) -> str:
    """Run a command that must succeed; return what it prints."""
    command: Sequence[str] = [sys.executable, '-c', _RUN, *map(str, args)]
    done = subprocess.run(command, env=python_env(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
