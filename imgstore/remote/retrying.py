"""Retries of what failed in the network."""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import RemoteAccessError

_Answer = TypeVar('_Answer')

ATTEMPTS = 5
_FIRST_PAUSE = 0.1  # seconds, doubled each time
_LONGEST = 15  # seconds, after which nothing is repeated
_NETWORK = {'aiohttp': ('ClientError',), 'botocore.exceptions': ('HTTPClientError', 'ConnectionError')}


class TransientError(OSError):
    """A server's answer that may be another one soon."""


def retry(url: str, ask: Callable[[], _Answer]) -> _Answer:
    """Call a function, again after failures of the network.

    Raises
    ------
    RemoteAccessError
        It failed too often.
    """
    begin = time.monotonic()
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
        try:
            return ask()
        except Exception as error:
            if not _is_of_network(error):
                raise
            last = error
        if time.monotonic() - begin > _LONGEST:
            break
    reason, count = str(last) or 'no answer in time', f'{attempt + 1} attempt{"s" * bool(attempt)}'
    raise RemoteAccessError(
        f'{url} cannot be reached, after {count}: {type(last).__name__}: {reason}; check the network and the '
        'address, and try again',
        path=url,
        reason=reason,
    ) from last


def _is_of_network(error: Exception) -> bool:
    """Return whether an error is one of the network."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return False
    kinds = [TransientError, ConnectionError, TimeoutError]
    for module, names in _NETWORK.items():
        if module in sys.modules:
            kinds += [getattr(sys.modules[module], name) for name in names]
    return isinstance(error, tuple(kinds))
