"""Arguments of a new recording, checked before any camera is opened."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._support.validation import as_int_min, as_seconds, not_allowed
from ..ondisk.files import StrPath
from .listeners import FrameCallback
from .opening import Source, named_sources
from .plans import DEFAULT_FORMAT, LEAST_BUFFER, LEAST_SEGMENT, Plan, check_format, check_metadata
from .protocol import CameraSettings
from .recording import Recording
from .rig.rig_file import Rig, RigCamera, is_rig_path, load_rig
from .source_settings import combined, split_settings
from .times import Clock, clock_time

BUFFER_BYTES = 256 * 2**20


def record(
    sources: Mapping[str, Source] | Iterable[Source] | Source | StrPath | Rig,
    folder: StrPath | None = None,
    format: str | None = None,
    *,
    settings: CameraSettings | Mapping[str, CameraSettings] | None = None,
    duration: float | None = None,
    until: str | Clock | None = None,
    segment: float | None = None,
    frames: int | None = None,
    metadata: Mapping[Any, Any] | None = None,
    on_frame: FrameCallback | None = None,
    buffer_bytes: int | None = None,
    **options: Any,
) -> Recording:
    """Record one or several cameras, each in a store.

    The cameras are opened now, and record from the begin of a ``with`` block, or from `Recording.start`, to its end, or
    to `Recording.stop`. Threads do all the work.

    Parameters
    ----------
    sources : dict, list, str, Camera or Rig
        Sources such as 'opencv:0' by the names of their cameras. Without names, they are named after their source. Or
        a set-up: the path of a YAML file, or what `load_rig` returns.
    folder : str or PathLike, optional
        A new folder. It gets a store for each camera, and recording.yaml. A set-up has its own.
    format : str, optional
        Format of the stores. Default: 'avc1/mp4', or that of the set-up.
    settings : CameraSettings or dict, optional
        Settings of all cameras, or by the names of cameras. Those in a source, such as 'pylon:0,exposure=2000', come
        before them. A set-up has its own.
    duration : float, optional
        Seconds after which all cameras stop.
    until : str, optional
        Time at which all cameras stop: a time of day such as '18:00', or a date and time.
    segment : float, optional
        Seconds after which all cameras go on in a new folder, without losing a frame, 0.1 or more. They are named
        segment-0001, segment-0002 and so on.
    frames : int, optional
        Number of frames after which each camera stops.
    metadata : dict, optional
        Your own metadata, stored with each camera and in recording.yaml. It is added to that of a set-up, and its
        ``subject`` is in place of that of the set-up.
    on_frame : callable, optional
        Gets the latest frame again and again. See `Recording.on_frame`.
    buffer_bytes : int, optional
        Memory in bytes for frames of each camera that wait for its store, 256 MiB by default, 1 MB or more. Further
        frames are lost, and counted.
    **options
        The other `imgstore.WriteOptions`, such as ``chunksize`` and ``crf``.

    Returns
    -------
    Recording

    Raises
    ------
    InvalidArgumentError
        An argument is not allowed, or a camera cannot be opened. Nothing was written.
    StoreExistsError
        The folder holds a recording.

    Examples
    --------
    Two synthetic cameras. The right one drops frames 3 and 4:

    >>> sources = {'left': 'test:64x48,fps=50', 'right': 'test:64x48,fps=50,drop=3-4'}
    >>> with imgstore.record(sources, 'cameras', 'png', frames=8, metadata={'mouse': 7}) as recording:
    ...     recording.wait()
    True
    >>> {name: (status.frames, status.missing) for name, status in recording.status().items()}
    {'left': (8, 0), 'right': (8, 2)}
    >>> imgstore.new_for_filename('cameras/right').frame_numbers.tolist()
    [0, 1, 2, 5, 6, 7, 8, 9]
    """
    rig = load_rig(sources) if is_rig_path(sources) else sources  # type: ignore[arg-type]
    asked = _Asked(format, dict(options), dict(metadata or {}), duration, until, segment, frames, buffer_bytes)
    if isinstance(rig, Rig):
        if settings is not None:
            raise not_allowed('settings', settings, f'the set-up {rig.path!r} has its own; change them there')
        recording = _of_rig(rig, folder, asked)
    elif folder is None:
        raise not_allowed('folder', folder, 'give the name of a new folder')
    else:
        named = named_sources(sources)
        by_name = _settings_for(named, settings)
        plan = asked.plan(is_triggered=any(each.trigger for each in by_name.values()))
        recording = Recording(named, by_name, folder, plan, asked.seconds())
    if on_frame is not None:
        recording.on_frame(on_frame)
    return recording


@dataclass(frozen=True)
class _Asked:
    """What the caller asked for, or a set-up."""

    format: str | None
    options: dict[str, Any]
    metadata: dict[Any, Any]
    duration: float | None
    until: str | Clock | None
    segment: float | None
    frames: int | None
    buffer_bytes: int | None

    def plan(self, is_triggered: bool, usual: str = DEFAULT_FORMAT) -> Plan:
        check_metadata(self.metadata)
        return Plan(
            format=check_format(self.format or usual, self.options),
            options=self.options,
            metadata=self.metadata,
            buffer_bytes=BUFFER_BYTES
            if self.buffer_bytes is None
            else as_int_min(self.buffer_bytes, 'buffer_bytes', LEAST_BUFFER),
            frames=None if self.frames is None else as_int_min(self.frames, 'frames', 1),
            is_triggered=is_triggered,
            segment=None if self.segment is None else _checked_duration(self.segment, 'segment', LEAST_SEGMENT),
        )

    def seconds(self) -> float | None:
        """Return seconds to the end: the shorter of duration and until."""
        ends = [] if self.duration is None else [_checked_duration(self.duration)]
        if self.until is not None:
            clock = self.until if isinstance(self.until, Clock) else clock_time(self.until)
            ends.append(clock.seconds_from(datetime.datetime.now().astimezone()))
        return min(ends, default=None)


def _of_rig(rig: Rig, folder: StrPath | None, asked: _Asked) -> Recording:
    """Make the recording of a set-up; arguments of the call come first."""
    ends = asked if asked.duration is not None or asked.until is not None else rig
    if 'subject' in asked.metadata:
        rig = replace(rig, subject=str(asked.metadata['subject']))
    asked = replace(
        asked,
        metadata={**({'subject': rig.subject} if rig.subject else {}), **rig.metadata, **asked.metadata},
        duration=ends.duration,
        until=ends.until,
        segment=rig.segment if asked.segment is None else asked.segment,
        frames=rig.frames if asked.frames is None else asked.frames,
        buffer_bytes=rig.buffer_bytes if asked.buffer_bytes is None else asked.buffer_bytes,
    )
    settings = {name: camera.settings for name, camera in rig.cameras.items()}
    plan = asked.plan(any(each.trigger for each in settings.values()), rig.format)
    return Recording(
        {name: camera.source for name, camera in rig.cameras.items()},
        settings,
        rig.new_folder() if folder is None else folder,
        plan,
        asked.seconds() if ends is asked else _seconds_of_rig(rig, asked),
        plans={name: _plan_of(camera, plan, asked) for name, camera in rig.cameras.items()},
        explained=rig.explained,
    )


def _seconds_of_rig(rig: Rig, asked: _Asked) -> float | None:
    """Return the seconds to the end that the file has, with its line in an error."""
    place = rig.lines.get('until')
    seconds: float | None = asked.seconds() if place is None else place.read(lambda _: asked.seconds())
    return seconds


def _plan_of(camera: RigCamera, plan: Plan, asked: _Asked) -> Plan:
    given = camera.format if asked.format is None else asked.format
    options = {**(camera.options if asked.format is None else {}), **asked.options}
    metadata = {**plan.metadata, **camera.metadata, **asked.metadata}
    return replace(plan, format=check_format(given, options), options=options, metadata=metadata)


def _checked_duration(duration: object, what: str = 'duration', least: float = 0) -> float:
    seconds = as_seconds(duration, what)
    if not seconds > 0 or seconds < least:
        raise not_allowed(what, duration, f'it must be {f"{least} s or more" if least else "more than 0 s"}')
    return seconds


def _settings_for(named: Mapping[str, Source], settings: object) -> dict[str, CameraSettings]:
    given = _given_for(named, settings)
    return {
        name: combined(given[name], split_settings(source)[1]) if isinstance(source, str) else given[name]
        for name, source in named.items()
    }


def _given_for(named: Mapping[str, Source], settings: object) -> dict[str, CameraSettings]:
    if settings is None or isinstance(settings, CameraSettings):
        return dict.fromkeys(named, settings or CameraSettings())
    if not isinstance(settings, Mapping):
        raise not_allowed('settings', settings, 'it must be CameraSettings, or a dict of them by camera')
    for name, value in settings.items():
        if name not in named:
            raise not_allowed('settings', name, f'the cameras are {", ".join(named)}')
        if not isinstance(value, CameraSettings):
            raise not_allowed('settings', value, f'those of camera {name!r} must be CameraSettings')
    return {name: settings.get(name, CameraSettings()) for name in named}
