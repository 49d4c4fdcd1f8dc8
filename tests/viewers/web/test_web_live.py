"""Growing recordings: the server pushes news, and the page follows."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import imgstore
from imgstore.viewers.web.events import MOST_PAGES

from ...helpers.browser import SHAPE, Browser, Keys, browser
from ...helpers.frames import numbered
from ...helpers.serving import Served, served

pytestmark = pytest.mark.process

START = 1717142400.0


def add(store: imgstore.ImgStore, until: int) -> None:
    for index in range(store.frame_count, until):
        store.add_image(numbered(index, SHAPE), index, START + index / 25)


class News:
    """What a page hears."""

    def __init__(self, page: Served) -> None:
        self.connection = http.client.HTTPConnection('127.0.0.1', page.port, timeout=20)
        self.connection.request('GET', '/api/events')
        self.answer = self.connection.getresponse()

    def __enter__(self) -> News:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self.connection.close()

    def next(self) -> Any:
        while not (line := self.answer.readline()).startswith(b'data: '):
            assert line, 'the stream has ended'
        return json.loads(line.removeprefix(b'data: '))

    def frames(self, store: int = 0) -> int:
        return int(self.next()['stores'][store]['frames'])


def test_each_change_is_pushed_soon(tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE, chunksize=20) as store:
        add(store, 5)
        with served(str(tmp_path / 's')) as page, News(page) as news:
            assert news.answer.headers['Content-Type'].startswith('text/event-stream')
            assert news.frames() == 5
            for until in (6, 30, 55):
                add(store, until)
                began = time.monotonic()
                while news.frames() < until:
                    pass
                assert time.monotonic() - began < 5
            store.close()
            while news.next()['stores'][0]['live']:
                pass


def test_all_pages_hear_the_same(tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store, ExitStack() as stack:
        add(store, 3)
        page = stack.enter_context(served(str(tmp_path / 's')))
        pages = [stack.enter_context(News(page)) for _ in range(6)]
        assert [news.frames() for news in pages] == [3] * 6
        add(store, 9)
        for news in pages:
            while news.frames() < 9:
                pass


@pytest.mark.once
def test_more_pages_than_the_limit_are_refused_until_one_goes(tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store:
        add(store, 3)
    with served(str(tmp_path / 's')) as page, ExitStack() as stack:
        pages = [stack.enter_context(News(page)) for _ in range(MOST_PAGES)]
        assert [news.frames() for news in pages] == [3] * MOST_PAGES
        assert page.ask('/api/events').status == 503
        assert page.get('/api/stores')[0]['frames'] == 3
        pages[0].__exit__()
        end = time.monotonic() + 20
        while not is_heard(page) and time.monotonic() < end:
            time.sleep(0.2)
        assert is_heard(page)


def is_heard(page: Served) -> bool:
    with News(page) as news:
        return news.answer.status == 200


@pytest.mark.once
def test_a_listening_page_does_not_delay_the_end(tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store:
        add(store, 3)
    with served(str(tmp_path / 's')) as page, News(page) as news:
        assert news.frames() == 3
        began = time.monotonic()
        page.process.send_signal(signal.SIGINT)
        assert page.process.wait(20) == 0
        assert time.monotonic() - began < 3


def test_a_store_that_is_gone_is_told(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as store:
        add(store, 3)
        with served(str(tmp_path / 's')) as page, News(page) as news:
            assert news.frames() == 3
            (tmp_path / 's').rename(tmp_path / 'elsewhere')
            while not (told := news.next())['error']:
                pass
            (tmp_path / 'elsewhere').rename(tmp_path / 's')
            while (told := news.next())['error']:
                pass
            assert told['stores'][0]['frames'] == 3


# --- in the browser


@pytest.fixture(scope='module')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp('browser')) as it:
        yield it


def is_following(chromium: Browser) -> bool:
    return bool(chromium.run("return document.getElementById('follow').getAttribute('aria-pressed') === 'true'"))


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4'])
def test_each_new_frame_is_shown_if_it_is_asked_for(chromium: Browser, tmp_path: Path, fmt: str) -> None:
    with imgstore.new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, chunksize=20) as store:
        add(store, 5)
        with served(str(tmp_path / 's')) as page:
            chromium.open(page.url)
            chromium.press(Keys.END)
            chromium.wait_for_frame(4, 4)
            chromium.run("""window.seen = []; const number = document.getElementById('number');
                new MutationObserver(() => window.seen.push(Number(number.textContent)))
                    .observe(number, {childList: true, characterData: true})""")
            chromium.switch('every')
            chromium.press('f')
            for until in range(6, 47, 2):
                add(store, until)
                time.sleep(0.08)
            store.close()
            chromium.wait_for_frame(45, 45)
            assert chromium.run('return window.seen') == list(range(5, 46))
            assert chromium.errors() == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize('leave', ['step', 'timeline', 'key'])
def test_moving_ends_following(chromium: Browser, tmp_path: Path, leave: str) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE, chunksize=20) as store:
        add(store, 30)
        with served(str(tmp_path / 's')) as page:
            chromium.open(page.url)
            chromium.press('f')
            chromium.wait_for_frame(29, 29)
            assert is_following(chromium)
            add(store, 40)
            chromium.wait_for_frame(39, 39)
            if leave == 'step':
                chromium.press(Keys.ARROW_LEFT)
            elif leave == 'timeline':
                chromium.click_at('#timeline', 0.2)
            else:
                chromium.press(Keys.HOME)
            chromium.wait_for(lambda: not is_following(chromium))
            chromium.wait_for(lambda: chromium.text('number') != '39')
            stays = chromium.text('number')
            add(store, 50)
            chromium.wait_for(lambda: chromium.text('facts').startswith('50 frames'))
            assert chromium.text('number') == stays
            assert chromium.errors() == []


@pytest.mark.slow
@pytest.mark.browser
def test_two_growing_recordings_are_followed_together(chromium: Browser, tmp_path: Path) -> None:
    with (
        imgstore.new_for_format('png', tmp_path / 'a', imgshape=SHAPE) as one,
        imgstore.new_for_format('png', tmp_path / 'b', imgshape=SHAPE) as other,
    ):
        add(one, 10)
        add(other, 10)
        with served(str(tmp_path / 'a'), str(tmp_path / 'b')) as page:
            chromium.open(page.url)
            chromium.press('f')
            chromium.wait_for_frame(9, 9)
            for until in (15, 31):
                add(one, until)
                add(other, until)
                chromium.wait_for_frame(until - 1, until - 1)
                chromium.wait_for(lambda until=until: chromium.shown(1) == until - 1)
            assert chromium.errors() == []
