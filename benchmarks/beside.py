"""The task that reads a video by ours or another reader, in all ways, and checks every frame after the clock."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

import frames as scenes
import numpy as np
from model import OURS
from numbered import WrongFrameError, check, cut
from readers import CLASSES, Reader
from videos import Video, from_arguments

STRIDE, BATCH = 19, 32
SLICE = 16
JUMPS_A_SLICE, JUMPS_A_WALK = 7, 10
"""How much is read of a video goes by its number of jumps: fewer where decoding is slow."""
WALK = (1, -1, -1, 1, 1, -1, -1, 1, 1, -1)
"""Steps after a jump."""
OPENINGS = 5

Open = Callable[[str], Reader]
"""For that kind of work."""


def read_beside(path: str, reader: str, video: dict[str, Any]) -> dict[str, Any]:
    """Frames a second of all kinds of work, and milliseconds to the first frame.

    Where a reader gives a wrong frame or fails, a remark says so, and the number is left out; if it is ours, it fails.
    """
    about = from_arguments(video)
    found: dict[str, Any] = {'remarks': {}}

    def open_it(work: str) -> Reader:
        return CLASSES[reader](path, about, work)

    _read_first(open_it)
    for key, work in WORKS.items():
        try:
            found[key] = work(open_it, about)
        except Exception as error:
            if reader == OURS:
                raise
            found['remarks'][key] = str(error) if isinstance(error, WrongFrameError) else f'stopped: {error!r}'
    return found


def _read_first(open_it: Open) -> None:
    """Read a frame in this process, so that all libraries are loaded."""
    with closing(open_it('first')) as video:
        video.one(0)


def in_sequence(open_it: Open, about: Video) -> float:
    """Frames a second from opening the video to its end."""
    start = time.perf_counter()
    with closing(open_it('sequence')) as video:
        cuts = [cut(image) for image in video]
        seconds = time.perf_counter() - start
    check(cuts, range(about.count), about.size)
    return about.count / seconds


def at_random(open_it: Open, about: Video) -> float:
    """Frames a second, each somewhere."""
    return _one_by_one(lambda: _opened(open_it, 'random'), about, random_indices(about))


def backwards(open_it: Open, about: Video) -> float:
    """Frames a second, from the last one back."""
    return _one_by_one(lambda: _opened(open_it, 'backwards'), about, backward_indices(about))


def _one_by_one(open_it: Callable[[], Reader], about: Video, chosen: Sequence[int]) -> float:
    with closing(open_it()) as video:
        start = time.perf_counter()
        cuts = [cut(video.one(index)) for index in chosen]
        seconds = time.perf_counter() - start
    check(cuts, chosen, about.size)
    return len(chosen) / seconds


def in_one_call(open_it: Open, about: Video) -> float:
    """Frames a second, every 19th of the video, in one call where the reader has one."""
    chosen = batch_indices(about)
    with closing(_opened(open_it, 'batch')) as video:
        start = time.perf_counter()
        images = video.many(chosen)
        seconds = time.perf_counter() - start
        cuts = [cut(image) for image in images]
    check(cuts, chosen, about.size)
    return len(chosen) / seconds


def in_slices(open_it: Open, about: Video) -> float:
    """Frames a second of slices of consecutive frames, each somewhere."""
    size = min(SLICE, about.count)
    starts = np.random.default_rng(scenes.SEED + 2).integers(0, about.count - size + 1, _slices(about)).tolist()
    return _by_slices(open_it, about, [range(start, start + size) for start in starts])


def in_batches(open_it: Open, about: Video) -> float:
    """Frames a second of batches of every other frame, one after the other."""
    indexes = range(0, about.count, 2)[: SLICE * _slices(about)]
    return _by_slices(open_it, about, [indexes[at : at + SLICE] for at in range(0, len(indexes), SLICE)])


def _slices(about: Video) -> int:
    return max(2, about.jumps // JUMPS_A_SLICE)


def _by_slices(open_it: Open, about: Video, slices: Sequence[range]) -> float:
    cuts = []
    with closing(_opened(open_it, 'batch')) as video:
        start = time.perf_counter()
        for indexes in slices:
            cuts += [cut(image) for image in video.slice(indexes)]
        seconds = time.perf_counter() - start
    check(cuts, [index for indexes in slices for index in indexes], about.size)
    return len(cuts) / seconds


def in_steps(open_it: Open, about: Video) -> float:
    """Frames a second of steps to the next frame or the previous one; the jumps before them are not timed."""
    cuts, asked, seconds = [], [], 0.0
    with closing(_opened(open_it, 'steps')) as video:
        for walk in walks(about):
            cuts.append(cut(video.one(walk[0])))
            start = time.perf_counter()
            cuts += [cut(video.one(index)) for index in walk[1:]]
            seconds += time.perf_counter() - start
            asked += walk
    check(cuts, asked, about.size)
    return _walks(about) * len(WALK) / seconds


def to_first_frame(open_it: Open, about: Video) -> float:
    """Milliseconds to open a video and read its first frame."""
    return median(_open_and_read(open_it, about) for _ in range(OPENINGS))


def _open_and_read(open_it: Open, about: Video) -> float:
    start = time.perf_counter()
    with closing(open_it('first')) as video:
        if video.opens_late:  # a store is open long before its chunk is
            start = time.perf_counter()
        first = cut(video.one(0))
        seconds = time.perf_counter() - start
    check([first], [0], about.size)
    return 1000 * seconds


def _opened(open_it: Open, work: str) -> Reader:
    """Open a video of which only the first frame was read: no cache has more."""
    video = open_it(work)
    video.one(0)
    return video


WORKS: dict[str, Callable[[Open, Video], float]] = {
    'sequence': in_sequence,
    'random': at_random,
    'batch': in_one_call,
    'slice': in_slices,
    'batches': in_batches,
    'backwards': backwards,
    'steps': in_steps,
    'first': to_first_frame,
}


# --- which frames


def random_indices(about: Video) -> list[int]:
    """Return the frames read at random, the same for all readers."""
    return [int(index) for index in np.random.default_rng(scenes.SEED).integers(0, about.count, about.jumps)]


def backward_indices(about: Video) -> list[int]:
    """Return the last frames, from the last one back."""
    return list(range(about.count - 1, max(-1, about.count - 1 - about.jumps), -1))


def batch_indices(about: Video) -> list[int]:
    """Every 19th frame, 32 of them or as many as there are."""
    return list(range(0, about.count, STRIDE))[:BATCH]


def _walks(about: Video) -> int:
    return max(2, about.jumps // JUMPS_A_WALK)


def walks(about: Video) -> Iterator[list[int]]:
    """Return the frames of each walk, its first one the target of the jump."""
    targets = np.random.default_rng(scenes.SEED + 1).integers(1, about.count - 1, _walks(about))
    for target in targets.tolist():
        yield [int(target), *(int(target + shift) for shift in np.cumsum(WALK))]


# --- who reads

_PACKAGES = ('decord2', 'PIMS', 'av', 'opencv-python-headless', 'torchcodec', 'torch', 'numpy')


def reader_versions() -> dict[str, dict[str, str]]:
    """Return the versions installed here."""
    return {'versions': {'Python': platform.python_version(), **dict(_installed())}}


def _installed() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
