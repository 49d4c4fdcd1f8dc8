"""Arguments of a new recording, checked before any camera is opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._support.validation import as_int_min, as_seconds, not_allowed
from ..encoder_options import OPTION_NAMES
from ..errors import InvalidOptionError
from ..formats import resolve_format, validate_options
from ..ondisk.files import StrPath
from ..options import options_for
from .listeners import FrameCallback
from .opening import Source, named_sources
from .protocol import CameraSettings
from .recorder import Plan
from .recording import Recording
from .source_settings import combined, split_settings

BUFFER_BYTES = 256 * 2**20
DEFAULT_FORMAT = 'avc1/mp4'
_OF_CAMERAS = ('imgshape', 'imgdtype', 'encoding', 'overwrite', 'index', 'seek', 'gpu_id', 'videosize')
"""Arguments of `new_for_format` that `record` does not take."""


def record(
    sources: Mapping[str, Source] | Iterable[Source] | Source,
    folder: StrPath,
    format: str = DEFAULT_FORMAT,
    *,
    settings: CameraSettings | Mapping[str, CameraSettings] | None = None,
    duration: float | None = None,
    frames: int | None = None,
    metadata: Mapping[Any, Any] | None = None,
    on_frame: FrameCallback | None = None,
    buffer_bytes: int = BUFFER_BYTES,
    **options: Any,
) -> Recording:
    """Record one or several cameras, each in a store.

    The cameras are opened now, and record from the begin of a ``with`` block, or from `Recording.start`, to its end, or
    to `Recording.stop`. Threads do all the work.

    Parameters
    ----------
    sources : dict, list, str or Camera
        Sources such as 'opencv:0' by the names of their cameras. Without names, they are named after their source.
    folder : str or PathLike
        A new folder. It gets a store for each camera, and recording.yaml.
    format : str
        Format of the stores.
    settings : CameraSettings or dict, optional
        Settings of all cameras, or by the names of cameras. Those in a source, such as 'pylon:0,exposure=2000', come
        before them.
    duration : float, optional
        Seconds after which all cameras stop.
    frames : int, optional
        Number of frames after which each camera stops.
    metadata : dict, optional
        Your own metadata, stored with each camera and in recording.yaml.
    on_frame : callable, optional
        Gets the latest frame again and again. See `Recording.on_frame`.
    buffer_bytes : int
        Memory in bytes for frames of each camera that wait for its store. Further frames are lost, and counted.
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
    named = named_sources(sources)
    by_name = _settings_for(named, settings)
    plan = Plan(
        format=_checked_format(format, options),
        options=options,
        metadata=dict(metadata or {}),
        buffer_bytes=as_int_min(buffer_bytes, 'buffer_bytes', 0),
        frames=None if frames is None else as_int_min(frames, 'frames', 1),
        is_triggered=any(each.trigger for each in by_name.values()),
    )
    recording = Recording(named, by_name, folder, plan, _checked_duration(duration))
    if on_frame is not None:
        recording.on_frame(on_frame)
    return recording


def _checked_format(name: str, options: Mapping[str, Any]) -> str:
    fmt = resolve_format(name)
    for option in options:
        if option in _OF_CAMERAS:
            raise InvalidOptionError(f'{option!r} is no option of record, which takes it from the camera or has none')
    options_for('w', options)
    validate_options(fmt, {option: value for option, value in options.items() if option in OPTION_NAMES})
    return fmt.name


def _checked_duration(duration: object) -> float | None:
    if duration is None:
        return None
    seconds = as_seconds(duration, 'duration')
    if not seconds > 0:
        raise not_allowed('duration', duration, 'it must be more than 0 s')
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
