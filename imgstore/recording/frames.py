"""Frames on their way through the recorder."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .._support.json import plain
from .._support.validation import not_allowed
from ..color import Image
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME


class RecordedFrame(NamedTuple):
    """A frame with its number and its times.

    Attributes
    ----------
    camera : str
        Name of the camera in the recording.
    image : ndarray
        (h, w) or (h, w, 3), as the camera gives it. Copy it before you change it.
    number : int
        Frame number in the store.
    time : float
        Time of the frame in seconds since 1970.
    arrival : float
        Time of its arrival in seconds since 1970.
    device_ns : int or None
        Time of the camera's own clock in nanoseconds.
    pixel_format : str
        Name in GenICam's list of pixel formats, such as 'BayerRG8'.
    extra_data : mapping
        What the camera gave with it, such as ``line_status``: the state of its digital lines.
    """

    camera: str
    image: Image
    number: int
    time: float
    arrival: float
    device_ns: int | None
    pixel_format: str
    extra_data: Mapping[str, Any] = MappingProxyType({})

    @property
    def nbytes(self) -> int:
        """Size of the image in bytes."""
        return self.image.nbytes


class LostFrame(NamedTuple):
    """A frame that did not arrive intact, with the reason."""

    reason: str
    number: int | None
    arrival: float

    @property
    def nbytes(self) -> int:
        """Its size, which does not count."""
        return 0

    @property
    def extra_data(self) -> dict[str, Any]:
        """What the store keeps of it."""
        return {'failed_grab': self.reason, 'failed_number': self.number, 'arrival_time': self.arrival}


class Event(NamedTuple):
    """Something that happened, with a name and a time."""

    name: str
    time: float
    values: Mapping[str, Any]

    @property
    def nbytes(self) -> int:
        """Its size, which does not count."""
        return 0

    @property
    def extra_data(self) -> dict[str, Any]:
        """What the store keeps of it."""
        return {'event': self.name, 'event_time': self.time, **self.values}


_OWN_KEYS = (FRAME_INDEX, FRAME_NUMBER, FRAME_TIME, 'event', 'event_time', 'failed_grab', 'failed_number')
"""Keys of extra data that an event cannot have."""


def checked_event(name: object, values: Mapping[str, Any]) -> Event:
    """Return an event without a time.

    Raises
    ------
    InvalidArgumentError
        The name is no text, or a value has a name that the store uses itself.
    ExtraDataTypeError
        JSON cannot hold a value.
    """
    if not isinstance(name, str) or not name:
        raise not_allowed('name', name, 'it must be text')
    for key in values:
        if key in _OWN_KEYS:
            raise not_allowed('values', key, f'the store sets {", ".join(_OWN_KEYS)}; choose other names')
    return Event(plain(name), 0.0, plain(dict(values)))
