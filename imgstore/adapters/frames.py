"""Frames as other programs expect them."""

from __future__ import annotations

import numpy as np

from ..color import Image
from ..constants import FRAME_NUMBER, FRAME_TIME
from ..frame_rate import MANY_TIMES, FrameRate
from ..stores.factories import ImgStore
from ..stores.multi import MultiStore


def is_color(store: ImgStore | MultiStore) -> bool:
    """Return whether images are (h, w, 3) in BGR, and no other planes."""
    return store.image_shape[2:] == (3,)


def in_rgb(images: Image, store: ImgStore | MultiStore) -> Image:
    """Return one or several images of a store in RGB, or as they are."""
    return np.ascontiguousarray(images[..., ::-1]) if is_color(store) else images


def number_and_time(store: ImgStore, index: int) -> dict[str, int | float]:
    """Return the number of a frame and its time in seconds, by their names."""
    return {FRAME_NUMBER: int(store.frame_numbers[index]), FRAME_TIME: float(store.frame_times[index])}


def frame_rate(store: ImgStore) -> float:
    """Return frames per second by the metadata or the first times, or 0."""
    return float(FrameRate(None, store.user_metadata).of(store.frame_times[:MANY_TIMES].tolist()) or 0)
