"""Frames that arrive late while the browser's page plays, and what the server does meanwhile.

Usage: python benchmarks/web_play.py [--seconds N] [--format NAME ...] [--shape HEIGHT WIDTH] [--viewers N]

A headless Chromium plays a recording of 25 frames/s. A frame is late if it is shown more than half an interval after
its time, counted from the first frame after a start of one second. Then viewers without a browser play at the same
time, each from another place, as the page does: by runs of packets of 48 frames, or one image a frame.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import frames as scenes

import imgstore
from tests.helpers.browser import Browser, browser
from tests.helpers.serving import Served, served

RATE = 25
FORMATS = ('avc1/mp4', 'mjpeg/avi', 'png')
SCENE = 50  # frames, shown again and again
PACKETS = 48
TICK = os.sysconf('SC_CLK_TCK')

OBSERVE = """
window.seen = []; performance.clearResourceTimings(); performance.setResourceTimingBufferSize(100000);
const number = document.getElementById('number');
new MutationObserver(() => window.seen.push([Number(number.textContent), performance.now()]))
    .observe(number, {childList: true, characterData: true, subtree: true});
window.clicked = performance.now();
document.getElementById('play').click();
"""
BYTES = "return performance.getEntriesByType('resource').reduce((sum, entry) => sum + entry.transferSize, 0)"


def make_store(path: Path, fmt: str, count: int, shape: tuple[int, int]) -> str:
    images = scenes.render(SCENE, *shape, True)
    with imgstore.new_for_format(fmt, path, imgshape=shape, chunksize=250) as store:
        for number in range(count):
            store.add_image(images[number % SCENE], number, number / RATE)
    return str(path)


def stored_bytes(path: str) -> int:
    kinds = {'.mp4', '.mkv', '.avi', '.png'}
    return sum(file.stat().st_size for file in Path(path).rglob('*') if file.suffix in kinds)


def cpu_seconds(pid: int) -> float:
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def cpu_of_all(root: int) -> float:
    """CPU time in seconds of a process and its descendants."""
    parents = {}
    for stat in Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(')')[2].split()[1])
    family = {root}
    while found := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= found
    total = 0.0
    for pid in family:
        with contextlib.suppress(OSError):
            total += cpu_seconds(pid)
    return total


def play(chromium: Browser, path: str, frames: int) -> dict[str, float]:
    with served(path) as page:
        chromium.open(page.url)
        time.sleep(3)  # until the page has all that it shows besides
        driver = chromium.driver.service.process.pid
        before, began, browser_before = cpu_seconds(page.process.pid), time.monotonic(), cpu_of_all(driver)
        chromium.run(OBSERVE)
        while time.monotonic() - began < 2 * frames / RATE and chromium.text('number') != str(frames - 1):
            time.sleep(0.1)
        took, cpu = time.monotonic() - began, cpu_seconds(page.process.pid) - before
        browser_cpu = cpu_of_all(driver) - browser_before
        seen = [(number, at) for number, at in chromium.run('return window.seen') if number]
        sent, clicked = chromium.run(BYTES), chromium.run('return window.clicked')
        print(chromium.errors() or '', end='', file=sys.stderr)
    return summary(seen) | {
        'start': seen[0][1] - clicked,
        'server': 100 * cpu / took,
        'browser': 100 * browser_cpu / took,
        'wire': sent / stored_bytes(path),
    }


def summary(seen: list[tuple[int, float]]) -> dict[str, float]:
    """Count the frames late, as they were shown: number, and time in ms."""
    start = next(rank for rank, (_, at) in enumerate(seen) if at > seen[0][1] + 1000)
    first, began = seen[start]
    interval, shown = 1000 / RATE, seen[start:]
    delays = [at - began - (number - first) * interval for number, at in shown]
    return {
        'shown': (len(shown) - 1) / (shown[-1][1] - began) * 1000,
        'skipped': shown[-1][0] - first + 1 - len(shown),
        'late': sum(delay > interval / 2 for delay in delays),
        'longest': max(delays),
    }


def watch(page: Served, by_packets: bool, start: int, frames: int, end: float, waits: list[float]) -> None:
    """Play without a browser until a time, and note how long each frame was waited for: 0 for those that were there."""
    connection = http.client.HTTPConnection('127.0.0.1', page.port, timeout=30)
    index, began, rank = start, time.monotonic(), 0
    while (now := time.monotonic()) < end:
        target = f'/api/stores/0/image/{index % frames}.jpg?quality=85&width=640'
        if by_packets:
            target = f'/api/stores/0/packets?index={index % frames}&count={PACKETS}'
        connection.request('GET', target)
        connection.getresponse().read()
        step = PACKETS if by_packets else 1
        waits += [time.monotonic() - now] + [0.0] * (step - 1)
        index, rank = index + step, rank + step
        time.sleep(max(0.0, began + rank / RATE - time.monotonic()))
    connection.close()


def watch_together(path: str, by_packets: bool, viewers: int, seconds: float, frames: int) -> dict[str, float]:
    waits: list[float] = []
    with served(path) as page:
        before, began = cpu_seconds(page.process.pid), time.monotonic()
        places = [frames * rank // viewers for rank in range(viewers)]
        threads = [
            threading.Thread(target=watch, args=(page, by_packets, place, frames, began + seconds, waits))
            for place in places
        ]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        cpu = cpu_seconds(page.process.pid) - before
    asked = [wait for wait in waits if wait]
    return {
        'rate': len(waits) / seconds / viewers,
        'median': 1000 * float(np.median(asked)),
        'p99': 1000 * float(np.percentile(asked, 99)),
        'of_frames': 1000 * float(np.percentile(waits, 99)),
        'server': 100 * cpu / seconds,
    }


def row(name: str, values: dict[str, float], form: Callable[[float], str] = lambda value: f'{value:.1f}') -> str:
    return f'| {name} | ' + ' | '.join(map(form, values.values())) + ' |'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=20)
    parser.add_argument('--format', nargs='+', default=FORMATS)
    parser.add_argument('--shape', type=int, nargs=2, default=(1024, 1280))
    parser.add_argument('--viewers', type=int, default=8)
    parser.add_argument('--images', action='store_true', help='without a browser, take an image a frame')
    args = parser.parse_args()
    frames = int(args.seconds * RATE)
    alone: dict[str, Any] = {}
    together: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {fmt: make_store(Path(folder) / fmt.replace('/', '-'), fmt, frames, args.shape) for fmt in args.format}
        with browser(Path(folder)) as chromium:
            for fmt, path in paths.items():
                alone[fmt] = play(chromium, path, frames)
        for fmt, path in paths.items():
            if args.viewers:
                together[fmt] = watch_together(
                    path, fmt != 'png' and not args.images, args.viewers, args.seconds, frames
                )
    print('| format | shown/s | skipped | late | longest, ms | first, ms | server, % | browser, % | wire / stored |')
    print('|---|---:|---:|---:|---:|---:|---:|---:|---:|')
    for fmt, values in alone.items():
        print(row(fmt, values))
    print(f'\n| {args.viewers} viewers | frames/s each | request, ms | its p99 | p99 of a frame | server, % |')
    print('|---|---:|---:|---:|---:|---:|')
    for fmt, values in together.items():
        print(row(fmt, values))


if __name__ == '__main__':
    main()
