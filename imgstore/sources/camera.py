"""What a camera sees, taken in by a thread of its own, so that the camera does not wait for the disk."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator

import cv2

from ..color import Image
from ..errors import FrameReadError, InvalidArgumentError
from .quiet import quiet_opencv

_BUFFER_BYTES = 256 * 2**20
_POLL = 0.05  # seconds
_PATIENCE = 2.0  # seconds for a device that gives nothing any more and does not return

Taken = tuple[Image, int, float]


class Camera:
    """A camera that OpenCV knows.

    Parameters
    ----------
    number
        OpenCV's number of it.
    fps, size
        What it is asked for: frames a second; (width, height) in pixels. It may give something else.
    buffer_bytes
        How much may wait to be stored; what comes then is dropped, and counted.

    Attributes
    ----------
    dropped : int
        How many frames were dropped, since what came before them was not yet stored.

    Raises
    ------
    InvalidArgumentError
        It cannot be opened.
    """

    def __init__(self, number: int, fps: float | None = None, size: tuple[int, int] | None = None,
                 buffer_bytes: int = _BUFFER_BYTES) -> None:
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
            raise InvalidArgumentError(f'{self._name} cannot be opened')
        if size is not None:
            self._device.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._device.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        if fps is not None:
            self._device.set(cv2.CAP_PROP_FPS, fps)

    def frames(self, stopped: Callable[[], bool] = lambda: False) -> Generator[Taken]:
        """Take frames in until somebody stops it; what was taken in by then is given too.

        Parameters
        ----------
        stopped
            Is asked now and then.

        Yields
        ------
        image : ndarray of uint8, shape (h, w, 3)
            In BGR.
        number : int
            From 0; one that was dropped has a number too.
        time : float
            This machine's clock when the image came, in seconds since 1970.

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
