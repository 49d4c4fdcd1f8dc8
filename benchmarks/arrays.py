"""Tasks that read arrays: slices, batches and a dask array, and the same frames by `get_images`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import frames as scenes
from measuring import UnavailableError

import imgstore

SIZE = 32  # frames of an array
Metrics = dict[str, float]


def read_slices(path: str, frames: str, step: int) -> Metrics:
    """Frames a second of slices."""
    with imgstore.new_for_filename(path) as store:
        parts = _parts(len(store), step)
        return _timed(frames, parts, (store[part.start : part.stop : step] for part in parts))


def read_batches(path: str, frames: str, step: int) -> Metrics:
    """Frames a second of `batches`."""
    with imgstore.new_for_filename(path) as store:
        batches = (images for images, _, _ in store.batches(SIZE, step=step))
        return _timed(frames, _parts(len(store), step), batches)


def get_the_same(path: str, frames: str, step: int) -> Metrics:
    """Frames a second of these arrays by `get_images`."""
    with imgstore.new_for_filename(path) as store:
        parts = _parts(len(store), step)
        return _timed(frames, parts, (store.get_images(frame_indices=part)[0] for part in parts))


def read_dask(path: str, frames: str, step: int) -> Metrics:
    """Frames a second of a dask array in threads, of which the first rows are kept."""
    if not find_spec('dask'):
        raise UnavailableError('dask is not installed')
    with imgstore.new_for_filename(path) as store:
        array = store.to_dask()[::step]
        start = time.perf_counter()
        rows = array.map_blocks(lambda block: block[:, 0], drop_axis=1).compute()
        seconds = time.perf_counter() - start
        parts = _parts(len(store), step)
        _check(frames, parts, (array[part[-1] // step].compute() for part in parts))
    return {'fps': len(rows) / seconds}


def _parts(count: int, step: int) -> list[range]:
    indexes = range(0, count, step)
    return [indexes[begin : begin + SIZE] for begin in range(0, len(indexes), SIZE)]


def _timed(frames: str, parts: list[range], arrays: Iterable[Any]) -> Metrics:
    """Read all arrays, and compare the last image of each afterwards."""
    last, start = [], time.perf_counter()
    for array, part in zip(arrays, parts, strict=True):
        assert len(array) == len(part)
        last.append(array[-1].copy())
    seconds = time.perf_counter() - start
    _check(frames, parts, last)
    return {'fps': sum(map(len, parts)) / seconds}


def _check(frames: str, parts: list[range], last: Iterable[Any]) -> None:
    images = scenes.load(frames)
    for image, part in zip(last, parts, strict=True):
        assert scenes.which(images, image) == part[-1] % len(images), 'another frame was read'
