"""Bytes and milliseconds of a frame at a URL, cold and warm.

Usage: python benchmarks/remote.py [--megabytes N] [--delay MS]

Each store has one chunk of that size. A web server on this machine counts what it sends, and waits before each answer
as a network would. Cold: the store is opened, and a frame far inside its chunk is read. Another frame: one elsewhere in
the chunk. Warm: the same frame again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import imgstore
from tests.helpers.web_files import WebFiles, served

SHAPE = (480, 640)
FORMATS = ('avc1/mp4', 'h264/mkv', 'mjpeg/avi', 'png')
PLACES = (0.5, 0.31, 0.77, 0.9, 0.12)


def write_store(folder: Path, fmt: str, size: int) -> None:
    """Record frames of a camera at rest, with its noise, into one chunk, until it has some bytes."""
    random, written, count = np.random.default_rng(0), 0, 0
    scene = random.integers(0, 200, SHAPE)
    images = [(scene + random.integers(0, 16, SHAPE)).astype(np.uint8) for _ in range(16)]
    with imgstore.new_for_format(fmt, folder, imgshape=SHAPE, chunksize=10**6) as store:
        while written < size:
            store.add_image(images[count % len(images)], count, count / 25)
            count += 1
            if count % 100 == 0:
                written = sum(file.stat().st_size for file in folder.rglob('*') if file.is_file())
    with imgstore.new_for_filename(folder) as store:
        store.save_index(sqlite=False)


def measured(web: WebFiles, fmt: str) -> list[str]:
    """Return the cells of a row."""
    cold, following, warm = [], [], []
    for rank, place in enumerate(PLACES):
        url = f'{web.url}/store?{rank}'  # another place for the block cache
        web.clear()
        began = time.perf_counter()
        with imgstore.new_for_filename(url, cache_bytes=0) as store:
            index = int(len(store) * place)
            store.get_image(frame_index=index)
            cold.append((web.sent, len(web.requests), time.perf_counter() - began))
            web.clear()
            began = time.perf_counter()
            store.get_image(frame_index=int(len(store) * 0.4))
            following.append((web.sent, len(web.requests), time.perf_counter() - began))
            store.get_image(frame_index=index)
            web.clear()
            began = time.perf_counter()
            store.get_image(frame_index=index)
            warm.append((web.sent, len(web.requests), time.perf_counter() - began))
    return [fmt, *(_cell(rows) for rows in (cold, following, warm))]


def _cell(rows: list[tuple[int, int, float]]) -> str:
    sent, requests, seconds = (statistics.median(column) for column in zip(*rows, strict=True))
    return f'{sent / 1000:.0f} kB, {requests:.0f} requests, {seconds * 1000:.0f} ms'


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--megabytes', type=int, default=100, help='size of a chunk (default: 100)')
    parser.add_argument('--delay', type=float, default=20, help='ms before each answer (default: 20)')
    args = parser.parse_args()
    print('| format | cold | another frame | warm |\n|---|---|---|---|')
    for fmt in FORMATS:
        with tempfile.TemporaryDirectory() as folder, served(Path(folder), delay=args.delay / 1000) as web:
            write_store(Path(folder) / 'store', fmt, args.megabytes * 10**6)
            print('|', ' | '.join(measured(web, fmt)), '|', flush=True)


if __name__ == '__main__':
    main()
