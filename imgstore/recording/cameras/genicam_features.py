"""Settings as features of GenICam, whose names differ between cameras."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ..._support.text import one_line
from ...errors import InvalidArgumentError
from ..protocol import CameraSettings

TAKES = ('features', 'size', 'offset', 'pixel_format', 'fps', 'exposure', 'gain', 'trigger')
"""Settings that `apply_settings` knows, in their order."""

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
    if name is None:
        raise InvalidArgumentError(
            f'{setting} is {value!r}, but the camera has no feature {" or ".join(names)} that can be set',
            argument=setting,
        )
    try:
        features.set(name, value)
    except Exception as error:  # the vendors' own classes
        raise InvalidArgumentError(
            f'{setting} is {value!r}, but the camera refuses it as {name}: {one_line(error)}', argument=setting
        ) from error
