"""Measures how much faster two workers of dask read than one: python benchmarks/dask_workers.py.

Each worker is a process with one thread of tasks, and runs on a core of its own: so it decodes with one thread. The
frames of a store are read through `to_dask`, and the mean of each is computed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import frames as scenes
from measuring import CORES, warm_cache
from pinned_workers import pinned_workers
from recordings import record

import imgstore

GOALS = {'png': 1.7, 'jpg': 1.7, 'mjpeg/avi': 1.6, 'avc1/mp4': 1.6}
COUNTS = {'png': 200, 'jpg': 400, 'mjpeg/avi': 600, 'avc1/mp4': 600}
HEIGHT, WIDTH, DISTINCT, BLOCK = 1024, 1280, 16, 16


def main() -> int:
    """Measure each format, and tell; 1 if a goal is missed."""
    options = _parse()
    if CORES < 2:
        sys.exit('needs two cores')
    sys.stdout.write('| format | 1 worker, frames/s | 2 workers, frames/s | times | goal |\n|---|---:|---:|---:|---|\n')
    missed = 0
    with tempfile.TemporaryDirectory(prefix='imgstore-dask-', dir=options.folder) as folder:
        images = f'{folder}/frames.npy'
        scenes.make(Path(images), DISTINCT, HEIGHT, WIDTH, gray=True)
        for fmt in options.formats:
            path = f'{folder}/{fmt.replace("/", "-")}'
            record(path, images, fmt, _even_blocks(COUNTS[fmt] * options.share))
            one, two = (median(measure(path, workers, options.rounds)) for workers in (1, 2))
            missed += two / one < GOALS[fmt]
            mark = '✓' if two / one >= GOALS[fmt] else '✗'
            sys.stdout.write(f'| {fmt} | {one:.0f} | {two:.0f} | {two / one:.2f} | ≥ {GOALS[fmt]} {mark} |\n')
            sys.stdout.flush()
    return int(missed > 0)


def _even_blocks(count: float) -> int:
    """Return a number of frames whose blocks two workers can share evenly."""
    return 2 * BLOCK * max(2, round(count / (2 * BLOCK)))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure one and two workers of dask, on an idle machine.')
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='how often each is measured (default: 5)')
    parser.add_argument('--share', type=float, default=1.0, metavar='X', help='share of the frames (default: 1)')
    parser.add_argument('--formats', nargs='+', default=list(GOALS), choices=list(GOALS), metavar='FORMAT')
    parser.add_argument('--folder', type=Path, help='on the disk to be measured (default: for temporary files)')
    return parser.parse_args()


def measure(path: str, workers: int, rounds: int) -> list[float]:
    """Frames a second of each round, after one that warms up."""
    for folder in {Path(path), *(each for each in Path(path).iterdir() if each.is_dir())}:
        if all(each.is_file() for each in folder.iterdir()):
            warm_cache(str(folder))
    with pinned_workers(workers), imgstore.new_for_filename(path, cache_bytes=2**24) as store:
        return [_one_round(store) for _ in range(rounds + 1)][1:]


def _one_round(store: Any) -> float:
    frames = store.to_dask(BLOCK)
    start = time.perf_counter()
    means = frames.mean(axis=(1, 2)).compute()
    seconds = time.perf_counter() - start
    assert len(means) == len(store)
    assert means[-1] == store[-1].mean()
    return len(means) / seconds


if __name__ == '__main__':
    sys.exit(main())
