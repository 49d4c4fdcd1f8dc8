"""opencv: cameras and addresses that OpenCV opens."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from statistics import median
from typing import Any

import cv2

from ..._support.quiet_opencv import quiet_opencv_backends
from ...errors import FrameReadError, InvalidArgumentError
from ..protocol import Camera, CameraSettings, FailedGrab, GrabbedFrame

_OPEN_TIMEOUT, _READ_TIMEOUT = 5000, 2000  # milliseconds
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0  # seconds before another try to connect
_USUAL_RATE = 25.0
_WINDOW, _BLOCK = 250, 10  # frames for the rate, and for each mean of which it is the median
_BACKLOG = 1_000_000_000  # nanoseconds after a connection, in which frames come that have waited
_PROPERTIES = {
    'width': cv2.CAP_PROP_FRAME_WIDTH,
    'height': cv2.CAP_PROP_FRAME_HEIGHT,
    'fps': cv2.CAP_PROP_FPS,
    'exposure': cv2.CAP_PROP_EXPOSURE,
    'gain': cv2.CAP_PROP_GAIN,
}


class OpenCVCamera(Camera):
    """A camera by its number, or a stream by its address, such as RTSP.

    OpenCV has no counters and no times: frames are counted as they come, and have the times of their arrival. A stream
    that breaks off is opened again. Its numbers then go on after a gap of as many frames as the time usually has.

    Parameters
    ----------
    address
        Number of a camera, or an address.
    """

    takes: tuple[str, ...] = ('fps', 'size')

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._is_stream = not address.isdecimal()
        if self._is_stream:
            self.takes = ()
        self._name = f'stream {_without_password(address)!r}' if self._is_stream else f'camera {address}'
        self._device: Any = None
        self._settings = CameraSettings()
        self._number = -1
        self._arrivals: deque[int] = deque(maxlen=_WINDOW)
        self._stated_interval = 1 / _USUAL_RATE
        self._is_connected, self._connected_ns, self._latest_ns = False, 0, 0
        self._wait, self._try_at = _FIRST_WAIT, 0.0
        self.reconnections = 0

    def open(self) -> None:
        """Open the camera or the stream."""
        if not self.address:
            raise InvalidArgumentError(
                'source opencv: has no address; give the number of a camera, such as opencv:0, or an address',
                argument='sources',
            )
        if not self._connect():
            check = 'its address' if self._is_stream else 'its number'
            raise InvalidArgumentError(
                f'{self._name} cannot be opened; check {check} and its other users', argument='sources'
            )

    def _connect(self) -> bool:
        with quiet_opencv_backends():
            self._device = self._opened()
        if not self._device.isOpened():
            self.close()
            return False
        fps = self._device.get(cv2.CAP_PROP_FPS)
        self._stated_interval = 1 / fps if 0 < fps < 10_000 else 1 / _USUAL_RATE
        self._connected_ns = time.monotonic_ns()
        return True

    def _opened(self) -> Any:
        if not self._is_stream:
            return cv2.VideoCapture(int(self.address))
        options = {
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: _OPEN_TIMEOUT,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC: _READ_TIMEOUT,
            cv2.CAP_PROP_N_THREADS: 1,  # each further one would hold back a frame
        }
        return cv2.VideoCapture(self.address, cv2.CAP_FFMPEG, [each for pair in options.items() for each in pair])

    def configure(self, settings: CameraSettings) -> None:
        """Ask for a size and a rate; a camera may choose others."""
        super().configure(settings)
        self._settings = settings
        if settings.size is not None:
            self._device.set(cv2.CAP_PROP_FRAME_WIDTH, settings.size[0])
            self._device.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.size[1])
        if settings.fps is not None:
            self._device.set(cv2.CAP_PROP_FPS, settings.fps)

    def start(self) -> None:
        """Do nothing: it has been running since it was opened."""

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        """Return the next frame; OpenCV waits for it as long as it likes."""
        if self._device is None:
            self._reconnect(timeout)
            return None
        asked = time.monotonic_ns()
        is_there, image = self._device.read()
        now = time.monotonic_ns()
        if not is_there:
            return self._lost(now)
        if self._is_stream and now - asked > _READ_TIMEOUT * 1_000_000:
            now = asked  # the last image before the camera fell silent
        self._number += self._step(now)
        self._latest_ns = now
        if now > self._connected_ns + _BACKLOG:
            self._arrivals.append(now)
        pixel_format = 'BGR8' if image.ndim == 3 else 'Mono8'
        return GrabbedFrame(image, pixel_format, now, self._number)

    def _step(self, now: int) -> int:
        """Return by how much the number grows: one, but after a gap."""
        if self._is_connected:
            return 1
        missed = (now - self._latest_ns) / 1e9 / self._interval if self._latest_ns else 0
        self._arrivals.clear()
        self._is_connected, self._wait = True, _FIRST_WAIT
        return max(2, round(missed)) if missed else 1  # at least one is lost with a connection

    @property
    def _interval(self) -> float:
        """Seconds from frame to frame; a few that came late do not count."""
        means = [(later - earlier) / 1e9 / _BLOCK for earlier, later in pairwise(list(self._arrivals)[::_BLOCK])]
        return median(means) if means else self._stated_interval

    def _lost(self, now: int) -> FailedGrab:
        if not self._is_stream or _is_file(self.address):
            raise FrameReadError(f'{self._name} gives no more images')
        self.close()
        self._is_connected = False
        self._try_at = time.monotonic() + self._wait
        self._wait *= 2
        return FailedGrab('the connection was lost', now)

    def _reconnect(self, timeout: float) -> None:
        left = self._try_at - time.monotonic()
        if left > 0:
            time.sleep(min(left, timeout))
            return
        if self._connect():
            self.reconnections += 1
        else:
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
            self._try_at = time.monotonic() + self._wait

    def close(self) -> None:
        """Release the camera."""
        if self._device is not None:
            self._device.release()
            self._device = None

    def describe(self) -> dict[str, Any]:
        """Return the backend of OpenCV."""
        return {'model': 'OpenCV', 'backend': self._device.getBackendName() if self._device is not None else None}

    def settings_in_force(self, names: Iterable[str] = ()) -> dict[str, Any]:
        """Return the properties that OpenCV knows."""
        if self._device is None:
            return {}
        found = {name: self._device.get(number) for name, number in _PROPERTIES.items()}
        return {name: value for name, value in found.items() if value > 0}


def _without_password(address: str) -> str:
    return re.sub(r'(?<=://)([^@/:]*):[^@/]*@', r'\1:***@', address)


def _is_file(address: str) -> bool:
    return '://' not in address and os.path.exists(address)
