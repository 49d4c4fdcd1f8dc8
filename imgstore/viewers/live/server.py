"""The live page of a recording on loopback: pictures, numbers and commands."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from ..._support.json import dumps
from ...errors import InvalidArgumentError
from ...recording.control import COMMANDS, RecordingControl, parse_command
from .preview import Previews, step_back

HOST, USUAL_PORT = '127.0.0.1', 8322
_MORE_PORTS = 20  # tried if the usual one is taken
_MOST_BYTES = 2**16
_TIMEOUT = 10.0  # seconds for a request
_POLL = 0.1  # seconds until it notices its end
_HEADERS = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
}
_FILES = {
    '/': ('live.html', 'text/html'),
    '/live.js': ('live.js', 'text/javascript'),
    '/live.css': ('live.css', 'text/css'),
}
_LENGTH = re.compile(r'\d{1,9}', re.ASCII)
_NAMES = re.compile(r'(localhost|127\.0\.0\.1)(:\d+)?')


class LiveServer:
    """Serves the live page, in a ``with`` block, to those who know the token.

    Parameters
    ----------
    control : RecordingControl
    port : int, optional
        0: a free port. Default: 8322, or the next free one.

    Attributes
    ----------
    port : int
        Its port on 127.0.0.1.

    Raises
    ------
    InvalidArgumentError
        The port is taken.
    """

    def __init__(self, control: RecordingControl, port: int | None = None) -> None:
        self._server = _bound(port)
        self._server.control, self._server.previews = control, Previews(control.recording)
        self.port: int = self._server.server_address[1]
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(_POLL,), name='imgstore live page', daemon=True)

    @property
    def link(self) -> str:
        """The address that lets a browser in."""
        token = quote(self._server.control.token, safe='', errors='surrogateescape')
        return f'http://{HOST}:{self.port}/?token={token}'

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads, block_on_close = False, True  # so that the answer to the command to stop is sent
    control: RecordingControl
    previews: Previews

    def __init__(self, port: int) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__((HOST, port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Keep connections, which browsers use again and again."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Let each connection end after the answer under way."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # it has just ended
                connection.shutdown(socket.SHUT_RD)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that goes away is no error of the recording."""


def _bound(port: int | None) -> _Server:
    ports = range(USUAL_PORT, USUAL_PORT + _MORE_PORTS) if port is None else [port]
    for number in ports:
        try:
            return _Server(number)
        except OSError as error:
            why = error
    raise InvalidArgumentError(f'{HOST}, port {ports[0]}, is not available: {why.strerror or why}', argument='port')


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT
    protocol_version = 'HTTP/1.1'

    def setup(self) -> None:
        """Let the recording come first."""
        step_back()
        super().setup()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer with the page, a picture or the state."""
        url = urlsplit(self.path)
        query = parse_qs(url.query, errors='surrogateescape')
        if not self._is_own_name():
            self._say(HTTPStatus.MISDIRECTED_REQUEST, 'this host name is not allowed')
        elif url.path == '/favicon.ico':  # for which browsers ask
            self._send(HTTPStatus.NO_CONTENT, b'', 'image/x-icon')
        elif url.path == '/' and self.server.control.is_token(query.get('token', [''])[0]):
            self._enter(query['token'][0])
        elif not self._has_token():
            self._say(HTTPStatus.FORBIDDEN, 'open the link that imgstore-record printed, or send its token')
        elif url.path in _FILES:
            name, kind = _FILES[url.path]
            self._send(HTTPStatus.OK, (files(__package__) / 'static' / name).read_bytes(), f'{kind}; charset=utf-8')
        elif url.path == '/api/status':
            self._run({'do': 'status'})
        elif url.path == '/api/preview':
            self._preview(query.get('camera', [''])[0])
        else:
            self._say(HTTPStatus.NOT_FOUND, 'there is no such page')

    def do_POST(self) -> None:
        """Run a command: /api/start, /api/stop or /api/mark."""
        place, _, command = urlsplit(self.path).path.rpartition('/')
        body = self._body()
        if not self._is_own_name() or not self._has_token() or not self._is_of_the_page():
            self._say(HTTPStatus.FORBIDDEN, 'the token is missing or wrong')
        elif place != '/api' or command not in COMMANDS or command == 'status':
            self._say(HTTPStatus.NOT_FOUND, 'allowed: POST /api/start, /api/stop or /api/mark')
        elif body is None:
            self._say(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f'the body must have a length, of at most {_MOST_BYTES} bytes'
            )
        else:
            self._command(command, body)

    def _command(self, name: str, body: bytes) -> None:
        try:
            given = parse_command(body or b'{}')
        except InvalidArgumentError as error:
            self._say(HTTPStatus.BAD_REQUEST, str(error))
        else:
            self._run({**given, 'do': name})

    # --- who asks

    def _is_own_name(self) -> bool:
        return _NAMES.fullmatch(self.headers.get('Host', '')) is not None

    def _has_token(self) -> bool:
        kind, _, token = self.headers.get('Authorization', '').partition(' ')
        if kind == 'Bearer':
            return self.server.control.is_token(token.encode('latin-1'))  # as which http.server reads the bytes
        try:
            cookie = SimpleCookie(self.headers.get('Cookie', '')).get(self._cookie)
        except CookieError:
            return False
        return cookie is not None and self.server.control.is_token(unquote(cookie.value, errors='surrogateescape'))

    def _is_of_the_page(self) -> bool:
        """Return whether the page sent a command: others cannot set this header."""
        return 'Authorization' in self.headers or 'X-Imgstore' in self.headers

    @property
    def _cookie(self) -> str:
        return f'imgstore-live-{self.server.server_address[1]}'

    # --- answers

    def _enter(self, token: str) -> None:
        """Keep the token in a cookie, so that the address does not show it."""
        self.send_response(HTTPStatus.SEE_OTHER)
        value = quote(token, safe='', errors='surrogateescape')
        self.send_header('Set-Cookie', f'{self._cookie}={value}; HttpOnly; SameSite=Strict; Path=/')
        self.send_header('Location', '/')
        self.send_header('Content-Length', '0')
        self.end_headers()

    def _run(self, command: dict[str, Any]) -> None:
        answer = self.server.control.run(command, 'HTTP')
        status = HTTPStatus.OK if answer['ok'] else HTTPStatus.BAD_REQUEST
        self._send(status, dumps(answer).encode(), 'application/json')

    def _preview(self, camera: str) -> None:
        known = camera in self.server.control.recording.cameras
        picture = self.server.previews.picture(camera) if known else None
        if picture is None:
            self._say(HTTPStatus.NOT_FOUND, 'there is no frame yet' if known else 'there is no such camera')
        else:
            self._send(HTTPStatus.OK, picture, 'image/jpeg')

    def _body(self) -> bytes | None:
        """Return the body; None if it is too large, or says no length."""
        length = self.headers.get('Content-Length', '0')
        if not _LENGTH.fullmatch(length) or int(length) > _MOST_BYTES or 'Transfer-Encoding' in self.headers:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._send(status, dumps({'ok': False, 'error': text}).encode(), 'application/json')

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, 'Content-Type': kind, 'Content-Length': str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
