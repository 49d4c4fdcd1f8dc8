"""Links and sessions: a link works once, and gives the browser that opens it a session."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

LINK_SECONDS = 600.0
"""How long a link waits to be opened."""

_MOST_LINKS, _MOST_SESSIONS = 100, 1000  # the oldest are dropped


@dataclass(frozen=True)
class Session:
    """The secrets of one browser.

    Attributes
    ----------
    secret : str
        The value of its cookie.
    key : str
        Part of the path that the page is under. The cookie has this path, so the browser sends it to no other server:
        cookies do not tell ports apart, but they do tell paths apart.
    """

    secret: str
    key: str


class Access:
    """Issue links and sessions; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._links: OrderedDict[bytes, float] = OrderedDict()
        self._sessions: OrderedDict[bytes, None] = OrderedDict()

    def new_link(self, seconds: float = LINK_SECONDS) -> str:
        """Issue the token of a link.

        Parameters
        ----------
        seconds : float
            How long it may be used.
        """
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._links[_digest(token)] = time.monotonic() + seconds
            while len(self._links) > _MOST_LINKS:
                self._links.popitem(last=False)
        return token

    def open_session(self, token: str) -> Session | None:
        """Use up a link; None if there is no such link, or if it was used or is too old."""
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
