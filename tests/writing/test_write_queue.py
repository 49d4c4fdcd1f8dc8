"""With workers= frames are encoded behind the caller's back; what is kept, and what is told, stays the same."""

import contextlib
import shutil
import threading
import time

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.chunks.images.image_folder import Cv2Codec
from imgstore.errors import FrameWriteError, InvalidArgumentError
from imgstore.writing.write_queue import Task, WriteQueue

from ..helpers.checked import not_none
from ..helpers.format_table import ROWS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPE = (64, 96)
COUNT = 23
PLAIN = [*ROWS]


@pytest.mark.parametrize('workers', [1, 3])
@pytest.mark.parametrize('fmt', PLAIN)
def test_frames_and_records_are_kept_in_the_order_of_the_calls(tmp_path, fmt, workers):
    buffer = np.empty(SHAPE, np.uint8)
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, chunksize=7, workers=workers) as store:
        for number in range(COUNT):
            buffer[:] = numbered(number, SHAPE)  # used again as soon as add_image has returned
            store.add_image(buffer, number, number / 10)
            store.add_extra_data(seen=number)
            assert (store.frame_count, store.frame_number) == (number + 1, number)
        assert (store.chunks, store.frame_max) == ([0, 1, 2, 3], COUNT - 1)
    with new_for_filename(tmp_path / 's') as store:
        assert [index_in(store.get_next_image()[0]) for _ in range(COUNT)] == list(range(COUNT))
        data = not_none(store.get_extra_data())
        assert data['seen'].tolist() == data['frame_number'].tolist() == data['frame_index'].tolist()


def add_and_close(store, *numbers):
    for number in numbers:
        store.add_image(numbered(number, SHAPE), number, 0)
    store.close()


@pytest.mark.parametrize('fmt', ['png', 'mjpeg/avi', 'avc1/mp4'])
def test_failed_frame_is_reported_by_close_at_latest(tmp_path, fmt):
    """A frame that could not be written is reported by close at the latest."""
    store = new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, workers=2)
    store.add_image(numbered(0, SHAPE), 0, 0)
    assert store.chunks == [0]
    shutil.rmtree(tmp_path / 's')
    with raises(FrameWriteError, frame_number=1):
        add_and_close(store, 1, 2, 3)
    with contextlib.suppress(FrameWriteError):  # that frame 0 is gone, if a frame was what failed above
        store.close()
    store.close()


def test_no_thread_is_left_behind(tmp_path):
    before = threading.active_count()
    for _ in range(3):
        with new_for_format('png', tmp_path / 's', imgshape=SHAPE, workers=2, overwrite=True) as store:
            store.add_image(numbered(0, SHAPE), 0, 0)
            assert threading.active_count() == before + 3
    assert threading.active_count() == before


def test_submit_waits_while_queue_exceeds_its_bound():
    """The caller waits while more bytes than the bound are in progress."""
    queue, gate = WriteQueue(workers=1, bound=10), threading.Event()
    done: list = []
    queue.submit(Task(done.append, lambda: gate.wait(10), size=8))
    late = threading.Thread(target=queue.submit, args=(Task(done.append, lambda: 2, size=8),))
    late.start()
    late.join(0.2)
    assert late.is_alive()
    gate.set()
    late.join(10)
    queue.close(Task(lambda _: None))
    assert done == [True, 2]


@pytest.mark.slow
def test_submit_waits_if_task_would_finish_too_late():
    """The caller waits if a task would not be finished in time."""
    queue, ages = WriteQueue(workers=2, bound=1000, patience=0.4), []

    def finish(begun):
        time.sleep(0.02)
        ages.append(time.monotonic() - begun)

    for _ in range(50):
        queue.submit(Task(finish, time.monotonic))
    queue.close(Task(lambda _: None))
    assert len(ages) == 50
    assert sorted(ages)[-3] < 0.4  # a busy machine may stand still for once


@pytest.mark.slow
def test_half_second_of_work_waits_under_any_durability(tmp_path, monkeypatch):
    """At most half a second of work waits in the queue, even where a kill may take the open chunk."""
    encode = Cv2Codec.encode

    def encode_slowly(*arguments):
        time.sleep(0.04)
        return encode(*arguments)

    monkeypatch.setattr(Cv2Codec, 'encode', encode_slowly)
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE, workers=1, durability='chunk') as store:
        for number in range(25):
            store.add_image(numbered(number, SHAPE), number, 0)
        added = time.monotonic()
    assert time.monotonic() - added < 0.6  # and not a second


@pytest.mark.parametrize('kwargs', [{'workers': -1}, {'workers': 1.5}, {'workers': 'two'}, {'buffer_bytes': -1}])
def test_a_wrong_number_is_refused(tmp_path, kwargs):
    with raises(InvalidArgumentError, argument=next(iter(kwargs))):
        new_for_format('png', tmp_path / 's', imgshape=SHAPE, **kwargs)
    assert not (tmp_path / 's').exists()


@pytest.mark.parametrize(('fmt', 'waits'), [(fmt, fmt in ('npy', 'bmp', 'ppm', 'pgm')) for fmt in PLAIN])
def test_raw_images_are_written_before_add_image_returns(tmp_path, fmt, waits):
    """Raw images are written before add_image returns, and other formats in the background."""
    threads = threading.active_count()
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE) as store:
        store.add_image(numbered(0, SHAPE), 0, 0)
        assert (threading.active_count() == threads + 1) is waits


def test_state_is_current_once_a_task_has_ended():
    """Whoever waited for a task sees the state after it, also where taking that is slow."""
    done: list[int] = []

    def state():
        time.sleep(0.02)
        return len(done)

    queue = WriteQueue(0, 2**20)
    queue.watch(state)
    for count in range(1, 4):
        queue.run(Task(lambda _: done.append(1)))
        assert queue.look()[0] == count
    queue.close(Task(lambda _: None))
