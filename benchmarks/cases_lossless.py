"""The cases of lossless videos, which the original cannot write."""

from __future__ import annotations

from collections.abc import Iterator

from model import OURS, Case, Limit, Metric, Recording, Sizes

KINDS = (('ffv1/mkv', 'ffv1', 'gray'), ('ffv1/mkv', 'ffv1', 'color'), ('h264-lossless/mp4', 'h264-lossless', 'gray'))


def lossless(sizes: Sizes) -> Iterator[Case]:
    """Return cases of writing, of reading in sequence and of reading at random.

    Videos are written to a disk, and to memory: there, syncing takes no time.
    """
    count, jumps = sizes.frames(100), sizes.frames(25)
    for fmt, codec, color in KINDS:
        about = {'fmt': fmt, 'count': count}
        recording = Recording(f'{fmt} {color}', 'record', about, color, OURS)
        yield Case(
            f'write {fmt} {color}',
            'write',
            (_fps(0.9), Metric('size', 'kB', 'size of a frame')),
            about,
            reference=None,
            frames=color,
            limit=Limit('bare encoder', 'fps', 'encode_video', {'codec': codec, 'count': count}),
        )
        yield Case(
            f'write {fmt} {color} to memory',
            'write_to_memory',
            (_fps(0.9),),
            about,
            reference=None,
            frames=color,
            limit=Limit('bare encoder', 'fps', 'encode_video', {'codec': codec, 'count': count}),
        )
        yield Case(
            f'read {fmt} {color}',
            'read',
            (_fps(0.85),),
            reference=None,
            frames=color,
            recording=recording,
            limit=Limit('bare decoder', 'fps', 'decode_video'),
        )
        yield Case(
            f'random read {fmt} {color}',
            'read_random',
            (Metric('ms', 'ms', of_limit=1 / 1.5),),
            {'count': jumps},
            reference=None,
            frames=color,
            recording=recording,
            limit=Limit('seek, decode a keyframe', 'ms', 'decode_one', {'count': jumps}),
        )


def _fps(of_limit: float) -> Metric:
    return Metric('fps', 'frames/s', more_is_better=True, of_limit=of_limit)
