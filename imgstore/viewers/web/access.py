"""Links and sessions. A link works once and gives its browser a session."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

LINK_SECONDS = 600.0
"""Lifetime of a link in seconds."""

_MOST_LINKS, _MOST_SESSIONS = 100, 1000  # beyond, the oldest expire


@dataclass(frozen=True)
class Session:
    """The secrets of one browser.

    Attributes
    ----------
    secret : str
        Value of its cookie.
    key : str
        Part of the page's path. The cookie is limited to this path, so the browser sends it to no other server of this
        machine. Cookies distinguish paths, but not ports.
    """

    secret: str
    key: str


class Access:
    """Issue links and sessions. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._links: OrderedDict[bytes, float] = OrderedDict()
        self._sessions: OrderedDict[bytes, None] = OrderedDict()

    def new_link(self, seconds: float = LINK_SECONDS) -> str:
        """Issue the token of a link.

        Parameters
        ----------
        seconds : float
            Lifetime of the link.
        """
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._links[_digest(token)] = time.monotonic() + seconds
            while len(self._links) > _MOST_LINKS:
                self._links.popitem(last=False)
        return token

    def open_session(self, token: str) -> Session | None:
        """Open a session by a link; None if the link is unknown, used or expired."""
        with self._lock:
            end = self._links.pop(_digest(token), None)
            if end is None or time.monotonic() > end:
                return None
            session = Session(secrets.token_urlsafe(24), secrets.token_urlsafe(16))
            self._sessions[_digest(session.secret)] = None
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return session

    def is_session(self, secret: str) -> bool:
        """Return whether this is the secret of a session."""
        with self._lock:
            return _digest(secret) in self._sessions


def _digest(secret: str) -> bytes:
    """Hash a secret, so that the time of a lookup reveals nothing about it."""
    return hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).digest()
