"""Cameras by the names of their sources, such as ``pylon:0``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, cast

from ..align.recorded import RECORDING_FILENAME
from ..errors import InvalidArgumentError
from .protocol import Camera
from .source_settings import KINDS, split_settings

ENTRY_POINTS = 'imgstore.cameras'
"""Group of the entry points by which packages add cameras."""

CAMERAS = {
    'aravis': 'imgstore.recording.cameras.aravis:AravisCamera',
    'file': 'imgstore.recording.cameras.replay:ReplayedFile',
    'genicam': 'imgstore.recording.cameras.genicam:GenICamCamera',
    'opencv': 'imgstore.recording.cameras.opencv:OpenCVCamera',
    'picamera2': 'imgstore.recording.cameras.picamera2:PiCamera',
    'pylon': 'imgstore.recording.cameras.pylon:PylonCamera',
    'test': 'imgstore.recording.cameras.synthetic:SyntheticCamera',
}
"""Our own cameras by their names, as in setup.py."""

_URL = re.compile(r'[a-z][a-z0-9+.-]*://', re.IGNORECASE)
_NAME = re.compile(r'[A-Za-z0-9_][\w .+-]{0,99}', re.ASCII)

Source = str | Camera
"""A text such as ``pylon:0``, or an object of a class of your own."""


def new_camera(source: Source) -> Camera:
    """Make the camera for a source, without opening it.

    Raises
    ------
    InvalidArgumentError
        There is no such kind of source.
    """
    if isinstance(source, Camera):
        return source
    if not isinstance(source, str):
        raise InvalidArgumentError(
            f'a source is {source!r}; it must be a text such as opencv:0, or an imgstore.recording.Camera',
            argument='sources',
        )
    kind, colon, address = split_settings(source)[0].partition(':')
    if _URL.match(source):
        kind, address = 'opencv', source
    elif not colon:
        raise InvalidArgumentError(
            f'source {source!r} has no kind; write KIND:ADDRESS, such as opencv:0; {_known()}', argument='sources'
        )
    return _camera_class(kind, source)(address)


def camera_kinds() -> list[str]:
    """Return the kinds of sources of this installation, in order."""
    return sorted({*CAMERAS, *_of_others()})


def _camera_class(kind: str, source: str) -> Callable[[str], Camera]:
    target = CAMERAS.get(kind)
    if target is not None:
        module, _, name = target.partition(':')
        return cast(Callable[[str], Camera], getattr(import_module(module), name))
    others = _of_others()
    if kind not in others:
        raise InvalidArgumentError(f'source {source!r} is of the unknown kind {kind!r}; {_known()}', argument='sources')
    return others[kind]()


def _of_others() -> Mapping[str, Callable[[], Callable[[str], Camera]]]:
    """Return the cameras that other packages add, with what loads them."""
    from importlib.metadata import entry_points

    return {point.name: point.load for point in entry_points(group=ENTRY_POINTS) if point.name not in CAMERAS}


def _known() -> str:
    return f'known kinds: {", ".join(camera_kinds())}, and URLs'


# --- several sources


def named_sources(sources: object) -> dict[str, Source]:
    """Return the sources with the names of their cameras.

    Parameters
    ----------
    sources : mapping, iterable or one source
        A mapping has the names. Others are named after their source, such as 'pylon-0'.

    Raises
    ------
    InvalidArgumentError
        There are none, two are the same camera, or a name cannot be that of a folder.
    """
    if isinstance(sources, (str, Camera)):
        sources = [sources]
    if isinstance(sources, Mapping):
        named = dict(sources)
    elif isinstance(sources, Iterable):
        named = _with_names(list(sources))
    else:
        raise InvalidArgumentError(f'sources is {sources!r}; it must be a dict of sources by name', argument='sources')
    if not named:
        raise InvalidArgumentError('there are no sources; give at least one, such as opencv:0', argument='sources')
    for name in named:
        check_name(name)
    if (same := same_camera(named)) is not None:
        raise InvalidArgumentError(same_camera_text(*same), argument='sources')
    return named


def same_camera(sources: Mapping[str, Source]) -> tuple[str, str] | None:
    """Return the names of two cameras with the source of one device."""
    known: dict[object, str] = {}
    for name, source in sources.items():
        first = known.setdefault(_device(source) or name, name)
        if first != name:
            return first, name
    return None


def same_camera_text(first: str, second: str) -> str:
    """Return what is wrong with two cameras that are one."""
    return f'{first!r} and {second!r} are the same camera, which can be recorded once; remove one, or change its source'


def check_serials(descriptions: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InvalidArgumentError if two open cameras have one serial number."""
    known: dict[tuple[Any, Any], str] = {}
    for name, of in descriptions.items():
        first = known.setdefault((of.get('model'), of['serial']), name) if of.get('serial') else name
        if first != name:
            text = f'{same_camera_text(first, name)}: both have serial number {of["serial"]}'
            raise InvalidArgumentError(text, argument='sources')


def _device(source: object) -> object:
    """Return what names a device; None for a file, a stream and the like."""
    if isinstance(source, Camera):
        return id(source)
    if not isinstance(source, str):
        return None  # `new_camera` refuses it
    kind, _, address = source.partition(':')
    may_be_shared = kind not in KINDS or (kind == 'opencv' and not address.partition(',')[0].isdecimal())
    return None if may_be_shared else split_settings(source)[0]


def _with_names(sources: list[Source]) -> dict[str, Source]:
    named: dict[str, Source] = {}
    for source in sources:
        name = usual = _usual_name(source)
        count = 1
        while name in named:
            count += 1
            name = f'{usual}-{count}'
        named[name] = source
    return named


def _usual_name(source: Source) -> str:
    if not isinstance(source, str):
        return 'camera'
    without_user = re.sub(r'(?<=://)[^@/]*@', '', source)
    text = re.sub(r'^\w+://', '', without_user) if _URL.match(source) else without_user.partition(',')[0]
    return re.sub('[^A-Za-z0-9.]+', '-', text).strip('-.') or 'camera'


def shown_source(source: Source) -> str:
    """Return the source as text for files and messages, without a password."""
    if isinstance(source, str):
        return re.sub(r'(?<=://)([^@/:]*):[^@/]*@', r'\1:***@', source)
    return f'{type(source).__module__}.{type(source).__qualname__}:{getattr(source, "address", "")}'


def with_source(sources: Mapping[str, Source], camera: str, error: InvalidArgumentError) -> InvalidArgumentError:
    """Return the error of a camera with its name and its source."""
    shown = shown_source(sources[camera])
    place = f'camera {camera!r}{"" if shown in str(error) else f", source {shown}"}'
    return InvalidArgumentError(f'{place}: {error}', argument=error.argument)


def check_name(name: object) -> None:
    """Raise InvalidArgumentError unless a folder can have a camera's name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.endswith(('.', ' ')):
        raise InvalidArgumentError(
            f'a camera is named {name!r}; its name is that of a folder: letters, digits, and . _ + - or spaces '
            f'after the first one, at most 100',
            argument='sources',
        )
    if name.lower() == RECORDING_FILENAME:
        raise InvalidArgumentError(
            f'a camera is named {name!r}, as the file of the recording; choose another name', argument='sources'
        )
