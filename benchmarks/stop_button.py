"""A camera's thread, a sensor's thread and a stop button, many times: python benchmarks/stop_button.py.

Each round records at the rate asked for and is stopped, by ``close()`` in a third thread, at a random moment. It is
wrong if a frame or record is missing that was taken, if an image is another's, or if a thread does not end.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # for this imgstore and the package `tests`

import imgstore
from imgstore.errors import StoreClosedError
from tests.helpers.frames import index_in, numbered

SHAPE = (96, 128)
IMAGES = [numbered(index, SHAPE) for index in range(256)]
FORMATS = ('npy', 'png', 'mjpeg/avi', 'avc1/mp4', 'h264/mkv', 'bpk', 'tif', 'jpg')
LONGEST = 20  # seconds that a thread may take to end


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the rounds; 1 if one was wrong."""
    parser = argparse.ArgumentParser(description='Stop recordings from another thread.')
    parser.add_argument('--rounds', type=int, default=1000)
    parser.add_argument('--rate', type=float, default=500, help='frames a second (default: 500)')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    rng, wrong, frames = random.Random(options.seed), 0, 0
    start = time.perf_counter()
    for number, fmt in zip(range(options.rounds), itertools.cycle(FORMATS), strict=False):
        with tempfile.TemporaryDirectory(prefix='imgstore-stop-') as folder:
            faults, count = _round(Path(folder) / 's', fmt, options.rate, rng)
        wrong, frames = wrong + bool(faults), frames + count
        for fault in faults:
            print(f'round {number}, {fmt}: {fault}')
    seconds = time.perf_counter() - start
    print(f'{options.rounds} rounds at {options.rate:g} frames/s, {frames} frames, {seconds:.0f} s: {wrong} wrong')
    return int(wrong > 0)


def _round(path: Path, fmt: str, rate: float, rng: random.Random) -> tuple[list[str], int]:
    """Record once; return the faults and the number of frames."""
    store = imgstore.new_for_format(fmt, path, imgshape=SHAPE, chunksize=rng.choice((5, 50, 1000)))
    taken: list[int] = []
    records: list[int] = []
    threads = [
        _until_closed(lambda n: store.add_image(IMAGES[n % 256], n, n / rate), taken, 1 / rate),
        _until_closed(lambda n: store.add_extra_data(k=n), records, 1 / rate * rng.uniform(0.5, 3)),
    ]
    time.sleep(rng.uniform(0.02, 0.2))
    stop = threading.Thread(target=store.close, daemon=True)
    stop.start()
    for thread in (stop, *threads):
        thread.join(LONGEST)
        if thread.is_alive():
            return ['a thread does not end'], 0
    return _faults(path, taken, records)


def _until_closed(add: Callable[[int], Any], taken: list[int], pause: float) -> threading.Thread:
    def loop() -> None:
        for number in itertools.count():
            try:
                add(number)
            except StoreClosedError:
                return
            taken.append(number)
            time.sleep(pause)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    return thread


def _faults(path: Path, taken: list[int], records: list[int]) -> tuple[list[str], int]:
    with imgstore.new_for_filename(path) as reader:
        numbers = reader.get_frame_metadata()['frame_number']
        images = reader.get_images(frame_indices=range(len(numbers)))[0] if numbers else []
        extra = reader.get_extra_data()
    found = [] if extra is None else list(extra['k'])
    faults = [f'frames {taken[-3:]} were taken, {numbers[-3:]} are there'] if numbers[: len(taken)] != taken else []
    faults += [f'{len(found)} of {len(records)} records'] if found[: len(records)] != records else []
    faults += [f'frame {n} is another' for n, image in zip(numbers, images, strict=True) if index_in(image) != n % 256]
    faults += ['it is locked'] if (path / '.lock').exists() else []
    return faults, len(numbers)


if __name__ == '__main__':
    raise SystemExit(main())
