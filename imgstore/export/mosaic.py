"""Frames of several stores in one picture, matched by time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .._support.validation import as_int_between
from ..color import Image
from ..stores.base import ImgStore
from ..timestamps import Times, usual_interval
from .pictures import fitted, render_frames
from .selection import Frames, Indices

_MISSING = -1
_WIDEST = 16384  # pixels


@dataclass(frozen=True)
class Look:
    """How frames become pictures.

    Attributes
    ----------
    status_bar : bool
        Draw number and time into each picture.
    width : int or None
        Width of a picture of one store. None: that of its images.
    others : tuple of store
        Other stores, open for reading. Their times must be of the same clock.

    Raises
    ------
    InvalidArgumentError
        The width is not above 0.
    """

    status_bar: bool = False
    width: int | None = None
    others: tuple[ImgStore, ...] = ()

    def __post_init__(self) -> None:
        if self.width is not None:
            as_int_between(self.width, 'width', 1, _WIDEST, 'a picture')

    @property
    def reason_to_encode(self) -> str:
        """Reason for new pictures in place of the recorded images, or ''."""
        if self.others:
            return 'several stores are in one picture'
        return 'a status bar is drawn' if self.status_bar else 'the pictures are scaled' if self.width else ''

    def render(self, frames: Frames) -> Iterator[Image]:
        """Render frames, with those of the other stores at the same time.

        The pictures are in a grid, the first one at the upper left. All have the size of the first, and keep their
        proportions. A store without a frame at that time is black there.

        Parameters
        ----------
        frames : Frames
            The frames that set the times.

        Yields
        ------
        ndarray of uint8, shape (h, w, 3)
            BGR.
        """
        pictures = render_frames(frames, self.status_bar, self.width)
        if not self.others:
            yield from pictures
            return
        sides = [_Side(frames, store, self) for store in self.others]
        for picture in pictures:
            yield _in_a_grid([picture, *(side.next_like(picture) for side in sides)])


def nearest_frames(times: Times, store: ImgStore, tolerance: float) -> Indices:
    """Return the index of the frame nearest to each time.

    Parameters
    ----------
    times : ndarray of float64
        Times in seconds.
    store : store
        Open for reading.
    tolerance : float
        Maximum distance in seconds.

    Returns
    -------
    ndarray of int
        Frame indexes, -1 where no frame is near.
    """
    own = store.frame_times
    order = np.argsort(own, kind='stable')
    if not len(order):
        return np.full(len(times), _MISSING)
    after = np.searchsorted(own[order], times).clip(0, len(order) - 1)
    before = (after - 1).clip(0)
    is_before = np.abs(times - own[order[before]]) <= np.abs(own[order[after]] - times)
    found = order[np.where(is_before, before, after)]
    nearest: Indices = np.where(np.abs(own[found] - times) <= tolerance, found, _MISSING)
    return nearest


class _Side:
    """The pictures of another store, one for each frame."""

    def __init__(self, frames: Frames, store: ImgStore, look: Look) -> None:
        longer = max(usual_interval(each) or 0.0 for each in (frames.store, store))
        indices = nearest_frames(frames.times, store, 0.6 * longer)
        own = indices[indices != _MISSING]
        chosen = Frames(store, own, store.frame_numbers[own], store.frame_times[own])
        self._is_there = iter((indices != _MISSING).tolist())
        self._pictures = render_frames(chosen, look.status_bar, look.width) if len(own) else iter(())

    def next_like(self, first: Image) -> Image:
        """Return the next picture, in a black one of the size of the first."""
        cell = np.zeros_like(first)
        if next(self._is_there):
            picture = next(self._pictures)
            scale = min(cell.shape[0] / picture.shape[0], cell.shape[1] / picture.shape[1])
            height, width = (max(1, round(scale * side)) for side in picture.shape[:2])
            top, left = (cell.shape[0] - height) // 2, (cell.shape[1] - width) // 2
            cell[top : top + height, left : left + width] = fitted(picture, width, height)
        return cell


def _in_a_grid(pictures: Sequence[Image]) -> Image:
    """Join pictures of the same size in rows of about as many as there are rows."""
    columns = math.ceil(math.sqrt(len(pictures)))
    blank = [np.zeros_like(pictures[0])] * (-len(pictures) % columns)
    cells = [*pictures, *blank]
    return np.vstack([np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)])
