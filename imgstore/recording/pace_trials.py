"""Speeds of this machine: stores of several cameras at once, and its disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..errors import ImgStoreError
from ..formats import resolve_format
from ..stores.factories import new_for_format
from .frames import RecordedFrame
from .pixel_formats import Conversion

_BLOCK = 2**22
_MOST_BYTES = 2**28
_FIRST, _GROWTH, _MOST_ROUNDS = 4, 4, 7
"""Frames in the first round, their growth, and the number of rounds. The difference of the last two rounds is free of
the time to create and close the stores."""

_TICK = 1e-3  # seconds
_SHARE = 4  # of the free space, a trial takes one in so many


@dataclass(frozen=True)
class CameraFrames:
    """Frames of a camera, and how they are stored.

    Attributes
    ----------
    fps : float
        The pace to keep.
    frames : list of RecordedFrame
        Some of its frames.
    format : str
        Format of its store.
    options : mapping
        Other options of its store.
    """

    fps: float
    frames: Sequence[RecordedFrame]
    format: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoreSpeed:
    """How fast the stores of all cameras are together.

    Attributes
    ----------
    headroom : float
        By how much they are faster than the cameras: below 1, frames would be lost.
    bytes_per_second : float
        What they write at the pace of the cameras.
    """

    headroom: float
    bytes_per_second: float


def store_speed(cameras: Mapping[str, CameraFrames], folder: str, seconds: float) -> StoreSpeed | None:
    """Store frames of all cameras at the same time, as fast as possible.

    Parameters
    ----------
    cameras
        The cameras by their names, with at least one frame each.
    folder
        On the disk to record to. It gets a temporary folder.
    seconds
        About how long to store.

    Returns
    -------
    StoreSpeed or None
        None if a format cannot hold the images.
    """
    at_pace = _FIRST / max(camera.fps for camera in cameras.values())  # seconds of the cameras' frames
    before = (0.0, 0.0)  # the same of the last round, and the time it took
    try:
        for _ in range(_MOST_ROUNDS):
            took, size = _stored(cameras, folder, at_pace)
            speed = StoreSpeed((at_pace - before[0]) / max(took - before[1], _TICK), size / at_pace)
            if took >= seconds:
                break
            at_pace, before = at_pace * _GROWTH, (at_pace, took)
    except ImgStoreError:
        return None
    return speed


def _stored(cameras: Mapping[str, CameraFrames], folder: str, at_pace: float) -> tuple[float, int]:
    """Store the frames of some seconds; return the time and the bytes."""
    with tempfile.TemporaryDirectory(prefix='.imgstore-trial-', dir=folder) as place:
        begin = time.perf_counter()
        with ThreadPoolExecutor(len(cameras)) as pool:
            stored = [pool.submit(_store, each, os.path.join(place, name), at_pace) for name, each in cameras.items()]
        took = time.perf_counter() - begin
        for each in stored:
            each.result()
        return took, _size_below(place)


def _size_below(folder: str) -> int:
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def _store(camera: CameraFrames, path: str, at_pace: float) -> None:
    convert = Conversion(camera.frames[0].pixel_format, resolve_format(camera.format))
    images = [convert(frame.image) for frame in camera.frames]
    made: dict[str, Any] = {
        'imgshape': images[0].shape,
        'imgdtype': images[0].dtype,
        'encoding': convert.encoding or None,
    }
    with new_for_format(camera.format, path, **made, **camera.options) as store:
        for number in range(max(1, round(camera.fps * at_pace))):
            store.add_image(images[number % len(images)], number, number / camera.fps)


def disk_speed(folder: str, seconds: float) -> float:
    """Return how many bytes a second a disk takes, synchronised.

    Parameters
    ----------
    folder
        On the disk.
    seconds
        How long to write at most.
    """
    most = min(_MOST_BYTES, shutil.disk_usage(folder).free // _SHARE)
    block, size, begin = os.urandom(min(_BLOCK, max(1, most))), 0, time.perf_counter()
    with tempfile.NamedTemporaryFile(prefix='.imgstore-trial-', dir=folder) as file:
        while size == 0 or (size + len(block) <= most and time.perf_counter() - begin < seconds):
            file.write(block)
            size += len(block)
        file.flush()
        with contextlib.suppress(OSError):
            os.fsync(file.fileno())
        return size / (time.perf_counter() - begin)
