"""The live page of a recording: real requests."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError
from imgstore.recording import Recording
from imgstore.recording.control import RecordingControl
from imgstore.viewers.live import LiveServer

from ...helpers.checked import not_none
from ...helpers.raised import raises
from ...helpers.recorded import check_store, content

TOKEN = {'Authorization': 'Bearer secret'}
SOURCES = {'gray': 'test:640x480,fps=100,buffers=9999', 'deep': 'test:96x32,fps=50,pixel=Mono12'}


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = imgstore.record(SOURCES, tmp_path / 'r', 'npy')
    yield made
    made.stop()


@pytest.fixture
def server(recording: Recording) -> Iterator[LiveServer]:
    with LiveServer(RecordingControl(recording, 'secret'), 0) as running:
        yield running


def ask(
    server: LiveServer, path: str, headers: dict[str, str] | None = None, body: object = None, method: str = ''
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=20)
    sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method or ('GET' if body is None else 'POST'), path, sent, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, dict(answer.getheaders())


def test_the_page_starts_marks_and_stops(server: LiveServer, recording: Recording, tmp_path: Path) -> None:
    status, _, headers = ask(server, '/?token=secret')
    assert (status, headers['Location']) == (303, '/')
    assert 'HttpOnly; SameSite=Strict' in headers['Set-Cookie']
    page = {'Cookie': headers['Set-Cookie'].partition(';')[0], 'X-Imgstore': '1'}
    for path, kind in (('/', 'text/html'), ('/live.js', 'text/javascript'), ('/live.css', 'text/css')):
        status, text, headers = ask(server, path, page)
        assert (status, headers['Content-Type']) == (200, f'{kind}; charset=utf-8')
        assert "default-src 'none'" in headers['Content-Security-Policy']
        assert text
    assert ask(server, '/api/preview?camera=gray', page)[0] == 404
    assert ask(server, '/api/start', page, {})[0] == 200
    time.sleep(0.5)
    assert ask(server, '/api/mark', page, {'name': 'lick', 'values': {'drop': 2}})[0] == 200
    state = json.loads(ask(server, '/api/status', page)[1])
    assert [camera['state'] for camera in state['cameras']] == ['recording', 'recording']
    assert ask(server, '/api/stop', page, {})[0] == 200
    assert {each['reason'] for each in content(tmp_path / 'r')['cameras'].values()} == {'stopped by HTTP'}
    with imgstore.new_for_filename(tmp_path / 'r' / 'gray') as store:
        assert not_none(store.get_extra_data())['drop'].dropna().tolist() == [2]


def test_previews_are_small_pictures_of_the_latest_frame(server: LiveServer, recording: Recording) -> None:
    recording.start()
    time.sleep(0.5)
    shapes: dict[str, Any] = {}
    for name in SOURCES:
        status, picture, headers = ask(server, f'/api/preview?camera={name}', TOKEN)
        assert (status, headers['Content-Type']) == (200, 'image/jpeg')
        image = not_none(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED))
        assert np.ptp(image) > 50
        shapes[name] = image.shape
    assert shapes == {'gray': (240, 320), 'deep': (32, 96)}
    assert ask(server, '/api/preview?camera=none', TOKEN)[0] == 404


@pytest.mark.parametrize(
    ('path', 'headers', 'body', 'status'),
    [
        ('/', {}, None, 403),
        ('/?token=guess', {}, None, 403),
        ('/api/status', {}, None, 403),
        ('/api/status', {'Authorization': 'Bearer guess'}, None, 403),
        ('/api/status', {'Cookie': 'imgstore-live-1=secret'}, None, 403),
        ('/api/status', {**TOKEN, 'Host': 'evil.example'}, None, 421),
        ('/api/stop', {}, {}, 403),
        ('/api/stop', {**TOKEN, 'Host': 'evil.example'}, {}, 403),
        ('/api/status', TOKEN, {}, 404),
        ('/api/quit', TOKEN, {}, 404),
        ('/mark', TOKEN, {}, 404),
        ('/api/mark', TOKEN, [], 400),
        ('/api/mark', TOKEN, b'{', 400),
        ('/api/mark', TOKEN, b'{"values": {"x": 1e999}}', 400),
        ('/api/mark', TOKEN, {'name': 5}, 400),
        ('/api/mark', TOKEN, {'token': 'secret'}, 400),
        ('/api/mark', TOKEN, b' ' * 70_000, 413),
        ('/api/mark', {**TOKEN, 'Transfer-Encoding': 'chunked'}, b'2\r\n{}\r\n0\r\n\r\n', 413),
        ('/../server.py', TOKEN, None, 404),
        ('/nothing', TOKEN, None, 404),
    ],
)
def test_others_are_refused(path: str, headers: dict[str, str], body: Any, status: int, server: LiveServer) -> None:
    got, answer, _ = ask(server, path, headers, body)
    assert got == status
    assert json.loads(answer)['error']


@pytest.mark.parametrize('token', ['two words;=%', 'schlüssel', 'raw \udcff'])
def test_a_token_may_be_any_text(token: str, recording: Recording) -> None:
    """The link and the cookie have it quoted; scripts send its bytes."""
    with LiveServer(RecordingControl(recording, token), 0) as server:
        assert server.link.isascii()
        assert ' ' not in server.link
        status, _, headers = ask(server, server.link.partition(str(server.port))[2])
        assert status == 303
        assert ask(server, '/', {'Cookie': headers['Set-Cookie'].partition(';')[0]})[0] == 200
        raw = token.encode('utf-8', 'surrogateescape').decode('latin-1')
        assert ask(server, '/', {'Authorization': f'Bearer {raw}'})[0] == 200
        assert ask(server, '/', {'Authorization': 'Bearer guess'})[0] == 403


def test_connections_end_with_the_server(recording: Recording) -> None:
    """Also those that a browser keeps open."""
    with LiveServer(RecordingControl(recording, 'secret'), 0) as server:
        connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=20)
        connection.request('GET', '/api/status', headers=TOKEN)
        assert connection.getresponse().read()
        kept = not_none(connection.sock)
    kept.settimeout(20)
    assert kept.recv(1) == b''
    connection.close()


def test_a_cookie_alone_sends_no_command(server: LiveServer, recording: Recording) -> None:
    """Another page of the same browser can send a form, but no header of its own."""
    assert ask(server, '/api/start', {'Cookie': f'imgstore-live-{server.port}=secret'}, {})[0] == 403
    assert recording.status()['gray'].state == 'ready'


def test_a_port_that_is_taken_is_an_error(server: LiveServer, recording: Recording) -> None:
    with raises(InvalidArgumentError, argument='port'):
        LiveServer(RecordingControl(recording, 'secret'), server.port)


def test_previews_lose_no_frame(server: LiveServer, recording: Recording, tmp_path: Path) -> None:
    recording.start()
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert ask(server, '/api/preview?camera=gray', TOKEN)[0] in (200, 404)
    recording.stop()
    assert {name: status.missing for name, status in recording.status().items()} == {'gray': 0, 'deep': 0}
    with imgstore.new_for_filename(tmp_path / 'r' / 'gray') as store:
        assert len(check_store(store)) > 100
