"""Web servers of a folder's files, which count what they are asked for and what they send."""

import base64
import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit


class Request(NamedTuple):
    """What was asked for, and what was sent."""

    path: str
    status: int
    sent: int


@dataclass
class WebFiles:
    """A running server.

    Attributes
    ----------
    url : str
        Its address.
    folder : Path
        Where the files are.
    ranges : bool
        Whether it answers ranges; otherwise with all of a file.
    fails_every : int
        Every so many requests fail; 0: none.
    failure : int
        Status of a failure; 0: the connection breaks off.
    refuses : int
        Status to answer all requests with; 0: none.
    delay : float
        Seconds before each answer.
    marks : bool
        Whether answers have ETag and Last-Modified.
    halves : bool
        Whether it answers ranges with half of them.
    password : str
        What `user` must give.
    requests : list of Request
        What was asked for.
    """

    url: str
    folder: Path
    ranges: bool = True
    fails_every: int = 0
    failure: int = 503
    refuses: int = 0
    delay: float = 0
    halves: bool = False
    marks: bool = True
    password: str = ''
    requests: list[Request] = field(default_factory=list)
    count: int = 0

    @property
    def sent(self) -> int:
        """Bytes of content sent."""
        return sum(request.sent for request in self.requests)

    def clear(self) -> None:
        self.requests.clear()

    def asked_for(self, part: str) -> list[Request]:
        """The requests for paths with a part in them."""
        return [request for request in self.requests if part in request.path]


@contextlib.contextmanager
def served(
    folder: Path, host: str = '127.0.0.1', context: ssl.SSLContext | None = None, **options: object
) -> Iterator[WebFiles]:
    """Serve a folder's files on this machine."""
    server = (_IPv6Server if ':' in host else _Server)((host, 0), _Handler)
    name = f'[{host}]' if ':' in host else host
    files = WebFiles(f'http://{name}:{server.server_address[1]}', folder, **options)  # type: ignore[arg-type]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.files = files  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Print nothing where a client breaks off."""


def _basic(password: str) -> str:
    return 'Basic ' + base64.b64encode(f'user:{password}'.encode()).decode()


class _IPv6Server(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self._answer(self.server.files)  # type: ignore[attr-defined]

    def _answer(self, files: WebFiles) -> None:
        files.count += 1
        time.sleep(files.delay)
        path = files.folder / urlsplit(self.path).path.lstrip('/')  # a proxy is asked for a URL
        if files.fails_every and files.count % files.fails_every == 0:
            self._fail(files)
        elif files.password and self.headers.get('Authorization') != _basic(files.password):
            self._send(files, 401)
        elif files.refuses:
            self._send(files, files.refuses)
        elif not path.is_file():
            self._send(files, 404)
        else:
            self._send_file(files, path)

    def _fail(self, files: WebFiles) -> None:
        if files.failure:
            self._send(files, files.failure)
        else:
            files.requests.append(Request(self.path, 0, 0))
            self.close_connection = True

    def _send_file(self, files: WebFiles, path: Path) -> None:
        data, status = path.read_bytes(), path.stat()
        headers = {'ETag': f'"{status.st_mtime_ns:x}-{len(data):x}"', 'Last-Modified': formatdate(status.st_mtime)}
        headers = headers if files.marks else {}
        asked = re.fullmatch(r'bytes=(\d+)-(\d+)', self.headers.get('Range', '')) if files.ranges else None
        if asked is None:
            self._send(files, 200, data, headers)
            return
        start, end = int(asked[1]), min(int(asked[2]) + 1, len(data))
        if files.halves:
            end -= (end - start) // 2
        if start >= len(data):
            self._send(files, 416, b'', {**headers, 'Content-Range': f'bytes */{len(data)}'})
            return
        self._send(files, 206, data[start:end], {**headers, 'Content-Range': f'bytes {start}-{end - 1}/{len(data)}'})

    def _send(self, files: WebFiles, status: int, data: bytes = b'', headers: dict[str, str] | None = None) -> None:
        files.requests.append(Request(self.path, status, len(data)))
        with contextlib.suppress(ConnectionError):  # the client needs no more of it
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)
