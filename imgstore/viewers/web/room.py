"""Memory limit for answers in preparation and unread answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

STALLED_SECONDS = 0.5
"""A client that reads nothing for this time may lose its memory to a waiting one."""

WAIT_SECONDS = 20.0
"""Longest wait of an answer for memory."""

_LOOK_AGAIN = 0.02  # seconds


class Client(Protocol):
    """A client."""

    @property
    def unread_since(self) -> float | None:
        """Time of `time.monotonic` at which it stopped reading; None while it reads."""

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be sent any more."""

    def drop(self) -> None:
        """Stop sending, and drop unread data."""


class NoRoomError(Exception):
    """No memory became free in time, or the client has left."""


class Held:
    """One answer's share of the memory.

    Parameters
    ----------
    size : int
        Size in bytes.
    client : Client
    """

    def __init__(self, size: int, client: Client) -> None:
        self.size = size
        self.client = client

    def grow(self, size: int) -> None:
        """Take more memory without waiting.

        Waiting while holding some could deadlock.
        """
        self.size = max(self.size, size)


class Room:
    """Bounded memory for answers, for one event loop.

    If it is full, the newest answer comes first: its client is present, others may have left.

    Parameters
    ----------
    size : int
        Size in bytes. A larger answer is prepared alone.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: set[Held] = set()
        self._waiting: list[object] = []

    @asynccontextmanager
    async def hold(self, size: int, client: Client) -> AsyncIterator[Held]:
        """Wait for memory and hold it until the end.

        Parameters
        ----------
        size : int
            Size in bytes; 0 never waits.
        client : Client
            Client to disconnect if it reads nothing while others wait.

        Raises
        ------
        NoRoomError
        """
        if size:
            await self._wait(size, client)
        held = Held(size, client)
        self._held.add(held)
        try:
            yield held
        finally:
            self._held.discard(held)

    async def _wait(self, size: int, client: Client) -> None:
        turn, end = object(), time.monotonic() + WAIT_SECONDS
        self._waiting.append(turn)
        try:
            while self._waiting[-1] is not turn or not self._fits(size):
                if client.is_gone or time.monotonic() > end:
                    raise NoRoomError
                if self._waiting[-1] is turn:
                    self._make_room(size)
                await asyncio.sleep(_LOOK_AGAIN)
        finally:
            self._waiting.remove(turn)

    def _fits(self, size: int, without_gone: bool = False) -> bool:
        used = sum(held.size for held in self._held if not (without_gone and held.client.is_gone))
        return not used or used + size <= self._size

    def _make_room(self, size: int) -> None:
        """Disconnect the client stalled for longest, if memory is needed."""
        if not self._fits(size, without_gone=True):
            stalled = longest_stalled([held.client for held in self._held if held.size and not held.client.is_gone])
            if stalled is not None:
                stalled.drop()


def longest_stalled(clients: list[Client]) -> Client | None:
    """Return the client stalled for longest (`STALLED_SECONDS`), or None."""
    since = {client: client.unread_since for client in clients}
    stalled = {client: at for client, at in since.items() if at is not None and time.monotonic() - at > STALLED_SECONDS}
    return min(stalled, key=stalled.__getitem__, default=None)
