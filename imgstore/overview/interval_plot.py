"""A plot of the intervals between frames, and of dropped frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..color import Image
from ..errors import MissingDependencyError
from ..timestamps import GAP_FACTOR, Numbers, Times
from .report import FrameTiming, frame_timing, slow_intervals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Columns = npt.NDArray[np.intp]

_INCHES, _DPI = (16, 9), 100
_COLUMNS = 1440  # more cannot be distinguished
_BLUE, _RED, _ORANGE, _INK = '#1e6eaa', '#d22828', '#f08c00', '#323232'
_UNITS = ((1.0, 's'), (60.0, 'min'), (3600.0, 'h'), (86400.0, 'days'))
_ABOVE = {'loc': 'lower right', 'bbox_to_anchor': (1, 1), 'ncols': 4, 'frameon': False}
_MANY_MEDIANS = 20  # a longer interval makes the scale logarithmic
_MOST_SECONDS = 1e100  # matplotlib's own numbers overflow far beyond


def draw_intervals(
    numbers: Numbers, times: Times, title: str, chunk_starts: Iterable[int] = (), median: float | None = None
) -> Image:
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
    median : float, optional
        Median interval in seconds. Default: measured.

    Returns
    -------
    ndarray of uint8, shape (900, 1600, 3)
        The plot in BGR.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    figure = interval_figure(numbers, times, title, chunk_starts, median)
    canvas: Any = figure.canvas
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., 2::-1])


def interval_figure(
    numbers: Numbers, times: Times, title: str, chunk_starts: Iterable[int] = (), median: float | None = None
) -> Figure:
    """Create the figure of `draw_intervals`, with the same parameters and errors."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError.for_extra('a plot needs matplotlib', 'matplotlib', 'plot') from error
    figure = Figure(_INCHES, _DPI)
    FigureCanvasAgg(figure)
    figure.suptitle(_drawable(title), parse_math=False)
    if len(times) < 2:
        figure.text(0.1, 0.8, 'There are fewer than two frames.')
        return figure
    across, timing = _across(times), frame_timing(numbers, times, 0, median)
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    _plot_intervals(above, across, times, timing)
    _plot_missing(below, across, np.diff(numbers) - 1, timing)
    starts = across.columns[[i for i in chunk_starts if 0 < i < len(times)]]
    places = across.places(np.unique(starts))
    for axes in (above, below):
        axes.plot(places, 0 * places, '|', color=_INK, markersize=20, transform=axes.get_xaxis_transform())
    marks = '; ticks inwards: a chunk begins' if len(starts) else ''
    below.set(xlim=(across.left, across.left + across.width), xlabel=f'{across.label}{marks}')
    return figure


def _across(times: Times) -> _Across:
    """Spread frames over the columns.

    A frame without a finite time is where the frame before it is.
    """
    finite = np.isfinite(times)
    if not finite.any():
        return _Across(np.zeros(len(times), np.intp), 0.0, 1.0, 'no frame has a time')
    known = np.maximum.accumulate(np.where(finite, np.arange(len(times)), finite.argmax()))
    halves = times[known] / 2  # a difference of halves cannot overflow
    least, first = float(halves.min()), float(halves[0])
    half_span = max(float(halves.max()) - least, 5e-10)
    columns = ((halves - least) / half_span * (_COLUMNS - 1)).astype(np.intp)
    size, unit = next(((s, u) for s, u in reversed(_UNITS) if half_span >= 1.5 * s), _UNITS[0])
    whose = 'the first frame' if finite[0] else 'the first frame with a time'
    return _Across(columns, (least - first) / size * 2, half_span / size * 2, f'{unit} since {whose}')


@dataclass(frozen=True)
class _Across:
    """The column of each frame, and left edge, width and label of the axis."""

    columns: _Columns
    left: float
    width: float
    label: str

    def places(self, columns: _Columns) -> Times:
        places: Times = self.left + columns * np.float64(self.width / (_COLUMNS - 1))
        return places

    def envelope(self, y: Times, which: Any) -> tuple[Times, Times, Times]:
        """Return position, least y and largest y of each column with frames."""
        low, high = np.full(_COLUMNS, np.inf), np.full(_COLUMNS, -np.inf)
        np.minimum.at(low, self.columns[:-1][which], y[which])
        np.maximum.at(high, self.columns[:-1][which], y[which])
        used = np.flatnonzero(low <= high)
        return self.places(used), low[used], high[used]

    def sums(self, y: Numbers, which: Any) -> tuple[Times, Times]:
        """Return position and sum of y of each column with frames."""
        sums = np.bincount(self.columns[:-1][which], y[which], _COLUMNS).astype(np.float64)
        used = np.flatnonzero(sums)
        return self.places(used), sums[used]


def _plot_intervals(axes: Any, across: _Across, times: Times, timing: FrameTiming) -> None:
    with np.errstate(all='ignore'):  # times may be any numbers
        intervals = np.diff(times)
    slow, drawn = slow_intervals(intervals, timing.median_interval), ~np.isnan(intervals)
    intervals = _milliseconds(intervals, timing)
    median, least, largest = _milliseconds(np.array([timing.median_interval or 0, *_extremes(timing)]), timing).tolist()
    is_log = 0 < _MANY_MEDIANS * median < largest
    bottom = max(min(least, median), median / 10) * 0.8 if is_log else 0.0
    np.maximum(intervals, bottom, out=intervals)
    x, low, high = across.envelope(intervals, drawn)
    axes.plot(
        x.repeat(2),
        np.stack([low, high], 1).ravel(),
        color=_BLUE,
        drawstyle='steps-post',
        label='interval to the next frame',
    )
    if timing.median_interval is None:
        axes.plot([], [], color=_INK, linestyle='--', label='no median')
    else:
        axes.axhline(median, color=_INK, linestyle='--', label=f'median, {median:.4g} ms')
        axes.axhline(GAP_FACTOR * median, color=_ORANGE, linestyle='--', label=f'{GAP_FACTOR} x median')
        x, _, high = across.envelope(intervals, slow)
        axes.plot(x, high, 'o', color=_RED, label=f'longer than that: {timing.slow_intervals}')
    axes.set(ylabel='ms between frames' + (' (logarithmic)' if is_log else ''), yscale='log' if is_log else 'linear')
    axes.set_ylim(bottom=bottom)
    axes.legend(**_ABOVE)


def _extremes(timing: FrameTiming) -> tuple[float, float]:
    return timing.shortest_interval or 0.0, timing.longest_interval or 0.0


def _milliseconds(seconds: Times, timing: FrameTiming) -> Times:
    """Return what can be drawn: an endless interval is as high as the longest."""
    least, largest = np.clip(_extremes(timing), -_MOST_SECONDS, _MOST_SECONDS)
    return np.asarray(np.clip(seconds, least, largest) * 1000, np.float64)


def _plot_missing(axes: Any, across: _Across, missing: Numbers, timing: FrameTiming) -> None:
    x, counts = across.sums(missing, missing > 0)
    axes.vlines(x, 0, counts, _RED, linewidth=3, label=f'missing frame numbers: {timing.missing_numbers}')
    axes.set(
        ylabel='frame numbers that are missing' if len(x) else 'no frame number is missing',
        ylim=(0, max(1.1 * counts.max(initial=0), 1)),
    )
    axes.yaxis.get_major_locator().set_params(integer=True)
    if len(x):
        axes.legend(**_ABOVE)


def _drawable(text: str) -> str:
    """Replace letters missing in the font. Matplotlib warns of them or fails."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties())).get_charmap()
    return ''.join(letter if ord(letter) in known else '?' for letter in text)
