"""Who may ask: the one named in the Host header, with the token if there is one, and by GET alone.

A page of another site that the same browser has open can send requests to this machine, too. It cannot read the
answers, since none allows it; and were its own name made to lead here, the Host header would tell.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WILDCARDS = ('0.0.0.0', '::')
"""Hosts that stand for all addresses of this machine."""

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


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine for itself alone."""
    return host in _LOOPBACK


class Guard:
    """Lets through to the application just what may ask, and puts the headers on every answer.

    Parameters
    ----------
    app : ASGIApp
    host : str
        The address that is served.
    token : str or None
        That a request has to bring, as ``?token=`` of the first one and in a cookie from then on.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None) -> None:
        self._app = app
        self._hosts = {*_LOOPBACK, host.lower()} - set(WILDCARDS)
        self._all_addresses = host in WILDCARDS
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope['type'] != 'http':
            return

        async def send_with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault('Cache-Control', 'no-store')
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._is_own_name(headers.getlist('host'), scope):
            return PlainTextResponse('This is not the name of the machine that imgstore-view serves.', 421)
        if scope['method'] not in ('GET', 'HEAD'):
            return PlainTextResponse('Only GET is understood.', 405, {'Allow': 'GET, HEAD'})
        if headers.get('sec-fetch-site') == 'cross-site' and headers.get('sec-fetch-mode') != 'navigate':
            return PlainTextResponse('Other sites may not ask.', 403)
        return self._without_token(scope, headers) if self._token else None

    def _is_own_name(self, hosts: list[str], scope: Scope) -> bool:
        name = _name(hosts[0]) if len(hosts) == 1 else None
        return name is not None and (name in self._hosts or (self._all_addresses and _is_here(name, scope)))

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """What is answered to a request that has just brought its token, or has none."""
        port = (scope.get('server') or ('', 0))[1]
        cookie = f'imgstore-{port}'
        if self._fits(_cookies(headers.getlist('cookie'), cookie)):
            return None
        query = parse_qs(scope['query_string'].decode('latin-1'))
        given = query.pop('token', [])
        if not self._fits(given):
            return PlainTextResponse('Open the address that imgstore-view printed, with its token.', 403)
        answer = RedirectResponse(f'/?{urlencode(query, doseq=True)}' if query else '/', 303)
        answer.set_cookie(cookie, given[0], httponly=True, samesite='strict')
        return answer

    def _fits(self, given: Iterable[str]) -> bool:
        wanted = (self._token or '').encode()
        return any(hmac.compare_digest(one.encode('utf-8', 'replace'), wanted) for one in given)


def _name(host: str) -> str | None:
    """The name in a Host header, less the port; None where it has no such form."""
    name, colon, port = host.strip().lower().rpartition(':')
    if not colon or name.endswith(':') or (host.startswith('[') and host.endswith(']')):
        name, port = host.strip().lower(), '0'
    if not port.isascii() or not port.isdecimal():
        return None
    return name.removeprefix('[').removesuffix(']').removesuffix('.')


def _is_here(name: str, scope: Scope) -> bool:
    """Whether a name is this machine's own, or the very address that the request came to."""
    if name in {socket.gethostname().lower(), socket.getfqdn().lower()}:
        return True
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address((scope.get('server') or ('', 0))[0])
    except ValueError:
        return False


def _cookies(headers: list[str], name: str) -> list[str]:
    found = []
    for header in headers:
        try:
            cookies = SimpleCookie(header)
        except CookieError:
            continue
        if name in cookies:
            found.append(cookies[name].value)
    return found
