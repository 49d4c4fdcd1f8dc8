"""The cases of several cameras at once, each with a store and a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator

from model import Case, Limit, Metric, Sizes

CAMERAS = 4
RATE = 15
FRAMES = {'avc1/mp4': 80, 'npy': 100}
LIMITS = {'avc1/mp4': ('bare encoders', 'encode_at_once'), 'npy': ('raw file writes', 'write_files_at_once')}


def cameras(sizes: Sizes) -> Iterator[Case]:
    """Return how fast they are together, and how long each waits at its own pace."""
    for fmt, (text, task) in LIMITS.items():
        arguments = {'fmt': fmt, 'count': sizes.frames(FRAMES[fmt]), 'cameras': CAMERAS}
        yield Case(
            f'write {fmt} gray, {CAMERAS} cameras at once',
            'write_at_once',
            (Metric('fps', 'frames/s', more_is_better=True, of_limit=0.92),),
            arguments,
            reference=None,
            frames='gray',
            limit=Limit(f'{CAMERAS} {text}', 'fps', task, arguments),
        )
    for fmt in LIMITS:
        count = sizes.frames(90)
        yield Case(
            f'slowest 1 % of add_image, {fmt} gray, {CAMERAS} cameras at {RATE} frames/s',
            'write_at_once_at_pace',
            (Metric('slowest', 'ms', at_most=2),),
            {'fmt': fmt, 'count': count, 'cameras': CAMERAS, 'chunksize': count // 5, 'rate': RATE},
            reference=None,
            frames='gray',
        )
