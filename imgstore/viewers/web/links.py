"""Links for this user only, by a file for the browser or by a socket.

Every user of a machine can read command lines, so no link is ever on one. The browser gets the path of a file with the
link. Another process asks through a socket. Both are in a private folder.
"""

from __future__ import annotations

import contextlib
import html
import os
import re
import secrets
import socket
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ...errors import ImgStoreError, InvalidArgumentError

PAGE_SECONDS = 60.0
"""Lifetime of the link in the file for the browser."""

_SOCKET = re.compile(r'view-(\d+)-\d+\.sock')
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>imgstore</title>
<meta http-equiv="refresh" content="0; url={url}">
<p><a href="{url}">Open the recording</a></p></html>
"""
_PATIENCE = 5.0  # seconds
_LONGEST = 4096  # bytes of an answer
_LONGEST_FOLDER = 72  # bytes; a socket's path has at most 104

Link = Callable[[], str]


def private_folder() -> str:
    """Make or find a folder closed to other users.

    Raises
    ------
    ImgStoreError
        Other users own all possible folders.
    """
    tried = []
    for folder in _candidates():
        with contextlib.suppress(OSError):  # it exists, or cannot be made
            os.mkdir(folder, 0o700)
        if _is_private(folder):
            return folder
        tried.append(folder)
    raise ImgStoreError(
        f'none of {", ".join(tried)} is your own folder and closed to others; '
        'remove one, or set XDG_RUNTIME_DIR to such a folder'
    )


def _candidates() -> list[str]:
    runtime = os.environ.get('XDG_RUNTIME_DIR', '')
    mine = f'imgstore-{os.getuid()}' if sys.platform != 'win32' else 'imgstore'
    folders = [os.path.join(runtime, 'imgstore')] if os.path.isabs(runtime) else []
    folders.append(os.path.join(tempfile.gettempdir(), mine))
    return [folder for folder in folders if len(os.fsencode(folder)) <= _LONGEST_FOLDER] or folders


def _is_private(folder: str) -> bool:
    """Return whether a folder is this user's, no link, and closed to others.

    On Windows the temporary folder is private already.
    """
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    if sys.platform == 'win32':
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


# --- for the browser


@contextlib.contextmanager
def page_with(url: str) -> Iterator[str]:
    """Write a file that redirects to an address, and give the URL of the file.

    The URL itself is no secret.

    Parameters
    ----------
    url : str
        Address with a link's token.
    """
    path = Path(private_folder(), f'open-{secrets.token_hex(8)}.html')
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, 'w', encoding='utf-8') as file:
        file.write(_PAGE.format(url=html.escape(url)))
    remover = threading.Timer(PAGE_SECONDS, path.unlink, kwargs={'missing_ok': True})
    remover.daemon = True
    remover.start()
    try:
        yield path.as_uri()
    finally:
        remover.cancel()
        path.unlink(missing_ok=True)


# --- for another process


@contextlib.contextmanager
def links_on_demand(port: int, link: Link) -> Iterator[None]:
    """Send a link to each process that connects to the private socket.

    Only this user can connect.

    Parameters
    ----------
    port : int
        Port of the server; it names the socket.
    link : callable
        Makes a link's address.
    """
    if not hasattr(socket, 'AF_UNIX'):
        yield
        return
    path = os.path.join(private_folder(), f'view-{port}-{os.getpid()}.sock')
    ended = threading.Event()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # left by an earlier process with this id
        listener.bind(path)
        stack.callback(_remove, path)
        listener.listen(8)
        listener.settimeout(0.2)
        thread = threading.Thread(target=_give, args=(listener, link, ended), name='imgstore-links', daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(ended.set)
        yield


def _give(listener: socket.socket, link: Link, ended: threading.Event) -> None:
    while not ended.is_set():
        with contextlib.suppress(OSError):  # no client, or it has left
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(_PATIENCE)
                connection.sendall(link().encode())


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def further_links(port: int | None) -> list[str]:
    """Ask this user's running server for another link.

    Parameters
    ----------
    port : int or None
        Port of the server; None if only one runs.

    Returns
    -------
    list of str
        The link; several if servers at different addresses have the same port.

    Raises
    ------
    InvalidArgumentError
        No server with links runs there, or several do.
    """
    if not hasattr(socket, 'AF_UNIX'):
        raise InvalidArgumentError('--link is not available on Windows; use the button "Link" on the page')
    asked = [(number, _ask(path)) for number, path in _sockets() if port in (None, number)]
    found = [(number, link) for number, link in asked if link]
    ports = sorted({number for number, _ in found})
    if len(ports) > 1:
        raise InvalidArgumentError(f'your servers run at ports {", ".join(map(str, ports))}; choose one with --port')
    if not found:
        where = '' if port is None else f' at port {port}'
        raise InvalidArgumentError(f'you have no running imgstore-view --web that requires links{where}')
    return [link for _, link in found]


def _sockets() -> list[tuple[int, str]]:
    folder = private_folder()
    named = [(_SOCKET.fullmatch(name), name) for name in sorted(os.listdir(folder))]
    return [(int(found[1]), os.path.join(folder, name)) for found, name in named if found]


def _ask(path: str) -> str:
    """Ask a server through its socket for a link.

    '' if the server has ended. The socket of an ended server is removed.
    """
    answer = b''
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(path)
            while len(answer) < _LONGEST and (more := connection.recv(_LONGEST)):
                answer += more
    except ConnectionRefusedError:
        _remove(path)
    except OSError:
        return ''
    return answer.decode('utf-8', 'replace')
