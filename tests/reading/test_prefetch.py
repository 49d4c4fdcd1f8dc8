"""Frames read before they are asked for, and frames that are kept: always the right ones, never more than allowed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video.frame_cache import FrameCache
from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.reading.prefetch import Prefetcher

from ..helpers.display import python_env
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPE = (64, 96)
FORMATS = ('png', 'npy', 'mjpeg/avi', 'avc1/mp4', 'h264/mkv')


@pytest.fixture(params=FORMATS)
def recording(request, tmp_path):
    with new_for_format(request.param, tmp_path / 's', imgshape=SHAPE, chunksize=23) as store:
        for number in range(60):
            store.add_image(numbered(number, SHAPE), number, number / 10)
    return tmp_path / 's'


def test_walks_with_turns_give_the_frame_that_was_asked_for(recording):
    walk = [*range(30), 3, 4, 5, 6, 7, *range(50, 20, -1), 21, 22, 23, 24, 25, 59, 0, *range(40, 60)]
    with new_for_filename(recording) as store:
        assert [index_in(store.get_image(None, frame_index=index)[0]) for index in walk] == walk


def test_without_a_cache_nothing_is_read_ahead_and_all_is_right(recording):
    with new_for_filename(recording, cache_bytes=0) as store:
        threads = threading.active_count()
        assert [index_in(store.get_next_image()[0]) for _ in range(60)] == list(range(60))
        assert threading.active_count() == threads


@pytest.mark.parametrize('cache_bytes', [-1, 1.5, None, 'much'])
def test_cache_bytes_is_checked(recording, cache_bytes):
    with raises(InvalidArgumentError, argument='cache_bytes'):
        new_for_filename(recording, cache_bytes=cache_bytes)


def test_missing_prefetched_frame_is_reported_in_turn(tmp_path):
    """A missing frame that was read ahead is reported only when its turn comes."""
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE, chunksize=100) as store:
        for number in range(30):
            store.add_image(numbered(number, SHAPE), number, number)
    (tmp_path / 's' / '000000' / '000017.png').unlink()
    with new_for_filename(tmp_path / 's') as store:
        assert [index_in(store.get_next_image()[0]) for _ in range(17)] == list(range(17))
        for _ in range(2):
            with raises(FrameReadError, index_in_chunk=17, chunk=0):
                store.get_next_image()
        assert index_in(store.get_image(18)[0]) == 18


def test_an_image_is_the_callers_own(recording):
    with new_for_filename(recording) as store:
        for number in range(20):
            image, _ = store.get_next_image()
            assert index_in(image) == number
            image[:] = 0
        for number in range(19, -1, -1):
            image, _ = store.get_image(number)
            assert index_in(image) == number
            image[:] = 0


def test_decoding_can_be_disabled_during_read_ahead(tmp_path):
    """Decoding can be switched off while frames are being read ahead."""
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, encoding='cv_bayerrg') as store:
        for number in range(20):
            store.add_image(numbered(number, SHAPE), number, number)
    with new_for_filename(tmp_path / 's') as store:
        assert {store.get_next_image()[0].ndim for _ in range(8)} == {3}
        store.disable_decoding()
        rest = [store.get_next_image()[0] for _ in range(12)]
        assert [image.ndim for image in rest] == [2] * 12
        assert list(map(index_in, rest)) == list(range(8, 20))


def test_closing_ends_the_threads(recording):
    threads = threading.active_count()
    store = new_for_filename(recording)
    for _ in range(10):
        store.get_next_image()
    store.close()
    assert threading.active_count() == threads


# --- the parts


def test_planned_reads_begin_in_order_one_at_a_time():
    """Planned reads begin in order and only in one thread at a time."""
    begun, inside = [], []

    def begin(key):
        inside.append(key)
        time.sleep(0.001)
        assert inside == [key]
        inside.clear()
        begun.append(key)
        return lambda: key * 2

    ahead = Prefetcher(begin, threading.Lock(), threads=4)
    ahead.schedule(range(20))
    assert [ahead.result(key) for key in range(20)] == [key * 2 for key in range(20)]
    assert begun == list(range(20))
    ahead.close()


def test_what_is_no_longer_planned_is_not_begun():
    gate, begun = threading.Event(), []

    def begin(key):
        gate.wait(10)
        begun.append(key)
        return lambda: key

    ahead = Prefetcher(begin, threading.Lock(), threads=1)
    ahead.schedule([1, 2, 3])
    while not ahead._planned[1].running():
        time.sleep(0.001)
    ahead.schedule([3, 4])
    gate.set()
    assert [ahead.result(key) for key in (1, 2, 3, 4)] == [None, None, 3, 4]
    assert begun == [1, 3, 4]
    ahead.close()


def test_what_failed_ahead_is_none():
    def fail():
        raise OSError('no')

    ahead = Prefetcher(lambda key: fail if key else fail(), threading.Lock(), threads=1)
    ahead.schedule([0, 1])
    assert ahead.result(0) is ahead.result(1) is None
    ahead.close()


def test_a_closed_reader_keeps_no_frames(recording):
    """Which would else wait for the garbage collector; and that comes late, as it counts objects and not bytes."""
    store = new_for_filename(recording)
    for index in (15, 3, 4, 5, 6, 39, 38, 37):
        store.get_image(None, frame_index=index)
    store.close()
    assert store._require_reader()._chunks._kept.size == 0


class Frame:
    def __init__(self, size: int) -> None:
        self.planes = [type('Plane', (), {'buffer_size': size})]


def test_kept_frames_hold_no_more_than_they_may():
    kept = FrameCache(100)
    frames = {index: Frame(40) for index in range(4)}
    for index, frame in frames.items():
        kept.put(index, frame)
    assert [kept.get(index) for index in range(4)] == [None, None, frames[2], frames[3]]
    kept.put(2, frames[0])
    kept.put(5, frames[1])
    assert [kept.get(2), kept.get(3), kept.get(5)] == [frames[0], None, frames[1]]
    kept.put(6, Frame(101))
    assert kept.get(6) is None


@pytest.mark.parametrize('fmt', FORMATS)
@pytest.mark.parametrize('shape', [(64, 96), (64, 128, 3), (66, 98, 3)])
def test_held_or_changed_images_affect_no_other(tmp_path, fmt, shape):
    """Images that the caller holds or changes affect no other image."""
    with new_for_format(fmt, tmp_path / 's', imgshape=shape) as store:
        for number in range(90):
            store.add_image(numbered(number, shape), number, number / 10)
    with new_for_filename(tmp_path / 's') as store:
        held = [store.get_next_image()[0] for _ in range(60)]
        changed = held[::2]
        for image in changed:
            image[:] = 0
        assert [index_in(image) for image in held[1::2]] == list(range(1, 60, 2))
        assert [index_in(store.get_next_image()[0]) for _ in range(30)] == list(range(60, 90))
        assert not any(image.any() for image in changed)


@pytest.mark.process
@pytest.mark.parametrize('fmt', ['mjpeg/avi', 'avc1/mp4'])
@pytest.mark.slow
def test_the_memory_of_many_held_images_is_given_back(tmp_path, fmt):
    code = """if True:
        import ctypes
        import sys
        import numpy as np
        from imgstore import new_for_filename, new_for_format

        def resident():
            ctypes.CDLL(None).malloc_trim(0)  # what is free already
            with open('/proc/self/statm') as file:
                return int(file.read().split()[1]) * 4096 / 2**20

        path, fmt = sys.argv[1:]
        with new_for_format(fmt, path, imgshape=(480, 640, 3)) as store:
            for number in range(200):
                store.add_image(np.full((480, 640, 3), number, np.uint8), number, number)
        with new_for_filename(path) as store:
            for _ in range(20):
                store.get_next_image()
            before = resident()
            held = [store.get_next_image()[0] for _ in range(150)]
            grown = resident() - before
            del held
            for _ in range(20):
                store.get_next_image()
            assert grown > 100, grown
            assert resident() - before < grown / 3, (before, grown, resident())
    """
    subprocess.run([sys.executable, '-c', code, str(tmp_path / 's'), fmt], check=True, env=python_env())
