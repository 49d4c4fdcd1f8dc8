"""Exact numbers of frames, by decoding all of them."""

from __future__ import annotations

from collections import deque

from ..errors import FrameReadError
from .film import VideoFile
from .images import Images

Count = tuple[int, bool]
"""Number of frames, damaged ones included; and whether more may be lost at the end or in between."""


def count_frames(path: str) -> Count:
    """Count the frames of a video."""
    with VideoFile(path, to_8_bit=True) as film:
        deque(film.frames(), 0)
        return film.following, _is_damaged(film)


def count_images(paths: list[str]) -> Count:
    """Count the images in files, with each page."""
    with Images(paths) as images:
        deque(images.frames(), 0)
        return images.following, _is_damaged(images)


def _is_damaged(source: VideoFile | Images) -> bool:
    try:
        source.check()
    except FrameReadError:
        return True
    return False
