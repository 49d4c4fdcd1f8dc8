"""Tests that no thread is left with real-time scheduling."""

import os
import sys
import threading

import numpy as np
import pytest

import imgstore
from imgstore._support.scheduling import same_scheduling

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='threads have policies of their own on Linux only')


def policies():
    return {os.sched_getscheduler(int(thread)) for thread in os.listdir('/proc/self/task')}


def test_an_encoder_leaves_no_thread_in_real_time(tmp_path):
    # as root, SVT-AV1 asks for real-time threads; this one cannot be tested as another user
    with imgstore.new_for_format('av1/mp4', tmp_path / 'store', imgshape=(64, 96), chunksize=4) as store:
        for number in range(10):
            store.add_image(np.full((64, 96), number, np.uint8), number, number)
            assert policies() == {os.SCHED_OTHER}
    assert policies() == {os.SCHED_OTHER}


def test_real_time_that_is_set_meanwhile_is_undone():
    require_root()
    go, set_up = threading.Event(), threading.Event()

    def wait():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        set_up.set()
        go.wait(10)

    thread = threading.Thread(target=wait)
    try:
        with same_scheduling():
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            thread.start()
            assert set_up.wait(10)
        assert policies() == {os.SCHED_OTHER}
    finally:
        go.set()
        thread.join()


def test_a_thread_that_was_in_real_time_stays_so():
    require_root()
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        with same_scheduling():
            pass
        assert os.SCHED_RR in policies()
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def require_root():
    if os.geteuid() != 0:
        pytest.skip('only root may ask for real-time scheduling')
