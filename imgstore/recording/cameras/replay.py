"""file: a store or a video, paced as it was recorded, for rehearsals."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from ...color import Image
from ...constants import STORE_MD_FILENAME
from ...errors import InvalidArgumentError
from ...sources import VideoFile
from ...stores.factories import new_for_filename
from ..protocol import Camera, FailedGrab, GrabbedFrame, ImageLayout, SourceEndedError
from .address import flag, number, parse_address

_KINDS: dict[str, Callable[[str], Any]] = {'fast': flag, 'speed': number}


class ReplayedFile(Camera):
    """Frames of a file in place of a camera.

    Its frame times are those of the camera's clock.

    Parameters
    ----------
    address
        Path of a store or a video, and options: ``speed=2`` for twice the pace, ``fast`` for no pace.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._path, options = parse_address(address, _KINDS)
        self._speed = math.inf if options.get('fast') else options.get('speed', 1.0)
        self._stack = ExitStack()
        self._waiting: tuple[Image, int, float] | None = None
        self._begin: tuple[int, float] | None = None

    def open(self) -> None:
        """Open the store or the video."""
        if not self._speed > 0:
            raise InvalidArgumentError(f'speed is {self._speed}; it must be more than 0', argument='sources')
        if not os.path.exists(self._path):
            raise InvalidArgumentError(
                f'source file: {self._path!r} does not exist; give a store or a video', argument='sources'
            )
        is_store = os.path.isdir(self._path) or os.path.basename(self._path) == STORE_MD_FILENAME
        self._frames = self._of_store() if is_store else self._of_video()

    def _of_store(self) -> Iterator[tuple[Image, int, float]]:
        store = self._stack.enter_context(new_for_filename(self._path))
        return ((image, number, at) for image, (number, at) in store)

    def _of_video(self) -> Iterator[tuple[Image, int, float]]:
        return self._stack.enter_context(VideoFile(self._path)).frames()

    def image_layout(self) -> ImageLayout | None:
        """Return what the first frame is like."""
        self._waiting = self._waiting or next(self._frames, None)
        if self._waiting is None:
            return None
        image = self._waiting[0]
        return ImageLayout(image.shape[1], image.shape[0], _pixel_format(image))

    def start(self) -> None:
        """Begin to count time with the first frame."""
        self._begin = None

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        """Return the next frame at its time."""
        if self._waiting is None:
            self._waiting = next(self._frames, None)
        if self._waiting is None:
            raise SourceEndedError
        image, number, at = self._waiting
        self._begin = self._begin or (time.monotonic_ns(), at)
        left = (at - self._begin[1]) / self._speed - (time.monotonic_ns() - self._begin[0]) / 1e9
        if left > 0:
            time.sleep(min(left, timeout))
        if left > timeout:
            return None
        self._waiting = None
        device_ns = None if math.isinf(self._speed) else round(at / self._speed * 1e9)
        return GrabbedFrame(image, _pixel_format(image), time.monotonic_ns(), number, device_ns)

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def describe(self) -> dict[str, Any]:
        """Return the file."""
        return {'model': 'replayed file', 'path': os.path.abspath(self._path)}


def _pixel_format(image: Image) -> str:
    if image.ndim == 3 and image.dtype == np.uint8:
        return 'BGR8'
    if image.ndim == 2 and image.dtype in (np.uint8, np.uint16):
        return 'Mono8' if image.dtype == np.uint8 else 'Mono16'
    raise InvalidArgumentError(f'images of shape {image.shape} and dtype {image.dtype} cannot be replayed as a camera')
