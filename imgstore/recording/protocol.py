"""What the recorder needs of a camera, and what a camera gives to it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, Literal, NamedTuple

from .._support.validation import not_allowed
from ..color import Image
from ..errors import InvalidArgumentError

Place = Literal['camera', 'transport', 'queue']
"""Where a frame was lost: in the camera, on its way, or in the recorder's own queue."""


class Counter(NamedTuple):
    """The range of a camera's frame counter.

    Attributes
    ----------
    bits : int
        After the largest number of so many bits, the counter starts again.
    first : int
        Number at which it starts again: 1 for the 16-bit block ids of GigE Vision.
    """

    bits: int = 64
    first: int = 0

    @property
    def period(self) -> int:
        """How many different numbers it has."""
        return int(2**self.bits) - self.first


class GrabbedFrame(NamedTuple):
    """A frame from a camera.

    Attributes
    ----------
    image : ndarray
        (h, w) or (h, w, 3). The camera must not change it afterwards.
    pixel_format : str
        Name in GenICam's list of pixel formats, such as 'Mono8', 'BayerRG8' or 'BGR8'.
    arrival_ns : int
        ``time.monotonic_ns()`` at its arrival.
    counter : int, optional
        The camera's frame counter. None: the recorder counts what arrives.
    device_ns : int, optional
        Time of the camera's own clock in nanoseconds.
    lines : int, optional
        State of the camera's digital lines at the exposure: a bit for each of its `Camera.line_names`.
    extra_data : mapping, optional
        Values of features that belong to the frame, by their names.
    """

    image: Image
    pixel_format: str
    arrival_ns: int
    counter: int | None = None
    device_ns: int | None = None
    lines: int | None = None
    extra_data: Mapping[str, Any] | None = None


class FailedGrab(NamedTuple):
    """A frame that did not arrive intact.

    Attributes
    ----------
    reason : str
        What went wrong, for people.
    arrival_ns : int
        ``time.monotonic_ns()`` when it was noticed.
    counter : int, optional
        The camera's frame counter, if it is known.
    """

    reason: str
    arrival_ns: int
    counter: int | None = None


class ImageLayout(NamedTuple):
    """The images that a camera will give.

    Attributes
    ----------
    width, height : int
        In pixels.
    pixel_format : str
        Name in GenICam's list of pixel formats, such as 'Mono8'.
    """

    width: int
    height: int
    pixel_format: str


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    """Settings of a camera. None leaves a setting as it is.

    Attributes
    ----------
    fps : float, optional
        Frames per second.
    size : (int, int), optional
        Width and height in pixels.
    offset : (int, int), optional
        Position of the image on the sensor, from the left and from the top. The size is set before it.
    pixel_format : str, optional
        Name in GenICam's list of pixel formats, such as 'Mono8'.
    exposure : float, optional
        Exposure time in microseconds.
    gain : float, optional
        Gain, usually in dB.
    trigger : str, optional
        Line of a hardware trigger, such as 'line1'. Each of its rising edges takes a frame.
    features : mapping
        Other features of GenICam by name, such as {'ExposureAuto': 'Off'}. They are set first, in this order.
    extra_data : tuple of str
        Features whose values are extra data of each frame, such as ('DeviceTemperature',).
    events : mapping
        Names of events by digital lines, such as {'Line1': 'lick'}. Each rising edge of the line is an event.

    Raises
    ------
    InvalidArgumentError
        A value is not allowed for any camera.
    """

    fps: float | None = None
    size: tuple[int, int] | None = None
    offset: tuple[int, int] | None = None
    pixel_format: str | None = None
    exposure: float | None = None
    gain: float | None = None
    trigger: str | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    extra_data: tuple[str, ...] = ()
    events: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (is_allowed, rule) in _RULES.items():
            value = getattr(self, name)
            if value is not None and not is_allowed(value):
                raise not_allowed(name, value, rule)

    @property
    def given(self) -> dict[str, Any]:
        """The settings that are not left as they are."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, {}, ())}


def _is_number(value: Any) -> bool:
    return type(value) is not bool and isinstance(value, Real) and math.isfinite(value)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_size(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(side, int) and side > 0 for side in value)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_features(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_name, value))


def _are_feature_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and name[:1].isupper() for name in value)


def _are_events(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_name, (*value, *value.values())))


_LAYOUT = ('Width', 'Height', 'PixelFormat')
"""Names of GenICam."""

_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    'fps': (_is_positive, 'it must be a number of frames per second greater than 0'),
    'size': (_is_size, 'it must be a width and a height in pixels, such as (640, 480)'),
    'pixel_format': (_is_name, "it must be the name of a pixel format, such as 'Mono8'"),
    'exposure': (_is_positive, 'it must be a number of microseconds greater than 0'),
    'gain': (_is_number, 'it must be a number'),
    'trigger': (_is_name, "it must be the name of a line, such as 'line1'"),
    'features': (_are_features, "it must be a dict of features by name, such as {'ExposureAuto': 'Off'}"),
    'extra_data': (_are_feature_names, "it must be a tuple of names of features, such as ('DeviceTemperature',)"),
    'events': (_are_events, "it must be a dict of names of events by line, such as {'Line1': 'lick'}"),
}


class SourceEndedError(Exception):
    """A source has no more frames, as planned."""


class Camera(ABC):
    """A camera, in the order of its methods.

    Each method is called by one thread at a time. Any exception ends the recording of this camera alone, and its text
    is stored as the reason.

    Parameters
    ----------
    address
        What follows the colon of a source, such as '0' in ``pylon:0``.

    Attributes
    ----------
    counter : Counter
        Range of the frame counter. It is read after `start`.
    loses : {'camera', 'transport'}
        Where frames are lost of which the counter has a number, but that never arrived.
    line_names : tuple of str
        Names of its digital lines, from the lowest bit of `GrabbedFrame.lines`. It is read after `start`.
    takes : tuple of str
        Names of the `CameraSettings` that `configure` takes.
    """

    counter: Counter = Counter()
    loses: Literal['camera', 'transport'] = 'transport'
    line_names: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()

    def __init__(self, address: str) -> None:
        self.address = address

    @abstractmethod
    def open(self) -> None:
        """Open the camera; InvalidArgumentError if that is not possible."""

    def configure(self, settings: CameraSettings) -> None:
        """Apply the settings that are given.

        Raises
        ------
        InvalidArgumentError
            The camera does not have one of them, or not that value.
        """
        for name, value in settings.given.items():
            if name not in self.takes:
                have = f'it has {", ".join(self.takes)}' if self.takes else 'it has no settings'
                raise InvalidArgumentError(f'{name} is {value!r}, but this source has no {name}; {have}', argument=name)

    @abstractmethod
    def start(self) -> None:
        """Start the acquisition of frames."""

    @abstractmethod
    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        """Return the next frame.

        Parameters
        ----------
        timeout
            Seconds to wait for it at most.

        Returns
        -------
        GrabbedFrame, FailedGrab or None
            None if none came in time.

        Raises
        ------
        SourceEndedError
            There are no more frames, as planned.
        Exception
            The camera is gone.
        """

    def stop(self) -> None:  # noqa: B027 -- many cameras need none
        """Stop the acquisition; a second call does nothing."""

    def close(self) -> None:  # noqa: B027
        """Free the camera; a second call does nothing."""

    def describe(self) -> dict[str, Any]:
        """Return model, serial number and the like, as plain data."""
        return {}

    def settings_in_force(self, names: Iterable[str] = ()) -> dict[str, Any]:
        """Return settings as read back from the open camera, as plain data.

        Parameters
        ----------
        names
            Other features of GenICam to read. One that the camera lacks is left out.
        """
        return {}

    def image_layout(self) -> ImageLayout | None:
        """Return what images the open camera will give.

        None: that is known only with the first one. Otherwise, a store that cannot hold them is refused at once.
        """
        known = self.settings_in_force()
        if not all(name in known for name in _LAYOUT):
            return None
        width, height, pixel_format = (known[name] for name in _LAYOUT)
        return ImageLayout(int(width), int(height), str(pixel_format))
