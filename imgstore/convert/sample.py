"""A sample of a store's frames, spread over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..color import Image
from ..errors import FrameReadError
from ..stores.base import ImgStore

Prepare = Callable[[Image], Image]

RUN = 32
"""Consecutive frames of a run: two groups of pictures of our videos."""

RUNS = 8
"""Runs in a long store."""

IMAGES = 32
"""Frames for formats of images, whose frames do not depend on each other."""


@dataclass(frozen=True)
class Sample:
    """Frames of a store to try formats with.

    Attributes
    ----------
    runs : tuple of tuple of int
        Indexes of the readable frames of each run, in order. None is empty.
    unreadable : tuple of int
        Indexes of frames in the runs that cannot be read.
    is_all : bool
        Whether the runs have all frames of the store.
    """

    runs: tuple[tuple[int, ...], ...]
    unreadable: tuple[int, ...]
    is_all: bool

    @property
    def frames(self) -> int:
        """Number of readable frames."""
        return sum(map(len, self.runs))

    def single(self) -> list[int]:
        """Return the indexes of frames for formats of images, evenly spread."""
        indexes = [index for run in self.runs for index in run]
        places = np.linspace(0, len(indexes) - 1, min(IMAGES, len(indexes))).round().astype(int)
        return [indexes[place] for place in places.tolist()]


def take_sample(store: ImgStore) -> Sample:
    """Choose runs of frames, and find out which can be read."""
    bad: list[int] = []
    runs = [tuple(_readable(store, run, bad)) for run in _runs(len(store))]
    return Sample(tuple(filter(None, runs)), tuple(bad), len(store) <= RUN * RUNS)


def _runs(count: int) -> list[range]:
    """Return one run of all frames, or several that are evenly spread."""
    if count <= RUN * RUNS:
        return [range(count)]
    starts = np.linspace(0, count - RUN, RUNS).astype(int).tolist()
    return [range(start, start + RUN) for start in starts]


def _readable(store: ImgStore, run: range, bad: list[int]) -> Iterator[int]:
    for index in run:
        try:
            store.get_image(frame_index=index)
        except FrameReadError:
            bad.append(index)
        else:
            yield index


class SampledImages(Sequence[Image]):
    """Images of some frames of a store, read when they are needed.

    A long run of large images would not fit into memory.

    Parameters
    ----------
    store : VideoImgStore or DirectoryImgStore
        Open for reading.
    indexes : sequence of int
        Indexes of the frames.
    prepare : callable
        Converts an image to what the format holds.
    """

    def __init__(self, store: ImgStore, indexes: Sequence[int], prepare: Prepare) -> None:
        self._store, self._indexes, self._prepare = store, indexes, prepare

    def __len__(self) -> int:
        return len(self._indexes)

    def __getitem__(self, place: int) -> Image:  # type: ignore[override]
        return self._prepare(self._store.get_image(frame_index=self._indexes[place])[0])
