"""Frames of several stores in one picture, matched by time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .._support.validation import as_int_between
from ..color import Image
from ..errors import InvalidArgumentError
from ..stores.base import ImgStore
from ..timestamps import Times, format_time, usual_interval
from .pictures import fitted, render_frames
from .selection import Frames, Indices

_MISSING = -1
_NEAR = 0.6  # intervals between frames
_WIDEST = 16384  # pixels


@dataclass(frozen=True)
class Absence:
    """Times without a frame of another store, whose picture is black there.

    Attributes
    ----------
    store : str
        Folder of the store without frames.
    frames : int
        Number of frames of the first store at these times.
    spans : tuple of (float, float)
        Times of the first and the last frame of each run of them.
    """

    store: str
    frames: int
    spans: tuple[tuple[float, float], ...]


def absences(frames: Frames, others: Sequence[ImgStore]) -> list[Absence]:
    """Find the times of frames at which another store has none.

    Parameters
    ----------
    frames : Frames
        The frames that set the times.
    others : sequence of store
        Other stores, open for reading.
    """
    found = [_absence(frames, store) for store in others]
    return [absence for absence in found if absence.frames]


def check_common_times(frames: Frames, others: Sequence[ImgStore]) -> None:
    """Raise InvalidArgumentError if a store has no frame at any of the times.

    Parameters are those of `absences`.
    """
    for store in others:
        if (_matched(frames, store) == _MISSING).all():
            raise InvalidArgumentError(
                f'{store.filename!r} has no frame at the times of {frames.store.filename!r}, '
                f'{_span(frames.store, frames.times)}; {_what_it_has(store)}; give stores recorded at the same time',
                store=store.filename,
                argument='others',
            )


def _absence(frames: Frames, store: ImgStore) -> Absence:
    absent = _matched(frames, store) == _MISSING
    edges = np.flatnonzero(np.diff(absent, prepend=False, append=False)).reshape(-1, 2).tolist()
    spans = tuple((float(frames.times[start]), float(frames.times[end - 1])) for start, end in edges)
    return Absence(store.filename, int(absent.sum()), spans)


def _what_it_has(store: ImgStore) -> str:
    if not store.frame_count:
        return 'it is empty'
    return f'its own are {_span(store, store.frame_times)}'


def _span(store: ImgStore, times: Times) -> str:
    zone = store.created[1]
    return f'{format_time(zone, float(times[0]))} to {format_time(zone, float(times[-1]))}'


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
        proportions. A store without a frame at that time is black there; `absences` finds these times.

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


def _matched(frames: Frames, store: ImgStore) -> Indices:
    """Return the index of another store's frame for each frame."""
    longer = max(usual_interval(each) or 0.0 for each in (frames.store, store))
    return nearest_frames(frames.times, store, _NEAR * longer)


class _Side:
    """The pictures of another store, one for each frame."""

    def __init__(self, frames: Frames, store: ImgStore, look: Look) -> None:
        indices = _matched(frames, store)
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
