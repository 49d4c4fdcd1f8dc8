"""Callbacks: which frames they get, and what if they are slow or fail."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from imgstore.errors import InvalidArgumentError
from imgstore.recording import FrameListener, RecordedFrame
from imgstore.recording.listeners import Drop

pytestmark = pytest.mark.once

IMAGE = np.zeros((2, 2), np.uint8)


def frame(number: int) -> RecordedFrame:
    return RecordedFrame('camera', IMAGE, number, float(number), float(number), None, 'Mono8')


@pytest.mark.parametrize(('drop', 'got'), [('oldest', [0, 8, 9]), ('newest', [0, 1, 2])])
def test_a_slow_callback_gets_as_many_frames_as_may_wait(drop: Drop, got: list[int]) -> None:
    goes_on, has_begun, seen = threading.Event(), threading.Event(), []

    def callback(each: RecordedFrame) -> None:
        has_begun.set()
        goes_on.wait()
        seen.append(each.number)

    listener = FrameListener(callback, queue_size=2, drop=drop)
    listener.start()
    listener.offer(frame(0))
    assert has_begun.wait(5)
    for number in range(1, 10):
        listener.offer(frame(number))
    goes_on.set()
    listener.end(5)
    assert seen == got
    assert (listener.called, listener.dropped) == (3, 7)


def test_a_callback_that_fails_is_not_called_again() -> None:
    seen = []

    def callback(each: RecordedFrame) -> None:
        seen.append(each.number)
        raise KeyError('broken')

    listener = FrameListener(callback, queue_size=100)
    listener.start()
    for number in range(10):
        listener.offer(frame(number))
        time.sleep(0.001)
    listener.end(5)
    assert seen == [0]
    assert isinstance(listener.error, KeyError)


def test_all_that_waits_at_the_end_is_given() -> None:
    seen: list[int] = []
    listener = FrameListener(lambda each: seen.append(each.number), queue_size=1000)
    for number in range(500):
        listener.offer(frame(number))
    listener.start()
    listener.end(5)
    assert seen == list(range(500))
    listener.offer(frame(500))
    assert listener.called == 500


@pytest.mark.parametrize('options', [{'queue_size': 0}, {'queue_size': 1.5}, {'drop': 'some'}, {'callback': 7}])
def test_wrong_arguments_are_refused(options: dict) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        FrameListener(**{'callback': print, **options})
    assert caught.value.argument == next(iter(options))
