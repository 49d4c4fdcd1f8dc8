"""Parts of a conversion on a cluster, planned without touching a file.

A part has one or more of the chunks that the same conversion in one process would make.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from ..formats import VIDEO_FRAMES_PER_SECOND
from ..frame_rate import FrameRate
from ..timestamps import Times
from .frames import Recipe

_LEAST_FRAMES = 100
"""Aim for the frames of a part: opening the original takes as long as converting a few of them."""


@dataclass(frozen=True)
class Part:
    """Some chunks of the new store.

    Attributes
    ----------
    number : int
        Number of the part, from 0.
    frames : range
        Indexes of its frames.
    first_chunk : int
        Number of its first chunk in the new store.
    fps : float or None
        Frame rate in the header of its video.
    """

    number: int
    frames: range
    first_chunk: int
    fps: float | None = None

    @property
    def name(self) -> str:
        """Name of its folder, once it is finished."""
        return f'{self.number:06d}'

    def __str__(self) -> str:
        return f'frames {self.frames.start} to {self.frames.stop - 1}'


@dataclass(frozen=True, kw_only=True)
class PartTask:
    """All that a worker needs for converting a part.

    Attributes
    ----------
    part : Part
        The part.
    source, target : str
        Folders of the original and of the new store.
    work : str
        Folder for finished parts.
    plan : str
        Identifier of the plan that the part is of.
    frame_count : int
        Number of frames of the original.
    recipe : Recipe
        How to make the new store.
    shape : tuple of int
        Shape of its images.
    dtype : str
        Name of their dtype.
    options : dict
        Options of its writer.
    verify : bool
        Whether to compare the frames.
    version : str
        Version of imgstore that planned the part.
    """

    part: Part
    source: str
    target: str
    work: str
    plan: str
    frame_count: int
    recipe: Recipe
    shape: tuple[int, ...]
    dtype: str
    options: dict[str, Any]
    verify: bool
    version: str


def plan_image_parts(frame_count: int, chunksize: int) -> list[Part]:
    """Plan parts of a store of images: several small chunks each."""
    chunks = max(1, _LEAST_FRAMES // chunksize)
    ranges = _ranges(frame_count, chunksize * chunks)
    return [Part(number, frames, number * chunks) for number, frames in enumerate(ranges)]


def plan_video_parts(times: Times, chunksize: int, rate: FrameRate) -> list[Part]:
    """Plan parts of a store of videos: one chunk each, with its rate."""
    parts = []
    for number, frames in enumerate(_ranges(len(times), chunksize)):
        fps = rate.of(times[frames.start : frames.stop].tolist()) or VIDEO_FRAMES_PER_SECOND
        parts.append(Part(number, frames, number, float(fps)))
    return parts


def _ranges(frame_count: int, size: int) -> Iterator[range]:
    for start in count(0, size):
        if start >= frame_count:
            return
        yield range(start, min(start + size, frame_count))
