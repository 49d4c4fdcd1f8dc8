"""Serve the page until Ctrl-C: address, links and browser."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from ...errors import ImgStoreError, InvalidArgumentError, MissingDependencyError
from .access import LINK_SECONDS, Access
from .links import PAGE_SECONDS, links_on_demand, page_with

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from .recording import Recording

USUAL_HOST, USUAL_PORT = '127.0.0.1', 8321
_MORE_PORTS = 20  # tried if the usual one is taken

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Site:
    """Address of the page, and its permitted users.

    Attributes
    ----------
    host : str
        Served address. All but loopback addresses require a link.
    port : int or None
        0: a free port. None: the usual port, or the next free one.
    with_token : bool
        Require a link on this machine, too, if other people use it.
    root_path : str
        Path under which a proxy serves the page, such as '/camera'; '' without a proxy.
    names : tuple of str
        Further host names allowed in requests, such as that of a proxy.
    read_only : bool
        Visitors can change no file: they cannot save marks, and export nothing.
    """

    host: str = USUAL_HOST
    port: int | None = None
    with_token: bool = False
    root_path: str = ''
    names: tuple[str, ...] = ()
    read_only: bool = False


def run_server(paths: Sequence[str], site: Site, browser: bool, tell: Tell) -> int:
    """Show stores in a browser until Ctrl-C.

    Parameters
    ----------
    paths : sequence of str
        Paths of stores, or folders with stores below them.
    site : Site
    browser : bool
        Open a browser if there is a screen.
    tell : callable
        Called with lines for the user, such as the address.

    Returns
    -------
    int
        The signal that ended the server.

    Raises
    ------
    MissingDependencyError
        The packages of the extra `web` are not installed.
    InvalidArgumentError
        The address does not exist here, or the port is taken.
    StoreNotFoundError
        There is no store, or none below a folder.
    """
    try:
        import uvicorn  # noqa: F401  # checks that it is installed

        from .access_control import is_loopback
        from .limits import new_server
    except ImportError as error:
        raise MissingDependencyError(
            "the browser's page needs uvicorn and starlette: pip install 'imgstore[web]'", name=error.name
        ) from error
    access = Access() if site.with_token or not is_loopback(site.host) else None
    with _app(paths, site, access) as app, _listening(site.host, site.port) as listener:
        server = new_server(app)
        address = _Address(site.host, listener.getsockname()[1], site.root_path, access)
        with _ended_by_signals(server) as received, contextlib.ExitStack() as stack:
            _announce(address, browser, tell, stack)
            server.run(sockets=[listener])
    return received[0] if received else 0


@dataclass(frozen=True)
class _Address:
    """Address of a served page."""

    host: str
    port: int
    root_path: str
    access: Access | None

    def url(self, seconds: float = LINK_SECONDS) -> str:
        """Return the page's address, with a link's token if required."""
        host = socket.gethostname() if self.host in ('0.0.0.0', '::') else self.host
        name = f'[{host}]' if ':' in host else host
        token = f'?token={self.access.new_link(seconds)}' if self.access else ''
        return f'http://{name}:{self.port}{self.root_path}/{token}'


@contextlib.contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[list[int]]:
    """End the server on Ctrl-C and SIGTERM, also before it has its own handlers.

    Yields the received signals. The server raises those that it handled again, after its end.
    """
    received: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        received.append(number)
        server.should_exit = True

    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM) if is_main}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _app(paths: Sequence[str], site: Site, access: Access | None) -> Iterator[ASGIApp]:
    """Make the application: a page of stores, or a list of them."""
    from .catalog import check_catalog, is_catalog
    from .exports import Exports

    exports = Exports()
    changes = None if site.read_only else exports
    if any(map(is_catalog, paths)):
        from .catalog_pages import CatalogSite

        check_catalog(paths)
        with contextlib.closing(CatalogSite(paths, access, changes)) as catalog, exports:
            yield catalog.app(site.host, site.root_path, site.names)
        return
    from .server import new_app

    with _opened(paths) as recordings, exports:
        yield new_app(recordings, site.host, access, site.root_path, site.names, changes)


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
    raise InvalidArgumentError(f'{host}, port {ports[0]}, is not available: {why.strerror or why}') from why


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != 'win32':  # there others could take the same port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == '::':  # all addresses, including IPv4
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
    except BaseException:
        listener.close()
        raise
    return listener


def _announce(address: _Address, browser: bool, tell: Tell, stack: contextlib.ExitStack) -> None:
    once, failure = 'the link works once, within 10 minutes; ' if address.access else '', None
    try:
        if address.access:  # before the page is announced
            stack.enter_context(links_on_demand(address.port, lambda: address.url() + '\n'))
    except (ImgStoreError, OSError) as error:
        failure = error
    tell(f'open {address.url()}  ({once}Ctrl-C ends the server)')
    try:
        if failure:
            raise failure
        if address.access:
            tell(f'another link: imgstore-view --web --link --port {address.port}')
        if address.host in ('127.0.0.1', 'localhost') and os.environ.get('SSH_CONNECTION'):
            tell(
                f'from your own machine, first: ssh -N -L {address.port}:127.0.0.1:{address.port} '
                f'{socket.gethostname()}'
            )
        elif browser and _has_screen():
            _open_browser(address, stack)
    except (ImgStoreError, OSError) as error:  # the page is served anyway
        tell(f'--link is not available, use the button "Link" on the page: {error}')


def _open_browser(address: _Address, stack: contextlib.ExitStack) -> None:
    """Open the page.

    A link goes in a file, since all users can read the browser's command line.
    """
    url = stack.enter_context(page_with(address.url(PAGE_SECONDS))) if address.access else address.url()
    opener = threading.Timer(0.3, webbrowser.open, [url])
    opener.daemon = True
    opener.start()


def _has_screen() -> bool:
    if os.environ.get('SSH_CONNECTION'):
        return False
    return sys.platform in ('win32', 'darwin') or bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))
