"""Draws the lines of growth.py, a panel for each of what grows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from growth import Line

_WIDTH, _HEIGHT = 5, 4  # inches of a panel


def draw(path: Path, lines: Iterable[Line]) -> None:
    """Draw a plot as SVG, the same for the same numbers."""
    import matplotlib as mpl

    mpl.use('svg')
    import matplotlib.pyplot as plt

    panels: dict[str, list[Line]] = {}
    for line in lines:
        panels.setdefault(line.panel, []).append(line)
    with plt.rc_context({'svg.hashsalt': 'imgstore', 'svg.fonttype': 'none', 'axes.grid': True, 'grid.alpha': 0.3}):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(_WIDTH * len(panels), _HEIGHT), layout='constrained', squeeze=False
        )
        for axis, (name, some) in zip(axes[0], panels.items(), strict=True):
            _draw_panel(axis, name, some)
        figure.savefig(path, metadata={'Date': None})
        plt.close(figure)


def _draw_panel(axis: Any, name: str, lines: list[Line]) -> None:
    for line in lines:
        places = sorted(line.points)
        axis.plot(places, [line.points[x] for x in places], marker='o', label=f'{line.name}: {line.growth}')
    values = [value for line in lines for value in line.points.values()]
    bottom, top = 10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values)))
    axis.set(xscale='log', yscale='log', xlabel=name, ylabel='milliseconds', ylim=(bottom, max(top, 10 * bottom)))
    if name == 'cameras':
        axis.set_xticks(places, [str(x) for x in places], minor=False)
        axis.set_xticks([], minor=True)
    axis.legend(fontsize='small')
