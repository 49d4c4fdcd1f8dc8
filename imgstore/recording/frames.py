"""Frames on their way through the recorder."""

from __future__ import annotations

from typing import NamedTuple

from ..color import Image


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
    """

    camera: str
    image: Image
    number: int
    time: float
    arrival: float
    device_ns: int | None
    pixel_format: str

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
