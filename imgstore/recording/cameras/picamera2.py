"""picamera2: cameras of a Raspberry Pi."""

from __future__ import annotations

import time
from typing import Any

from ...errors import InvalidArgumentError, MissingDependencyError
from ..protocol import Camera, CameraSettings, Counter, FailedGrab, GrabbedFrame

_MICROSECONDS = 1_000_000
_BUFFERS = 8
_FORMATS = {'BGR8': 'RGB888', 'RGB8': 'BGR888'}
"""Formats of libcamera, which names the order of bytes in a word."""


class PiCamera(Camera):
    """A camera of a Raspberry Pi, through picamera2.

    Parameters
    ----------
    address
        Number of the camera; '' is 0.
    """

    takes = ('size', 'pixel_format', 'fps', 'exposure', 'gain')
    counter = Counter(32)

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._camera: Any = None
        self._pixel_format = 'BGR8'

    def open(self) -> None:
        """Open the camera."""
        if self.address and not self.address.isdecimal():
            raise InvalidArgumentError(
                f'source picamera2:{self.address} must have the number of a camera, such as picamera2:0',
                argument='sources',
            )
        kind = _import_picamera2()
        try:
            self._camera = kind(int(self.address or 0))
        except (IndexError, RuntimeError) as error:
            raise InvalidArgumentError(
                f'source picamera2:{self.address} cannot be opened: {error}', argument='sources'
            ) from error

    def configure(self, settings: CameraSettings) -> None:
        """Configure a video with these settings."""
        super().configure(settings)
        self._pixel_format = settings.pixel_format or self._pixel_format
        if self._pixel_format not in _FORMATS:
            raise InvalidArgumentError(
                f'pixel_format is {self._pixel_format!r}; this source has {" and ".join(_FORMATS)}',
                argument='pixel_format',
            )
        main: dict[str, Any] = {'format': _FORMATS[self._pixel_format]}
        if settings.size is not None:
            main['size'] = settings.size
        self._camera.configure(
            self._camera.create_video_configuration(main=main, controls=_controls(settings), buffer_count=_BUFFERS)
        )

    def start(self) -> None:
        """Start the acquisition."""
        self._camera.start()

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        """Return the next frame; libcamera waits for it."""
        request = self._camera.capture_request()
        now = time.monotonic_ns()
        try:
            image = request.make_array('main').copy()
            return GrabbedFrame(
                image, self._pixel_format, now, request.request.sequence, request.get_metadata().get('SensorTimestamp')
            )
        finally:
            request.release()

    def stop(self) -> None:
        """Stop the acquisition."""
        if self._camera is not None:
            self._camera.stop()

    def close(self) -> None:
        """Close the camera."""
        if self._camera is not None:
            camera, self._camera = self._camera, None
            camera.close()

    def describe(self) -> dict[str, Any]:
        """Return the model."""
        return {'vendor': 'Raspberry Pi', 'model': self._camera.camera_properties.get('Model')}


def _controls(settings: CameraSettings) -> dict[str, Any]:
    controls: dict[str, Any] = {}
    if settings.fps is not None:
        interval = round(_MICROSECONDS / settings.fps)
        controls['FrameDurationLimits'] = (interval, interval)
    if settings.exposure is not None:
        controls.update(AeEnable=False, ExposureTime=round(settings.exposure))
    if settings.gain is not None:
        controls.update(AeEnable=False, AnalogueGain=float(settings.gain))
    return controls


def _import_picamera2() -> Any:
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise MissingDependencyError(
            'picamera2: needs picamera2, which Raspberry Pi OS has: apt-get install python3-picamera2, and use the '
            'Python of the system',
            name='picamera2',
        ) from error
    return Picamera2
