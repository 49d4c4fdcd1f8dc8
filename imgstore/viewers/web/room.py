"""Memory for answers: what is being made and what clients have not read yet share a bounded room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

STALLED_SECONDS = 0.5
"""A client that has read nothing for so long gives up its room to one that waits for room."""

WAIT_SECONDS = 20.0
"""How long an answer waits for room."""

_LOOK_AGAIN = 0.02  # seconds


class Client(Protocol):
    """Who is answered."""

    @property
    def unread_since(self) -> float | None:
        """When it last stopped to read, in seconds of `time.monotonic`; None while it reads."""

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be sent to it any more."""

    def drop(self) -> None:
        """Send it nothing more, and forget what it has not read."""


class NoRoomError(Exception):
    """There was no room in time, or nobody to answer any more."""


class Held:
    """What one answer takes up of a room.

    Parameters
    ----------
    size : int
        In bytes.
    client : Client
    """

    def __init__(self, size: int, client: Client) -> None:
        self.size = size
        self.client = client

    def grow(self, size: int) -> None:
        """Take up more than was asked for, at once: to wait while something is held could last forever."""
        self.size = max(self.size, size)


class Room:
    """A bounded room; for one event loop.

    Where it is full, the newest answer comes first: its client is there, and others may have gone or be stuck.

    Parameters
    ----------
    size : int
        In bytes. An answer that is larger has the room to itself.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: set[Held] = set()
        self._waiting: list[object] = []

    @asynccontextmanager
    async def hold(self, size: int, client: Client) -> AsyncIterator[Held]:
        """Wait for room, and have it until the end.

        Parameters
        ----------
        size : int
            In bytes; 0 never waits.
        client : Client
            Who loses it, when it reads nothing and others wait.

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
        """Drop the client that has stood still for longest, if any has for long enough and it is needed."""
        if not self._fits(size, without_gone=True):
            stalled = longest_stalled([held.client for held in self._held if held.size and not held.client.is_gone])
            if stalled is not None:
                stalled.drop()


def longest_stalled(clients: list[Client]) -> Client | None:
    """Of clients that have read nothing for `STALLED_SECONDS` or more, the one that stopped first."""
    since = {client: client.unread_since for client in clients}
    stalled = {client: at for client, at in since.items() if at is not None and time.monotonic() - at > STALLED_SECONDS}
    return min(stalled, key=stalled.__getitem__, default=None)
