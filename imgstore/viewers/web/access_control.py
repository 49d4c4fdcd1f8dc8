"""Access control: which requests are answered.

These are to this machine's own name, from the page itself, and with a session if required.

Pages of other sites in the same browser can send requests to this machine too. They cannot read the answers, because no
answer allows it. If another site makes its own name lead here (DNS rebinding), the Host header shows that name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import Access

WILDCARDS = ('0.0.0.0', '::')
"""Hosts for all addresses of this machine."""

LINKS = '/api/links'
"""Path of the request for another link."""

AGAIN = '/static/again.js'
"""Script leading back to the path of the session's cookie; the only file available without a session."""

_LOOPBACK = ('localhost', '127.0.0.1', '::1')
_HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
}
_CHANGES = re.compile('(/open/[0-9a-f,]+)?/api/(stores/[0-9]+/(marks|exports)|exports/[A-Za-z0-9_-]+/cancel)')
_HOST = re.compile(r'(?:\[([0-9a-f:.]+(?:%[^\]]*)?)\]|([^\[\]:]+))(?::[0-9]+)?')
_KEY = re.compile(r'/session-([A-Za-z0-9_-]{22})(/.*|)', re.DOTALL)
_NO_SESSION = 'Open a link printed by imgstore-view. Each works once. "imgstore-view --web --link" prints another one.'
_NO_SESSION_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>imgstore</title>'
    f'<p>{_NO_SESSION}</p><script src="{AGAIN[1:]}"></script></html>'
)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    return host in _LOOPBACK


class AccessControl:
    """Pass permitted requests to the application; add headers to every answer.

    Parameters
    ----------
    app : ASGIApp
    host : str
        Served address.
    access : Access, optional
        Require a session, opened by a link.
    root_path : str
        Path under which a proxy serves the page, such as '/camera'. Requests may have it or not.
    names : collection of str
        Further host names allowed in requests, such as that of a proxy.
    read_only : bool
        Refuse requests that change files.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        access: Access | None = None,
        root_path: str = '',
        names: Collection[str] = (),
        read_only: bool = True,
    ) -> None:
        self._app = app
        self._hosts = {*_LOOPBACK, host.lower(), *(name.lower() for name in names)} - set(WILDCARDS)
        self._all_addresses = host in WILDCARDS
        if self._all_addresses:  # only once: a name server may be slow
            self._hosts |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._access = access
        self._root_path = root_path
        self._read_only = read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope['type'] != 'http':
            return

        async def send_with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault('Cache-Control', 'no-store')
            await send(message)

        path, key = self._own_path(scope['path'])
        answer = self._refusal(scope, path) or self._entry(scope, path, key)
        inner = {**scope, 'path': path, 'raw_path': path.encode(), 'root_path': ''}
        await (answer or self._app)(inner, receive, send_with_headers)

    def _own_path(self, path: str) -> tuple[str, str]:
        """Split a path into the page's own part and the session's key, or ''.

        The proxy's prefix is removed.
        """
        root = self._root_path
        if root and (path == root or path.startswith(root + '/')):
            path = path[len(root) :]
        found = _KEY.fullmatch(path) if self._access else None
        return (found[2], found[1]) if found else (path, '')

    # --- forbidden requests

    def _refusal(self, scope: Scope, path: str) -> Response | None:
        headers = Headers(scope=scope)
        if not self._is_own_name(headers.getlist('host'), scope):
            return PlainTextResponse('This host name is not allowed. Pass it to imgstore-view with --allow-host.', 421)
        if scope['method'] not in ('GET', 'HEAD'):
            return self._change_refusal(scope, path, headers)
        is_link = headers.get('sec-fetch-mode') == 'navigate' and path in ('', '/')
        if headers.get('sec-fetch-site') in ('cross-site', 'same-site') and not is_link:
            return PlainTextResponse('Other sites may not ask.', 403)
        return None

    def _change_refusal(self, scope: Scope, path: str, headers: Headers) -> Response | None:
        """Refuse changes, except those by the page itself: links, marks, exports."""
        is_link = self._access is not None and path == LINKS
        is_change = not self._read_only and _CHANGES.fullmatch(path) is not None
        if scope['method'] != 'POST' or not (is_link or is_change):
            return PlainTextResponse('Only GET and HEAD are allowed.', 405, {'Allow': 'GET, HEAD'})
        return None if _is_of_the_page(headers) else PlainTextResponse('Other sites may not ask.', 403)

    def _is_own_name(self, hosts: list[str], scope: Scope) -> bool:
        name = _name(hosts[0]) if len(hosts) == 1 else None
        return name is not None and (name in self._hosts or (self._all_addresses and _is_here(name, scope)))

    # --- links and sessions

    def _entry(self, scope: Scope, path: str, key: str) -> Response | None:
        """Answer a request that opens a session or has none.

        Also one for the page's path without its final '/'.
        """
        home = f'{self._root_path}/session-{key}/' if key else f'{self._root_path}/'
        asked = scope['query_string'].decode('latin-1')
        if not path:
            return RedirectResponse(f'{home}?{asked}' if asked else home, 308)
        if self._access is None or path == AGAIN:
            return None
        headers, query = Headers(scope=scope), parse_qs(asked, keep_blank_values=True)
        cookie = f'imgstore-{_served(scope)[1]}'
        if any(self._access.is_session(secret) for secret in _cookies(headers.getlist('cookie'), cookie)):
            is_detour = path == '/' and ('again' in query or 'token' in query)
            return RedirectResponse(home, 303) if is_detour else None
        if path == '/' and 'token' in query and scope['method'] == 'GET':
            return self._opened(self._access, query['token'], cookie, headers)
        return self._without_session(path)

    def _opened(self, access: Access, tokens: list[str], cookie: str, headers: Headers) -> Response:
        """Answer a link by the session's cookie and a redirect to the page."""
        if 'prefetch' in headers.get('sec-purpose', headers.get('purpose', '')):
            return PlainTextResponse('A link is not opened by a prefetch.', 503)
        session = access.open_session(tokens[0]) if len(tokens) == 1 else None
        if session is None:
            return self._without_session('/')
        home = f'{self._root_path}/session-{session.key}/'
        answer = RedirectResponse(home, 303)
        answer.set_cookie(cookie, session.secret, path=home, httponly=True, samesite='strict')
        return answer

    def _without_session(self, path: str) -> Response:
        if path == '/':
            return HTMLResponse(_NO_SESSION_PAGE, 403)
        return PlainTextResponse(_NO_SESSION, 403)


def _is_of_the_page(headers: Headers) -> bool:
    """Return whether a script of the page sent a request, by its headers."""
    site = headers.get('sec-fetch-site')
    if site is not None:  # right even if a proxy changes Host
        return site == 'same-origin' and 'x-imgstore' in headers
    origin = urlsplit(headers.get('origin', ''))
    return bool(origin.netloc) and origin.netloc == headers.get('host') and 'x-imgstore' in headers


def _name(host: str) -> str | None:
    """Return the name in a Host header without the port; None if invalid."""
    found = _HOST.fullmatch(host.strip().lower())
    return (found[1] or found[2].removesuffix('.')) if found else None


def _served(scope: Scope) -> tuple[str, int]:
    """Return the local address and port of a request."""
    host, port = scope.get('server') or ('', 0)
    return host, port


def _is_here(name: str, scope: Scope) -> bool:
    """Return whether a name is the address that received the request."""
    try:
        return _address(name) == _address(_served(scope)[0])
    except ValueError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parse an address. IPv4 addresses inside IPv6 become IPv4."""
    address = ipaddress.ip_address(text.partition('%')[0])
    return getattr(address, 'ipv4_mapped', None) or address


def _cookies(headers: list[str], name: str) -> list[str]:
    """Return the values of a cookie, among those of other servers."""
    pairs = (pair.partition('=') for header in headers for pair in header.split(';'))
    return [value.strip() for found, _, value in pairs if found.strip() == name]
