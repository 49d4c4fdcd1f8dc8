"""Tasks that write: how fast, how good, how large, and how long a camera has to wait."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frames as scenes
import numpy as np
from cases import LOSSLESS
from measuring import UnavailableError, memory, peak_memory, warm_memory

import imgstore

Metrics = dict[str, float]

FRAMES_PER_SECOND = 20

_IN_MEMORY = '/dev/shm'


def new_store(fmt: str, path: str, images: scenes.Frames, **options: Any) -> Any:
    """Create a store for such images."""
    if fmt not in imgstore.get_supported_formats():
        raise UnavailableError(f'this environment has no {fmt}')
    return imgstore.new_for_format(fmt, path, imgshape=images.shape[1:], imgdtype=images.dtype, **options)


def write_frames(fmt: str, path: str, images: scenes.Frames, count: int, **options: Any) -> None:
    """Write a complete store: frames 0 to count - 1, at 20 per second."""
    store = new_store(fmt, path, images, **options)
    for index in range(count):
        store.add_image(images[index % len(images)], index, index / FRAMES_PER_SECOND)
    store.close()


def write(folder: str, frames: str, fmt: str, count: int, check: bool) -> Metrics:
    """Frames a second until the store is closed and complete; memory, size and quality."""
    images = scenes.load(frames)
    before = memory()
    warm_memory(folder, count * images[0].nbytes)
    with _removed(f'{folder}/first') as path:
        write_frames(fmt, path, images, 2)
    with _removed(f'{folder}/written') as path:
        start = time.perf_counter()
        write_frames(fmt, path, images, count)
        metrics = {
            'fps': count / (time.perf_counter() - start),
            'memory': peak_memory() - before,
            'size': _bytes_in(path) / count / 1000,
        }
        return {**metrics, **(_quality(path, images, fmt, count) if check else {})}


def write_to_memory(frames: str, fmt: str, count: int, check: bool) -> Metrics:
    """Write as `write` does, to files in memory."""
    if not os.path.isdir(_IN_MEMORY):
        raise UnavailableError(f'needs the folder {_IN_MEMORY}')
    with tempfile.TemporaryDirectory(prefix='imgstore-benchmark-', dir=_IN_MEMORY) as folder:
        return write(folder, frames, fmt, count, check)


def _bytes_in(path: str) -> int:
    return sum(file.stat().st_size for file in Path(path).rglob('*') if file.is_file())


def _quality(path: str, images: scenes.Frames, fmt: str, count: int) -> Metrics:
    """PSNR of a lossy format over every eighth frame; of a lossless one these frames must be the same."""
    store = imgstore.new_for_filename(path)
    assert store.frame_count == count
    errors = []
    for index in range(0, count, 8):
        image, (number, _) = store.get_image(None, frame_index=index)
        assert number == index
        errors.append(np.mean((images[index % len(images)].astype(np.float32) - image) ** 2))
    store.close()
    if fmt in LOSSLESS:
        assert not any(errors), f'{fmt} changed the pixels'
        return {}
    return {'psnr': scenes.psnr(float(np.mean(errors)))}


def write_at_pace(folder: str, frames: str, fmt: str, count: int, chunksize: int) -> Metrics:
    """Measure the 99th percentile of add_image in ms, at 20 frames per second.

    A camera waits for nobody: a frame that came during a slow call is added right after it.
    """
    images = scenes.load(frames)
    with _removed(f'{folder}/paced') as path:
        store = new_store(fmt, path, images, chunksize=chunksize)
        calls = add_at_pace(store, images, count, FRAMES_PER_SECOND)
        store.close()
        assert imgstore.new_for_filename(path).frame_count == count
        return {'slowest': float(np.percentile(calls, 99))}


def add_at_pace(store: Any, images: scenes.Frames, count: int, rate: float) -> list[float]:
    """Add frames at a camera's pace; milliseconds of each call."""
    calls, start = [], time.perf_counter()
    for index in range(count):
        time.sleep(max(0, start + index / rate - time.perf_counter()))
        begin = time.perf_counter()
        store.add_image(images[index % len(images)], index, index / rate)
        calls.append(1000 * (time.perf_counter() - begin))
    return calls


def write_and_read_long(folder: str, frames: str, fmt: str, count: int) -> Metrics:
    """MB by which memory grows while a long recording is written, and while it is read."""
    images = scenes.load(frames)
    with _removed(f'{folder}/long') as path:
        store = new_store(fmt, path, images, chunksize=count // 10)
        writing = _growth(count, lambda index: store.add_image(images[index % len(images)], index, index))
        store.close()
        store = imgstore.new_for_filename(path)
        reading = _growth(count, lambda index: store.get_next_image())
        store.close()
        return {'writing': writing, 'reading': reading}


def _growth(count: int, work: Callable[[int], object]) -> float:
    """MB that are resident in the last four fifths more than in the first, looked at in the middle of every tenth."""
    resident = []
    for index in range(count):
        work(index)
        if index % (count // 10) == count // 20:
            resident.append(memory())
    return max(resident[2:]) - max(resident[:2])


@contextmanager
def _removed(path: str) -> Iterator[str]:
    """Remove what the body writes there, before the next process has to wait for the disk."""
    try:
        yield path
    finally:
        if os.path.exists(path):
            shutil.rmtree(path)
