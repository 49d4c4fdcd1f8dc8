"""Small pictures of the latest frames, made on demand."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import numpy as np

from ..._support.opencv_encode import encode_image
from ...color import Image
from ...recording import RecordedFrame, Recording
from ...recording.pixel_formats import preview_of

_MOST_SIDE = 480  # pixels
_LEAST_INTERVAL = 0.2  # seconds between two pictures of a camera
_BUSY_QUEUE = 0.25  # of our queue: beyond it, the recording gets all of the machine
_NICENESS = 19


class Previews:
    """The latest picture of each camera as JPEG. Thread-safe.

    A picture is made only if somebody asks, at most five times a second for each camera, and not while frames wait for
    the store.

    Parameters
    ----------
    recording : Recording
    """

    def __init__(self, recording: Recording) -> None:
        self._recording, self._lock = recording, threading.Lock()
        self._known: dict[str, tuple[float, int, bytes]] = {}

    def picture(self, camera: str) -> bytes | None:
        """Return the picture of a camera; None before its first frame."""
        with self._lock:  # one at a time
            known = self._known.get(camera)
            frame = self._recording.latest_frame(camera)
            if frame is not None and self._is_due(frame, known):
                known = self._known[camera] = time.monotonic(), frame.number, encoded(frame)
            return None if known is None else known[2]

    def _is_due(self, frame: RecordedFrame, known: tuple[float, int, bytes] | None) -> bool:
        if known is None:
            return True
        waiting = self._recording.status()[frame.camera].waiting_bytes
        is_busy = waiting > _BUSY_QUEUE * self._recording.buffer_bytes
        return not is_busy and frame.number != known[1] and time.monotonic() - known[0] >= _LEAST_INTERVAL


def encoded(frame: RecordedFrame) -> bytes:
    """Return a small JPEG of a frame."""
    step = max(1, -(-max(frame.image.shape[:2]) // _MOST_SIDE))
    small = preview_of(frame.image, frame.pixel_format, step)
    return bytes(encode_image('.jpg', _as_shades(small), ()))


def _as_shades(image: Image) -> Image:
    """Return 8 bits: deep images from their darkest to their brightest value."""
    if image.dtype == np.uint8:
        return image
    low, high = int(image.min()), int(image.max())
    return ((image.astype(np.float32) - low) * (255 / max(1, high - low))).astype(np.uint8)


def step_back() -> None:
    """Give this thread the lowest priority, where threads have one."""
    if hasattr(os, 'setpriority'):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
