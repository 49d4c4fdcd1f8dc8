"""Frames of a camera, taken in a thread that never waits for the disk."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator

import cv2

from .._support.quiet_opencv import quiet_opencv
from ..color import Image
from ..errors import FrameReadError, InvalidArgumentError

_BUFFER_BYTES = 256 * 2**20
_POLL = 0.05  # seconds
_PATIENCE = 2.0  # seconds for a device that hangs

Taken = tuple[Image, int, float]


class Camera:
    """A camera, opened by OpenCV.

    Parameters
    ----------
    number
        OpenCV's number of the camera.
    fps, size
        Requested frames per second, and (width, height) in pixels. The camera may choose others.
    buffer_bytes
        Memory limit of frames waiting for the store. Further frames are dropped and counted.

    Attributes
    ----------
    dropped : int
        Number of frames dropped because earlier ones were not yet stored.

    Raises
    ------
    InvalidArgumentError
        The camera cannot be opened.
    """

    def __init__(
        self,
        number: int,
        fps: float | None = None,
        size: tuple[int, int] | None = None,
        buffer_bytes: int = _BUFFER_BYTES,
    ) -> None:
        self._name, self._limit = f'camera {number}', buffer_bytes
        self.dropped = 0
        self._taken: queue.Queue[Taken | None] = queue.Queue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._end = threading.Event()
        with quiet_opencv():
            self._device = cv2.VideoCapture(number)
        if not self._device.isOpened():
            self._device.release()
            raise InvalidArgumentError(f'{self._name} cannot be opened; check its number and its other users')
        if size is not None:
            self._device.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._device.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        if fps is not None:
            self._device.set(cv2.CAP_PROP_FPS, fps)

    def frames(self, stopped: Callable[[], bool] = lambda: False) -> Generator[Taken]:
        """Yield frames until `stopped`, including those already taken by then.

        Parameters
        ----------
        stopped
            Checked now and then.

        Yields
        ------
        image : ndarray of uint8, shape (h, w, 3)
            BGR.
        number : int
            From 0. Dropped frames count, too.
        time : float
            Time of this machine's clock at arrival, in seconds since 1970.

        Raises
        ------
        FrameReadError
            The camera gives no more images.
        """
        thread = threading.Thread(target=self._take, name='imgstore camera', daemon=True)
        thread.start()
        try:
            while (taken := self._next(stopped)) is not None:
                yield taken
            if not self._end.is_set():
                raise FrameReadError(f'{self._name} gives no more images')
        finally:
            self._end.set()
            thread.join(_PATIENCE)

    def _next(self, stopped: Callable[[], bool]) -> Taken | None:
        ended: float | None = None
        while True:
            if stopped():
                self._end.set()
                ended = ended or time.monotonic()
            try:
                taken = self._taken.get(timeout=_POLL)
            except queue.Empty:
                if ended and time.monotonic() - ended > _PATIENCE:
                    return None
                continue
            with self._lock:
                self._waiting -= 0 if taken is None else taken[0].nbytes
            return taken

    def _take(self) -> None:
        number = 0
        try:
            while not self._end.is_set():
                there, image = self._device.read()
                now = time.time()
                if not there:
                    return
                self._keep(image, number, now)
                number += 1
        finally:
            self._device.release()
            self._taken.put(None)

    def _keep(self, image: Image, number: int, now: float) -> None:
        with self._lock:
            if self._waiting and self._waiting + image.nbytes > self._limit:
                self.dropped += 1
                return
            self._waiting += image.nbytes
        self._taken.put((image, number, now))
