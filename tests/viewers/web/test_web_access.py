"""Who may see the page: links that work once, sessions, and what other users, ports and sites can do with them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.responses import PlainTextResponse

import imgstore
from imgstore.apps import main_viewer
from imgstore.errors import ImgStoreError
from imgstore.viewers.web.access import Access
from imgstore.viewers.web.access_control import AccessControl
from imgstore.viewers.web.links import private_folder

from ...helpers.checked import not_none
from ...helpers.display import python_env
from ...helpers.serving import ADDRESS, VIEW, Served, served

pytestmark = pytest.mark.process

SAME = {'Sec_Fetch_Site': 'same-origin', 'X_Imgstore': 'page'}


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp('stores') / 'cam'
    with imgstore.new_for_format('png', path, imgshape=(16, 24)) as made:
        made.add_image(np.zeros((16, 24), np.uint8), 0, 0.0)
    return str(path)


@pytest.fixture(scope='module')
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's runtime folder."""
    return tmp_path_factory.mktemp('run')


@pytest.fixture(scope='module')
def guarded(store: str, runtime: Path) -> Iterator[Served]:
    with served('--host', '0.0.0.0', '--no-browser', store, environment={'XDG_RUNTIME_DIR': str(runtime)}) as it:
        yield it


def further(runtime: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-c', VIEW, '--web', '--link', *args],
        text=True,
        capture_output=True,
        env=python_env() | {'XDG_RUNTIME_DIR': str(runtime)},
        timeout=60,
        check=False,
    )


def link_of(guarded: Served, runtime: Path) -> str:
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as told:
        patch.setenv('XDG_RUNTIME_DIR', str(runtime))
        assert main_viewer(['--web', '--link', '--port', str(guarded.port)]) == 0
    return told.getvalue()


# --- hosts

HERE, ELSEWHERE = 200, 421
HOSTS = [
    (
        '127.0.0.1',
        HERE,
        ['localhost'],
        ['127.0.0.1:80'],
        ['[::1]:8000'],
        ['[::1]'],
        ['LOCALHOST:8000'],
        ['localhost.:8000'],
        ['cam.lab'],
        ['Cam.Lab:80'],
    ),
    (
        '127.0.0.1',
        ELSEWHERE,
        [],
        [''],
        ['evil.example'],
        ['localhost:x'],
        ['localhost:80:90'],
        ['localhost:'],
        ['localhost:80@evil.example'],
        ['localhost:evil.example'],
        ['[::1]evil'],
        ['[::1'],
        ['[localhost]'],
        ['::1'],
        ['[2001:db8::1]:80'],
        ['localhost', 'evil.example'],
        ['evil.example', 'localhost'],
        ['www.cam.lab'],
        ['192.0.2.7'],
    ),
    ('0.0.0.0', HERE, ['192.0.2.7:80'], ['192.0.2.7'], ['localhost'], [socket.gethostname()]),
    ('0.0.0.0', ELSEWHERE, ['192.0.2.8:80'], ['evil.example'], ['0.0.0.0'], ['[::ffff:192.0.2.8]']),
]


@pytest.mark.parametrize(
    ('served_address', 'expected', 'hosts'), [(*row[:2], hosts) for row in HOSTS for hosts in row[2:]]
)
def test_a_request_names_this_machine_and_no_other(served_address: str, expected: int, hosts: list[str]) -> None:
    """Starlette's own check takes some of these on its lowest version, and knows no address but those it is told."""
    control = AccessControl(PlainTextResponse('here'), served_address, names=['cam.lab'])
    scope = {
        'type': 'http',
        'method': 'GET',
        'path': '/',
        'query_string': b'',
        'server': ('192.0.2.7', 80),
        'headers': [(b'host', host.encode()) for host in hosts],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {'type': 'http.request'}

    asyncio.run(control(scope, receive, send))
    assert sent[0]['status'] == expected


# --- links


def test_without_a_session_nothing_is_shown(guarded: Served) -> None:
    assert len(guarded.token) >= 32
    for target in (
        '/',
        '/api/stores',
        '/static/viewer.js',
        '/?token=',
        '/?token=%C3%A9',
        '/?again',
        f'/?token={guarded.token[:-1]}',
        f'/?token={guarded.token}x',
        '/?token=%00',
        '/?token=x&token=y',
        f'/session-{"a" * 22}/',
        f'/session-{"a" * 22}/api/stores',
        f'/api/stores?token={guarded.token}',
    ):
        answer = guarded.ask(target)
        assert answer.status == 403, target
        assert guarded.token.encode() not in answer.body
    for cookie in ('', 'x', f'imgstore-{guarded.port}=', f'imgstore-{guarded.port}=wrong', '\xff;;=', 'a' * 5000):
        assert guarded.ask('/api/stores', Cookie=cookie).status == 403


def test_a_link_opens_a_session_once(guarded: Served, runtime: Path) -> None:
    link = link_of(guarded, runtime)
    answer, cookie = guarded.open(link)
    assert answer.status == 303
    home = answer.headers['Location']
    assert guarded.ask(home, Cookie=cookie).status == 200
    again, none = guarded.open(link)
    assert (again.status, none) == (403, '')
    assert guarded.ask(home, Cookie=cookie).status == 200, 'a reload needs the session alone'
    assert guarded.ask('/api/stores', Cookie=cookie).status == 200


def test_one_of_many_who_open_a_link_at_once_gets_in(guarded: Served, runtime: Path) -> None:
    access = Access()
    token = access.new_link()
    assert [access.open_session(token) is not None for _ in range(50)].count(True) == 1


def test_the_cookie_is_random_and_not_the_link(guarded: Served, runtime: Path) -> None:
    answers = [guarded.open(link_of(guarded, runtime)) for _ in range(2)]
    secrets = [cookie.split('=')[1] for _, cookie in answers]
    assert len({*secrets, guarded.token}) == 3
    assert all(len(secret) >= 32 for secret in secrets)
    assert guarded.ask(f'/?token={secrets[0]}').status == 403


def test_the_cookie_names_its_port_and_is_sent_to_no_other(guarded: Served, runtime: Path) -> None:
    answer, cookie = guarded.open(link_of(guarded, runtime))
    told = answer.headers['Set-Cookie'].lower()
    assert cookie.startswith(f'imgstore-{guarded.port}=')
    assert 'httponly' in told
    assert 'samesite=strict' in told
    # cookies do not tell ports apart: the path does, which no other page knows
    assert re.search(r'path=/session-[\w-]{22}/(;|$)', told)
    assert 'domain' not in told


def test_a_link_is_not_used_up_by_what_does_not_open_it(guarded: Served, runtime: Path) -> None:
    target = f'/?token={not_none(ADDRESS.search(link_of(guarded, runtime)))[3]}'
    assert guarded.ask(target, method='HEAD').status == 403
    assert guarded.ask(target, method='POST').status == 405
    assert guarded.ask(target, Sec_Purpose='prefetch;prerender').status == 503
    assert guarded.ask(target, 'evil.example').status == 421
    assert guarded.ask(target, Sec_Fetch_Site='cross-site', Sec_Fetch_Mode='no-cors').status == 403
    assert guarded.ask(target, socket.gethostname()).status == 303


def test_links_end_by_themselves_and_are_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access()
    old, young = access.new_link(10), access.new_link(20)
    now = time.monotonic()
    monkeypatch.setattr('time.monotonic', lambda: now + 15)
    assert access.open_session(old) is None
    assert access.open_session(young) is not None
    first = access.new_link()
    for _ in range(1000):
        access.new_link()
    assert access.open_session(first) is None


def test_a_session_that_opens_a_further_link_goes_to_its_page(guarded: Served, runtime: Path) -> None:
    link = link_of(guarded, runtime)
    answer, cookie = guarded.open(link)
    home = answer.headers['Location']
    for query in ('?again', '?token=used'):
        detour = guarded.ask(home + query, Cookie=cookie)
        assert (detour.status, detour.headers['Location']) == (303, home)


@pytest.mark.once
def test_each_server_has_links_and_sessions_of_its_own(guarded: Served, runtime: Path, store: str) -> None:
    _, cookie = guarded.open(link_of(guarded, runtime))
    with served('--token', store) as page:
        assert page.ask('/api/stores', Cookie=cookie).status == 403
        assert page.ask('/api/stores', Cookie=f'imgstore-{page.port}={cookie.split("=")[1]}').status == 403


def test_cookies_of_other_servers_do_not_hide_the_session(guarded: Served, runtime: Path) -> None:
    _, cookie = guarded.open(link_of(guarded, runtime))
    for other in ('a[0]={"b":1}; ', 'x; ', '=; ', 'a="; ', f'imgstore-{guarded.port}=old; ', '\xff=\xfe; '):
        assert guarded.ask('/api/stores', Cookie=f'{other}{cookie}; c=d').status == 200, other
    began = time.monotonic()
    for _ in range(20):
        assert guarded.ask('/api/stores', Cookie='a="' + '\\' * 15_000).status == 403
    assert time.monotonic() - began < 5


def test_other_sites_may_lead_to_the_page_and_to_nothing_else(guarded: Served, runtime: Path) -> None:
    _, cookie = guarded.open(link_of(guarded, runtime))
    for site in ('cross-site', 'same-site'):
        for mode, target, status in (
            ('navigate', '/', 200),
            ('navigate', '/api/stores', 403),
            ('no-cors', '/', 403),
            ('navigate', '/api/stores/0/image/0.png?download=1', 403),
            ('cors', '/api/stores', 403),
        ):
            answer = guarded.ask(target, Cookie=cookie, Sec_Fetch_Site=site, Sec_Fetch_Mode=mode)
            assert answer.status == status, (site, mode, target)


# --- further links


def test_the_page_alone_gets_a_further_link(guarded: Served, runtime: Path) -> None:
    _, cookie = guarded.open(link_of(guarded, runtime))
    own = f'http://127.0.0.1:{guarded.port}'
    refused = [
        {},
        {'X_Imgstore': 'page'},
        {'Origin': 'http://evil.example', 'X_Imgstore': 'page'},
        {'Origin': own},
        {'Origin': 'http://127.0.0.1:1', 'X_Imgstore': 'page'},
        {'Origin': 'null', 'X_Imgstore': 'page'},
        {'Sec_Fetch_Site': 'same-origin'},
        {**SAME, 'Sec_Fetch_Site': 'same-site'},
        {**SAME, 'Sec_Fetch_Site': 'none'},
        {**SAME, 'Sec_Fetch_Site': 'cross-site', 'Origin': own},
    ]
    for headers in refused:
        assert guarded.ask('/api/links', method='POST', Cookie=cookie, **headers).status == 403, headers
    assert guarded.ask('/api/links', method='POST', **SAME).status == 403, 'without a session'
    assert guarded.ask('/api/links', Cookie=cookie, **SAME).status == 405
    assert guarded.ask('/api/stores', method='POST', Cookie=cookie, **SAME).status == 405
    for headers in (SAME, {'Origin': own, 'X_Imgstore': 'page'}):
        given = guarded.ask('/api/links', method='POST', Cookie=cookie, **headers)
        assert given.status == 200
        assert guarded.ask(f'/?token={given.json["token"]}').status == 303


@pytest.mark.once
def test_a_server_without_links_makes_none(store: str) -> None:
    with served(store) as page:
        assert page.ask('/api/links', method='POST', **SAME).status == 405


def test_link_option_serves_the_same_user(guarded: Served, runtime: Path) -> None:
    """The option --link gives a link to another process of the same user."""
    done = further(runtime)
    assert (done.returncode, done.stderr) == (0, '')
    assert guarded.open(done.stdout)[0].status == 303
    assert not_none(ADDRESS.search(done.stdout))[2] == str(guarded.port)


@pytest.mark.once
def test_of_several_servers_the_port_says_which(guarded: Served, runtime: Path, store: str) -> None:
    with served('--token', '--no-browser', store, environment={'XDG_RUNTIME_DIR': str(runtime)}) as other:
        asked = further(runtime)
        assert asked.returncode == 1
        assert f'{guarded.port}' in asked.stderr
        assert f'{other.port}' in asked.stderr
        assert other.open(further(runtime, '--port', str(other.port)).stdout)[0].status == 303
    assert further(runtime).returncode == 0, 'the other has ended, and its socket with it'


@pytest.mark.once
def test_a_killed_server_is_no_server(store: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    runtime = tmp_path_factory.mktemp('own')  # a longer path has no room for a socket
    environment = {'XDG_RUNTIME_DIR': str(runtime)}
    with served('--token', '--no-browser', store, environment=environment) as page:
        page.process.send_signal(signal.SIGKILL)
        page.process.wait(20)
    folder = Path(private_folder_of(runtime))
    asked = further(runtime)
    assert asked.returncode == 1
    assert asked.stderr.count('\n') == 1
    assert list(folder.iterdir()) == []


def private_folder_of(runtime: Path) -> str:
    code = 'from imgstore.viewers.web.links import private_folder; print(private_folder())'
    return subprocess.run(
        [sys.executable, '-c', code],
        text=True,
        capture_output=True,
        check=True,
        env=python_env() | {'XDG_RUNTIME_DIR': str(runtime)},
    ).stdout.strip()


def test_the_socket_is_in_a_folder_that_no_other_user_can_enter(guarded: Served, runtime: Path) -> None:
    folder = private_folder_of(runtime)
    found = os.lstat(folder)
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (os.getuid(), 0o700)
    assert any(name.startswith(f'view-{guarded.port}-') for name in os.listdir(folder))


def test_open_or_linked_folder_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is open to other users or that is a link is not trusted."""
    monkeypatch.setattr('tempfile.gettempdir', lambda: str(tmp_path / 'usual'))
    (tmp_path / 'usual').mkdir()
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir(0o700)
    for rank, make in enumerate(
        (
            lambda path: path.symlink_to(elsewhere),
            lambda path: path.touch(),
            lambda path: (path.mkdir(), path.chmod(0o755)),
        )
    ):
        runtime = tmp_path / f'r{rank}'
        runtime.mkdir()
        make(runtime / 'imgstore')
        monkeypatch.setenv('XDG_RUNTIME_DIR', str(runtime))
        assert private_folder().startswith(str(tmp_path / 'usual'))
    (tmp_path / 'usual' / f'imgstore-{os.getuid()}').chmod(0o770)
    with pytest.raises(ImgStoreError, match='XDG_RUNTIME_DIR'):
        private_folder()


@pytest.mark.once
def test_page_is_served_without_a_private_folder(store: str, tmp_path: Path) -> None:
    """The page is served even if there is no private folder."""
    (tmp_path / f'imgstore-{os.getuid()}').write_text('')
    environment = {'XDG_RUNTIME_DIR': '', 'TMPDIR': str(tmp_path)}
    with served('--token', '--no-browser', store, environment=environment) as page:
        assert '--link is not available' in page.lines.readline()
        assert page.open(page.url)[0].status == 303


# --- the browser's command line


@pytest.mark.once
def test_the_browser_is_given_a_private_file_and_no_link(store: str, tmp_path: Path) -> None:
    browser, opened = tmp_path / 'browser', tmp_path / 'opened'
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    environment = {'BROWSER': str(browser), 'DISPLAY': ':1', 'XDG_RUNTIME_DIR': str(tmp_path)}
    with served('--token', store, environment=environment) as page:
        end = time.monotonic() + 20
        while not opened.exists() and time.monotonic() < end:
            time.sleep(0.05)
        address = opened.read_text().strip()
        assert address.startswith('file:///')
        assert 'token' not in address
        path = Path(address.removeprefix('file://'))
        for folder, mode in ((path, 0o600), (path.parent, 0o700)):
            assert stat.S_IMODE(folder.stat().st_mode) == mode
        for link in (path.read_text(), page.url):  # two, so that either can be used
            assert page.open(link)[0].status == 303
            assert page.open(link)[0].status == 403
    assert not path.exists()


# --- a proxy's prefix


@pytest.fixture(scope='module')
def proxied(store: str) -> Iterator[Served]:
    with served('--token', '--root-path', '/lab/~ann/camera/', '--allow-host', 'Lab.example', store) as it:
        yield it


@pytest.mark.once
def test_page_under_a_prefix_works_with_any_proxy(store: str) -> None:
    """The page is found under its prefix whether or not the proxy removes the prefix."""
    with served('--root-path', '/lab/camera', store) as page:
        assert page.url == f'http://127.0.0.1:{page.port}/lab/camera/'
        for target in ('/lab/camera/', '/', '/lab/camera/api/stores', '/api/stores', '/lab/camera/static/viewer.js'):
            assert page.ask(target).status == 200
        answer = page.ask('/lab/camera')
        assert (answer.status, answer.headers['Location']) == (308, '/lab/camera/')
        assert page.ask('/lab/camera?token=x').headers['Location'] == '/lab/camera/?token=x'
        for target in ('/lab/', '/lab/cameras/', '/lab/camera/lab/camera/', '/lab/camera/../camera/'):
            assert page.ask(target).status == 404


@pytest.mark.once
def test_under_a_prefix_the_session_is_of_its_path(proxied: Served) -> None:
    answer, cookie = proxied.open(proxied.url)
    home = answer.headers['Location']
    assert re.fullmatch(r'/lab/~ann/camera/session-[\w-]{22}/', home)
    assert f'Path={home};' in answer.headers['Set-Cookie']
    assert proxied.ask(home, Cookie=cookie).status == 200
    stripped = home.removeprefix('/lab/~ann/camera')
    for host in ('', 'lab.example', 'LAB.example:443'):
        assert proxied.ask(f'{stripped}api/stores', host, Cookie=cookie).status == 200
    assert proxied.ask(f'{stripped}api/stores', 'evil.example', Cookie=cookie).status == 421


def test_pages_name_their_files_relative_to_themselves(proxied: Served) -> None:
    folder = Path(imgstore.__file__).parent / 'viewers' / 'web' / 'static'
    for path in folder.iterdir():
        assert not re.search(r"""(href|src)="/|['"`]/(api|static)""", path.read_text(encoding='utf-8')), path


@pytest.mark.once
@pytest.mark.parametrize(
    'args',
    [
        *(['--root-path', path] for path in ('camera', '//evil.example', '/a/../b', '/a?b', '/a;Domain=x', '/a\nb')),
        ['--link'],
        [],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(args: list[str], store: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_viewer(['--web', *args, *([store] if args else [])])
    assert end.value.code == 2
    assert 'Traceback' not in capsys.readouterr().err


# --- addresses


@pytest.mark.once
def test_all_addresses_of_ipv6_are_those_of_ipv4_too(store: str) -> None:
    with served('--host', '::', store) as page:
        link = page.url
        for host, family in (('127.0.0.1', '127.0.0.1'), ('::1', '[::1]')):
            with socket.create_connection((host, page.port), timeout=20) as connection:
                connection.sendall(f'GET / HTTP/1.1\r\nHost: {family}:{page.port}\r\n\r\n'.encode())
                assert connection.recv(100).split()[1] == b'403', 'there, and demands a link'
        assert page.open(link)[0].status == 303


def own_address() -> str | None:
    """An address of this machine that is not the loopback's, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(('192.0.2.1', 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


@pytest.mark.once
def test_visitor_is_answered_only_by_machines_own_address(store: str) -> None:
    """A visitor by the machine's own address is answered, and a visitor by another address is not."""
    address = own_address() or '127.0.0.2'
    with served('--host', '::', store) as page:
        for host, status in ((address, b'403'), ('192.0.2.7', b'421'), ('[2001:db8::1]', b'421')):
            with socket.create_connection((address, page.port), timeout=20) as connection:
                connection.sendall(f'GET / HTTP/1.1\r\nHost: {host}:{page.port}\r\n\r\n'.encode())
                assert connection.recv(100).split()[1] == status
