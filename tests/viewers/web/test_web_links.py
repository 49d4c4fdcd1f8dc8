"""Links, sessions and a proxy's prefix as a real browser meets them."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import imgstore

from ...helpers.browser import SHAPE, Browser, browser
from ...helpers.frames import numbered
from ...helpers.serving import Served, served

pytestmark = pytest.mark.browser

SHOWN = "return document.getElementById('number')?.textContent ?? ''"


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp('stores') / 'left'
    with imgstore.new_for_format('png', path, imgshape=SHAPE) as made:
        for number in range(30):
            made.add_image(numbered(number, SHAPE), number, number / 25)
    return str(path)


@pytest.fixture(scope='module')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp('browser')) as it:
        yield it


@pytest.fixture
def page(store: str) -> Iterator[Served]:
    with served('--token', store) as it:
        yield it


@contextmanager
def handled(answer: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A server of another's at a port of its own."""
    with ThreadingHTTPServer(('127.0.0.1', 0), answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...

    def respond(self, body: bytes, status: int = 200, headers: list[tuple[str, str]] | None = None) -> None:
        self.send_response(status)
        for name, value in headers or [('Content-Type', 'text/html'), ('Content-Length', str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def test_a_link_opens_the_page_and_leaves_the_address(chromium: Browser, page: Served) -> None:
    chromium.open(page.url)
    assert 'token' not in chromium.driver.current_url
    chromium.wait_for_frame(0, 0)
    assert chromium.errors() == []


@pytest.mark.slow
def test_a_reload_and_the_bare_address_lead_to_the_page_again(chromium: Browser, page: Served) -> None:
    chromium.open(page.url)
    home = chromium.driver.current_url.split('#')[0]
    chromium.driver.refresh()
    chromium.wait_for(lambda: chromium.text('number') == '0')
    chromium.driver.get(f'http://127.0.0.1:{page.port}/#index=7')
    chromium.wait_for_frame(7, 7)
    assert chromium.driver.current_url.split('#')[0] == home


@pytest.mark.slow
def test_from_a_file_the_link_opens_the_page(chromium: Browser, page: Served, tmp_path: Path) -> None:
    (tmp_path / 'open.html').write_text(f'<meta http-equiv="refresh" content="0; url={page.url}">')
    chromium.driver.get((tmp_path / 'open.html').as_uri())
    chromium.wait_for_frame(0, 0)
    assert '/session-' in chromium.driver.current_url
    assert 'again' not in chromium.driver.current_url


@pytest.mark.slow
def test_a_used_link_shows_a_stranger_nothing(chromium: Browser, page: Served) -> None:
    assert page.open(page.url)[0].status == 303
    chromium.driver.get(page.url)
    chromium.wait_for(lambda: 'Each works once' in chromium.run('return document.body.textContent'))
    time.sleep(0.5)
    assert chromium.run(SHOWN) == ''
    chromium.errors()


@pytest.mark.slow
def test_the_cookie_is_sent_to_no_other_port(chromium: Browser, page: Served) -> None:
    seen: list[str] = []

    class Other(Quiet):
        def do_GET(self) -> None:
            seen.append(self.headers.get('Cookie', ''))
            self.respond(b'<p>other</p>')

    chromium.open(page.url)
    with handled(Other) as port:
        for path in ('/', '/session-/', '/api/stores', '/session-aaaaaaaaaaaaaaaaaaaaaa/'):
            chromium.driver.get(f'http://127.0.0.1:{port}{path}')
    assert len(seen) >= 4
    assert not [cookie for cookie in seen if 'imgstore' in cookie]


@pytest.mark.slow
def test_the_button_makes_a_link_that_opens_once(chromium: Browser, page: Served) -> None:
    chromium.open(page.url)
    chromium.click('link')
    chromium.wait_for(lambda: 'token=' in chromium.value('link-address'))
    link = chromium.value('link-address')
    assert link.endswith('#index=0')
    assert 'session' not in link
    assert chromium.text('link-minutes') == '10'
    assert [page.open(link)[0].status for _ in range(2)] == [303, 403]
    assert chromium.errors() == []


@pytest.mark.slow
def test_where_no_link_is_demanded_the_link_is_the_address(chromium: Browser, store: str) -> None:
    with served(store) as page:
        chromium.open(page.url)
        chromium.click('link')
        chromium.wait_for(lambda: chromium.value('link-address') == f'{page.url}#index=0')
        assert chromium.run("return document.getElementById('link-once').hidden")


@pytest.mark.slow
def test_a_page_at_another_port_gets_no_link_and_no_frame(chromium: Browser, page: Served) -> None:
    class Evil(Quiet):
        def do_GET(self) -> None:
            self.respond(b'<p>evil</p>')

    chromium.open(page.url)
    home = chromium.driver.current_url.split('#')[0]  # even if it knew
    with handled(Evil) as port:
        chromium.driver.get(f'http://127.0.0.1:{port}/')
        ask = """const [url, options, done] = arguments; fetch(url, {credentials: 'include', ...options})
                 .then(r => r.type === 'opaque' ? 'opaque' : r.text()).then(done, e => done('refused'))"""
        for options in ({'method': 'POST'}, {'method': 'POST', 'headers': {'X-Imgstore': 'page'}}, {}):
            assert chromium.driver.execute_async_script(ask, f'{home}api/links', options) == 'refused'
        load = """const [url, done] = arguments; const image = new Image(); image.onload = () => done('shown');
                  image.onerror = () => done('refused'); image.src = url"""
        assert chromium.driver.execute_async_script(load, f'{home}api/stores/0/image/0.jpg') == 'refused'
    chromium.errors()


@pytest.mark.slow
def test_behind_a_proxy_with_a_prefix_the_page_works(chromium: Browser, store: str) -> None:
    with served('--token', '--root-path', '/lab/camera', store) as page:

        class Proxy(Quiet):
            """Takes the prefix off, and puts the server's own name into Host, as proxies do by default."""

            def do_GET(self) -> None:
                if not self.path.startswith('/lab/camera/'):
                    return self.respond(b'not mine', 404)
                connection = http.client.HTTPConnection('127.0.0.1', page.port, timeout=20)
                kept = {name: value for name, value in self.headers.items() if name != 'Host'}
                connection.request(self.command, self.path.removeprefix('/lab/camera'), headers=kept)
                answer = connection.getresponse()
                self.respond(answer.read(), answer.status, answer.getheaders())
                return connection.close()

            do_POST = do_GET  # noqa: N815

        with handled(Proxy) as port:
            chromium.open(f'http://127.0.0.1:{port}/lab/camera/?token={page.token}')
            chromium.wait_for_frame(0, 0)
            chromium.jump('index', '12')
            chromium.wait_for_frame(12, 12)
            chromium.click('link')
            chromium.wait_for(lambda: f':{port}/lab/camera/?token=' in chromium.value('link-address'))
            assert chromium.errors() == []
