"""One writer at a time, tried with processes of their own."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.errors import LockTakenOverWarning, StoreExistsError, StoreLockedError

from ..helpers import HELPERS
from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

pytestmark = pytest.mark.process

SHAPE = (64, 96)
FORMATS = ['npy', 'mjpeg/avi', 'avc1/mp4']

START = """
    import os, sys, time, warnings
    from imgstore import new_for_format
    from imgstore.errors import StoreLockedError
    sys.path.insert(0, sys.argv[1])
    from frames import numbered
    path = sys.argv[2]
"""


class Program:
    """A Python program that tells by lines what it does, and goes on when it is told to."""

    def __init__(self, code, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, '-c', textwrap.dedent(START) + textwrap.dedent(code), str(HELPERS), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=os.path.dirname(os.path.dirname(imgstore.__file__)),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        not_none(self._process.stdin).close()
        not_none(self._process.stdout).close()

    def line(self):
        return not_none(self._process.stdout).readline().strip()

    def go_on(self):
        not_none(self._process.stdin).write('\n')
        not_none(self._process.stdin).flush()

    def rest(self):
        """All that it still says, until it has ended."""
        return self._process.communicate(timeout=60)[0].strip()

    def kill(self):
        """End it without a warning, if it has not ended."""
        self._process.kill()
        self._process.wait(60)


WRITER = """
    store = new_for_format(sys.argv[3], path, imgshape=(64, 96), chunksize=3, workers=0)
    for n in range(8):
        store.add_image(numbered(n, (64, 96)), n, n)
    print('open', flush=True)
    sys.stdin.readline()
    store.close()
    print('closed', flush=True)
    sys.stdin.readline()
"""


def record(path, fmt='npy'):
    with new_for_format(fmt, path, imgshape=SHAPE, overwrite=True) as store:
        store.add_image(numbered(5, SHAPE), 5, 5)


def first_frame(path):
    with new_for_filename(path) as store:
        return index_in(store.get_next_image()[0])


@pytest.mark.once
@pytest.mark.parametrize('fmt', FORMATS)
def test_store_with_live_writer_elsewhere_is_refused(tmp_path, fmt):
    """A store is refused while a living writer in another process has it open."""
    path = tmp_path / 's'
    with Program(WRITER, path, fmt) as writer:
        assert writer.line() == 'open'
        for _ in range(2):
            with pytest.raises(StoreExistsError):
                new_for_format('npy', path, imgshape=SHAPE)
            with raises(StoreLockedError, file='.lock'):
                record(path, fmt)
        writer.go_on()
        assert writer.line() == 'closed'
        with new_for_filename(path) as store:
            assert [index_in(store.get_next_image()[0]) for _ in range(8)] == list(range(8))
        record(path)  # though that process lives
    assert first_frame(path) == 5


@pytest.mark.parametrize('fmt', FORMATS)
def test_lock_of_killed_writer_differs_from_a_live_one(tmp_path, fmt):
    """A lock whose writer was killed is told apart at once from one whose writer lives."""
    path = tmp_path / 's'
    with Program(WRITER, path, fmt) as writer:
        assert writer.line() == 'open'
        with pytest.raises(StoreLockedError):
            record(path)
        writer.kill()
        assert (path / '.lock').exists()
        with pytest.warns(LockTakenOverWarning):
            record(path)
    assert first_frame(path) == 5
    assert not (path / '.lock').exists()


if hasattr(signal, 'SIGSTOP'):

    def test_a_writer_that_is_stopped_is_not_dead(tmp_path):
        with Program(WRITER, tmp_path / 's', 'npy') as writer:
            assert writer.line() == 'open'
            os.kill(writer._process.pid, signal.SIGSTOP)
            with pytest.raises(StoreLockedError):
                record(tmp_path / 's')


RIVAL = """
    warnings.simplefilter('ignore')  # that a lock was left is no wonder while others begin and end
    print('ready', flush=True)
    sys.stdin.readline()
    won = 0
    until = time.monotonic() + 2
    while time.monotonic() < until or (won < 3 and time.monotonic() < until + 30):
        try:
            store = new_for_format('npy', path, imgshape=(64, 96), overwrite=True)
        except StoreLockedError:
            continue
        os.close(os.open(path + '.mine', os.O_CREAT | os.O_EXCL))  # an error if another one is at it
        store.add_image(numbered(won, (64, 96)), won, won)
        os.unlink(path + '.mine')
        store.close()
        won += 1
    print(won)
"""


@pytest.mark.once
def test_many_writers_at_once_never_share_a_store(tmp_path):
    """If many writers start at the same time, two of them never have the store."""
    programs = [Program(RIVAL, tmp_path / 's') for _ in range(4)]
    try:
        assert [program.line() for program in programs] == ['ready'] * 4
        for program in programs:
            program.go_on()
        wins = [program.rest() for program in programs]
        assert all(won.isdigit() for won in wins), wins
        assert sum(map(int, wins)) > 10
    finally:
        for program in programs:
            program.__exit__()
    with new_for_filename(tmp_path / 's') as store:
        assert store.frame_count == 1
