"""Tasks about which frames there are: opening a store, looking frames up, asking for all numbers and times."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import cv2
import frames as scenes
import numpy as np
from measuring import peak_memory, warm_cache

import imgstore

Metrics = dict[str, float]

LONGEST = 1.0  # seconds that one kind of look-up is repeated for, at most
MOST = 2000  # times


def nothing() -> Metrics:
    """No work: for who wants to know what the import takes."""
    return {}


def versions() -> dict[str, dict[str, str]]:
    """Return the versions installed here."""
    return {'versions': {'Python': platform.python_version(), 'numpy': np.__version__, 'OpenCV': cv2.__version__}}


def open_store(path: str, total: int) -> Metrics:
    """Milliseconds until an open store tells how many frames it has, and the MB that takes above the import."""
    warm_cache(path)
    before, start = peak_memory(), time.perf_counter()
    store = imgstore.new_for_filename(path)
    count = store.frame_count
    metrics = {'ms': 1000 * (time.perf_counter() - start), 'memory': peak_memory() - before}
    assert count == total
    return metrics


def find(path: str) -> Metrics:
    """Milliseconds to look up a frame in the index of an open store; 'first' is to open it and look up one."""
    warm_cache(path)
    start = time.perf_counter()
    index = imgstore.new_for_filename(path)._index
    index.find_chunk('frame_number', 1)
    first = 1000 * (time.perf_counter() - start)
    metadata = index.get_all_metadata()
    numbers, times = np.array(metadata['frame_number']), np.array(metadata['frame_time'])
    chosen = np.random.default_rng(scenes.SEED).integers(0, len(numbers), MOST)
    return {
        'first': first,
        'number': _per_call(lambda value: index.find_chunk('frame_number', value), numbers[chosen].tolist()),
        'index': _per_call(lambda value: index.find_chunk('index', value), chosen.tolist()),
        'time': _per_call(lambda value: index.find_chunk_nearest('frame_time', value), (times[chosen] + 0.01).tolist()),
    }


def _per_call(look_up: Callable[[Any], tuple[int, int]], values: list[Any]) -> float:
    """Milliseconds a call, after one that nobody counts."""
    assert look_up(values[0]) != (-1, -1)
    start, calls = time.perf_counter(), 0
    for value in values:
        look_up(value)
        calls += 1
        if time.perf_counter() - start > LONGEST:
            break
    return 1000 * (time.perf_counter() - start) / calls


def refresh(path: str, count: int) -> Metrics:
    """Milliseconds of `refresh` after each new frame of a growing chunk: the median, and the 99th percentile."""
    from imgstore.chunks import ChunkIO
    from imgstore.formats import resolve_format
    from imgstore.ondisk.layout import Layout
    from imgstore.writing.rolling_writer import RollingChunkWriter

    layout, image = Layout(path, '.npy', True), np.zeros((32, 48), np.uint8)
    chunks = ChunkIO(layout, resolve_format('npy'), image.shape, 'write')
    recorder: Any = RollingChunkWriter(layout, chunks, count, 'frame')
    store: Any = imgstore.new_for_filename(path)
    recorder._next_chunk, first, times = len(store.chunks), store.frame_count, []
    for index in range(count):
        recorder.add(chunks.encode(image), index, index / 20)
        time.sleep(0.001)
        start = time.perf_counter()
        found = store.refresh()
        times.append(1000 * (time.perf_counter() - start))
        assert (found, store.frame_count) == (1, first + index + 1)
    recorder._open.writer.discard()
    recorder._journal.remove()
    return {'ms': median(times), 'slowest': float(np.percentile(times, 99))}


def get_frame_metadata(path: str, total: int) -> Metrics:
    """Milliseconds for the numbers and times of all frames, from a store that was just opened."""
    warm_cache(path)
    store = imgstore.new_for_filename(path)
    start = time.perf_counter()
    metadata = store.get_frame_metadata()
    metrics = {'ms': 1000 * (time.perf_counter() - start)}
    assert len(metadata['frame_number']) == len(metadata['frame_time']) == total
    return metrics


def align_two(path: str, total: int) -> Metrics:
    """Milliseconds of CPU until two open recordings are aligned, before an image is read."""
    stores = [imgstore.new_for_filename(f'{path}/{name}') for name in ('left', 'right')]
    for store in stores:
        assert len(store.frame_numbers) == len(store.frame_times) == total
    ways: dict[str, dict[str, Any]] = {'number': {}, 'time': {'by': 'time'}}
    ways |= {f'{name}_clocks': {**way, 'fit_clocks': True} for name, way in ways.items()}
    return {name: _cpu_milliseconds(stores, way) for name, way in ways.items()}


def _cpu_milliseconds(stores: list[Any], way: dict[str, Any]) -> float:
    from imgstore.align import align

    start = time.process_time()
    found = align(stores, **way)
    metrics = 1000 * (time.process_time() - start)
    assert len(found) > 0.9 * len(stores[0]) - 10
    return metrics
