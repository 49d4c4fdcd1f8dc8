"""A picture of how the frames of a recording follow each other, and of what was dropped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..color import Image
from ..font import FontRenderer
from ..frame_rate import median_of_positive
from ..timestamps import GAP_FACTOR, Numbers, Times
from .report import slow_intervals

_WIDTH, _HEIGHT = 1600, 900
_LEFT, _RIGHT = 120, 1560
_INTERVALS, _MISSING = (110, 520), (620, 810)
"""Top and bottom of the two panels."""

_PAPER, _INK, _FAINT = (255, 255, 255), (50, 50, 50), (225, 225, 225)
_BLUE, _RED, _ORANGE = (170, 110, 30), (40, 40, 210), (0, 140, 240)
_UNITS = ((1.0, 's'), (60.0, 'min'), (3600.0, 'h'), (86400.0, 'days'))
_MANY_MEDIANS = 20  # from there on an interval is drawn on a logarithmic scale


@dataclass(frozen=True)
class _Axis:
    """Where on the picture a value is: at ``start`` the least, at ``end`` the largest."""

    least: float
    largest: float
    start: int
    end: int
    log: bool = False
    whole: bool = False

    def at(self, values: npt.ArrayLike) -> npt.NDArray[np.intp]:
        found = np.clip(np.asarray(values, np.float64), self.least, self.largest)
        least, largest = self.least, self.largest
        if self.log:
            found, least, largest = np.log(found), math.log(least), math.log(largest)
        share = (found - least) / ((largest - least) or 1)
        return np.rint(self.start + share * (self.end - self.start)).astype(np.intp)

    def ticks(self) -> list[float]:
        if self.log:
            powers = range(math.ceil(math.log10(self.least)), math.floor(math.log10(self.largest)) + 1)
            return [10.0**power for power in powers]
        step = max(_nice((self.largest - self.least) / 6), 1.0 if self.whole else 0.0)
        return [step * i for i in range(math.ceil(self.least / step), math.floor(self.largest / step) + 1)]


def draw_intervals(numbers: Numbers, times: Times, title: str, chunk_starts: Iterable[int] = ()) -> Image:
    """Draw the intervals between frames over time, and below them the frame numbers that are missing.

    Parameters
    ----------
    numbers, times : ndarray, shape (n,)
        Of the frames, in the order of the store; times in seconds.
    title : str
        Stands above.
    chunk_starts : iterable of int
        Index of each chunk's first frame; they are marked.

    Returns
    -------
    ndarray of uint8, shape (900, 1600, 3)
        In BGR.
    """
    image = np.full((_HEIGHT, _WIDTH, 3), _PAPER, np.uint8)
    _write(image, title, (_LEFT, 45), 0.8)
    usable = np.isfinite(times)
    numbers, times = numbers[usable], times[usable]
    if len(times) < 2:
        _write(image, 'There are fewer than two frames.', (_LEFT, 150), 0.7)
        return image
    since = times[:-1] - times.min()
    span = max(float(times.max() - times.min()), 1e-9)
    size, unit = next(((s, u) for s, u in reversed(_UNITS) if span >= 3 * s), _UNITS[0])
    across = _Axis(0, span / size, _LEFT, _RIGHT)
    starts = [(times[i] - times.min()) / size for i in chunk_starts if 0 < i < len(times)]
    _draw_frame_intervals(image, across, since / size, np.diff(times) * 1000, starts)
    _draw_missing(image, across, since / size, np.diff(numbers) - 1, starts)
    marks = '; ticks inwards: a chunk begins' if starts else ''
    _write_centered(image, f'{unit} since the first frame{marks}', (_LEFT + _RIGHT) // 2, _HEIGHT - 30, 0.6)
    return image


def _draw_frame_intervals(image: Image, across: _Axis, x: Times, intervals: Times, starts: list[float]) -> None:
    median, largest = median_of_positive(intervals) or 0.0, float(intervals.max())
    log = median > 0 and largest > _MANY_MEDIANS * median
    least = max(min(float(intervals.min()), median), median / 10) * 0.8 if log else 0.0
    up = _Axis(least, max(largest, 1.6 * median, 1e-3) * (1.5 if log else 1.1), _INTERVALS[1], _INTERVALS[0], log)
    _draw_panel(image, across, up, 'ms between frames' + (' (logarithmic)' if log else ''), starts)
    _draw_envelope(image, across.at(x), up.at(intervals))
    _level(image, up, median, _INK)
    _level(image, up, GAP_FACTOR * median, _ORANGE)
    slow = slow_intervals(intervals)
    _dots(image, across.at(x[slow]), up.at(intervals[slow]))
    _legend(image, [(_BLUE, 'interval to the next frame'), (_INK, f'median, {median:.4g} ms'),
                    (_ORANGE, f'{GAP_FACTOR} x median'), (_RED, f'longer than that: {int(slow.sum())}')],
            _INTERVALS[0] - 24)


def _draw_missing(image: Image, across: _Axis, x: Times, missing: Numbers, starts: list[float]) -> None:
    gaps = missing > 0
    columns = np.bincount(across.at(x[gaps]), weights=missing[gaps], minlength=_WIDTH)
    up = _Axis(0, max(float(columns.max()) * 1.1, 1.0), _MISSING[1], _MISSING[0], whole=True)
    label = 'frame numbers that are missing' if gaps.any() else 'no frame number is missing'
    _draw_panel(image, across, up, label, starts)
    for column in np.flatnonzero(columns).tolist():
        top = int(up.at(columns[column]))
        cv2.rectangle(image, (column - 1, top), (column + 1, _MISSING[1]), _RED, cv2.FILLED)
    total = int(missing[gaps].sum())
    _legend(image, [(_RED, f'missing frame numbers: {total}')] if total else [], _MISSING[0] - 24)


def _draw_panel(image: Image, across: _Axis, up: _Axis, label: str, starts: list[float]) -> None:
    for tick in up.ticks():
        y = int(up.at(tick))
        cv2.line(image, (_LEFT, y), (_RIGHT, y), _FAINT, 1)
        _write_right(image, f'{tick:.6g}', (_LEFT - 12, y + 6))
    for tick in across.ticks():
        x = int(across.at(tick))
        cv2.line(image, (x, up.start), (x, up.start + 6), _INK, 1)
        _write_centered(image, f'{tick:.6g}', x, up.start + 28, 0.55)
    for x in dict.fromkeys(across.at(starts).tolist() if starts else ()):
        cv2.line(image, (x, up.start), (x, up.start - 10), _INK, 1)
    cv2.rectangle(image, (_LEFT, up.end), (_RIGHT, up.start), _INK, 1)
    _write(image, label, (_LEFT, up.end - 18), 0.55)


def _draw_envelope(image: Image, columns: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> None:
    """Draw a line in each column of the picture, from the highest to the lowest point that is there."""
    top, bottom = np.full(_WIDTH, _HEIGHT), np.full(_WIDTH, -1)
    np.minimum.at(top, columns, rows)
    np.maximum.at(bottom, columns, rows)
    for column in np.flatnonzero(bottom >= 0).tolist():
        cv2.line(image, (column, int(top[column]) - 1), (column, int(bottom[column]) + 1), _BLUE, 1)


def _dots(image: Image, columns: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> None:
    for column, row in np.unique(np.stack([columns, rows], axis=1), axis=0).tolist():
        cv2.circle(image, (column, row), 3, _RED, cv2.FILLED, cv2.LINE_AA)


def _level(image: Image, up: _Axis, value: float, color: tuple[int, int, int]) -> None:
    y = int(up.at(value))
    for x in range(_LEFT, _RIGHT, 12):
        cv2.line(image, (x, y), (min(x + 6, _RIGHT), y), color, 1)


def _legend(image: Image, entries: list[tuple[tuple[int, int, int], str]], y: int) -> None:
    x = _RIGHT
    for color, text in reversed(entries):
        x -= FontRenderer(scale=0.55).measure_string(text)[0]
        _write(image, text, (x, y + 6), 0.55)
        cv2.rectangle(image, (x - 22, y - 6), (x - 10, y + 6), color, cv2.FILLED)
        x -= 50


def _nice(step: float) -> float:
    """Make a step 1, 2 or 5 times a power of ten, not smaller than it is."""
    power = 10.0 ** math.floor(math.log10(step))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * 0.999))


def _write(image: Image, text: str, at: tuple[int, int], scale: float) -> None:
    FontRenderer(scale=scale).write_string(text, at, _INK, image)


def _write_right(image: Image, text: str, at: tuple[int, int]) -> None:
    width = FontRenderer(scale=0.55).measure_string(text)[0]
    _write(image, text, (at[0] - width, at[1]), 0.55)


def _write_centered(image: Image, text: str, x: int, y: int, scale: float) -> None:
    _write(image, text, (x - FontRenderer(scale=scale).measure_string(text)[0] // 2, y), scale)
