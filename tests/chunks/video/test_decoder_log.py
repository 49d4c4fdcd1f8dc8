"""FFmpeg logs only while it is needed."""

from __future__ import annotations

import threading

import av.logging

from imgstore.chunks.video.decoder_log import logged_errors, logged_warnings


def levels() -> tuple[int | None, bool]:
    return av.logging.get_level(), av.logging.get_skip_repeated()


def test_the_level_is_as_before() -> None:
    before = levels()
    with logged_errors():
        assert levels() == (av.logging.ERROR, False)
        with logged_warnings():
            assert levels() == (av.logging.WARNING, False)
        assert levels() == (av.logging.ERROR, False)
    assert levels() == before


def test_the_level_is_as_before_when_threads_end_in_the_order_of_their_start() -> None:
    before, inside, go_on = levels(), threading.Event(), threading.Event()

    def second() -> None:
        with logged_warnings():
            inside.set()
            go_on.wait(10)

    thread = threading.Thread(target=second)
    with logged_errors():
        thread.start()
        assert inside.wait(10)
    assert levels() == (av.logging.WARNING, False)
    go_on.set()
    thread.join()
    assert levels() == before
