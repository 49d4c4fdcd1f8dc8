"""The cases of arrays: slices and batches against `get_images`, and a dask array."""

from __future__ import annotations

from collections.abc import Iterator

from model import OURS, Case, Metric, Recording, Sizes

_AS_FAST = 0.97  # of get_images
_FRAMES = {'npy': 100, 'avc1/mp4': 300, 'mjpeg/avi': 300}


def arrays(sizes: Sizes) -> Iterator[Case]:
    """Return a case for each kind of array, step and format."""
    for fmt, count in _FRAMES.items():
        arguments = {'fmt': fmt, 'count': sizes.frames(count)}
        recording = Recording(f'{fmt} gray', 'record', arguments, 'gray', OURS)
        for step in (1, 3):
            which = f'{"all frames" if step == 1 else "every 3rd frame"}, {fmt} gray'
            for name, task, ratio in (
                ('slices of 32', 'read_slices', _AS_FAST),
                ('batches of 32', 'read_batches', _AS_FAST),
                ('to_dask, threads', 'read_dask', None),
            ):
                yield Case(
                    f'{name}, {which}, against get_images',
                    task,
                    (Metric('fps', 'frames/s', more_is_better=True, ratio=ratio),),
                    {'step': step},
                    OURS,
                    'get_the_same',
                    'gray',
                    recording,
                )
