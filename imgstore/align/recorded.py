"""Recordings of several cameras: their stores opened and aligned."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any, NamedTuple

from .._support.yaml import load_yaml
from ..errors import CorruptFileError, InvalidArgumentError, StoreNotFoundError
from ..ondisk.files import StrPath, text_path
from ..ondisk.lock import is_held
from ..stores.factories import ImgStore, new_for_filename
from ..stores.multi import MultiStore
from .aligning import align
from .alignment import Alignment

RECORDING_FILENAME = 'recording.yaml'
"""File of a recording of several cameras, in the folder of their stores."""

RECORDING_LOCK_FILENAME = '.recording.lock'
"""File that the recorder holds until it has completed recording.yaml."""


class RecordedCamera(NamedTuple):
    """A camera in recording.yaml.

    Attributes
    ----------
    stores : list of str
        Paths of its stores in order: one per segment. They need not exist.
    failure : str or None
        Error that ended it.
    """

    stores: list[str]
    failure: str | None


class Recorded(NamedTuple):
    """A recording, by recording.yaml.

    Attributes
    ----------
    state : {'ended', 'live', 'killed'}
        Whether its recorder completed it, runs, or was killed.
    segments : list of str or None
        Names of the folders of the segments. None: there are none.
    cameras : dict of RecordedCamera
        The cameras by name, in the order of the sources.
    """

    state: str
    segments: list[str] | None
    cameras: dict[str, RecordedCamera]


def open_recording(path: StrPath, **options: Any) -> dict[str, ImgStore | MultiStore]:
    """Open the stores of a recording that `imgstore.record` made.

    Parameters
    ----------
    path : str or PathLike
        Folder with the file recording.yaml.
    **options
        `imgstore.ReadOptions`.

    Returns
    -------
    dict of ImgStore or MultiStore
        The stores by the names of their cameras, in the order of the sources. Cameras without a frame have none. A
        recording in segments gives a MultiStore a camera, if it is in several.

    Raises
    ------
    StoreNotFoundError
        There is no recording.yaml.
    CorruptFileError
        It is damaged.

    Examples
    --------
    >>> sources = {'left': 'test:64x48,fps=100', 'right': 'test:32x24,fps=100'}
    >>> with imgstore.record(sources, 'both', 'npy', frames=5) as recording:
    ...     recording.wait()
    True
    >>> [(name, len(each), each.image_shape) for name, each in imgstore.align.open_recording('both').items()]
    [('left', 5, (48, 64)), ('right', 5, (24, 32))]
    """
    folder = text_path(path, 'path')
    with contextlib.ExitStack() as stack:
        found: dict[str, ImgStore | MultiStore] = {}
        for name, paths in _stores(folder).items():
            with contextlib.suppress(StoreNotFoundError):
                found[name] = _opened(paths, options)
                stack.callback(found[name].close)
        stack.pop_all()
    return found


def _stores(folder: str) -> dict[str, list[str]]:
    """Return the paths of the stores of each camera, in order."""
    content = _content(folder)
    cameras, segments = _cameras(folder, content), _segments(folder, content)
    paths = {name: _store_paths(folder, segments, camera) for name, camera in cameras.items()}
    return {name: [path for path in each if os.path.isdir(path)] or each[:1] for name, each in paths.items()}


def _opened(paths: list[str], options: dict[str, Any]) -> ImgStore | MultiStore:
    return new_for_filename(paths[0], **options) if len(paths) == 1 else MultiStore(paths, **options)


def align_recording(path: StrPath, **options: Any) -> Alignment:
    """Align the stores of a recording that `imgstore.record` made.

    Parameters
    ----------
    path : str or PathLike
        Folder with the file recording.yaml.
    **options
        Those of `align`. Default of ``by``: 'number' for cameras with a common trigger, else 'time'.

    Returns
    -------
    Alignment
        Of the stores, in the order of the sources.

    Examples
    --------
    >>> sources = {'left': 'test:64x48,fps=100', 'right': 'test:64x48,fps=100'}
    >>> with imgstore.record(sources, 'pair', 'npy', frames=20) as recording:
    ...     recording.wait()
    True
    >>> alignment = imgstore.align.align_recording('pair')
    >>> alignment.by, len(alignment.stores)
    ('time', 2)
    """
    content = _content(text_path(path, 'path'))
    stores = list(open_recording(path).values())
    if not stores:
        raise InvalidArgumentError(f'the recording {os.fspath(path)!r} has no frames to align', argument='path')
    return align(stores, **{'by': content.get('align_by', 'time'), **options})


def recorded(folder: str) -> Recorded:
    """Return what recording.yaml says of a recording.

    Raises
    ------
    StoreNotFoundError
        There is no recording.yaml.
    CorruptFileError
        It is damaged.
    """
    is_live = is_held(os.path.join(folder, RECORDING_LOCK_FILENAME))  # before the file, which is complete then
    content = _content(folder)
    has_ended, segments = content.get('ended_utc') is not None, _segments(folder, content)
    return Recorded(
        'ended' if has_ended else 'live' if is_live else 'killed',
        segments,
        {
            name: RecordedCamera(_store_paths(folder, segments, camera), _failure(camera))
            for name, camera in _cameras(folder, content).items()
        },
    )


def _store_paths(folder: str, segments: list[str] | None, camera: dict[str, Any]) -> list[str]:
    return [os.path.join(folder, each, camera['store']) for each in ([''] if segments is None else segments)]


def _failure(camera: dict[str, Any]) -> str | None:
    return str(camera.get('reason')) if camera.get('failed') else None


def failure_of(store: str) -> str | None:
    """Return the error that ended the camera of a store, by recording.yaml."""
    folder, name = os.path.split(os.path.abspath(store))
    with contextlib.suppress(StoreNotFoundError, CorruptFileError, OSError):
        for camera in _cameras(folder, _content(folder)).values():
            if camera['store'] == name:
                return _failure(camera)
    return None


def _content(folder: str) -> dict[str, Any]:
    path = os.path.join(folder, RECORDING_FILENAME)
    if not os.path.isfile(path):
        raise StoreNotFoundError(
            f'{folder!r} is no recording of cameras: it has no {RECORDING_FILENAME}; open a store with '
            f'new_for_filename',
            path=folder,
        )
    content = load_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get('cameras'), dict):
        raise CorruptFileError(f'{path} does not list cameras', path=path)
    return content


def _segments(folder: str, content: dict[str, Any]) -> list[str] | None:
    """Return the folders of the segments in order of time; None: there are none."""
    segments = content.get('segments')
    if segments is None:
        return None
    if (
        not isinstance(segments, list)
        or not segments
        or not all(re.fullmatch(r'segment-\d+', str(each)) for each in segments)
    ):
        path = os.path.join(folder, RECORDING_FILENAME)
        raise CorruptFileError(f'{path} names no segments', path=path)
    return sorted(map(str, segments), key=lambda each: int(each.partition('-')[2]))  # a late camera may add one last


def _cameras(folder: str, content: dict[str, Any]) -> dict[str, Any]:
    cameras: dict[str, Any] = content['cameras']
    for name, camera in cameras.items():
        store = camera.get('store') if isinstance(camera, dict) else None
        if not isinstance(store, str) or os.path.basename(store) != store:
            path = os.path.join(folder, RECORDING_FILENAME)
            raise CorruptFileError(f'{path} names no store of camera {name!r}', path=path)
    return cameras
