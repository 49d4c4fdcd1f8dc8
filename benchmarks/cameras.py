"""Tasks of several cameras at once: each has a store, or what limits it, and a thread of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frames as scenes
import numpy as np
from limits import encode
from measuring import warm_memory
from writing import add_at_pace, new_store, write_frames

import imgstore

Metrics = dict[str, float]


def write_at_once(folder: str, frames: str, fmt: str, count: int, cameras: int) -> Metrics:
    """Frames a second of all cameras together, until the last store is closed and complete."""
    images = scenes.load(frames)
    with _folders(folder, 'first', cameras) as paths:
        _at_once(cameras, lambda camera: write_frames(fmt, f'{paths[camera]}/store', images, 2))
    warm_memory(folder, cameras * count * images[0].nbytes)
    with _folders(folder, 'camera', cameras) as paths:
        seconds = _at_once(cameras, lambda camera: write_frames(fmt, f'{paths[camera]}/store', images, count))
        _check([f'{path}/store' for path in paths], images, count)
    return {'fps': cameras * count / seconds}


def write_files_at_once(folder: str, frames: str, count: int, cameras: int) -> Metrics:
    """Raw pixels into a file each."""
    images = scenes.load(frames)
    warm_memory(folder, cameras * count * images[0].nbytes)

    def write(path: str) -> None:
        for index in range(count):
            Path(path, f'{index:06d}').write_bytes(images[index % len(images)].data)

    with _folders(folder, 'raw', cameras) as paths:
        return {'fps': cameras * count / _at_once(cameras, lambda camera: write(paths[camera]))}


def encode_at_once(frames: str, count: int, cameras: int) -> Metrics:
    """Encode prepared planes as our writers do, each with its own threads."""
    from imgstore.chunks.video.encoders import ENCODERS

    images = scenes.load(frames)
    encoder: Any = ENCODERS['h264'](images.shape[1:])
    planes = [[encoder.frame(image) for image in images] for _ in range(cameras)]
    return {'fps': cameras * count / _at_once(cameras, lambda camera: encode(encoder, planes[camera], range(count)))}


def write_at_once_at_pace(
    folder: str, frames: str, fmt: str, count: int, cameras: int, chunksize: int, rate: float
) -> Metrics:
    """Measure add_image in ms over all cameras, triggered together: the 99th percentile and the median."""
    images = scenes.load(frames)
    calls: list[float] = []

    def record(path: str) -> None:
        with new_store(fmt, path, images, chunksize=chunksize) as store:
            calls.extend(add_at_pace(store, images, count, rate))

    with _folders(folder, 'paced', cameras) as paths:
        _at_once(cameras, lambda camera: record(f'{paths[camera]}/store'))
        _check([f'{path}/store' for path in paths], images, count)
    return {'slowest': float(np.percentile(calls, 99)), 'median': float(np.median(calls))}


def _at_once(cameras: int, work: Callable[[int], object]) -> float:
    """Seconds until all cameras have done their work."""
    start = time.perf_counter()
    with ThreadPoolExecutor(cameras) as pool:
        list(pool.map(work, range(cameras)))
    return time.perf_counter() - start


def _check(paths: list[str], images: scenes.Frames, count: int) -> None:
    for path in paths:
        with imgstore.new_for_filename(path) as store:
            assert store.frame_count == count
            image, (number, _) = store.get_image(None, frame_index=count - 1)
        assert number == count - 1
        assert scenes.which(images, image) == number % len(images)


@contextmanager
def _folders(folder: str, name: str, count: int) -> Iterator[list[str]]:
    """Make a folder for each camera, removed in the end."""
    paths = [f'{folder}/{name}-{number}' for number in range(count)]
    for path in paths:
        Path(path).mkdir()
    try:
        yield paths
    finally:
        for path in paths:
            shutil.rmtree(path)
