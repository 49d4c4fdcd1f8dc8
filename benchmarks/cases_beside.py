"""The cases beside other readers: one for each video, with all kinds of work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from model import OURS, PEERS, TORCH, Case, Limit, Metric, Recording, Sizes
from videos import VIDEOS, Video, as_arguments, scaled

SHORT = 60  # frames a group, below which groups are shared out over the cores
LOADED = ('own chunk', 'x264 defaults', 'small, B-frames')
WORKERS = (0, 1, 2)
DISTINCT_4K = 8  # frames, for the sake of memory


def beside(sizes: Sizes) -> Iterator[Case]:
    """Return a case for each of the eight videos."""
    for video in (scaled(video, sizes) for video in VIDEOS):
        arguments = as_arguments(video)
        distinct = min(sizes.distinct, DISTINCT_4K) if video.size[1] > 2000 else sizes.distinct
        yield Case(
            f'beside other readers, {video.name}',
            'read_beside',
            _metrics(video),
            arguments,
            reference=None,
            recording=Recording(f'video {video.name}', 'record_video', {**arguments, 'distinct': distinct}, by=OURS),
            limit=Limit('PyAV', None, 'bound', arguments, imports='av'),
            rounds=3,
            peers=tuple(PEERS),
        )


def loading(sizes: Sizes) -> Iterator[Case]:
    """Return a case of torch's DataLoader for each of some videos."""
    for case in beside(sizes):
        if case.arguments['video']['name'] in LOADED:
            metrics = tuple(_fps(f'workers {count}', 1) for count in WORKERS)
            name = case.name.replace('beside', 'in a DataLoader, beside')
            yield replace(case, name=name, task='load_beside', metrics=metrics, limit=None, environment=TORCH)


def _metrics(video: Video) -> tuple[Metric, ...]:
    """Return the goals of each kind of work."""
    return (
        _fps('sequence', 1, 0.88),
        _fps('random', 1, 0.85),
        _fps('batch', 1.3 if video.group < SHORT else 1, 0.9),
        _fps('slice', 1),
        _fps('batches', 1),
        _fps('backwards', 5),
        _fps('steps', 5),
        Metric('first', 'ms', LABELS['first'], of_limit=1 / 1.1),
    )


LABELS: dict[str, str] = {
    'sequence': 'in sequence',
    'random': 'random',
    'batch': 'every 19th, one call',
    'slice': 'slices of 16',
    'batches': 'every 2nd, batches of 16',
    'backwards': 'backwards',
    'steps': 'steps of ±1',
    'first': 'first frame',
    **{f'workers {count}': f'DataLoader, {count} workers' for count in WORKERS},
}
MEDIAN_GOALS = {'sequence': 1.05}
"""Of the ratio to the best of the others, in the median of the videos."""


def _fps(key: str, ratio: float, of_limit: float | None = None) -> Metric:
    return Metric(key, 'frames/s', LABELS[key], more_is_better=True, ratio=ratio, of_limit=of_limit)
