"""A plot of the intervals between frames, and of dropped frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..color import Image
from ..errors import MissingDependencyError
from ..frame_rate import median_of_positive
from ..timestamps import GAP_FACTOR, Numbers, Times
from .report import slow_intervals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Columns = npt.NDArray[np.intp]

_INCHES, _DPI = (16, 9), 100
_COLUMNS = 1440  # more cannot be distinguished
_BLUE, _RED, _ORANGE, _INK = '#1e6eaa', '#d22828', '#f08c00', '#323232'
_UNITS = ((1.0, 's'), (60.0, 'min'), (3600.0, 'h'), (86400.0, 'days'))
_ABOVE = {'loc': 'lower right', 'bbox_to_anchor': (1, 1), 'ncols': 4, 'frameon': False}
_MANY_MEDIANS = 20  # a longer interval makes the scale logarithmic


def draw_intervals(numbers: Numbers, times: Times, title: str, chunk_starts: Iterable[int] = ()) -> Image:
    """Draw the intervals between frames over time, and the missing frame numbers.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        Numbers of the frames, in the order of the store.
    times : ndarray of float64, shape (n,)
        Times of the frames in seconds, in the order of the store.
    title : str
        Title of the plot.
    chunk_starts : iterable of int
        Index of each chunk's first frame, for the marks.

    Returns
    -------
    ndarray of uint8, shape (900, 1600, 3)
        The plot in BGR.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    figure = interval_figure(numbers, times, title, chunk_starts)
    canvas: Any = figure.canvas
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., 2::-1])


def interval_figure(numbers: Numbers, times: Times, title: str, chunk_starts: Iterable[int] = ()) -> Figure:
    """Create the figure of `draw_intervals`, with the same parameters and errors."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError('a plot needs matplotlib: pip install "imgstore[plot]"',
                                     name='matplotlib') from error
    figure = Figure(_INCHES, _DPI)
    FigureCanvasAgg(figure)
    figure.suptitle(_drawable(title), parse_math=False)
    starts = times[[i for i in chunk_starts if 0 < i < len(times)]]
    if not (usable := np.isfinite(times)).all():
        numbers, times, starts = numbers[usable], times[usable], starts[np.isfinite(starts)]
    if len(times) < 2:
        figure.text(0.1, 0.8, 'There are fewer than two frames.')
        return figure
    first, span = float(times.min()), max(float(times.max() - times.min()), 1e-9)
    size, unit = next(((s, u) for s, u in reversed(_UNITS) if span >= 3 * s), _UNITS[0])
    across = _Across(_columns(times[:-1], first, span), span / size)
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    _plot_intervals(above, across, np.diff(times))
    _plot_missing(below, across, np.diff(numbers) - 1)
    places = across.places(np.unique(_columns(starts, first, span)))
    for axes in (above, below):
        axes.plot(places, 0 * places, '|', color=_INK, markersize=20, transform=axes.get_xaxis_transform())
    marks = '; ticks inwards: a chunk begins' if len(starts) else ''
    below.set(xlim=(0, across.width), xlabel=f'{unit} since the first frame{marks}')
    return figure


def _columns(times: Times, first: float, span: float) -> _Columns:
    """Return the column of each time."""
    shares = times - first
    shares *= (_COLUMNS - 1) / span
    return shares.astype(np.intp)


@dataclass(frozen=True)
class _Across:
    """The column of each frame except the last, and the width of all columns."""

    frames: _Columns
    width: float

    def places(self, columns: _Columns) -> Times:
        places: Times = columns * np.float64(self.width / (_COLUMNS - 1))
        return places

    def envelope(self, y: Times, which: Any = slice(None)) -> tuple[Times, Times, Times]:
        """Return position, least y and largest y of each column with frames."""
        low, high = np.full(_COLUMNS, np.inf), np.full(_COLUMNS, -np.inf)
        np.minimum.at(low, self.frames[which], y[which])
        np.maximum.at(high, self.frames[which], y[which])
        used = np.flatnonzero(low <= high)
        return self.places(used), low[used], high[used]

    def sums(self, y: Numbers, which: Any) -> tuple[Times, Times]:
        """Return position and sum of y of each column with frames."""
        sums = np.bincount(self.frames[which], y[which], _COLUMNS).astype(np.float64)
        used = np.flatnonzero(sums)
        return self.places(used), sums[used]


def _plot_intervals(axes: Any, across: _Across, intervals: Times) -> None:
    intervals *= 1000
    median, largest, slow = median_of_positive(intervals) or 0.0, float(intervals.max()), slow_intervals(intervals)
    is_log = 0 < _MANY_MEDIANS * median < largest
    bottom = max(min(float(intervals.min()), median), median / 10) * 0.8 if is_log else 0.0
    np.maximum(intervals, bottom, out=intervals)
    x, low, high = across.envelope(intervals)
    axes.plot(x.repeat(2), np.stack([low, high], 1).ravel(), color=_BLUE, drawstyle='steps-post',
              label='interval to the next frame')
    axes.axhline(median, color=_INK, linestyle='--', label=f'median, {median:.4g} ms')
    axes.axhline(GAP_FACTOR * median, color=_ORANGE, linestyle='--', label=f'{GAP_FACTOR} x median')
    x, _, high = across.envelope(intervals, slow)
    axes.plot(x, high, 'o', color=_RED, label=f'longer than that: {int(slow.sum())}')
    axes.set(ylabel='ms between frames' + (' (logarithmic)' if is_log else ''), yscale='log' if is_log else 'linear')
    axes.set_ylim(bottom=bottom)
    axes.legend(**_ABOVE)


def _plot_missing(axes: Any, across: _Across, missing: Numbers) -> None:
    gaps = missing > 0
    x, counts = across.sums(missing, gaps)
    axes.vlines(x, 0, counts, _RED, linewidth=3, label=f'missing frame numbers: {int(missing[gaps].sum())}')
    axes.set(ylabel='frame numbers that are missing' if len(x) else 'no frame number is missing',
             ylim=(0, max(1.1 * counts.max(initial=0), 1)))
    axes.yaxis.get_major_locator().set_params(integer=True)
    if len(x):
        axes.legend(**_ABOVE)


def _drawable(text: str) -> str:
    """Replace letters missing in the font by '?', since matplotlib warns of them or fails."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties())).get_charmap()
    return ''.join(letter if ord(letter) in known else '?' for letter in text)
