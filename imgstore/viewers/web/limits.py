"""Limits for clients: connections, time of a request, unread bytes.

The server stays responsive for each client, whatever the others do.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .room import NoRoomError, Room, longest_stalled

MOST_CONNECTIONS = 100
REQUEST_SECONDS = 10.0
"""Time for a request to arrive, from the connection or the last answer."""

READ_SECONDS = 30.0
"""Time for a client to read `_PIECE` bytes."""

ROOM = 256 * 2**20
"""Bytes of answers in preparation or unread."""

_PIECE = 64 * 2**10
_QUEUE, _AT_ONCE = 1024, 32  # waiting connections; connections accepted at once
_CONNECTION = 'imgstore.connection'
_FULL = b'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

Cost = Callable[[str], int]
"""Returns the bytes needed for answering a path."""


class Connection(H11Protocol):
    """A client's connection.

    Parameters
    ----------
    crowd : Crowd
        All connections.
    **options
        Options of uvicorn's own class.
    """

    def __init__(self, crowd: Crowd, **options: Any) -> None:
        super().__init__(**options)
        self._crowd, self._answer = crowd, self.app
        self.app = self._with_itself
        self.waiting_since: float | None = time.monotonic()
        """Start of waiting for a request; None during an answer."""
        self._unread_since: float | None = None
        self.is_dropped = False
        """Whether it is only to be refused."""
        self.is_ending = False
        """Whether the server ends."""

    async def _with_itself(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer({**scope, _CONNECTION: self}, receive, send)

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport.is_closing()

    @property
    def unread_since(self) -> float | None:
        """Time at which the client stopped reading; None while it reads."""
        if not self.transport.get_write_buffer_size():
            self._unread_since = None
        return self._unread_since

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request, with all answers read."""
        return self.waiting_since is not None and not self.transport.get_write_buffer_size()

    def drop(self) -> None:
        """Stop sending, and drop unread data."""
        self.is_dropped = True
        self.transport.abort()

    def refuse(self) -> None:
        """Answer that the client should try again."""
        self.is_dropped = True
        self.transport.write(_FULL)
        self.transport.close()

    # --- events

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a request, if another connection is allowed."""
        super().connection_made(transport)
        self._crowd.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up the connection's place."""
        super().connection_lost(exc)
        self._crowd.forget(self)

    def data_received(self, data: bytes) -> None:
        """Check whether a request has arrived."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Start waiting for the next request."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Note the time since the client does not read."""
        super().pause_writing()
        self._unread_since = self._unread_since or time.monotonic()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        super().resume_writing()
        self._unread_since = None

    def send_400_response(self, msg: str) -> None:
        """Refuse an invalid request.

        While the one before is being answered, uvicorn would log a traceback.
        """
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            self.drop()
        elif self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.drop()

    def shutdown(self) -> None:
        """Give the client a second to read the rest."""
        self.is_ending = True
        super().shutdown()
        self.loop.call_later(1, self.transport.abort)

    def _look(self) -> None:
        cycle: Any = self.cycle  # None before the first request, despite its type
        is_waiting = cycle is None or cycle.response_complete
        self.waiting_since = (self.waiting_since or time.monotonic()) if is_waiting else None

    def is_too_slow(self, now: float) -> bool:
        """Return whether its request or its reading takes too long."""
        unread_since = self.unread_since
        if self.transport.get_write_buffer_size():
            unread_since = self._unread_since = unread_since or now  # uvicorn may not hear of so little
            self.waiting_since = self.waiting_since and now  # for the next request, once it has read this answer
        return (self.waiting_since is not None and now - self.waiting_since > REQUEST_SECONDS) or (
            unread_since is not None and now - unread_since > READ_SECONDS
        )


def is_ending(scope: Scope) -> bool:
    """Return whether an answer without an end should end: client or server go."""
    connection = scope.get(_CONNECTION)
    return connection is not None and (connection.is_gone or connection.is_ending)


class Crowd:
    """All connections.

    Parameters
    ----------
    most : int
        Largest number of connections.
    """

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._all: dict[Connection, None] = {}

    def admit(self, newcomer: Connection) -> None:
        """Admit a connection.

        Above the limit end another, since this one may send a request.
        """
        there = [one for one in self._all if not one.is_dropped]
        self._all[newcomer] = None
        if len(there) < self._most:
            return
        other = _longest_waiting(there) or longest_stalled(list(there))
        if other is not None:
            other.drop()
        else:
            newcomer.refuse()

    def forget(self, one: Connection) -> None:
        """Remove a connection that has ended."""
        self._all.pop(one, None)

    async def sweep(self) -> None:
        """End connections that are too slow."""
        now = time.monotonic()
        for one in [one for one in self._all if one.is_too_slow(now)]:
            one.drop()


def _longest_waiting(there: list[Connection]) -> Connection | None:
    """Return the oldest idle connection of the address with the most, or None."""
    waiting = [one for one in there if one.is_idle]
    addresses = Counter(one.client[0] if one.client else '' for one in waiting)
    most = max(addresses, key=addresses.__getitem__, default='')
    theirs = [one for one in waiting if (one.client[0] if one.client else '') == most]
    return min(theirs, key=lambda one: one.waiting_since or 0.0, default=None)


class Bounded:
    """Limits an application's answers to a room, and sends them in pieces.

    Parameters
    ----------
    app : ASGIApp
    cost : callable
        Bytes needed for a path.
    room : int
        Size in bytes.
    """

    def __init__(self, app: ASGIApp, cost: Cost, room: int = ROOM) -> None:
        self._app, self._cost, self._room = app, cost, Room(room)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        connection = scope.get(_CONNECTION)
        if connection is None:
            await self._app(scope, receive, send)
            return
        try:
            async with self._room.hold(self._cost(scope['path']), connection) as held:

                async def send_in_pieces(message: Message) -> None:
                    held.grow(len(message.get('body', b'')))
                    for piece in _pieces(message):
                        if connection.is_gone:
                            await asyncio.sleep(0)  # until uvicorn knows and sends nothing
                        await send(piece)

                await self._app(scope, receive, send_in_pieces)
        except NoRoomError:
            await PlainTextResponse('Too many requests; try again.', 503, {'Retry-After': '1'})(scope, receive, send)


def _pieces(message: Message) -> list[Message]:
    """Split a message with a long body.

    Uvicorn waits before each until the client has read.
    """
    body = message.get('body', b'')
    if len(body) <= _PIECE:
        return [message]
    view, more = memoryview(body), message.get('more_body', False)
    starts = range(0, len(body), _PIECE)
    return [
        {**message, 'body': view[start : start + _PIECE], 'more_body': more or start != starts[-1]} for start in starts
    ]


class Server(uvicorn.Server):
    """A server with a long queue of new connections, taken a few at a time."""

    async def startup(self, sockets: Any = None) -> None:
        """Start listening."""
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(_QUEUE)

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop listening, and end all answers.

        It is no error if some are cut off.
        """
        logging.getLogger('uvicorn.error').setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def new_server(app: ASGIApp, most: int = MOST_CONNECTIONS) -> Server:
    """Make a server of an application, with all limits."""
    crowd = Crowd(most)
    protocol: Any = functools.partial(Connection, crowd)  # uvicorn calls it as a class
    settings = uvicorn.Config(
        app,
        log_level='error',
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan='off',
        ws='none',
        http=protocol,
        loop='asyncio',
        backlog=_AT_ONCE,
        timeout_graceful_shutdown=3,
        callback_notify=crowd.sweep,
        timeout_notify=1,
    )
    return Server(settings)
