"""An exception may come at any line of a thread that writes: Ctrl-C, the SystemExit of a signal, a signal's handler."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from types import SimpleNamespace

import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.errors import StoreClosedError

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.interrupting import Interrupter

pytestmark = [pytest.mark.once, pytest.mark.process]

SHAPE = (32, 96)
IMAGES = [numbered(index, SHAPE) for index in range(8)]
PATIENCE = 20  # seconds

WAYS = [
    ('png', {}, KeyboardInterrupt),
    ('npy', {}, SystemExit(143)),
    ('bmp', {'workers': 2}, KeyboardInterrupt),
    ('mjpeg/avi', {'workers': 0}, SystemExit(143)),
    ('avc1/mp4', {'workers': 0}, KeyboardInterrupt),
]


def close_in_time(store):
    """Close a store from another thread; the error that came out, or 'hangs'."""
    errors = []

    def close():
        try:
            store.close()
        except BaseException as error:  # noqa: BLE001 -- the caller asserts that there is none
            errors.append(error)

    thread = threading.Thread(target=close, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return 'hangs' if thread.is_alive() else errors


def what_is_wrong(path, taken):
    """What a store has other than the frames that were taken, in their order; what was not taken may be there."""
    with new_for_filename(path) as reader:
        metadata = reader.get_frame_metadata()
        numbers = metadata['frame_number']
        wrong = [n for i, n in enumerate(numbers) if index_in(reader.get_image(None, frame_index=i)[0]) != n]
    lost = [n for n in taken if n not in numbers]
    unequal = len(numbers) != len(metadata['frame_time'])
    return {
        what: value
        for what, value in (
            ('wrong', wrong),
            ('lost', lost),
            ('unequal', unequal),
            ('order', numbers != sorted(numbers)),
        )
        if value
    }


def every_line(tmp_path, act, error=KeyboardInterrupt):
    """Interrupt ``act(path, interrupter, taken)`` at each of its lines in turn; what went wrong, by its place."""
    bad = {}
    for line in range(1, 10000):
        path = tmp_path / str(line)
        taken: list = []
        interrupter = Interrupter(line, error=error)
        what = act(path, interrupter, taken)
        if what:
            bad[interrupter.places[0] if interrupter.places else 'nowhere'] = what
        if not interrupter.is_done:
            return bad
    raise AssertionError('it has no end')


def add(store, indexes, taken):
    for index in indexes:
        store.add_image(IMAGES[index], index, float(index))
        taken.append(index)


def add_for_ever(store, taken):
    while True:
        index = len(taken)
        store.add_image(IMAGES[index % 8], index, float(index))
        taken.append(index)


@pytest.mark.exhaustive
@pytest.mark.parametrize(('fmt', 'options', 'error'), WAYS)
def test_interrupt_anywhere_in_add_image_loses_nothing(tmp_path, fmt, options, error):
    """An interrupt at any line of add_image loses nothing, and close still ends."""

    def act(path, interrupter, taken):
        store = new_for_format(fmt, path, imgshape=SHAPE, chunksize=4, **options)
        add(store, range(3), taken)
        with contextlib.suppress(KeyboardInterrupt, SystemExit), interrupter.on():
            add(store, range(3, 6), taken)
        return close_in_time(store) or what_is_wrong(path, taken)

    assert not every_line(tmp_path, act, error)


@pytest.mark.parametrize(('fmt', 'options'), [('png', {}), ('npy', {}), ('avc1/mp4', {'workers': 0})])
def test_an_interrupt_at_any_line_of_close_completes_the_store(tmp_path, fmt, options):
    def act(path, interrupter, taken):
        store = new_for_format(fmt, path, imgshape=SHAPE, chunksize=4, **options)
        add(store, range(6), taken)
        with contextlib.suppress(KeyboardInterrupt), interrupter.on():
            store.close()
        closed = close_in_time(store)
        return closed or what_is_wrong(path, taken) or [name for name in os.listdir(path) if name == '.lock']

    assert not every_line(tmp_path, act)


def test_a_second_ctrl_c_during_close_leaves_a_complete_store(tmp_path):
    for first in range(1, 40, 7):
        for second in range(1, 25, 3):
            path = tmp_path / f'{first}-{second}'
            taken: list = []
            interrupter = Interrupter(first, first + second)
            store = new_for_format('png', path, imgshape=SHAPE, chunksize=4)
            add(store, range(3), taken)
            with contextlib.suppress(KeyboardInterrupt), interrupter.on():
                try:
                    add(store, range(3, 6), taken)
                finally:
                    store.close()
            assert interrupter.places
            assert close_in_time(store) == []
            assert not what_is_wrong(path, taken)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')  # of files that Python closed
@pytest.mark.parametrize('call', ['record', 'empty', 'insert', 'facts'])
def test_an_interrupt_at_any_line_of_other_calls_loses_nothing(tmp_path, call):
    with new_for_format('mjpeg/avi', tmp_path / 'other', imgshape=SHAPE) as other:
        add(other, [4, 5], [])
    video = tmp_path / 'other' / '000000.avi'

    def act(path, interrupter, taken):
        store = new_for_format('mjpeg/avi', path, imgshape=SHAPE, chunksize=4)
        add(store, range(3), taken)
        try:
            with interrupter.on():
                if call == 'record':
                    store.add_extra_data(text='a')
                elif call == 'empty':
                    taken.clear()
                    store.empty()
                elif call == 'insert':
                    store.insert_chunk(str(video), [4, 5], [4.0, 5.0], move=False)
                    taken.extend([4, 5])
                else:
                    assert (store.frame_count, store.frame_max, store.chunks, store.frame_number) == (3, 2, [0], 2)
        except KeyboardInterrupt:
            pass
        add(store, [6, 7], taken)
        return close_in_time(store) or what_is_wrong(path, taken)

    assert not every_line(tmp_path, act)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
def test_interrupted_store_creation_can_be_repeated(tmp_path):
    """After an interrupt at any line of making a store, the store can be made again."""
    for line in range(1, 10000, 3):
        interrupter, store = Interrupter(line), None
        with contextlib.suppress(KeyboardInterrupt), interrupter.on():
            store = new_for_format('png', tmp_path / 's', imgshape=SHAPE, overwrite=True)
        if store is not None:  # an empty one is falsy
            store.close()
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of a lock that was left
            new_for_format('png', tmp_path / 's', imgshape=SHAPE, overwrite=True).close()
        if not interrupter.is_done:
            return


@pytest.mark.parametrize('fmt', ['png', 'npy'])
def test_handler_may_close_store_its_thread_adds_to(tmp_path, fmt):
    """A signal handler may close the store to which its thread is adding images."""
    store = new_for_format(fmt, tmp_path / 's', imgshape=SHAPE)
    before = signal.signal(signal.SIGALRM, lambda *_: store.close())
    taken: list = []
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(StoreClosedError):
            add_for_ever(store, taken)
    finally:
        signal.signal(signal.SIGALRM, before)
    with new_for_filename(tmp_path / 's') as reader:
        assert reader.get_frame_metadata()['frame_number'] == list(range(len(reader)))
        assert len(reader) - len(taken) in (0, 1)


# --- processes

PROGRAM = """
import os, signal, sys, threading, time
import numpy as np
import imgstore
{setup}
def record(store):
    n = 0
    while True:
        store.add_image(np.full((32, 96), n % 200, np.uint8), n, float(n)); n += 1
        os.write(1, b'%d\\n' % n); time.sleep(.002)
{main}
"""
FROM_A_TERMINAL = 'signal.signal(signal.SIGHUP, signal.SIG_DFL)'  # even where what runs the tests ignores it
OTHER_THREAD = """
ready = threading.Event()
def run():
    store = imgstore.new_for_format(sys.argv[2], path=sys.argv[1], imgshape=(32, 96))
    ready.set()
    record(store)
thread = threading.Thread(target=run, daemon={daemon}); thread.start()
"""
MAINS = {
    'with': 'with imgstore.new_for_format(sys.argv[2], path=sys.argv[1], imgshape=(32, 96)) as store: record(store)',
    'global': 'store = imgstore.new_for_format(sys.argv[2], path=sys.argv[1], imgshape=(32, 96)); record(store)',
    'recorded by a thread': 'store = imgstore.new_for_format(sys.argv[2], path=sys.argv[1], imgshape=(32, 96))\n'
    'thread = threading.Thread(target=record, args=(store,)); thread.start(); thread.join()',
    'opened by a thread, joined': OTHER_THREAD.format(daemon=False) + 'thread.join()',
    'opened by a thread, asleep': OTHER_THREAD.format(daemon=False) + 'time.sleep(100)',
    'opened by a daemon': OTHER_THREAD.format(daemon=True) + 'time.sleep(100)',
    'opened by a thread, main ended': OTHER_THREAD.format(daemon=False),
}


def start(tmp_path, main, fmt='png', setup=FROM_A_TERMINAL, wait_for=20):
    """A process that records, once it has added some frames."""
    code = PROGRAM.format(setup=setup, main=main)
    process = subprocess.Popen(
        [sys.executable, '-c', code, str(tmp_path / 's'), fmt], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    for _ in range(wait_for):
        assert not_none(process.stdout).readline()
    return process


def counted(process):
    """How many frames it said to have added, and its exit code."""
    output, _ = process.communicate(timeout=60)
    return int(output.split()[-1]) if output.split() else 0, process.returncode


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize('main', MAINS)
def test_a_signal_that_ends_the_program_leaves_a_complete_store(tmp_path, main, number):
    process = start(tmp_path, MAINS[main])
    process.send_signal(number)
    added, code = counted(process)
    assert code in (128 + number, -number)
    assert not (tmp_path / 's' / '.lock').exists()
    assert not list((tmp_path / 's').glob('.*journal'))
    with new_for_filename(tmp_path / 's') as reader:
        assert len(reader) >= added


@pytest.mark.parametrize('how', ['ignored before', 'ignored after', 'nohup'])
@pytest.mark.parametrize('main', ['with', 'opened by a thread, asleep'])
def test_a_signal_that_is_ignored_stays_so(tmp_path, how, main):
    ignore = 'signal.signal(signal.SIGHUP, signal.SIG_IGN)'
    text = MAINS[main]
    if how == 'ignored after' and main == 'with':
        text = text.replace('record(store)', f'{ignore}; record(store)')
    elif how == 'ignored after':  # by the main thread, which alone may
        text = text.replace('time.sleep(100)', f'time.sleep(.2); {ignore}; time.sleep(100)')
    code = PROGRAM.format(setup=ignore if how == 'ignored before' else '', main=text)
    command = [sys.executable, '-c', code, str(tmp_path / 's'), 'png']
    process = subprocess.Popen(
        ['nohup', *command] if how == 'nohup' else command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    for _ in range(150):
        assert not_none(process.stdout).readline()
    process.send_signal(signal.SIGHUP)
    for _ in range(100):
        assert not_none(process.stdout).readline()
    assert process.poll() is None
    process.terminate()
    counted(process)
    assert not (tmp_path / 's' / '.lock').exists()


HANDLED = "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'mine\\n'), os._exit(5)))"


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('main', ['with', 'opened by a thread, asleep'])
def test_a_programs_own_handler_stays(tmp_path, when, main):
    text = MAINS[main]
    if when == 'after':
        text = (
            text.replace('record(store)', f'{HANDLED}; record(store)')
            if main == 'with'
            else text.replace('time.sleep(100)', f'time.sleep(.2); {HANDLED}; time.sleep(100)')
        )
    process = start(tmp_path, text, setup=HANDLED if when == 'before' else FROM_A_TERMINAL, wait_for=150)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert b'mine' in output
    assert process.returncode == 5


def test_signals_are_the_systems_again_after_the_last_store(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            '-c',
            PROGRAM.format(
                setup=FROM_A_TERMINAL,
                main="""
import ctypes
def own(path): imgstore.new_for_format('npy', path=path, imgshape=(8, 8)).close()
own(sys.argv[1] + '1')
threads = [threading.Thread(target=own, args=(sys.argv[1] + str(k),)) for k in range(2, 6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
assert not ctypes.pythonapi.PyOS_getsig(int(signal.SIGTERM))
assert threading.active_count() == 1
os.kill(os.getpid(), signal.SIGTERM)
""",
            ),
            str(tmp_path / 's'),
        ],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGTERM, done.stderr


ENDS_WHEN_CLOSED = """
def run():
    store = imgstore.new_for_format('png', path=sys.argv[1], imgshape=(32, 96))
    try: record(store)
    except imgstore.errors.StoreClosedError: pass
thread = threading.Thread(target=run); thread.start(); thread.join()
print('went on')
"""


def test_program_does_not_outlive_its_stores_after_signal(tmp_path):
    """A program does not continue without its stores after a signal."""
    for k in range(5):
        (tmp_path / str(k)).mkdir()
        process = start(tmp_path / str(k), ENDS_WHEN_CLOSED)
        process.terminate()
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (-signal.SIGTERM, b'')
        assert b'went on' not in output


@pytest.mark.parametrize('main', ['global', 'recorded by a thread', 'with'])
def test_more_signals_during_completion_change_nothing(tmp_path, main):
    """Further signals that arrive while the store is being completed change nothing."""
    process = start(tmp_path, MAINS[main], fmt='avc1/mp4')
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP, signal.SIGTERM):
        process.send_signal(number)
        time.sleep(0.005)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (128 + signal.SIGTERM, -signal.SIGTERM, -signal.SIGHUP)
    assert b'ignored' not in errors
    assert not (tmp_path / 's' / '.lock').exists()


def test_a_store_opened_by_a_thread_needs_no_thread_for_signals(tmp_path, monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    def make():
        monkeypatch.setattr('imgstore.writing.sigterm._thread.start_new_thread', refuse)
        with new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as store:
            store.add_image(IMAGES[0], 0, 0.0)

    thread = threading.Thread(target=make)
    monkeypatch.setattr('imgstore.writing.sigterm._thread', SimpleNamespace(start_new_thread=None))
    thread.start()
    thread.join(20)
    assert not what_is_wrong(tmp_path / 's', [0])


MULTIPROCESSING = """
import multiprocessing, sys
import numpy as np
import imgstore
STORE = None
def record(path, fmt, end):
    global STORE
    STORE = imgstore.new_for_format(fmt, path=path, imgshape=(32, 96))
    for i in range(100):
        STORE.add_image(np.full((32, 96), i, np.uint8), i, float(i))
    if end == 'exit':
        sys.exit(3)
    assert end == 'return', end
if __name__ == '__main__':
    how, folder, ends, formats = sys.argv[1], sys.argv[2], sys.argv[3].split(), sys.argv[4].split()
    new = multiprocessing.get_context(how).Process
    processes = [new(target=record, args=(f'{folder}/{end}-{fmt[:3]}', fmt, end)) for end in ends for fmt in formats]
    for process in processes: process.start()
    for process in processes: process.join()
    print(*(process.exitcode for process in processes))
"""


@pytest.mark.parametrize('how', ['fork', 'forkserver', 'spawn'])
def test_multiprocessing_process_leaves_complete_store(tmp_path, how):
    """A process of multiprocessing ends with a complete store."""
    script = tmp_path / 'script.py'
    script.write_text(MULTIPROCESSING)
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', str(script), how, str(tmp_path), 'return raise exit', 'png avc1/mp4 npy'],
        check=True,
        timeout=60,
        capture_output=True,
    )
    assert done.stdout.split() == [*[b'0'] * 3, *[b'1'] * 3, *[b'3'] * 3]
    for end in ('return', 'raise', 'exit'):
        for fmt in ('png', 'avc', 'npy'):
            path = tmp_path / f'{end}-{fmt}'
            assert not (path / '.lock').exists()
            with new_for_filename(path) as reader:
                assert len(reader) == 100


def test_signal_to_forked_child_leaves_parents_store_alone(tmp_path):
    """A signal to a forked child does not affect its parent's store."""
    done = subprocess.run(
        [
            sys.executable,
            '-W',
            'ignore',
            '-c',
            PROGRAM.format(
                setup=FROM_A_TERMINAL,
                main="""
def run():
    store = imgstore.new_for_format('png', path=sys.argv[1], imgshape=(32, 96))
    for n in range(50):
        child = os.fork()
        if not child:
            time.sleep(100)
        store.add_image(np.zeros((32, 96), np.uint8), n, float(n))
        os.kill(child, signal.SIGTERM)
        assert os.waitpid(child, 0)[1] == signal.SIGTERM
    store.close()
    print(store.frame_count)
thread = threading.Thread(target=run); thread.start(); thread.join()
""",
            ),
            str(tmp_path / 's'),
        ],
        capture_output=True,
        timeout=120,
    )
    assert done.stdout.split() == [b'50'], done.stderr


def test_daemon_thread_at_python_exit_loses_no_frame(tmp_path):
    """A daemon thread that is recording when Python exits loses nothing."""
    for k in range(4):
        main = OTHER_THREAD.format(daemon=True) + f'ready.wait(); time.sleep(.{k + 2})'
        process = start(tmp_path / str(k), main, wait_for=1)
        added, code = counted(process)
        assert code == 0
        assert not (tmp_path / str(k) / 's' / '.lock').exists()
        with new_for_filename(tmp_path / str(k) / 's') as reader:
            assert len(reader) >= added


def test_real_signals_at_random_moments_leave_stores_that_close(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            '-W',
            'ignore',
            '-c',
            PROGRAM.format(
                setup=FROM_A_TERMINAL,
                main="""
import random
class Stop(BaseException): pass
def stop(*_): raise Stop
signal.signal(signal.SIGALRM, stop)
for k in range(150):
    store = imgstore.new_for_format('jpg' if k % 2 else 'npy', path=f'{sys.argv[1]}{k}', imgshape=(16, 16), chunksize=9)
    taken, image = 0, np.zeros((16, 16), np.uint8)
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(.002, .01), .2)
        while True:
            store.add_image(image, taken, float(taken)); taken += 1
    except Stop:
        signal.setitimer(signal.ITIMER_REAL, 0)
    closer = threading.Thread(target=store.close, daemon=True); closer.start(); closer.join(20)
    if closer.is_alive(): print('hangs', flush=True); os._exit(1)
    with imgstore.new_for_filename(f'{sys.argv[1]}{k}') as reader:
        if len(reader) not in (taken, taken + 1): print(k, taken, len(reader))
""",
            ),
            str(tmp_path / 's'),
        ],
        capture_output=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, b''), done.stderr


def test_an_idle_writer_costs_no_time(tmp_path):
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE):
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.1
