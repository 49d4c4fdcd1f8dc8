"""A process that is forked while stores are open: parent and child go on, neither disturbs the other."""

import contextlib
import gc
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import traceback
import warnings

import cv2
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore._support import forking as sharing
from imgstore.chunks.video.backends import BACKENDS, backend_works
from imgstore.chunks.video.pixels import _gray_levels
from imgstore.errors import LockTakenOverWarning, StoreModeError
from imgstore.formats import resolve_format

from ..helpers import HELPERS
from ..helpers.format_table import NO_COLOR, VIDEO_FORMATS
from ..helpers.frames import index_in, numbered

pytestmark = [pytest.mark.once, pytest.mark.process, pytest.mark.usefixtures('small_as_large')]

SHAPE = (128, 192)
COLOR = (128, 192, 3)
COUNT = 50
IMAGES = ['npy', 'png', 'jpg']
FORKS = int(os.environ.get('IMGSTORE_TEST_FORKS', 3))


def able(fmt, direction):
    row = resolve_format(fmt)
    return [(fmt, backend) for backend in BACKENDS if backend_works(backend, row.codec, row.extension, direction)]


READERS = [*[(fmt, None) for fmt in IMAGES], *[case for fmt in VIDEO_FORMATS for case in able(fmt, 'read')]]
WRITERS = [*[(fmt, None) for fmt in IMAGES], *[case for fmt in VIDEO_FORMATS for case in able(fmt, 'write')]]


def record(path, fmt, shape=SHAPE):
    with new_for_format(fmt, path, imgshape=shape, chunksize=20) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, shape), 1000 + index, index / 10)


def check(store, indices):
    for index in indices:
        image, (number, time) = store.get_image(None, frame_index=index)
        assert (index_in(image), number, time) == (index, 1000 + index, index / 10)


def read_in_every_way(store, seed):
    """One after the other, at random, many at once, as an array and in loops."""
    rng = random.Random(seed)
    start = rng.randrange(COUNT - 10)
    check(store, range(start, start + 8))
    check(store, rng.sample(range(COUNT), 5))
    assert [index_in(image) for image in store.get_images(frame_indices=[44, 1, 21])[0]] == [44, 1, 21]
    assert [index_in(image) for image in store[start : start + 9 : 4]] == [start, start + 4, start + 8]
    assert [index_in(frame.image) for frame in store.frames(start, start + 5)] == list(range(start, start + 5))
    assert [numbers.tolist() for _, numbers, _ in store.batches(3, start, start + 3)] == [
        [1000 + start, 1001 + start, 1002 + start]
    ]


if hasattr(os, 'fork'):

    def forked(work):
        """The child that does the work; it ends at once with 0 if all went well, and in any case within a minute."""
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', DeprecationWarning)  # Python's, of threads; that is what is tried here
            pid = os.fork()
        if pid:
            return pid
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 -- the child must not go on as a second run of the tests
            traceback.print_exc()
        finally:
            os._exit(1)

    def status_of(pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    @contextlib.contextmanager
    def busy(store):
        """Two threads read the store all the while, and find what they should."""
        stop = threading.Event()
        errors: list = []

        def read():
            seed = 0
            while not stop.is_set() and not errors:
                seed += 1
                try:
                    read_in_every_way(store, seed)
                except BaseException as error:  # noqa: BLE001 -- it is told of below
                    errors.append(error)

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert errors == []

    def test_child_starts_while_thread_has_asked_gray_levels():
        """A child process starts although another thread has asked for gray levels."""
        asked, stop = threading.Event(), threading.Event()

        def ask():
            _gray_levels.__wrapped__('yuv420p', 1, 5)
            asked.set()
            stop.wait()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            assert asked.wait(60)
            assert [status_of(forked(lambda: None)) for _ in range(FORKS)] == [0] * FORKS
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    @pytest.mark.parametrize(
        ('fmt', 'backend', 'shape'),
        [
            (*reader, shape)
            for reader in READERS
            for shape in (SHAPE, COLOR)
            if shape == SHAPE or reader[0] not in NO_COLOR
        ],
    )
    def test_child_and_parent_both_read_an_open_store(tmp_path, fmt, backend, shape):
        """A child process reads an open store, and its parent reads it meanwhile and afterwards."""
        record(tmp_path / 's', fmt, shape)
        with new_for_filename(tmp_path / 's', backend=backend) as store:
            with busy(store):
                for seed in range(FORKS):
                    check(store, range(5, 9))  # so that frames are being read ahead
                    child = forked(lambda seed=seed: read_in_every_way(store, 1000 + seed))
                    check(store, range(9, 13))
                    assert status_of(child) == 0
            check(store, range(COUNT))

    @pytest.mark.parametrize(('fmt', 'backend'), READERS)
    def test_what_a_child_reads_its_parent_does_not_miss(tmp_path, fmt, backend):
        record(tmp_path / 's', fmt)
        with new_for_filename(tmp_path / 's', backend=backend, cache_bytes=0) as store:
            for index in range(0, COUNT, 10):
                check(store, range(index, index + 5))
                assert status_of(forked(lambda: check(store, [49, 0, 30]))) == 0
                check(store, range(index + 5, index + 10))

    def test_child_keeps_parents_position_and_decoding(tmp_path):
        """A child process starts at its parent's position and decodes images if its parent did."""
        with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, encoding='cv_bayerrg') as store:
            for index in range(3):
                store.add_image(numbered(index, SHAPE), index, 0)

        def read_on(store, index, shape):
            image, (number, _) = store.get_next_image()
            assert (number, image.shape) == (index, shape)

        with new_for_filename(tmp_path / 's') as store:
            read_on(store, 0, COLOR)
            assert status_of(forked(lambda: read_on(store, 1, COLOR))) == 0
            store.disable_decoding()
            assert status_of(forked(lambda: read_on(store, 1, SHAPE))) == 0
            read_on(store, 1, SHAPE)

    @pytest.mark.parametrize(('fmt', 'backend'), READERS)
    def test_a_child_of_a_child_reads_too(tmp_path, fmt, backend):
        record(tmp_path / 's', fmt)

        def read_and_fork():
            read_in_every_way(store, 1)
            assert status_of(forked(lambda: read_in_every_way(store, 2))) == 0
            read_in_every_way(store, 3)

        with new_for_filename(tmp_path / 's', backend=backend) as store:
            check(store, range(10))
            assert status_of(forked(read_and_fork)) == 0

    @pytest.mark.parametrize(('fmt', 'backend'), READERS)
    def test_an_unfinished_loop_goes_on_in_parent_and_child(tmp_path, fmt, backend):
        record(tmp_path / 's', fmt)
        with new_for_filename(tmp_path / 's', backend=backend) as store:
            loops = iter(store), reversed(store), store.batches(5)
            for frames in loops:
                next(frames)

            def go_on():
                assert [index_in(image) for image, _ in loops[0]] == list(range(1, COUNT))
                assert [index_in(image) for image, _ in loops[1]] == list(range(COUNT - 2, -1, -1))
                assert [index_in(image) for images, *_ in loops[2] for image in images] == list(range(5, COUNT))

            assert status_of(forked(go_on)) == 0
            go_on()

    @pytest.mark.parametrize(('fmt', 'backend'), READERS)
    def test_forked_worker_may_use_its_parents_store(tmp_path, fmt, backend):
        """A forked worker process may use a store of its parent."""
        record(tmp_path / 's', fmt)
        with new_for_filename(tmp_path / 's', backend=backend) as store, busy(store):
            processes = [
                multiprocessing.get_context('fork').Process(target=read_in_every_way, args=(store, seed))
                for seed in range(2)
            ]
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', DeprecationWarning)
                for process in processes:
                    process.start()
            for process in processes:
                process.join(60)
            assert [process.exitcode for process in processes] == [0, 0]

    @pytest.mark.parametrize('fmt', ['mjpeg/avi', 'avc1/mp4'])
    def test_a_child_may_free_what_its_parent_threw_away(tmp_path, fmt):
        record(tmp_path / 's', fmt, COLOR)

        def clean_up():
            gc.collect()
            read_in_every_way(store, 0)
            gc.collect()

        gc.disable()
        try:
            for _ in range(4):
                store = new_for_filename(tmp_path / 's')
                read_in_every_way(store, 0)
                store.close()
            store = new_for_filename(tmp_path / 's')  # and this one is never closed
            read_in_every_way(store, 0)
            store = new_for_filename(tmp_path / 's')
            assert status_of(forked(clean_up)) == 0
        finally:
            gc.enable()
        gc.collect()
        store.close()

    @pytest.mark.parametrize('fmt', ['npy', 'mjpeg/avi'])
    def test_child_ignores_lock_held_by_parents_thread(tmp_path, fmt, monkeypatch):
        """A child process does not wait for a lock that another thread of its parent held at the fork."""
        monkeypatch.setattr(sharing, '_PATIENCE', 0.1)
        record(tmp_path / 's', fmt)
        held, done = threading.Event(), threading.Event()

        def hold():
            with contextlib.ExitStack() as stack:
                for lock in locks:
                    stack.enter_context(lock)
                held.set()
                done.wait(60)

        with new_for_filename(tmp_path / 's') as store:
            reader = store._require_reader()
            locks: list = [reader.lock, reader._turn, reader.index.lock]
            thread = threading.Thread(target=hold)
            thread.start()
            assert held.wait(60)
            child = forked(lambda: read_in_every_way(store, 0))
            assert status_of(child) == 0
            done.set()
            thread.join()
            read_in_every_way(store, 1)

    def test_a_fork_waits_while_the_index_is_being_changed(tmp_path):
        record(tmp_path / 's', 'npy')
        held = threading.Event()
        log: list = []

        def hold():
            with store._require_reader().index.lock:
                held.set()
                threading.Event().wait(0.2)
                log.append('changed')

        with new_for_filename(tmp_path / 's') as store:
            thread = threading.Thread(target=hold)
            thread.start()
            assert held.wait(60)
            child = forked(lambda: log.index('changed'))
            assert status_of(child) == 0
            thread.join()

    @pytest.mark.parametrize('fmt', [fmt for fmt, backend in READERS if backend == 'opencv'])
    def test_a_fork_waits_while_opencv_opens_a_video(tmp_path, fmt, monkeypatch):
        record(tmp_path / 's', fmt)
        opening, log, capture = threading.Event(), [], cv2.VideoCapture

        def slow_capture(*arguments):
            opening.set()
            threading.Event().wait(0.2)
            log.append('opened')
            return capture(*arguments)

        with new_for_filename(tmp_path / 's', backend='opencv') as store:
            monkeypatch.setattr(cv2, 'VideoCapture', slow_capture)
            thread = threading.Thread(target=check, args=(store, [3]))
            thread.start()
            assert opening.wait(60)
            child = forked(lambda: log.index('opened'))
            thread.join()
            assert status_of(child) == 0

    # --- a store that is being written

    @pytest.mark.parametrize(('fmt', 'backend'), WRITERS)
    def test_child_cannot_use_store_its_parent_writes(tmp_path, fmt, backend):
        """A child process can do nothing with a store that its parent is writing."""

        def try_all():
            image = numbered(0, SHAPE)
            for call in (
                lambda: store.add_image(image, 0, 0),
                lambda: store.add_extra_data(a=1),
                store.empty,
                lambda: store.frame_count,
                lambda: store.chunks,
                lambda: store.save_index(),
            ):
                with pytest.raises(StoreModeError):
                    call()
            assert str(tmp_path / 's') in repr(store)
            store.close()
            gc.collect()

        with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, chunksize=20, backend=backend) as store:
            for index in range(COUNT):
                store.add_image(numbered(index, SHAPE), 1000 + index, index / 10)
                if index % 10 == 4:
                    assert status_of(forked(try_all)) == 0
        with new_for_filename(tmp_path / 's') as store:
            assert store.frame_count == COUNT
            check(store, range(COUNT))

    def test_lock_ends_with_writer_and_not_with_its_child(tmp_path):
        """A lock ends with its writer, not with a child process of the writer."""
        with new_for_format('npy', tmp_path / 's', imgshape=SHAPE):
            ready, go = os.pipe()

            def wait_for_parent():
                os.close(go)
                os.read(ready, 1)

            child = forked(wait_for_parent)
        with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, overwrite=True) as store:
            store.add_image(numbered(0, SHAPE), 1000, 0)
        os.close(ready)
        os.close(go)
        assert status_of(child) == 0
        with new_for_filename(tmp_path / 's') as store:
            check(store, [0])

    # --- programs of their own, for what happens at their end

    START = textwrap.dedent("""
        import json, os, signal, sys, threading, time, warnings
        warnings.simplefilter('error')
        warnings.filterwarnings('ignore', 'This process', DeprecationWarning)  # is multi-threaded
        from imgstore import new_for_filename, new_for_format
        sys.path.insert(0, sys.argv[1])
        from frames import index_in, numbered
        shape = (128, 192, 3)

        def end():
            for _ in range(30):  # these get the places of the threads that are gone: who joins those waits for these
                threading.Thread(target=time.sleep, args=(120,), daemon=True).start()
            sys.exit(7)

        for path, fmt, backend, option in json.loads(sys.argv[2]):
            pid = os.fork()  # as a program that has imported imgstore, which takes longer than all that it does
            if not pid:
                signal.alarm(60)
                break
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status:
                print(fmt, backend, 'ended with', status, file=sys.stderr)
                sys.exit(status % 256)
        else:
            sys.exit()
    """)

    def run(code, *cases):
        """Run a program for each path, format, backend and option in turn; what was printed, and the exit code."""
        done = subprocess.run(
            [sys.executable, '-c', START + textwrap.dedent(code), str(HELPERS), json.dumps(cases)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=os.path.dirname(os.path.dirname(imgstore.__file__)),
        )
        return done.stdout + done.stderr, done.returncode

    READING = """
        store = new_for_filename(path, backend=backend)
        for index in range(8):
            assert index_in(store.get_next_image()[0]) == index
        pid = os.fork()
        if not pid:
            signal.alarm(60)
            if option == 'read':
                for index in range(8, 50):
                    assert index_in(store.get_next_image()[0]) == index
            end()
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        for index in range(8, 50):
            assert index_in(store.get_next_image()[0]) == index
    """

    @pytest.mark.parametrize('child', ['read', 'just end'])
    def test_a_child_ends_like_any_program(tmp_path, child):
        for fmt in dict(READERS):
            record(tmp_path / fmt.replace('/', '-'), fmt, SHAPE if fmt in NO_COLOR else COLOR)
        cases = [(str(tmp_path / fmt.replace('/', '-')), fmt, backend, child) for fmt, backend in READERS]
        assert run(READING, *cases) == ('7\n' * len(cases), 0)

    WRITING = """
        shape = (128, 192) if 'lossless' in fmt else (128, 192, 3)
        store = new_for_format(fmt, path, imgshape=shape, chunksize=20, backend=backend, workers=option)
        children = []
        for index in range(50):
            store.add_image(numbered(index, shape), 1000 + index, index / 10)
            if index % 10 == 5:
                pid = os.fork()
                if not pid:
                    signal.alarm(60)
                    end()
                children.append(pid)
        print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
        store.close()
    """

    @pytest.mark.parametrize('workers', [0, 2])
    def test_a_child_ends_without_a_trace_in_what_its_parent_writes(tmp_path, workers):
        cases = [(str(tmp_path / str(rank)), fmt, backend, workers) for rank, (fmt, backend) in enumerate(WRITERS)]
        assert run(WRITING, *cases) == ('[7, 7, 7, 7, 7]\n' * len(cases), 0)
        for path, *_ in cases:
            with new_for_filename(path) as store:
                assert store.frame_count == COUNT
                check(store, range(COUNT))

    KILLED = """
        store = new_for_format(fmt, path, imgshape=shape, chunksize=20)
        store.add_image(numbered(0, shape), 0, 0)
        pid = os.fork()
        if not pid:
            os.closerange(1, 3)  # so that whoever runs this does not wait for the child
            time.sleep(30)
            os._exit(0)
        print(pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """

    @pytest.mark.parametrize('fmt', ['npy', 'avc1/mp4'])
    def test_lock_of_killed_writer_is_found_despite_its_child(tmp_path, fmt):
        """The lock of a killed writer is recognised even while a child of that writer lives."""
        said, code = run(KILLED, (str(tmp_path / 's'), fmt, None, None))
        child, what_ended = said.split('\n', 1)
        assert (what_ended, code) == (f'{fmt} None ended with -9\n', 256 - 9)
        os.kill(int(child), 0)  # it lives
        try:
            with pytest.warns(LockTakenOverWarning):
                new_for_format('npy', tmp_path / 's', imgshape=SHAPE, overwrite=True).close()
        finally:
            os.kill(int(child), signal.SIGKILL)
