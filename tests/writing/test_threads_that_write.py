"""One store, written by any number of threads at once and stopped by any of them."""

import gc
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pytest

from imgstore import ImgStore, get_supported_formats, new_for_filename, new_for_format
from imgstore.errors import FrameWriteError, InvalidArgumentError, StoreClosedError, StoreIOError, StoreModeError

from ..helpers.checked import not_none
from ..helpers.format_table import VIDEO_FORMATS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPE = (32, 96)
IMAGES = [numbered(index, SHAPE) for index in range(512)]
FORMATS = [fmt for fmt in get_supported_formats() if '+' not in fmt]
FEW = ['npy', 'png', 'mjpeg/avi', 'avc1/mp4']


def in_threads(*jobs):
    """Run jobs at once; what the first that fails raises."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result(120)


def numbers_and_wrong(path):
    """The frame numbers of a store, and those whose image is another's."""
    with new_for_filename(path) as reader:
        numbers = reader.get_frame_metadata()['frame_number']
        images, *_ = reader.get_images(frame_indices=range(len(numbers)))
    return numbers, [number for number, image in zip(numbers, images, strict=True) if index_in(image) != number % 512]


@pytest.mark.parametrize('workers', [0, None, 2])
@pytest.mark.parametrize('fmt', FORMATS)
@pytest.mark.once
def test_frames_of_several_threads_keep_their_numbers(tmp_path, fmt, workers):
    """All frames that several threads add are stored, each under its own number."""
    store = new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, chunksize=17, workers=workers)

    def camera(first):
        for number in range(first, 120, 3):
            store.add_image(IMAGES[number], number, float(number))

    in_threads(*[lambda first=first: camera(first) for first in range(3)])
    assert store.frame_count == 120
    store.close()
    numbers, wrong = numbers_and_wrong(tmp_path / 's')
    assert sorted(numbers) == list(range(120))
    assert not wrong
    for first in range(3):  # each thread's own frames are in its order
        assert [number for number in numbers if number % 3 == first] == list(range(first, 120, 3))


@pytest.mark.parametrize('fmt', FEW)
def test_sensor_thread_records_join_latest_frame(tmp_path, fmt):
    """Records from a sensor's thread go with the latest frame, and no record is lost."""
    store, end = new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, chunksize=5), threading.Event()
    taken: list = []

    def sensor():
        while not end.is_set():
            store.add_extra_data(k=len(taken))
            taken.append(store.frame_count)
            time.sleep(0.0003)

    def camera():
        for number in range(200):
            store.add_image(IMAGES[number], number, float(number))
            time.sleep(0.001)
        end.set()

    store.add_image(IMAGES[0], -1, 0.0)
    in_threads(sensor, camera)
    store.close()
    with new_for_filename(tmp_path / 's') as reader:
        records = not_none(reader.get_extra_data()).sort_values('k')
        numbers = reader.get_frame_metadata()['frame_number']
    assert list(records['k']) == list(range(len(taken)))
    assert [numbers[index] for index in records['frame_index']] == list(records['frame_number'])
    assert all(index < count for index, count in zip(records['frame_index'], taken, strict=True))


@pytest.mark.parametrize('fmt', FEW)
@pytest.mark.parametrize('pause', [0, 0.002])
@pytest.mark.once
def test_what_add_image_took_before_a_stop_is_in_the_store(tmp_path, fmt, pause):
    for k in range(6):
        store = new_for_format(fmt, tmp_path / str(k), imgshape=SHAPE, chunksize=20)
        taken: list = []

        def camera(store=store, taken=taken):
            while True:
                number = len(taken)
                try:
                    store.add_image(IMAGES[number % 512], number, float(number))
                except StoreClosedError:
                    return
                taken.append(number)
                time.sleep(pause)

        def stop(store=store, k=k):
            time.sleep(0.05 + k * 0.0037)
            store.close()

        in_threads(camera, stop, stop)
        numbers, wrong = numbers_and_wrong(tmp_path / str(k))
        assert numbers[: len(taken)] == taken
        assert len(numbers) - len(taken) in (0, 1)
        assert not wrong
        assert not (tmp_path / str(k) / '.lock').exists()


def test_any_mix_of_calls_from_any_thread_is_right(tmp_path):
    with new_for_format('mjpeg/avi', tmp_path / 'film', imgshape=SHAPE) as film:
        for number in range(400, 405):
            film.add_image(IMAGES[number], number, 0.0)
    store = new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, chunksize=7)

    def camera(first):
        for number in range(first, 200, 2):
            store.add_image(IMAGES[number], number, float(number))

    def inserter():
        for _ in range(5):
            store.insert_chunk(str(tmp_path / 'film' / '000000.avi'), range(400, 405), [0.0] * 5, move=False)
            time.sleep(0.01)

    def sensor():
        for k in range(100):
            store.add_extra_data(k=k)

    def watcher():
        for _ in range(100):
            assert store.frame_count <= 225
            assert len(store.chunks) <= 60
            assert 0 <= store.frame_max <= 404 or store.frame_max != store.frame_max

    in_threads(lambda: camera(0), lambda: camera(1), inserter, sensor, watcher)
    store.close()
    numbers, wrong = numbers_and_wrong(tmp_path / 's')
    assert sorted(numbers) == sorted([*range(200), *[*range(400, 405)] * 5])
    assert not wrong
    with new_for_filename(tmp_path / 's') as reader:
        assert sorted(not_none(reader.get_extra_data())['k']) == list(range(100))


def test_what_came_after_empty_is_there_and_nothing_from_before(tmp_path):
    store, started = new_for_format('png', tmp_path / 's', imgshape=SHAPE, chunksize=3), threading.Event()

    def camera():
        for number in range(150):
            store.add_image(IMAGES[number], number, float(number))
            started.set()

    def emptier():
        started.wait()
        for _ in range(5):
            time.sleep(0.005)
            store.empty()

    in_threads(camera, emptier)
    store.close()
    numbers, wrong = numbers_and_wrong(tmp_path / 's')
    assert numbers == list(range(150 - len(numbers), 150))
    assert not wrong


def test_failed_frame_is_reported_to_its_waiting_thread(tmp_path, monkeypatch):
    """A frame that fails is reported to the thread that added it, if that thread waits."""
    store = new_for_format('npy', tmp_path / 's', imgshape=SHAPE)
    write = not_none(store._writer)._recorder.add

    def fail_if_odd(prepared, number, time):
        if number % 2:
            raise FrameWriteError(f'frame #{number}')
        write(prepared, number, time)

    monkeypatch.setattr(not_none(store._writer)._recorder, 'add', fail_if_odd)
    failed = []

    def camera(first):
        for number in range(first, 60, 2):
            try:
                store.add_image(IMAGES[number], number, 0.0)
            except FrameWriteError as error:
                failed.append((number, str(error)))

    in_threads(lambda: camera(0), lambda: camera(1))
    store.close()
    assert failed == [(number, f'frame #{number}') for number in range(1, 60, 2)]
    assert numbers_and_wrong(tmp_path / 's') == (list(range(0, 60, 2)), [])


def open_writer(store):
    """Return the writer of the open chunk."""
    return not_none(store._writer)._ask(lambda recorder: recorder)._open.writer


@pytest.mark.parametrize('error', [MemoryError(), RuntimeError('encoder refused'), OSError('no')])
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_a_close_that_fails_names_the_frames_that_are_lost(tmp_path, fmt, error, monkeypatch):
    store = new_for_format(fmt, tmp_path / 's', imgshape=SHAPE)
    for number in range(3):
        store.add_image(IMAGES[number], number, 0.0)
    writer = open_writer(store)

    def fail(*_):
        writer.discard()  # so that none of it can be read
        raise error

    monkeypatch.setattr(writer, 'close', fail)
    with raises(FrameWriteError, frame_numbers=(0, 1, 2)):
        store.close()
    assert not (tmp_path / 's' / '.lock').exists()
    store.close()
    with pytest.raises(StoreClosedError):
        store.add_image(IMAGES[0], 3, 0.0)


@pytest.mark.parametrize('fmt', FEW)
def test_failed_close_names_frame_that_failed_before(tmp_path, fmt, monkeypatch):
    """A close that fails still names a frame that failed before it."""
    store = new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, workers=1)
    for number in range(3):
        store.add_image(IMAGES[number], number, 0.0)
    recorder = not_none(store._writer)._ask(lambda recorder: recorder)
    monkeypatch.setattr(recorder, 'add', _fail)
    store.add_image(IMAGES[3], 33, 0.0)
    monkeypatch.setattr(recorder, '_write_index_and_records', _fail)
    with raises(FrameWriteError, frame_number=33, frame_numbers=(33,)):
        store.close()
    assert not (tmp_path / 's' / '.lock').exists()


def _fail(*_):
    raise MemoryError


def test_lost_non_ascending_frames_are_named_one_by_one(tmp_path, monkeypatch):
    """Lost frames are named one by one if their numbers do not ascend."""
    store = new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE)
    for number in (50, 7, 900, 20, 8, 9):
        store.add_image(IMAGES[number % 512], number, 0.0)
    writer = open_writer(store)
    writer.discard()
    monkeypatch.setattr(writer, 'close', _fail)
    with raises(FrameWriteError, frame_numbers=(7, 8, 9, 20, 50, 900)):
        store.close()


@pytest.mark.parametrize('workers', [0, 1])
def test_one_failure_in_several_threads_names_lost_frames(tmp_path, workers, monkeypatch):
    """If several threads meet the same failure, their errors name the lost frames."""
    store = new_for_format('tif', tmp_path / 's', imgshape=SHAPE, workers=workers)
    monkeypatch.setattr(not_none(store._writer)._recorder, 'add', _fail_slowly)
    told = []

    def camera(first):
        for number in range(first, 60, 3):
            try:
                store.add_image(IMAGES[number], number, 0.0)
            except (FrameWriteError, MemoryError) as error:
                told.append(error)

    in_threads(*[lambda first=first: camera(first) for first in range(3)])
    try:
        store.close()
    except FrameWriteError as error:
        told.append(error)
    assert told
    assert all(isinstance(error, MemoryError) or error.frame_numbers for error in told)


def _fail_slowly(*_):
    time.sleep(0.002)
    raise MemoryError


class Closes:
    """In a cycle, so that the garbage collector calls it, in whatever thread makes it run."""

    def __init__(self, act):
        self.act, self.me = act, self
        self.store: ImgStore | None = None

    def __del__(self):
        self.act()


@pytest.mark.parametrize('workers', [0, 3])
@pytest.mark.parametrize('fmt', ['npy', 'png', 'avc1/mp4', 'bpk'])
@pytest.mark.once
def test_store_closed_by_garbage_collector_is_complete(tmp_path, fmt, workers):
    """A store that the garbage collector closes in any thread is complete, and nothing hangs."""
    before, hung = gc.get_threshold(), []
    gc.set_threshold(10, 2, 2)
    try:
        for k in range(4):
            store = new_for_format(fmt, tmp_path / str(k), imgshape=SHAPE, chunksize=3, workers=workers)
            read = Closes(lambda store=store: (store.frame_count, store.chunks, store.duration))
            for number in range(6):
                store.add_image(IMAGES[number], number, float(number))
            read.store = store  # the store is part of the cycle
            thread = threading.Thread(target=gc.collect, daemon=True)
            del store, read
            thread.start()
            thread.join(20)
            hung.append(thread.is_alive())
    finally:
        gc.set_threshold(*before)
    assert not any(hung)
    for k in range(4):
        for _ in range(200):
            if not (tmp_path / str(k) / '.lock').exists():
                break
            time.sleep(0.05)
        assert numbers_and_wrong(tmp_path / str(k)) == (list(range(6)), [])


@pytest.mark.parametrize('where', ['encode', 'commit'])
@pytest.mark.parametrize('fmt', ['bmp', 'png'])
def test_finalizer_in_store_thread_may_close_but_not_write(tmp_path, fmt, where, monkeypatch):
    """A finalizer in a thread of the store may close the store and is refused if it writes."""
    store, outcomes = new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, workers=2), []

    def finalize():
        assert store.frame_count >= 0
        assert isinstance(store.chunks, list)
        for act in (lambda: store.add_image(IMAGES[1], 9, 0.0), lambda: store.add_extra_data(k=1), store.empty):
            try:
                act()
            except StoreModeError as error:
                outcomes.append(type(error))
        store.close()
        finalized.set()

    finalized = threading.Event()
    holder, method = {
        'encode': (not_none(store._writer)._chunks, 'encode'),
        'commit': (not_none(store._writer)._recorder, 'add'),
    }[where]
    original, once = getattr(holder, method), iter([finalize])
    monkeypatch.setattr(holder, method, lambda *args: (next(once, int)(), original(*args))[1])
    store.add_image(IMAGES[0], 0, 0.0)
    assert finalized.wait(20)
    closer = threading.Thread(target=store.close, daemon=True)
    closer.start()
    closer.join(20)
    assert not closer.is_alive()
    assert outcomes == [StoreModeError] * 3
    assert numbers_and_wrong(tmp_path / 's') == ([0], [])


@pytest.mark.parametrize('fmt', ['npy', 'png', 'avc1/mp4'])
@pytest.mark.parametrize('allowed', [0, 1, 2])
def test_failed_thread_start_makes_nothing_and_frees_lock(tmp_path, fmt, allowed, monkeypatch):
    """If no thread can be started, no store is made and the lock is free."""
    start = threading.Thread.start
    started: list = []

    def refuse(thread):
        if len(started) >= allowed:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, 'start', refuse)
    workers = 2 if fmt != 'npy' or allowed else 0
    with pytest.raises(StoreIOError, match='ulimit'):
        new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, workers=workers)
    assert not (tmp_path / 's').exists()
    monkeypatch.undo()
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE) as store:
        store.add_image(IMAGES[0], 0, 0.0)


@pytest.mark.process
def test_at_the_systems_own_limit_of_threads_too(tmp_path):
    script = """
import sys, threading, numpy, imgstore, av
from imgstore.errors import StoreIOError
threading.stack_size(1 << 36)
try:
    imgstore.new_for_format('png', path=sys.argv[1], imgshape=(32, 96))
except StoreIOError as error:
    print(error)
threading.stack_size(0)
imgstore.new_for_format('png', path=sys.argv[1], imgshape=(32, 96)).close()
"""
    limited = 'ulimit -v 20000000; exec "$0" -W ignore -c "$1" "$2"'
    done = subprocess.run(
        ['bash', '-c', limited, sys.executable, script, str(tmp_path / 's')], capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert b'no thread' in done.stdout


SECONDS = [np.datetime64('2026-03-01T11:00', unit) for unit in ('s', 'ms', 'us', 'ns', 'ps')]
DURATIONS = [np.timedelta64(1500, unit) for unit in ('s', 'ms', 'us', 'ns', 'ps', 'D')]
NO_NUMBERS = [
    *SECONDS,
    *DURATIONS,
    np.complex128(1 + 2j),
    np.complex64(1),
    1j,
    True,
    False,
    np.bool_(True),
    'one',
    b'1',
    np.array(True),
    np.array(SECONDS[3]),
    np.array(DURATIONS[0]),
    np.array([1]),
    np.array([[2.0]]),
    [1],
    None,
    np.ma.masked,
    Decimal('1e999'),
    np.longdouble('1e4000'),
]


@pytest.mark.parametrize('value', NO_NUMBERS, ids=repr)
def test_non_numbers_are_refused_as_number_or_time(tmp_path, value):
    """Every method that takes a number or a time refuses what is not a number."""
    store = new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE)
    for number, time_ in ((value, 0.0), (0, value)):
        with pytest.raises(InvalidArgumentError):
            store.add_image(IMAGES[0], number, time_)
    store.add_image(IMAGES[0], 0, 0.0)
    store.close()
    video = str(tmp_path / 's' / '000000.avi')
    with new_for_format('mjpeg/avi', tmp_path / 't', imgshape=SHAPE) as store:
        for numbers, times in (([value], [0.0]), ([0], [value])):
            with pytest.raises(InvalidArgumentError):
                store.insert_chunk(video, numbers, times, move=False)
    with new_for_filename(tmp_path / 's') as reader:
        for read in (reader.get_image, reader.get_nearest_image):
            with pytest.raises(InvalidArgumentError):
                read(value)


@pytest.mark.parametrize(
    'value', [np.uint64(2**64 - 1), np.uint64(2**63), 2**63, -(2**63) - 1, 1e19, np.float64(-1e300)]
)
def test_a_number_beyond_int64_gets_the_range_that_is_allowed(tmp_path, value):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as store:
        with raises(InvalidArgumentError, argument='frame_number'):
            store.add_image(IMAGES[0], value, 0.0)
        store.add_image(IMAGES[0], np.uint64(2**63 - 1), np.float32(1))
        store.add_image(IMAGES[0], np.int8(-1), np.array(2.0))
    with new_for_filename(tmp_path / 's') as reader, raises(InvalidArgumentError, argument='frame_number'):
        reader.get_image(value)
