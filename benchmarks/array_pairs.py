"""Compares slices and batches with `get_images`, in turn in one process: python benchmarks/array_pairs.py.

A few per cent are lost in the differences between processes, so that run.py cannot show them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median

import frames as scenes

import imgstore

FORMATS = {'npy': 160, 'avc1/mp4': 320, 'mjpeg/avi': 160}
HEIGHT, WIDTH, DISTINCT, BLOCK = 1024, 1280, 16, 32
STEPS = (1, 3)

Work = Callable[[imgstore.ImgStore, int], object]


def _blocks(store: imgstore.ImgStore, step: int) -> Iterator[range]:
    indexes = range(0, len(store), step)
    return (indexes[at : at + BLOCK] for at in range(0, len(indexes), BLOCK))


def _get_images(store: imgstore.ImgStore, step: int) -> None:
    for block in _blocks(store, step):
        store.get_images(frame_indices=block)


def _slices(store: imgstore.ImgStore, step: int) -> None:
    for block in _blocks(store, step):
        store[block.start : block.stop : step]


def _batches(store: imgstore.ImgStore, step: int) -> None:
    for _ in store.batches(BLOCK, step=step):
        pass


WORK: dict[str, Work] = {'get_images': _get_images, 'slices': _slices, 'batches': _batches}


def main() -> None:
    """Measure each format, and print the ratios of frames/s to those of get_images."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('--rounds', type=int, default=24, metavar='N', help='how often each is measured (default: 24)')
    options = parser.parse_args()
    sys.stdout.write('| format | every | get_images, frames/s | slices | batches |\n|---|---:|---:|---:|---:|\n')
    images = scenes.render(DISTINCT, HEIGHT, WIDTH, gray=True)
    for fmt, count in FORMATS.items():
        with tempfile.TemporaryDirectory(prefix='imgstore-pairs-') as folder:
            with imgstore.new_for_format(fmt, folder, imgshape=(HEIGHT, WIDTH), chunksize=count) as store:
                for index in range(count):
                    store.add_image(images[index % DISTINCT], index, index / 25)
            for step in STEPS:
                plain, *others = _measured(folder, step, options.rounds)
                cells = [f'{len(range(0, count, step)) / plain:.0f}', *(f'{plain / other:.3f}' for other in others)]
                sys.stdout.write(f'| {fmt} | {step} | {" | ".join(cells)} |\n')
                sys.stdout.flush()


def _measured(folder: str, step: int, rounds: int) -> list[float]:
    """Return the median seconds of each kind of work, in turn; each begins another round."""
    seconds: dict[str, list[float]] = {name: [] for name in WORK}
    for number in range(rounds):
        for name in islice([*WORK, *WORK], number % len(WORK), number % len(WORK) + len(WORK)):
            with imgstore.new_for_filename(folder) as store:
                store.get_image(frame_index=0)
                start = time.perf_counter()
                WORK[name](store, step)
                seconds[name].append(time.perf_counter() - start)
    return [median(found) for found in seconds.values()]


if __name__ == '__main__':
    main()
