"""Measures how much faster two workers of dask convert than one: python benchmarks/convert_workers.py.

Each worker runs on a core of its own, so it decodes and encodes with one thread. Each frame is compared.
"""

from __future__ import annotations

import argparse
import shutil
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

from imgstore.convert import convert

CASES = {'avc1/mp4': 'png', 'png': 'avc1/mp4', 'npy': 'jpg', 'mjpeg/avi': 'bpk'}
HEIGHT, WIDTH, DISTINCT, PART = 480, 640, 16, 100


def main() -> int:
    """Measure each conversion, and tell."""
    options = _parse()
    if CORES < 2:
        sys.exit('needs two cores')
    sys.stdout.write('| from | to | 1 worker, frames/s | 2 workers, frames/s | times |\n|---|---|---:|---:|---:|\n')
    with tempfile.TemporaryDirectory(prefix='imgstore-convert-', dir=options.folder) as folder:
        images = f'{folder}/frames.npy'
        scenes.make(Path(images), DISTINCT, HEIGHT, WIDTH, gray=True)
        for source in options.formats:
            path = f'{folder}/{source.replace("/", "-")}'
            record(path, images, source, options.parts * PART)
            one, two = (median(measure(path, CASES[source], workers, options)) for workers in (1, 2))
            sys.stdout.write(f'| {source} | {CASES[source]} | {one:.0f} | {two:.0f} | {two / one:.2f} |\n')
            sys.stdout.flush()
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert with one and two workers of dask, on an idle machine.')
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='how often each is measured (default: 5)')
    parser.add_argument('--parts', type=int, default=8, metavar='N', help=f'parts of {PART} frames (default: 8)')
    parser.add_argument('--formats', nargs='+', default=list(CASES), choices=list(CASES), metavar='FORMAT')
    parser.add_argument('--folder', type=Path, help='on the disk to be measured (default: for temporary files)')
    return parser.parse_args()


def measure(path: str, fmt: str, workers: int, options: Any) -> list[float]:
    """Frames a second of each round, after one that warms up."""
    for folder in {Path(path), *(each for each in Path(path).iterdir() if each.is_dir())}:
        if all(each.is_file() for each in folder.iterdir()):
            warm_cache(str(folder))
    with pinned_workers(workers) as client:
        return [_one_round(path, fmt, client.scheduler.address) for _ in range(options.rounds + 1)][1:]


def _one_round(path: str, fmt: str, scheduler: str) -> float:
    target = f'{path}-converted'
    start = time.perf_counter()
    done = convert(path, target, fmt, chunksize=PART, scheduler=scheduler)
    seconds = time.perf_counter() - start
    assert done.verified
    shutil.rmtree(target)
    return done.frames / seconds


if __name__ == '__main__':
    sys.exit(main())
