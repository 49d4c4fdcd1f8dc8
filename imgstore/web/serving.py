"""Serve the page until Ctrl-C: the address, the token, the browser."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from ..errors import InvalidArgumentError, MissingDependencyError

if TYPE_CHECKING:
    import uvicorn

    from .recording import Recording

USUAL_HOST, USUAL_PORT = '127.0.0.1', 8321
_MORE_PORTS = 20  # are tried where the usual one is taken

Tell = Callable[[str], None]


def serve(paths: Sequence[str], host: str, port: int | None, browser: bool, tell: Tell,
          with_token: bool = False) -> None:
    """Show stores in a browser until Ctrl-C.

    Parameters
    ----------
    paths : sequence of str
        Of the stores.
    host : str
        The address to serve; any but this machine's for itself makes a token that requests must bring.
    port : int or None
        0: a free one; None: the usual one, or the next that is free.
    browser : bool
        Open a browser where there is a screen.
    tell : callable
        Is given the lines that the user reads, the address among them.
    with_token : bool
        Demand a token on this machine, too: for one that others use as well.

    Raises
    ------
    MissingDependencyError
        The packages of the extra `web` are not installed.
    InvalidArgumentError
        There is no such address here, or the port is taken.
    """
    try:
        import uvicorn

        from .guard import is_loopback
        from .server import new_app
    except ImportError as error:
        raise MissingDependencyError("the browser's page needs uvicorn and starlette: pip install 'imgstore[web]'") \
            from error
    token = secrets.token_urlsafe(24) if with_token or not is_loopback(host) else None
    with _opened(paths) as recordings, _listening(host, port) as listener:
        settings = uvicorn.Config(
            new_app(recordings, host, token), log_level='error', access_log=False, server_header=False,
            proxy_headers=False, lifespan='off', ws='none', http='h11', loop='asyncio', timeout_graceful_shutdown=2)
        server, port = uvicorn.Server(settings), listener.getsockname()[1]
        with _ended_by_signals(server):
            _announce(_url(host, port, token), port, host, browser, tell)
            server.run(sockets=[listener])


@contextlib.contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the server before it has handlers of its own, and where it sends them on behind."""
    def end(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM) if is_main}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _opened(paths: Sequence[str]) -> Iterator[list[Recording]]:
    from .recording import Recording

    with contextlib.ExitStack() as stack:
        recordings: list[Recording] = []
        for path in paths:
            recordings.append(Recording(path))
            stack.callback(recordings[-1].close)
        yield recordings


@contextlib.contextmanager
def _listening(host: str, port: int | None) -> Iterator[socket.socket]:
    listener = _bind(host, port)
    try:
        listener.listen(128)
        yield listener
    finally:
        listener.close()


def _bind(host: str, port: int | None) -> socket.socket:
    ports = range(USUAL_PORT, USUAL_PORT + _MORE_PORTS) if port is None else [port]
    for number in ports:
        try:
            return _bound(host, number)
        except OSError as error:
            why = error
    raise InvalidArgumentError(f'{host}, port {ports[0]}, cannot be served: {why.strerror or why}') from why


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != 'win32':  # where it would let others take the same port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except BaseException:
        listener.close()
        raise
    return listener


def _url(host: str, port: int, token: str | None) -> str:
    if host in ('0.0.0.0', '::'):
        host = socket.gethostname()
    name = f'[{host}]' if ':' in host else host
    return f'http://{name}:{port}/' + (f'?token={token}' if token else '')


def _announce(url: str, port: int, host: str, browser: bool, tell: Tell) -> None:
    tell(f'open {url}  (Ctrl-C ends it)')
    if host in ('127.0.0.1', 'localhost') and os.environ.get('SSH_CONNECTION'):
        tell(f'from your own machine, first: ssh -N -L {port}:127.0.0.1:{port} {socket.gethostname()}')
    elif browser and _has_screen():
        threading.Timer(0.3, webbrowser.open, [url]).start()


def _has_screen() -> bool:
    if os.environ.get('SSH_CONNECTION'):
        return False
    return sys.platform in ('win32', 'darwin') or bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))
