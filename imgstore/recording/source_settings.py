"""Settings of one camera in its source, such as ``pylon:0,exposure=2000``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .._support.plain_values import parse_plain
from ..errors import InvalidArgumentError
from .cameras.address import width_and_height
from .protocol import CameraSettings

KINDS = ('aravis', 'genicam', 'opencv', 'picamera2', 'pylon')
"""Sources that may have settings. Those of other kinds have options of their own."""

_SETTING = re.compile(r',(?=[A-Za-z][\w-]*=)')
_PARSERS: dict[str, Callable[[str], Any]] = {
    'fps': float,
    'size': width_and_height,
    'pixel_format': str,
    'exposure': float,
    'gain': float,
    'trigger': str,
}


def split_settings(source: str) -> tuple[str, CameraSettings]:
    """Split a source into what names the camera, and its settings.

    Parameters
    ----------
    source
        Such as ``pylon:0,exposure=2000,ExposureAuto=Off``. Names of features begin with a capital letter.

    Raises
    ------
    InvalidArgumentError
        A setting is unknown, given twice, or its value is not allowed.
    """
    if source.partition(':')[0] not in KINDS or '://' in source:
        return source, CameraSettings()
    camera, *parts = _SETTING.split(source)
    values: dict[str, Any] = {}
    features: dict[str, Any] = {}
    for part in parts:
        name, _, text = part.partition('=')
        target, name = (features, name) if name[0].isupper() else (values, name.replace('-', '_'))
        if name in target:
            raise _error(source, f'has {name} twice')
        target[name] = parse_plain(text) if target is features else _parsed(source, name, text)
    return camera, CameraSettings(**values, features=features)


def _parsed(source: str, name: str, text: str) -> Any:
    if name not in _PARSERS:
        raise _error(source, f'has no setting {name!r}; it may have {", ".join(_PARSERS)}, or features such as Gamma=1')
    try:
        value = _PARSERS[name](text)
        CameraSettings(**{name: value})
    except ValueError as error:
        why = str(error) if isinstance(error, InvalidArgumentError) else f'{text!r} is not allowed as {name}'
        raise _error(source, f'cannot be used: {why}') from error
    return value


def _error(source: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(f'source {source!r} {why}', argument='sources')


def combined(common: CameraSettings, own: CameraSettings) -> CameraSettings:
    """Return the settings of all cameras, changed by those of one."""
    return CameraSettings(**{**common.given, **own.given, 'features': {**common.features, **own.features}})
