"""Settings as features of GenICam, whose names differ between cameras."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ..._support.similar_names import close_names, did_you_mean
from ..._support.text import one_line
from ...errors import InvalidArgumentError
from ..protocol import CameraSettings

TAKES = ('features', 'size', 'offset', 'pixel_format', 'fps', 'exposure', 'gain', 'trigger', 'extra_data', 'events')
"""Settings of cameras of GenICam, in the order of `apply_settings`. The last two are for `FrameFeatures`."""

_FPS = ('AcquisitionFrameRate', 'AcquisitionFrameRateAbs')
_ENABLE_FPS = ('AcquisitionFrameRateEnable', 'AcquisitionFrameRateEnabled')
_EXPOSURE = ('ExposureTime', 'ExposureTimeAbs')
_GAIN = ('Gain', 'GainRaw')
_IN_FORCE = (
    *('DeviceUserID', 'PixelFormat', 'Width', 'Height', 'OffsetX', 'OffsetY', 'BinningHorizontal', 'BinningVertical'),
    *(*_EXPOSURE, 'ExposureAuto', *_GAIN, 'GainAuto', 'BlackLevel', 'Gamma'),
    *(*_ENABLE_FPS, *_FPS, 'ResultingFrameRate', 'ResultingFrameRateAbs'),
    *('TriggerMode', 'TriggerSource', 'TriggerActivation'),
)
"""Features that decide how images look, and when they are taken."""

_OF_SOFTWARE = re.compile(r'\s*:\s*\w+Exception thrown.*|\s*\(file \'.*', re.DOTALL)
"""Where in its code GenApi raised an error, after what is wrong."""

_OFFSETS = ('OffsetX', 'OffsetY')
_OLD_PIXEL_FORMATS = {'RGB8': 'RGB8Packed', 'BGR8': 'BGR8Packed', 'YUV422_8': 'YUV422_YUYV_Packed'}


class Features(Protocol):
    """Features of one camera by their names."""

    def has(self, name: str) -> bool:
        """Return whether the camera has a feature that can be set now."""

    def set(self, name: str, value: Any) -> None:
        """Set it; any exception says that the value is not allowed."""

    def get(self, name: str) -> Any:
        """Read it; any exception says that the camera lacks it."""

    def names(self) -> Iterable[str]:
        """Return the names of all features."""

    def limits(self, name: str) -> Sequence[Any]:
        """Return the values of an enumeration, or limits and step of a number."""


def apply_settings(features: Features, settings: CameraSettings) -> None:
    """Set the features for the settings that are given.

    Raises
    ------
    InvalidArgumentError
        The camera has no such feature, or refuses the value.
    """
    for name, value in settings.features.items():
        _set(features, (name,), value, 'features')
    if settings.offset is not None:  # so that the size fits
        _set_offset(features, (0, 0))
    if settings.size is not None:
        _set(features, ('Width',), settings.size[0], 'size')
        _set(features, ('Height',), settings.size[1], 'size')
    if settings.offset is not None:
        _set_offset(features, settings.offset)
    if settings.pixel_format is not None:
        _set_pixel_format(features, settings.pixel_format)
    if settings.fps is not None:
        _set_rate(features, settings.fps)
    if settings.exposure is not None:
        _set(features, _EXPOSURE, float(settings.exposure), 'exposure')
    if settings.gain is not None:
        _set_gain(features, settings.gain)
    if settings.trigger is not None:
        _set_trigger(features, settings.trigger)


def read_settings(features: Features, names: Iterable[str] = ()) -> dict[str, Any]:
    """Return the features that decide on images, and others by their names."""
    found = {}
    for name in dict.fromkeys((*_IN_FORCE, *names)):
        with contextlib.suppress(Exception):  # the vendors' own classes
            value = features.get(name)
            if isinstance(value, (bool, int, float, str)):
                found[name] = value
    return found


def _set_offset(features: Features, offset: tuple[int, int]) -> None:
    for name, value in zip(_OFFSETS, offset, strict=True):
        _set(features, (name,), value, 'offset')


def _set_pixel_format(features: Features, name: str) -> None:
    try:
        _set(features, ('PixelFormat',), name, 'pixel_format')
    except InvalidArgumentError:
        if name not in _OLD_PIXEL_FORMATS:
            raise
        _set(features, ('PixelFormat',), _OLD_PIXEL_FORMATS[name], 'pixel_format')


def _set_rate(features: Features, fps: float) -> None:
    enable = next(filter(features.has, _ENABLE_FPS), None)
    if enable is not None:
        _set(features, (enable,), True, 'fps')
    _set(features, _FPS, float(fps), 'fps')


def _set_gain(features: Features, gain: float) -> None:
    name = next(filter(features.has, _GAIN), _GAIN[0])
    _set(features, (name,), round(gain) if name == 'GainRaw' else float(gain), 'gain')


def _set_trigger(features: Features, line: str) -> None:
    """Let each rising edge of a line take a frame."""
    if features.has('TriggerSelector'):
        _set(features, ('TriggerSelector',), 'FrameStart', 'trigger')
    _set(features, ('TriggerSource',), line[:1].upper() + line[1:], 'trigger')
    if features.has('TriggerActivation'):
        _set(features, ('TriggerActivation',), 'RisingEdge', 'trigger')
    _set(features, ('TriggerMode',), 'On', 'trigger')


def _set(features: Features, names: Sequence[str], value: Any, setting: str) -> None:
    name = next(filter(features.has, names), None)
    what = names[0] if setting == 'features' else setting
    if name is None:
        raise InvalidArgumentError(f'{what} is {value!r}, but {_why_not(features, names)}', argument=setting)
    try:
        features.set(name, value)
    except Exception as error:  # the vendors' own classes
        raise InvalidArgumentError(
            f'{what} is {value!r}, but the camera refuses it as {name}: {_why_refused(features, name, error)}',
            argument=setting,
        ) from error


def _why_not(features: Features, names: Sequence[str]) -> str:
    known = list(features.names())
    locked = next((name for name in names if name in known), None)
    if locked is not None:
        return f'the camera does not let {locked} be set now; another feature may lock it'
    return f'the camera has no feature {" or ".join(names)}{did_you_mean(close_names(names[0], known))}'


def _why_refused(features: Features, name: str, error: Exception) -> str:
    is_type = isinstance(error, TypeError)
    why = (
        'it is of another type'
        if is_type
        else _OF_SOFTWARE.sub('', one_line(getattr(error, 'message', error))).rstrip('. ')
    )
    limits = features.limits(name)
    return f'{why}; allowed: {limits_text(limits)}' if limits else why


def limits_text(limits: Sequence[Any]) -> str:
    """Return the values or the limits of a feature as text."""
    if isinstance(limits[0], str):
        return ', '.join(limits)
    low, high, step = (*map(_short, limits), None)[:3]
    return f'{low} to {high}{"" if step in (None, "None", "0", "1") else f" in steps of {step}"}'


def _short(number: object) -> str:
    return f'{number:.6g}' if isinstance(number, float) else str(number)


def limits_of_node(node: Any) -> Sequence[Any]:
    """Return what a node of pylon or of harvesters allows."""
    values = _property(node, 'Symbolics')
    if values:
        return [str(value) for value in values]
    low, high = _property(node, 'Min'), _property(node, 'Max')
    return () if low is None or high is None else (low, high, _property(node, 'Inc'))


def _property(node: Any, name: str) -> Any:
    for each in (name, name.lower()):
        with contextlib.suppress(Exception):  # one that cannot be read now, too
            return getattr(node, each)
    return None
