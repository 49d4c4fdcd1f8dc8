"""The page of imgstore-view --web, served by a process of its own, and requests to it as they stand on the wire."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .display import python_env

VIEW = 'import sys; from imgstore.apps import main_viewer; sys.exit(main_viewer())'
ADDRESS = re.compile(r'http://(\[[^\]]+\]|[^:/]+):(\d+)/(?:[^\s?]*/)?(?:\?token=([\w-]+))?')


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """A server that is running."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.line = process.stdout.readline()
        self.lines = process.stdout
        found = ADDRESS.search(self.line)
        assert found, self.line + (process.stderr.read() if process.stderr else '')
        self.port = int(found[2])
        self.token = found[3]
        self.url = found[0]

    def ask(self, target: str, host: str = '', method: str = 'GET', **headers: str) -> Answer:
        """Send a request whose target goes out as it is."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader('Host', host or f'127.0.0.1:{self.port}')
            for name, value in headers.items():
                connection.putheader(name.replace('_', '-'), value)
            connection.endheaders()
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, target: str, content: Any = None, **headers: str) -> Answer:
        """Send a change as the page does: with JSON, and with the headers of a script of the page."""
        own = {'Sec-Fetch-Site': 'same-origin', 'X-Imgstore': 'page', 'Content-Type': 'application/json'}
        given = {name.replace('_', '-'): value for name, value in headers.items()}
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        try:
            body = content if isinstance(content, bytes) else json.dumps(content)
            connection.request('POST', target, body, {**own, **given})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def open(self, link: str, **headers: str) -> tuple[Answer, str]:
        """What is answered to a link, and the session's cookie as a browser sends it back; '' if there is none."""
        answer = self.ask(f'/?token={ADDRESS.search(link)[3]}', **headers)  # type: ignore[index]
        return answer, (answer.headers['Set-Cookie'] or '').split(';')[0]

    def get(self, target: str) -> Any:
        """What is answered to a request that is right, as JSON."""
        answer = self.ask(target)
        assert answer.status == 200, answer.body
        return answer.json


@contextmanager
def served(*args: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    quiet = [] if environment else ['--no-browser']
    port = [] if '--port' in args else ['--port', '0']
    command = [sys.executable, '-c', VIEW, '--web', *quiet, *port, *args]
    with subprocess.Popen(
        command, env=python_env() | (environment or {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Served(process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                _, told = process.communicate(timeout=20)
            finally:
                process.kill()
    assert not told, told  # no traceback, whatever was asked
