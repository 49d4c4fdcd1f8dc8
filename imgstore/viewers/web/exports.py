"""Exports of ranges of frames from the page, one after the other.

They use the code of `imgstore-export`.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Any

from ...errors import ImgStoreError, InvalidArgumentError
from ...export import FileSound, Frames, export_csv, export_npz, export_tiff, export_video, select
from ...export.atomic_output import Progress
from ...stores.factories import new_for_filename
from .recording import Recording

KINDS = ('mp4', 'mkv', 'tif', 'npz', 'csv')
"""Kinds of files, each with its extension."""

WITH_SOUND = ('.wav', '.flac', '.mp3', '.m4a', '.ogg', '.mp4', '.mkv', '.mov', '.avi')
"""Extensions of files that may have sound."""

_MOST_JOBS, _MOST_WAITING = 50, 10
_MOST_SOUNDS, _MOST_TRIED = 50, 200


@dataclass(frozen=True)
class Order:
    """What to export.

    Attributes
    ----------
    start : int
        Number of the first frame.
    end : int
        Number of the last frame, which is exported, too.
    kind : str
        One of `KINDS`.
    status_bar : bool
        Draw number and time into each frame.
    sound : str
        Name of a file of `sound_files`, or ''.
    offset : float
        Seconds from the first frame of the store to the start of the sound.
    beside : bool
        Write the file next to the store, not for a download.
    """

    start: int
    end: int
    kind: str
    status_bar: bool = False
    sound: str = ''
    offset: float = 0.0
    beside: bool = False


@dataclass
class Job:
    """An export, waiting, running or finished.

    Attributes
    ----------
    key : str
        Name of the job in requests.
    recording : Recording
    order : Order
    state : str
        'waiting', 'running', 'done', 'failed' or 'cancelled'.
    done : int
        Number of exported frames.
    total : int
        Number of frames to export; 0 until it runs.
    note : str
        Remark of a finished export, or the reason of a failed one.
    path : str
        Path of the finished file.
    """

    key: str
    recording: Recording
    order: Order
    state: str = 'waiting'
    done: int = 0
    total: int = 0
    note: str = ''
    path: str = ''
    is_stopped: threading.Event = field(default_factory=threading.Event)

    def step(self) -> None:
        """Count a frame; raise if the export is cancelled."""
        self.done += 1
        if self.is_stopped.is_set():
            raise _CancelledError

    def told(self) -> dict[str, Any]:
        """Return what the page shows."""
        name = os.path.basename(self.path)
        facts = {name: getattr(self, name) for name in ('key', 'state', 'done', 'total', 'note')}
        return {**facts, 'name': name, 'beside': self.order.beside}


class _CancelledError(Exception):
    pass


class Exports:
    """Exports of all recordings, in a thread of their own."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, 'imgstore-export')
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Exports:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel all exports and remove the files that were not downloaded."""
        with self._lock:
            for job in self._jobs.values():
                job.is_stopped.set()
        self._worker.shutdown(cancel_futures=True)
        if self._folder:
            self._folder.cleanup()

    def start(self, recording: Recording, order: Order) -> Job:
        """Start an export, or queue it.

        Raises
        ------
        InvalidArgumentError
            Too many are waiting, or the sound is none of `sound_files`.
        """
        if order.sound and order.sound not in sound_files(recording):
            raise InvalidArgumentError(f'{order.sound!r} is no file with sound next to the store', argument='sound')
        job = Job(secrets.token_urlsafe(9), recording, order)
        with self._lock:
            if sum(each.state == 'waiting' for each in self._jobs.values()) >= _MOST_WAITING:
                raise InvalidArgumentError(f'{_MOST_WAITING} exports are waiting; try again when one is done')
            self._jobs[job.key] = job
            self._forget_oldest()
        self._worker.submit(self._run, job)
        return job

    def _forget_oldest(self) -> None:
        ended = [job for job in self._jobs.values() if job.state not in ('waiting', 'running')]
        for job in ended[: max(0, len(self._jobs) - _MOST_JOBS)]:
            del self._jobs[job.key]
            if job.path and not job.order.beside:
                os.unlink(job.path)

    def job(self, key: str) -> Job | None:
        """Return a job by its key, or None."""
        with self._lock:
            return self._jobs.get(key)

    def is_exporting(self, recording: Recording) -> bool:
        """Return whether an export of a recording waits or runs."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.recording is recording]
        return any(job.state in ('waiting', 'running') for job in jobs)

    # --- in the worker's thread

    def _run(self, job: Job) -> None:
        if job.is_stopped.is_set():
            job.state = 'cancelled'
            return
        job.state = 'running'
        try:
            self._export(job)
            job.state = 'done'
        except _CancelledError:
            job.state = 'cancelled'
        except (ImgStoreError, OSError) as error:
            job.note, job.state = str(error), 'failed'
        except Exception as error:  # noqa: BLE001  # else the page would wait for it
            job.note, job.state = f'{type(error).__name__}: {error}', 'failed'

    def _export(self, job: Job) -> None:
        source, order = job.recording.store, job.order
        with new_for_filename(source.filename, index=source.index) as store:
            frames = select(store, from_number=order.start, to_number=order.end + 1)
            job.total = len(frames)
            path = self._path(job)
            job.note = _write(frames, path, order, job.step, _sounds(job.recording, order))
            job.path = path

    def _path(self, job: Job) -> str:
        """Return a path that does not exist yet."""
        name = re.sub(r'[^\w.-]+', '_', job.recording.name).strip('._') or 'recording'
        stem = f'{name}_{job.order.start}-{job.order.end}'
        if not job.order.beside:
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix='imgstore-export-')
            folder = os.path.join(self._folder.name, job.key)
            os.mkdir(folder)
        else:
            folder = _folder_of(job.recording)
        names = (f'{stem}.{job.order.kind}', *(f'{stem}_{rank}.{job.order.kind}' for rank in range(2, 1000)))
        return next(path for name in names if not os.path.lexists(path := os.path.join(folder, name)))


def _write(frames: Frames, path: str, order: Order, step: Progress, sounds: list[FileSound]) -> str:
    """Write the file and return a remark."""
    if order.kind in ('mp4', 'mkv'):
        report = export_video(frames, path, status_bar=order.status_bar, sounds=sounds, progress=step)
        return 'copied without re-encoding' if report.copied else f're-encoded: {report.reason}'
    if order.kind == 'tif':
        export_tiff(frames, path, status_bar=order.status_bar, progress=step)
    elif order.kind == 'npz':
        export_npz(frames, path, progress=step)
    else:
        export_csv(frames, path, 'joined' if frames.store.has_extra_data else 'frames', escape_formulas=True)
    return ''


def _sounds(recording: Recording, order: Order) -> list[FileSound]:
    if not order.sound:
        return []
    return [FileSound(os.path.join(_folder_of(recording), order.sound), order.offset)]


def _folder_of(recording: Recording) -> str:
    """Return the folder that a store is in."""
    path = recording.store.filename
    if '://' in path:
        raise InvalidArgumentError(f'{path!r} is a URL; nothing can be written next to it', argument='beside')
    return os.path.dirname(os.path.abspath(path))


def selection(recording: Recording, start: int, end: int) -> dict[str, Any]:
    """Return which frames an export of a range has.

    Raises
    ------
    InvalidArgumentError
        It has none.
    """
    frames = select(recording.store, from_number=start, to_number=end + 1)
    first, last = str(frames.numbers[0]), str(frames.numbers[-1])
    return {'frames': len(frames), 'first': first, 'last': last, 'all': len(frames) == recording.count}


def sound_files(recording: Recording) -> list[str]:
    """List the files with sound next to a store, by name."""
    if '://' in recording.store.filename:
        return []
    try:
        with os.scandir(_folder_of(recording)) as entries:
            named = [entry for entry in entries if entry.name.lower().endswith(WITH_SOUND) and entry.is_file()]
        tried = sorted(named, key=lambda entry: entry.name)[:_MOST_TRIED]
        return [entry.name for entry in tried if _has_sound(entry)][:_MOST_SOUNDS]
    except OSError:
        return []


def _has_sound(entry: os.DirEntry[str]) -> bool:
    status = entry.stat()
    return _is_sound(entry.path, status.st_mtime_ns, status.st_size)


@lru_cache(2 * _MOST_TRIED)
def _is_sound(path: str, changed: int, size: int) -> bool:
    """Return whether a file has sound; a changed one is tried again."""
    try:
        FileSound(path)
    except InvalidArgumentError:
        return False
    return True
