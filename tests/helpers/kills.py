"""A recording process is killed at a moment, and what is left is checked frame by frame."""

import hashlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import namedtuple
from dataclasses import asdict, dataclass, field
from pathlib import Path

import imgstore
from imgstore.formats import resolve_format
from imgstore.ondisk.layout import VIDEO_EXTENSIONS

from .checked import not_none
from .format_table import NO_COLOR, ROWS
from .recording import number_of, read, record_of, time_of

BOUND = 0.5  # seconds: a frame that was added longer ago than that is never lost
_BETWEEN, _LOOKED_BACK = 0.01, 2.0  # seconds
LONGEST = 60  # seconds that a process may take to come to the moment it is to be killed at
FIRST_BYTES = 8192  # of a video in which there is no frame yet
MOST_LOSSY = 12  # levels that an image of a lossy format differs from what was added, on average

SCRIPT = str(Path(__file__).with_name('recording.py'))
GRAY, COLOR = (64, 96), (64, 96, 3)
FORMATS = list(ROWS)  # the others are stored as these
KINDS = [(fmt, shape) for fmt in FORMATS for shape in (GRAY, COLOR) if shape == GRAY or fmt not in NO_COLOR]

Event = namedtuple('Event', 'what index time text')


@dataclass(frozen=True)
class Case:
    """What is recorded and when its process is killed: `delay` seconds after `moment`, which is what it told."""

    seed: int
    fmt: str
    shape: tuple
    chunksize: int
    workers: 'int | None'
    durability: str
    pace: float
    frames: int
    moment: str
    moment_index: int
    delay: float

    @classmethod
    def of_seed(cls, seed, kinds=KINDS):
        """Every kind in turn, the rest at random, the same for the same seed."""
        rng = random.Random(f'kill {seed}')
        fmt, shape = kinds[seed % len(kinds)]
        if rng.random() < 0.15:
            shape = (240, 320, *shape[2:])
        chunksize = rng.choice((2, 3, 7, 20, 50, 200))
        when = rng.choices(('creating', 'created', 'rolling over', 'closing'), (1, 5, 2, 2))[0]
        frames, moment, index, delay = _moment(rng, when, chunksize)
        workers, durability = rng.choice((0, None, 2)), rng.choice(('frame',) * 6 + ('fsync', 'chunk'))
        awaited = frames if moment == 'closing' else max(1, index)
        pace = min(rng.choice((0, 0.001, 0.003, 0.01)), 1 / max(1, awaited))  # so that the moment comes in a second
        return cls(seed, fmt, shape, chunksize, workers, durability, pace, frames, moment, index, delay)

    @property
    def lossless(self):
        return resolve_format(self.fmt).lossless

    def request(self, path, original=False):
        """What the process is asked; the original knows no options."""
        options = {} if original else {'workers': self.workers, 'durability': self.durability}
        asked = {key: getattr(self, key) for key in ('fmt', 'shape', 'chunksize', 'frames', 'pace')}
        return {**asked, 'path': str(path), 'options': options}


def _moment(rng, when, chunksize):
    """How many frames there are, what the process tells before it is killed, with which index, and how long before."""
    if when == 'creating':
        return 10, when, -1, 10 ** rng.uniform(-4, -0.6)
    if when == 'created':
        return 1500, when, -1, rng.uniform(0, 1.3)
    if when == 'rolling over':
        return 1500, 'frame', chunksize * rng.randint(1, 6) - 1, 10 ** rng.uniform(-4, -2)
    return rng.randint(0, 4 * chunksize), when, -1, 10 ** rng.uniform(-4, -1.7)


@dataclass
class Killed:
    """What a process told before it was killed, when that was, and for how long the machine had kept others waiting."""

    events: list
    at: float = 0.0
    stood_still: float = 0.0

    @property
    def bound(self):
        """A time: what had been added by then must be there."""
        return self.at - BOUND - self.stood_still

    def count(self, what, before=float('inf')):
        """How many frames or records had been added by a time."""
        return sum(event.what == what and event.time <= before for event in self.events)

    def told(self, what):
        return any(event.what == what for event in self.events)


def environment(original=False):
    """The variables for a process that imports this imgstore, or the original."""
    variables = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    return variables if original else {**variables, 'PYTHONPATH': str(Path(imgstore.__file__).parents[1])}


class Process:
    """A process that tells what it does, line by line."""

    def __init__(self, script, *arguments, python=sys.executable, original=False):
        self._process = subprocess.Popen(
            [python, script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(original),
        )
        self._rest = b''
        self.events = []
        self.pid = self._process.pid

    def _listen(self, until):
        """Take in what comes before that time; False once there is no more to come."""
        if not select.select([not_none(self._process.stdout)], [], [], max(0, until - time.monotonic()))[0]:
            return True
        data = os.read(not_none(self._process.stdout).fileno(), 2**16)
        *lines, self._rest = (self._rest + data).split(b'\n')
        self.events += [_event(line.decode(errors='replace')) for line in lines]
        return bool(data)

    def wait_for(self, what, index=-1, longest=LONGEST):
        """The event of that name and index; AssertionError if it does not come."""
        seen, until = 0, time.monotonic() + longest
        while True:
            more = time.monotonic() < until and self._listen(until)
            for event in self.events[seen:]:
                if (event.what, event.index) == (what, index):
                    return event
            seen = len(self.events)
            if not more:
                self.end(signal.SIGKILL)
                raise AssertionError(f'{what} {index} did not come: {said(self.events)}')

    def listen_until(self, until):
        while time.monotonic() < until and self._listen(until):
            pass

    def end(self, number=None, longest=LONGEST):
        """Send a signal if one is given, close its input, and take in the rest; the moment the signal was sent."""
        at = time.monotonic()
        if number is not None:
            self._process.send_signal(number)
        not_none(self._process.stdin).close()
        self.listen_until(at + longest)
        try:
            self.code = self._process.wait(longest)
        finally:
            self._process.kill()
            not_none(self._process.stdout).close()
        return at


def _event(line):
    """What a line tells; also a line that somebody wrote on the process's behalf, as a traceback."""
    if not line.startswith('> '):
        return Event('said', -1, time.monotonic(), line)
    _, what, index, when, text = line.split(' ', 4)
    return Event(what, int(index), float(when), json.loads(text))


def said(events):
    """All that was written on the process's behalf, which is nothing where no error strays."""
    return '\n'.join(event.text for event in events if event.what == 'said')


class Bystander:
    """Does now and then what the process does all the time, and sees how long that takes.

    A machine that keeps this waiting, busy or with a disk that stands still, keeps the process waiting too. New names
    are part of it: a disk under load may hold those up for a second, and take the bytes of an open file meanwhile.
    """

    def __init__(self, folder, syncs):
        self._syncs, self._gaps, self._end = syncs, [], threading.Event()
        self._folder = tempfile.TemporaryDirectory(dir=folder)
        self._latest = time.monotonic()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self):
        with self._folder as folder:
            while not self._end.wait(_BETWEEN):
                self._make_a_file(os.path.join(folder, 'chunk'))
                now = time.monotonic()
                self._gaps.append((now, now - self._latest))
                self._latest = now

    def _make_a_file(self, chunk):
        os.mkdir(chunk)
        with open(os.path.join(chunk, 'new'), 'wb') as file:
            file.write(b'.')
            if self._syncs:
                os.fsync(file.fileno())
        os.replace(file.name, complete := os.path.join(chunk, 'complete'))
        os.unlink(complete)
        os.rmdir(chunk)

    def stop(self, at):
        """The longest time it took in the seconds before that moment."""
        self._end.set()
        self._thread.join()
        took = max((gap for end, gap in self._gaps if end > at - _LOOKED_BACK and end - gap < at), default=0)
        return max(0, took - 2 * _BETWEEN)


def kill(case, path, python=sys.executable, original=False):
    """Record into ``path`` and kill the process when the case says so."""
    bystander = Bystander(path.parent, case.durability == 'fsync')
    process = Process(SCRIPT, 'write', json.dumps(case.request(path, original)), python=python, original=original)
    moment = process.wait_for(case.moment, min(case.moment_index, case.frames - 1))
    process.listen_until(moment.time + case.delay)
    at = process.end(signal.SIGKILL)
    return Killed(process.events, at, bystander.stop(at))


# --- what is left


def must_be_there(case, killed, what='frame'):
    """How many frames, or records, must not be lost."""
    if killed.told('closed'):
        return killed.count(what)
    if case.durability == 'chunk':  # what is promised are the chunks that are complete
        frames = killed.count('frame', killed.bound)
        frames = max(0, frames - 1) // case.chunksize * case.chunksize
        return frames if what == 'frame' else sum(record_of(index) is not None for index in range(frames))
    if case.workers == 0:
        return killed.count(what)
    return killed.count(what, killed.bound)


@dataclass
class Checked:
    """What was found of a recording: how many frames and records, and what is wrong with them."""

    frames: int = 0
    records: int = 0
    wrong: list = field(default_factory=list)


def check(case, killed, found):
    """What was read against what was added: nothing missing that must be there, nothing wrong, nothing made up."""
    frames, records = found['frames'], found['records']
    if not killed.told('created') and found['errors'] and found['errors'][0].startswith('StoreNotFoundError'):
        return Checked()  # as it was killed before there was one
    checked = Checked(len(frames), len(records), [f'it says {error}' for error in found['errors']])
    checked.wrong += [
        f'frame {index} is {frame}' for index, frame in enumerate(frames) if not is_frame(case, index, frame)
    ][:3]
    expected = [index for index in range(case.frames) if record_of(index) is not None][: len(records)]
    checked.wrong += [
        f'record {record} is not that of {index}'
        for index, record in zip(expected, records, strict=True)
        if record != _record(index)
    ][:3]
    if found['listed'] != [number_of(index) for index in range(len(frames))]:
        checked.wrong.append(f'{len(frames)} frames, and {len(found["listed"])} are listed')
    checked.wrong += _miscounted(case, killed, checked, expected)
    return checked


def is_frame(case, index, frame):
    """Whether what was read is the frame that was added."""
    number, seconds, seen, shape, difference = frame
    return (number, seconds, seen, shape) == (
        number_of(index),
        time_of(index),
        index,
        list(case.shape),
    ) and difference <= (0 if case.lossless else MOST_LOSSY)


def _record(index):
    return [*record_of(index).values(), number_of(index), time_of(index), index]


def _miscounted(case, killed, checked, expected):
    added = killed.count('frame')
    for what, count in (('frame', checked.frames), ('record', checked.records)):
        if count < (least := must_be_there(case, killed, what)):
            yield f'{count} {what}s are there of {killed.count(what)} added, {least} of which must be'
    if checked.frames > added + 1:
        yield f'{checked.frames} frames are there, and {added} were added'
    if expected and expected[-1] >= max(added, checked.frames):
        yield f'there is a record beside frame {expected[-1]}, and {added} were added'


def snapshot(folder):
    """Every file of a folder, when it was changed and what is in it."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, _digest(path))
        for path in sorted(Path(folder).rglob('*'))
    }


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''


def left_over(folder):
    """Hidden files that a store has no use for once it is complete; the first bytes of a video may stay."""
    return [
        path.name
        for path in Path(folder).rglob('.*')
        if path.name not in ('.index.sqlite', '.index.imgstore')
        and not (path.suffix in VIDEO_EXTENSIONS and path.stat().st_size < FIRST_BYTES)
    ]


def wrong_after_repair(case, path, found):
    """What the repair of a store did wrong, of which so much could be read before."""
    before = snapshot(path)
    if not str(imgstore.repair(path, dry_run=True)) or snapshot(path) != before:
        yield 'looking at it, or reading it, changed the folder'
    imgstore.repair(path)
    if known(case, read(str(path)), found) != found:
        yield 'the repair changed what there is'
    if left := left_over(path):
        yield f'the repair left {left}'
    if imgstore.repair(path):
        yield 'there was something left to repair'


def known(case, again, found):
    """What was read after a repair, less what it brought back of a chunk whose numbers nothing had told."""
    if case.durability != 'chunk':
        return again
    count, frames = len(found['frames']), again['frames']
    assert [frame[2] for frame in frames] == list(range(len(frames)))
    return {
        **again,
        'frames': frames[:count],
        'listed': again['listed'][:count],
        'records': again['records'][: len(found['records'])],
    }


def as_json(case):
    return asdict(case)
