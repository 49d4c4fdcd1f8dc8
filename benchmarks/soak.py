"""Writes and reads at full speed for an hour, and fails if memory or open files grow: python benchmarks/soak.py.

See docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # for this imgstore and the package `tests`

from environments import CACHE
from measuring import memory

import imgstore
from tests.helpers.frames import index_in
from tests.helpers.recording import picture

SHAPES = ((480, 640), (480, 640, 3))
FORMATS = ('png', 'npy', 'jpg', 'mjpeg/avi', 'h264/mkv', 'avc1/mp4')
CHUNK = 500  # frames
MOST_BYTES = 2**29  # of frames in a store, so that raw ones fill no disk
CHECKED = 25  # one frame of so many is looked at
WARM_UP = 300.0  # seconds in which caches fill, and the system's allocator has met every kind of work often enough
SLACK = 0.05, 8.0, 1  # memory may differ at the end by that share and so many MB, and the descriptors by so many


class WrongFrameError(Exception):
    """A frame was read that is not the one that was asked for."""


@dataclass(frozen=True)
class Sample:
    """What the process holds at a moment: MB that are resident, descriptors that are open."""

    seconds: float
    work: str
    memory: float
    descriptors: int


class Sampler:
    """Looks at this process, in a thread of its own."""

    def __init__(self, every: float) -> None:
        self.samples: list[Sample] = []
        self.work = 'beginning'
        self._start, self._every, self._end = time.monotonic(), every, threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._end.wait(self._every):
            seconds = round(time.monotonic() - self._start, 2)
            self.samples.append(Sample(seconds, self.work, memory(), len(os.listdir('/proc/self/fd'))))

    def stop(self) -> None:
        """Take no more samples."""
        self._end.set()
        self._thread.join()


class Soak:
    """Work that goes on until the time is over.

    Parameters
    ----------
    folder : Path
        For the stores, each of which is replaced by the next.
    seconds : float
        How long.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder, self._end = folder, time.monotonic() + seconds
        self._slice = min(20.0, seconds / 360)
        self.written = self.read = 0
        self.formats: dict[str, int] = {}
        """How many stores of each were written and read."""
        self.sampler = Sampler(max(0.05, min(1.0, seconds / 600)))

    def run(self) -> None:
        """All formats in turn, gray and colour, written and read."""
        while self._goes_on(self._end):
            for shape in SHAPES:
                for fmt in FORMATS:
                    self._turn(fmt, shape)
        self.sampler.stop()

    def _goes_on(self, until: float) -> bool:
        return time.monotonic() < min(until, self._end)

    def _turn(self, fmt: str, shape: tuple[int, ...]) -> None:
        path = self._folder / 'store'
        self.sampler.work = f'write {fmt}'
        with imgstore.new_for_format(fmt, path, imgshape=shape, chunksize=CHUNK, overwrite=True) as store:
            count = self._add(store, shape)
        self.written += count
        self.sampler.work = f'read {fmt}'
        with imgstore.new_for_filename(path) as store:
            self._look(count, lambda index: store.get_next_image())
            self._look(count, lambda index: store.get_image(None, frame_index=index), step=37)
        self.formats[fmt] = self.formats.get(fmt, 0) + 1

    def _add(self, store: imgstore.ImgStore, shape: tuple[int, ...]) -> int:
        images = [picture(index, shape) for index in range(64)]
        most, until, index = MOST_BYTES // images[0].nbytes, time.monotonic() + self._slice, 0
        while index < most and self._goes_on(until):
            store.add_image(images[index % 64], index, index / 100)
            if index % 100 == 0:
                store.add_extra_data(seen=index)
            index += 1
        return index

    def _look(self, count: int, get: Callable[[int], imgstore.reading.reader.Frame], step: int = 1) -> None:
        until = time.monotonic() + self._slice
        for turn, index in enumerate(range(0, count, step)):
            image, (number, _) = get(index)
            self.read += 1
            if number != index or (turn % CHECKED == 0 and index_in(image[:32, :96]) != index % 64):
                raise WrongFrameError(f'frame {index} was asked for, and another was read, with number {number}')
            if not self._goes_on(until):
                return


def growth(samples: list[Sample]) -> list[str]:
    """Find what grew from the first quarter after the warm-up to the last."""
    first, last = quarters(samples)
    grown = []
    if last.memory > first.memory * (1 + SLACK[0]) + SLACK[1]:
        grown.append(f'memory grew from {first.memory:.0f} to {last.memory:.0f} MB')
    if last.descriptors > first.descriptors + SLACK[2]:
        grown.append(f'open descriptors grew from {first.descriptors} to {last.descriptors}')
    return grown


def quarters(samples: list[Sample]) -> tuple[Sample, Sample]:
    """Medians of the first quarter after the warm-up, or of a short run's latter half, and of the last quarter."""
    warm = [sample for sample in samples if sample.seconds > min(WARM_UP, samples[-1].seconds / 2)]
    quarter = len(warm) // 4 or 1
    return _median(warm[:quarter]), _median(warm[-quarter:])


def _median(samples: list[Sample]) -> Sample:
    memory, descriptors = (median(getattr(sample, key) for sample in samples) for key in ('memory', 'descriptors'))
    return Sample(samples[0].seconds, 'median', memory, round(descriptors))


def main(arguments: Sequence[str] | None = None) -> int:
    """Work, then tell; 1 if anything grew."""
    parser = argparse.ArgumentParser(description='Write and read at full speed, and watch memory and open files.')
    parser.add_argument(
        '--minutes',
        type=float,
        default=60,
        metavar='N',
        help='how long (default: 60); in less than 10 it cannot be told what grows',
    )
    parser.add_argument(
        '--folder',
        type=Path,
        default=CACHE,
        metavar='FOLDER',
        help='to write in, 1 GB, removed in the end (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all samples there')
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='imgstore-soak-', dir=options.folder) as folder:
        soak = Soak(Path(folder), 60 * options.minutes)
        soak.run()
    return _tell(options, soak)


def _tell(options: argparse.Namespace, soak: Soak) -> int:
    samples = soak.sampler.samples
    first, last = quarters(samples)
    sys.stdout.write(
        f'{options.minutes:g} minutes: {soak.written:,} frames written, {soak.read:,} read; medians of the first '
        f'quarter after the warm-up and of the last: {first.memory:.0f} and {last.memory:.0f} MB resident '
        f'(at most {max(sample.memory for sample in samples):.0f}), {first.descriptors} and {last.descriptors} open '
        f'descriptors (at most {max(sample.descriptors for sample in samples)})\n'
    )
    grown = growth(samples) if samples[-1].seconds > 2 * WARM_UP else []
    sys.stdout.writelines(f'FAILED: {text}\n' for text in grown)
    if options.json:
        found = {
            'written': soak.written,
            'read': soak.read,
            'formats': soak.formats,
            'grown': grown,
            'samples': list(map(asdict, samples)),
        }
        options.json.write_text(json.dumps(found, indent=1), encoding='utf-8')
    return int(bool(grown))


if __name__ == '__main__':
    sys.exit(main())
