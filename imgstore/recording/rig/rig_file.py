"""Set-ups of cameras: rig.yaml, read and checked."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import InvalidArgumentError
from ...ondisk.files import StrPath, text_path
from ..opening import check_name, new_camera, same_camera, same_camera_text, with_source
from ..plans import DEFAULT_FORMAT, check_format
from ..protocol import CameraSettings
from ..source_settings import combined, split_settings
from ..times import Clock
from . import values
from .naming import check_template, folder_for
from .yaml_items import Item, load_items

_SETTINGS: dict[str, Callable[[Item], Any]] = {
    'fps': values.positive,
    'size': values.size,
    'roi': values.roi,
    'pixel_format': values.text,
    'exposure': values.positive,
    'gain': values.any_number,
    'trigger': values.text,
    'features': values.features,
    'extra_data': values.feature_names,
    'events': values.events,
}
_STORES: dict[str, Callable[[Item], Any]] = {
    'format': values.format_name,
    'options': values.plain_mapping,
    'metadata': values.metadata,
}
_CAMERA: dict[str, Callable[[Item], Any]] = {'source': values.text, **_SETTINGS, **_STORES}
_RIG: dict[str, Callable[[Item], Any]] = {
    'folder': values.text,
    'subject': values.text,
    **_STORES,
    'duration': values.seconds,
    'until': values.until,
    'segment': values.segment,
    'frames': values.count,
    'buffer_bytes': values.buffer_bytes,
}
_NESTED = ('settings', 'cameras')
_KIND = re.compile(r'\w{2,}:')
"""Begin of a source. A letter with a colon is a drive of Windows."""


@dataclass(frozen=True, kw_only=True)
class RigCamera:
    """A camera of a set-up.

    Attributes
    ----------
    source : str
        Such as 'pylon:40012345', a Basler camera by its serial number.
    settings : CameraSettings
        Those of all cameras, with the camera's own ones before them.
    format : str
        Format of its store.
    options : dict
        Other options of its store.
    metadata : dict
        Metadata of its store, that of the set-up included.
    lines : dict
        Places of its settings in the file, by their names.
    """

    source: str
    settings: CameraSettings
    format: str
    options: Mapping[str, Any]
    metadata: Mapping[str, Any]
    lines: Mapping[str, Item] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A set-up: cameras, how to record them, and where to.

    Attributes
    ----------
    path : str
        The file.
    folder : str
        Template of the folder, such as 'data/{date}_{subject}'. It is relative to the folder of the file.
    cameras : dict of RigCamera
        The cameras by their names.
    format : str
        Format of the stores, unless a camera has its own.
    subject : str or None
        What is recorded.
    metadata : dict
        Metadata of all stores.
    duration : float or None
        Seconds after which all cameras stop.
    until : Clock or None
        Time at which all cameras stop.
    segment : float or None
        Seconds after which all cameras go on in a new folder.
    frames : int or None
        Frames after which each camera stops.
    buffer_bytes : int or None
        Memory for frames of each camera that wait for its store.
    lines : dict
        Places of its keys in the file, by their names.
    """

    path: str
    folder: str
    cameras: Mapping[str, RigCamera]
    format: str = DEFAULT_FORMAT
    subject: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    duration: float | None = None
    until: Clock | None = None
    segment: float | None = None
    frames: int | None = None
    buffer_bytes: int | None = None
    lines: Mapping[str, Item] = field(default_factory=dict, repr=False)

    def new_folder(self, now: datetime.datetime | None = None) -> str:
        """Return the path of a folder to record in, by date and subject."""
        name = folder_for(self.folder, self.subject, now or datetime.datetime.now())
        return os.path.join(os.path.dirname(os.path.abspath(self.path)), os.path.expanduser(name))

    def explained(self, camera: str, error: InvalidArgumentError) -> InvalidArgumentError:
        """Return the error of a camera with its line in the file."""
        of = self.cameras[camera]
        item = of.lines.get(error.argument or '', of.lines.get('source'))
        if item is not None and item.key.startswith('cameras.'):
            return item.error(error)
        named = with_source({camera: of.source}, camera, error)
        return named if item is None else item.error(named)  # a line for all cameras


def is_rig_path(source: object) -> bool:
    """Return whether a source is a file of a set-up, by its name."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    path = str(os.fspath(source))
    return path.lower().endswith(('.yaml', '.yml')) and _KIND.match(path) is None


def load_rig(path: StrPath) -> Rig:
    """Load a set-up and check all of it, without opening a camera.

    Parameters
    ----------
    path : str or PathLike
        Path of a YAML file.

    Returns
    -------
    Rig

    Raises
    ------
    InvalidArgumentError
        A key or a value is not allowed. The error has file, line and key, and what is allowed.
    CorruptFileError
        The file is no YAML.
    StoreIOError
        The file cannot be read.

    Examples
    --------
    >>> from imgstore.recording import load_rig
    >>> with open('rig.yaml', 'w') as file:
    ...     _ = file.write('''
    ... folder: "{date}_{subject}"
    ... subject: mouse7
    ... format: npy
    ... cameras:
    ...   left: {source: "test:64x48", fps: 50}
    ... ''')
    >>> rig = load_rig('rig.yaml')
    >>> rig.cameras['left'].settings.fps, rig.cameras['left'].format
    (50.0, 'npy')
    """
    root = load_items(text_path(path, 'path'))
    items = root.items([*_RIG, *_NESTED])
    for name in ('folder', 'cameras'):
        if name not in items:
            raise root.error(f'key {name!r} is missing; add {_EXAMPLES[name]}')
    known = _converted(items, _RIG)
    items['folder'].read(lambda _: _checked_names(items, known))
    setting_items = items['settings'].items(_SETTINGS) if 'settings' in items else {}
    base = _Base(
        settings=_converted(setting_items, _SETTINGS),
        setting_items=setting_items,
        stores={name: known.pop(name) for name in _STORES if name in known},
        store_items=items,
    )
    return Rig(
        path=root.path,
        cameras=_cameras(base, items['cameras']),
        format=base.stores.get('format', DEFAULT_FORMAT),
        metadata=base.stores.get('metadata', {}),
        lines=items,
        **known,
    )


def _cameras(base: _Base, item: Item) -> dict[str, RigCamera]:
    cameras = {name: base.camera(name, camera) for name, camera in item.items().items()}
    if not cameras:
        raise item.error(f'there is no camera; add {_EXAMPLES["cameras"]}')
    if (same := same_camera({name: camera.source for name, camera in cameras.items()})) is not None:
        raise cameras[same[1]].lines['source'].error(same_camera_text(*same))
    return cameras


_EXAMPLES = {
    'folder': 'a name such as folder: "{date}_{subject}"',
    'cameras': 'one such as cameras: {left: {source: "pylon:0"}}',
}


def _converted(items: Mapping[str, Item], table: Mapping[str, Callable[[Item], Any]]) -> dict[str, Any]:
    return {name: item.read(table[name]) for name, item in items.items() if name in table}


def _checked_names(items: Mapping[str, Item], known: Mapping[str, Any]) -> None:
    if 'subject' in known and 'subject' in known.get('metadata', {}):
        inner = items['metadata'].items()['subject']
        raise inner.error(f'there is a subject in line {items["subject"].line}, too; remove one')
    try:
        check_template(known['folder'], known.get('subject'))
    except InvalidArgumentError as error:
        raise items.get(error.argument or 'folder', items['folder']).error(error) from error


@dataclass(frozen=True)
class _Base:
    """What all cameras of the file share."""

    settings: Mapping[str, Any]
    setting_items: Mapping[str, Item]
    stores: Mapping[str, Any]
    store_items: Mapping[str, Item]

    def camera(self, name: str, item: Item) -> RigCamera:
        item.read(lambda _: check_name(name))
        if item.text is not None:
            return self._made(name, {'source': item.read(values.text)}, {'source': item})
        inner = item.items(_CAMERA)
        if 'source' not in inner:
            raise item.error("key 'source' is missing; add one such as source: pylon:0")
        return self._made(name, _converted(inner, _CAMERA), inner)

    def _made(self, camera: str, own: Mapping[str, Any], items: Mapping[str, Item]) -> RigCamera:
        kind = items['source'].read(lambda _: new_camera(own['source']))
        lines = {**self.setting_items, **items}
        given = _settings({**self.settings, **{k: v for k, v in own.items() if k in _SETTINGS}}, lines)
        settings = combined(given, split_settings(own['source'])[1])
        for name in settings.given:
            if name not in kind.takes:
                have = f'it has {", ".join(kind.takes)}' if kind.takes else 'it has no settings'
                key = 'roi' if name == 'offset' else name
                place = lines.get(key) or lines.get('roi') or items['source']
                raise place.error(f'source {own["source"]!r} of camera {camera!r} has no {key}; {have}')
        return RigCamera(source=own['source'], settings=settings, lines=_with_roi(lines), **self._stored(own, items))

    def _stored(self, own: Mapping[str, Any], items: Mapping[str, Item]) -> dict[str, Any]:
        """Return format, options and metadata of the store."""
        name = own.get('format', self.stores.get('format', DEFAULT_FORMAT))
        shared = {} if 'format' in own else self.stores.get('options', {})  # those of another format would not fit
        options = {**shared, **own.get('options', {})}
        place = items.get('options') or items.get('format') or self.store_items.get('options') or items['source']
        values.checked(place, lambda: check_format(name, options))
        metadata = {**self.stores.get('metadata', {}), **own.get('metadata', {})}
        return {'format': name, 'options': options, 'metadata': metadata}


def _settings(given: dict[str, Any], lines: Mapping[str, Item]) -> CameraSettings:
    """Return the settings; a ROI is a size and an offset."""
    roi = given.pop('roi', None)
    settings = CameraSettings(**given)
    if roi is None:
        return settings
    if settings.size is not None:
        raise lines['roi'].error('there is a roi and a size; remove the size, which the roi has')
    return replace(settings, size=roi[2:], offset=roi[:2])


def _with_roi(lines: Mapping[str, Item]) -> dict[str, Item]:
    return {**lines, **({'size': lines['roi'], 'offset': lines['roi']} if 'roi' in lines else {})}
