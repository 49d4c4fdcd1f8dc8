"""Tasks that read: forwards, anywhere, backwards, many at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from typing import Any
from unittest import mock

import frames as scenes
import numpy as np
from measuring import memory, peak_memory

import imgstore

Metrics = dict[str, float]


def read(path: str, frames: str) -> Metrics:
    """Frames a second, from opening the store, with which the original opens its first video, to its end; memory."""
    images = scenes.load(frames)
    _warm_up(path)
    before, start, count = memory(), time.perf_counter(), 0
    store = imgstore.new_for_filename(path)
    while True:
        try:
            image, (number, _) = store.get_next_image()
        except EOFError:
            break
        count += 1
    metrics = {'fps': count / (time.perf_counter() - start), 'memory': peak_memory() - before}
    assert count == store.frame_count
    _check(images, image, number)
    return metrics


def read_random(path: str, frames: str, count: int) -> Metrics:
    """Milliseconds a frame, each somewhere in an open store."""
    return _one_by_one(path, frames, lambda store: _random_indices(store, count))


def read_backwards(path: str, frames: str, count: int) -> Metrics:
    """Milliseconds a frame, from the last one back."""
    return _one_by_one(path, frames, lambda store: range(store.frame_count - 1, store.frame_count - 1 - count, -1))


def _one_by_one(path: str, frames: str, choose: Any) -> Metrics:
    images = scenes.load(frames)
    store = _open(path)
    chosen = choose(store)
    start = time.perf_counter()
    for index in chosen:
        image, (number, _) = store.get_image(None, frame_index=index)
    metrics = {'ms': 1000 * (time.perf_counter() - start) / len(chosen)}
    assert number == chosen[-1]
    _check(images, image, number)
    return metrics


def read_batch(path: str, frames: str, count: int) -> Metrics:
    """Milliseconds a frame of `read_random`'s frames, asked for in one call."""
    images = scenes.load(frames)
    store = _open(path)
    chosen = _random_indices(store, count)
    start = time.perf_counter()
    read, numbers, _ = store.get_images(frame_indices=chosen)
    metrics = {'ms': 1000 * (time.perf_counter() - start) / len(chosen)}
    assert list(numbers) == chosen
    _check(images, read[-1], numbers[-1])
    return metrics


BORDER = 3  # frames at the beginning of a chunk


def read_borders(path: str, frames: str, chunksize: int) -> Metrics:
    """Milliseconds of the slowest read at the beginning of a chunk but the first, and elsewhere; median and mean."""
    images = scenes.load(frames)
    store, times = _open(path), []
    for _ in range(store.frame_count):
        start = time.perf_counter()
        image, (number, _) = store.get_next_image()
        times.append(1000 * (time.perf_counter() - start))
    _check(images, image, number)
    places = list(enumerate(times))
    border = max(taken for place, taken in places if place >= chunksize and place % chunksize < BORDER)
    inside = max(taken for place, taken in places if place % chunksize >= BORDER)
    usual, mean = median(times), sum(times) / len(times)
    return {'times': border / usual, 'border': border, 'inside': inside, 'median': usual, 'mean': mean}


def read_next(path: str, frames: str, count: int) -> Metrics:
    """Microseconds of `get_next_image` for a frame of npy: all of them, and those without reading the image."""
    images = scenes.load(frames)
    store = _open(path)
    store.get_next_image()
    whole, image, number = _time_next(store, count)
    _check(images, image, number)
    with _image_at_hand(image):
        own, _, last = _time_next(store, count)
    assert last == number + count
    return {'whole': whole, 'own': own}


def _time_next(store: Any, count: int) -> tuple[float, Any, int]:
    """Median microseconds of a call; image and number of the last one."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        image, (number, _) = store.get_next_image()
        times.append(time.perf_counter() - start)
    return 1e6 * median(times), image, number


@contextmanager
def _image_at_hand(image: Any) -> Iterator[None]:
    """Give that image without reading a file: ours reads in a class of its own, the original by `numpy.load`."""

    def read(*_: Any, **__: Any) -> Any:
        return image

    is_ours = find_spec('imgstore.chunks') is not None
    owner = import_module('imgstore.chunks.images.image_folder').ImageChunkReader if is_ours else np
    with mock.patch.object(owner, 'read' if is_ours else 'load', read):
        yield


def _open(path: str) -> Any:
    """Open an unread store, in a process that has read another one."""
    _warm_up(path)
    return imgstore.new_for_filename(path)


def _warm_up(path: str) -> None:
    store = imgstore.new_for_filename(path)
    store.get_next_image()
    store.close()


def _random_indices(store: Any, count: int) -> list[int]:
    rng = np.random.default_rng(scenes.SEED)
    return [int(index) for index in rng.integers(0, store.frame_count, count)]


def _check(images: scenes.Frames, image: Any, number: int) -> None:
    assert image.shape == images.shape[1:]
    assert scenes.which(images, image) == number % len(images), 'another frame was read'
