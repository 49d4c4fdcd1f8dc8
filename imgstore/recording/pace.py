"""Whether this machine keeps the pace of a set-up, measured with its cameras."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .._support.cpu import CORES
from .._support.text import count_of
from ..formats import format_names, resolve_format
from .accounting import CameraStatus
from .check_folder import check_folder_in
from .frames import RecordedFrame
from .new_folder import closest_folder
from .new_recording import record
from .pace_trials import CameraFrames, StoreSpeed, disk_speed, store_speed
from .recorder import ThreadSeconds
from .recording import Recording
from .rig.rig_file import Rig

SECONDS = 10.0
"""Usual duration of the recording of a check."""

_FRAMES, _FRAME_BYTES = 64, 2**26
"""Frames of each camera that are kept for the trials, and their size together."""

_TRIAL = 0.1  # of the duration, for each format
_LONGEST_TRIAL = 1.0  # seconds
_POLL = 0.05  # seconds
_LEAST_RATE = 0.98  # of the frames per second that were asked for
_FULL_QUEUE = 0.5
_TRIED = ('npy', 'avc1/mp4', 'hevc/mp4', 'mjpeg/avi', 'ffv1/mkv', 'h264-lossless/mp4', 'png', 'jpg', 'bpk')
_FASTEST = {'preset': 'ultrafast'}


@dataclass(frozen=True, kw_only=True)
class CameraPace:
    """How one camera got on in a check.

    Attributes
    ----------
    name : str
        Name of the camera.
    fps : float or None
        Frames per second that it took, lost ones included.
    frames, missing : int
        Frames in its store, and numbers that are not in it.
    capture : float or None
        By how much its thread could be slower.
    copy : float or None
        By how much the thread that fills its store could be slower.
    queue : float
        The most of our queue that was in use, 0 to 1.
    """

    name: str
    fps: float | None
    frames: int
    missing: int
    capture: float | None
    copy: float | None
    queue: float


@dataclass(frozen=True, kw_only=True)
class FormatPace:
    """Whether a format keeps the pace of all cameras.

    Attributes
    ----------
    format : str
        Name of the format.
    options : dict
        Its options.
    headroom : float
        By how much this machine is faster than the cameras, capture included.
    bytes_per_hour : float
        Size of an hour of all cameras.
    """

    format: str
    options: dict[str, Any]
    headroom: float
    bytes_per_hour: float


@dataclass(frozen=True, kw_only=True)
class PaceReport:
    """What a check found.

    Attributes
    ----------
    seconds : float
        Duration of its recording.
    folder : str
        Where the set-up would record now.
    cameras : tuple of CameraPace
        Each camera.
    encode : float or None
        By how much all stores together are faster than the cameras.
    disk : float or None
        By how much the disk is faster than what the stores write.
    bytes_per_hour : float or None
        What the stores write.
    hours_left : float or None
        Hours until the disk is full.
    formats : tuple of FormatPace
        Formats that were tried, the fastest first.
    problems : tuple of str
        Why the machine does not keep the pace, or a camera does not work.
    """

    seconds: float
    folder: str
    cameras: tuple[CameraPace, ...]
    encode: float | None
    disk: float | None
    bytes_per_hour: float | None
    hours_left: float | None
    formats: tuple[FormatPace, ...]
    problems: tuple[str, ...]

    @property
    def keeps_pace(self) -> bool:
        """Whether this machine keeps the pace."""
        return not self.problems

    def as_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {'keeps_pace': self.keeps_pace, **asdict(self)}


def check_rig(rig: Rig, seconds: float = SECONDS) -> PaceReport:
    r"""Record with a set-up for some seconds, and measure this machine.

    The recording and the trials are in a temporary folder on the disk of the set-up, which is removed.

    Parameters
    ----------
    rig : Rig
        From `load_rig`.
    seconds : float
        Duration of the recording.

    Returns
    -------
    PaceReport

    Raises
    ------
    InvalidArgumentError
        A camera cannot be opened, or refuses a setting. The error has the line of the file.
    StoreIOError
        The disk of the set-up cannot be written to.

    Examples
    --------
    >>> from imgstore.recording import check_rig, load_rig
    >>> with open('rig.yaml', 'w') as file:
    ...     _ = file.write('folder: data\nformat: npy\ncameras: {left: "test:64x48,fps=20"}')
    >>> report = check_rig(load_rig('rig.yaml'), seconds=1)
    >>> report.keeps_pace, report.cameras[0].missing
    (True, 0)
    """
    target = rig.new_folder()
    with check_folder_in(closest_folder(target)) as place:
        recorded = _record(rig, os.path.join(place, 'recording'), seconds)
        return _Check(rig, recorded, seconds, place, target).report()


@dataclass(frozen=True)
class _Recorded:
    """What the recording of a check gave."""

    status: Mapping[str, CameraStatus]
    threads: Mapping[str, ThreadSeconds]
    queues: Mapping[str, float]
    samples: Mapping[str, Sequence[RecordedFrame]]


def _record(rig: Rig, folder: str, seconds: float) -> _Recorded:
    with record(rig, folder, duration=seconds) as recording:
        samples = _Samples(seconds)
        for name in recording.cameras:
            recording.on_frame(samples.add, cameras=name)
        queues = _watch_queues(recording)
    return _Recorded(recording.status(), recording.thread_seconds(), queues, samples.frames)


def _watch_queues(recording: Recording) -> dict[str, float]:
    """Wait for the end; return the most of each queue that was in use."""
    most = dict.fromkeys(recording.cameras, 0.0)
    while not recording.wait(_POLL):
        for name, status in recording.status().items():
            most[name] = max(most[name], status.waiting_bytes / recording.buffer_bytes)
    return most


class _Samples:
    """Frames of each camera, spread over the recording."""

    def __init__(self, seconds: float) -> None:
        self._every = seconds / _FRAMES
        self._lock = threading.Lock()
        self._bytes: dict[str, int] = {}
        self.frames: dict[str, list[RecordedFrame]] = {}

    def add(self, frame: RecordedFrame) -> None:
        """Keep a frame if the last one is old enough."""
        with self._lock:
            kept = self.frames.setdefault(frame.camera, [])
            size = self._bytes.get(frame.camera, 0) + frame.nbytes
            if kept and (frame.arrival - kept[-1].arrival < self._every or size > _FRAME_BYTES):
                return
            kept.append(frame)
            self._bytes[frame.camera] = size


class _Check:
    """The trials of a check, and what they say."""

    def __init__(self, rig: Rig, recorded: _Recorded, seconds: float, place: str, target: str) -> None:
        self._rig, self._recorded, self._seconds = rig, recorded, seconds
        self._place, self._target = place, target
        self._trial = min(_LONGEST_TRIAL, _TRIAL * seconds)
        self._problems: list[str] = []

    def report(self) -> PaceReport:
        """Run the trials."""
        cameras = tuple(self._camera(name) for name in self._rig.cameras)
        frames = self._frames()
        stores = store_speed(frames, self._place, self._trial) if frames else None
        disk = self._disk(stores)
        self._compare(cameras, stores, disk)
        free = shutil.disk_usage(self._place).free
        return PaceReport(
            seconds=self._seconds,
            folder=self._target,
            cameras=cameras,
            encode=None if stores is None else stores.headroom,
            disk=disk,
            bytes_per_hour=None if stores is None else stores.bytes_per_second * 3600,
            hours_left=None if stores is None else free / max(1.0, stores.bytes_per_second) / 3600,
            formats=tuple(self._formats(frames)) if frames else (),
            problems=tuple(self._problems),
        )

    def _camera(self, name: str) -> CameraPace:
        status, threads = self._recorded.status[name], self._recorded.threads[name]
        self._look_at(status)
        return CameraPace(
            name=name,
            fps=status.rate,
            frames=status.frames,
            missing=status.missing,
            capture=_headroom(self._seconds, threads.capture),
            copy=_headroom(self._seconds, threads.copy),
            queue=self._recorded.queues[name],
        )

    def _look_at(self, status: CameraStatus) -> None:
        wanted = self._rig.cameras[status.name].settings.fps
        if status.failed or not status.frames:
            self._problems.append(f'{status.name}: {status.reason if status.failed else "it gave no frame"}')
        elif status.missing:
            self._problems.append(str(status))
        elif wanted and status.rate is not None and status.rate < _LEAST_RATE * wanted:
            self._problems.append(
                f'{status.name}: the camera takes {status.rate:.1f} frames/s, not {wanted:g}; see its exposure time, '
                f'its connection and a smaller size or roi'
            )

    def _frames(self) -> dict[str, CameraFrames]:
        """Return the frames of the trials, with the pace to keep."""
        cameras = self._rig.cameras
        rates = {name: cameras[name].settings.fps or each.rate for name, each in self._recorded.status.items()}
        return {
            name: CameraFrames(rate, frames, cameras[name].format, cameras[name].options)
            for name, frames in self._recorded.samples.items()
            if (rate := rates[name])
        }

    def _disk(self, stores: StoreSpeed | None) -> float | None:
        return None if stores is None else disk_speed(self._place, self._trial) / max(1.0, stores.bytes_per_second)

    def _compare(self, cameras: Sequence[CameraPace], stores: StoreSpeed | None, disk: float | None) -> None:
        for camera in cameras:
            for what, headroom in (('capture', camera.capture), ('copy', camera.copy)):
                self._note(f'{camera.name}: {what}', headroom)
            if camera.queue > _FULL_QUEUE:
                self._problems.append(f'{camera.name}: {camera.queue:.0%} of our queue was in use')
        self._note('encode', None if stores is None else stores.headroom)
        self._note('disk', disk)

    def _note(self, what: str, headroom: float | None) -> None:
        if headroom is not None and headroom < 1:
            self._problems.append(f'{what} has {headroom:.2f} of the speed that is needed')

    def _formats(self, frames: Mapping[str, CameraFrames]) -> list[FormatPace]:
        """Try formats for all cameras."""
        found = []
        names = [name for name in _TRIED if name in format_names()]
        trials = [(name, options) for name in names for options in ({}, _FASTEST) if not options or _has_presets(name)]
        for name, options in trials:
            alike = {each: CameraFrames(of.fps, of.frames, name, options) for each, of in frames.items()}
            speed = store_speed(alike, self._place, self._trial)
            if speed is not None:
                found.append(self._format(name, options, speed))
        return sorted(found, key=lambda each: -each.headroom)

    def _format(self, name: str, options: dict[str, Any], speed: StoreSpeed) -> FormatPace:
        captures = sum(each.capture for each in self._recorded.threads.values()) / self._seconds / CORES
        return FormatPace(
            format=name,
            options=options,
            headroom=1 / (1 / speed.headroom + captures),
            bytes_per_hour=speed.bytes_per_second * 3600,
        )


def _has_presets(name: str) -> bool:
    return any(option.name == 'preset' for option in resolve_format(name).options)


def _headroom(seconds: float, busy: float) -> float | None:
    return seconds / busy if busy else None


def pace_lines(report: PaceReport) -> list[str]:
    """Return a report as lines for people."""
    lines = [_camera_line(camera) for camera in report.cameras]
    if report.encode is not None and report.disk is not None:
        lines.append(f'encode: {_times(report.encode)} for all cameras together')
        size, hours = (report.bytes_per_hour or 0) / 1e9, report.hours_left or 0
        lines.append(f'disk: {_times(report.disk)}, {size:.3g} GB an hour, full after {hours:,.0f} h')
    for is_fast, what in ((True, 'formats that keep the pace'), (False, 'formats that are too slow')):
        known = ', '.join(_format_text(each) for each in report.formats if (each.headroom >= 1) is is_fast)
        lines += [f'{what}: {known}'] if known else []
    return lines


def _camera_line(camera: CameraPace) -> str:
    rate = 'no rate' if camera.fps is None else f'{camera.fps:.1f} frames/s'
    parts = [f'{count_of(camera.frames, "frame")}, {camera.missing} missing, {rate}']
    parts += [f'{what} {_times(room)}' for what, room in (('capture', camera.capture), ('copy', camera.copy)) if room]
    return f'{camera.name}: {", ".join(parts)}, queue at most {camera.queue:.0%} full'


def _format_text(tried: FormatPace) -> str:
    options = ''.join(f' {name}={value}' for name, value in tried.options.items())
    return f'{tried.format}{options} {_times(tried.headroom)} ({tried.bytes_per_hour / 1e9:.3g} GB an hour)'


def _times(headroom: float) -> str:
    return f'{headroom:.2f}x' if headroom < 10 else f'{headroom:,.0f}x'
