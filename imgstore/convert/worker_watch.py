"""Watch over the workers of a conversion.

Without any, it would wait for ever.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from .._support.warn import warn
from ..errors import ImgStoreWarning, StoreIOError
from .parts import PartTask

LOOK_EVERY = 2.0
"""Seconds without an event after which to look at the workers."""

_GIVE_UP_AFTER = 15.0
"""Seconds without a worker on this machine; a killed one is replaced in two or three, or not at all."""


class WorkerWatch:
    """Notices that there have been no workers for a while.

    Parameters
    ----------
    client : distributed.Client
        The connection.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._is_local = client, client.cluster is not None
        self._without_since: float | None = None
        self._warned = False

    def check(self, task: PartTask) -> None:
        """Raise StoreIOError if workers here are gone for good.

        Warn of missing ones elsewhere. A scheduler elsewhere may get workers at any time.
        """
        if self._has_workers():
            self._without_since, self._warned = None, False
            return
        self._without_since = self._without_since or time.monotonic()
        if time.monotonic() - self._without_since < _GIVE_UP_AFTER:
            return
        if self._is_local:
            raise StoreIOError(
                f'{task.source!r}: all workers were killed, and {task.part} are not converted; is there enough memory? '
                'Convert again to continue',
                path=task.source,
                store=task.source,
            )
        self._warn()

    def _has_workers(self) -> bool:
        with contextlib.suppress(OSError):  # a lost scheduler is noticed by its client
            return bool(self._client.nthreads())
        return True

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            address = self._client.scheduler.address
            warn(ImgStoreWarning(f'the scheduler {address!r} has no workers; start some, or end with Ctrl-C'))
