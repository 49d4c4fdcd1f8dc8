"""Tasks about recordings of growing length: making them, finding a frame and reading one anywhere."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import frames as scenes
import numpy as np
from measuring import warm_cache
from writing import FRAMES_PER_SECOND

import imgstore

Metrics = dict[str, float]

SHAPE = (32, 48)


def record_lengths(path: str, chunks: list[int], count: int) -> dict[str, Any]:
    """Make a recording of each of these numbers of chunks, in folders named by them.

    Chunks have an index each, and share one video of ``count`` frames. The shorter recordings are parts of the longest.
    """
    longest = Path(path, str(max(chunks)))
    _record_one_chunk(str(longest), count)
    with np.load(longest / '000000.npz', allow_pickle=True) as first:
        index = dict(first)
    for chunk in range(1, max(chunks)):
        numbers = np.arange(chunk * count, (chunk + 1) * count)
        index.update(frame_number=numbers, frame_time=numbers / FRAMES_PER_SECOND)
        np.savez(longest / f'{chunk:06d}.npz', **index)
        os.link(longest / '000000.avi', longest / f'{chunk:06d}.avi')
    for fewer in chunks:
        if fewer != max(chunks):
            _link_part(longest, Path(path, str(fewer)), fewer)
    return {}


def _record_one_chunk(path: str, count: int) -> None:
    rng = np.random.default_rng(scenes.SEED)
    image = rng.integers(0, 256, SHAPE, np.uint8)
    with imgstore.new_for_format('mjpeg/avi', path, imgshape=SHAPE, chunksize=count) as store:
        for number in range(count):
            store.add_image(image, number, number / FRAMES_PER_SECOND)


def _link_part(longest: Path, target: Path, chunks: int) -> None:
    target.mkdir()
    shutil.copy(longest / 'metadata.yaml', target)
    for chunk in range(chunks):
        for extension in ('npz', 'avi'):
            os.link(longest / f'{chunk:06d}.{extension}', target / f'{chunk:06d}.{extension}')


def save_index(path: str) -> dict[str, Any]:
    """Save the index cache of a recording."""
    with imgstore.new_for_filename(path) as store:
        store.save_index(sqlite=False)
    return {}


def find_and_read(path: str, total: int, count: int) -> Metrics:
    """Milliseconds to find a frame by its number, and to read one anywhere, in an open store."""
    warm_cache(path)
    chosen = np.random.default_rng(scenes.SEED).integers(0, total, 2 * count + 1).tolist()
    with imgstore.new_for_filename(path) as store:
        assert store.find(number=chosen[0]) == chosen[0]
        store.get_image(chosen[0])
        start = time.perf_counter()
        found = [store.find(number=number) for number in chosen[: count + 1]]
        finding = time.perf_counter() - start
        start = time.perf_counter()
        numbers = [store.get_image(number)[1][0] for number in chosen[count + 1 :]]
        reading = time.perf_counter() - start
    assert found + numbers == chosen
    return {'find': 1000 * finding / len(found), 'read': 1000 * reading / len(numbers)}
