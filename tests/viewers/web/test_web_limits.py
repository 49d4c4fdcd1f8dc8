"""What clients cannot do to the page's server: block it with open requests, be slow without end, or fill its memory."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.viewers.web import limits, room
from imgstore.viewers.web.limits import Bounded, Connection, new_server
from imgstore.viewers.web.room import NoRoomError, Room

from ...helpers.serving import Served, served

pytestmark = [pytest.mark.process, pytest.mark.exhaustive]

HALF = b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n'
WHOLE = HALF + b'\r\n'
MEBI = 2**20


# --- the server as it is started


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Images of 16 MiB each."""
    path = tmp_path_factory.mktemp('stores') / 'large'
    image = np.random.default_rng(0).random((2048, 2048), np.float32)
    with imgstore.new_for_format('npy', path, imgshape=image.shape, imgdtype='float32') as made:
        for number in range(6):
            made.add_image(image, number, float(number))
    return str(path)


@pytest.fixture
def page(store: str) -> Iterator[Served]:
    with served(store) as it:
        yield it


@contextlib.contextmanager
def connections(count: int, port: int, data: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        there = []
        for _ in range(count):
            with contextlib.suppress(OSError):  # it may be ended already
                there.append(stack.enter_context(socket.create_connection(('127.0.0.1', port), timeout=20)))
                there[-1].sendall(data)
        yield there


def waits(page: Served, target: str, count: int = 7) -> float:
    """The usual time until a request of another client is answered."""
    took = []
    for _ in range(count):
        began = time.monotonic()
        assert page.ask(target).status == 200
        took.append(time.monotonic() - began)
    return float(np.median(took))


def most_memory(page: Served) -> float:
    """MiB that its process had at most."""
    found = re.search(r'VmHWM:\s+(\d+)', Path(f'/proc/{page.process.pid}/status').read_text())
    assert found
    return int(found[1]) / 1024


@pytest.mark.parametrize('data', [b'', HALF], ids=['no request', 'half a request'])
def test_a_thousand_connections_that_ask_nothing_hold_up_nobody(page: Served, data: bytes) -> None:
    resource.prlimit(page.process.pid, resource.RLIMIT_NOFILE, (256, 256))
    with connections(1000, page.port, data):
        for target in ('/', '/api/stores', '/api/stores/0/image/0.jpg?width=100'):
            assert waits(page, target) < 1


@pytest.mark.parametrize('requests', [1, 50])
def test_clients_that_never_read_take_bounded_memory(page: Served, requests: int) -> None:
    """Clients that never read their answers take bounded memory and delay no other client."""
    assert page.ask('/api/stores/0/image/0.npy').status == 200
    before = most_memory(page)
    asked = b'GET /api/stores/0/image/1.npy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' * requests
    with connections(40, page.port, asked) as there:
        assert waits(page, '/api/stores') < 1
        assert waits(page, '/api/stores/0/image/2.jpg?width=100') < 1
        assert waits(page, '/api/stores/0/image/3.npy', 3) < 2
        assert len(there) == 40
        grown = most_memory(page) - before
    assert grown < limits.ROOM / MEBI + 150, f'{grown} MiB'


def test_a_stuck_client_does_not_keep_the_server_from_ending(page: Served) -> None:
    with connections(20, page.port, b'GET /api/stores/0/image/1.npy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' * 9):
        time.sleep(1)
        page.process.terminate()
        page.process.wait(15)


def test_nonsense_on_a_connection_is_refused(page: Served) -> None:
    """Nonsense in any state of a connection is refused and appears in no log."""
    image = b'GET /api/stores/0/image/1.npy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
    body = HALF.replace(b'GET', b'POST') + b'Transfer-Encoding: chunked\r\n\r\n'
    last = HALF + b'Connection: close\r\n\r\n'
    for data in (
        b'\x00\r\n\r\n',
        image + b'\x00\r\n\r\n',
        body + b'xyz\r\n',
        WHOLE + body + b'xyz\r\n',
        last + b'\x00\r\n\r\n',
        last + WHOLE,
        body + b'0\r\n\r\n\x00\r\n\r\n',
        b'x' * 100_000,
    ):
        with connections(20, page.port, data) as there:
            for one in there:
                one.settimeout(0.1)
                with contextlib.suppress(OSError):
                    one.recv(1000)
    assert waits(page, '/') < 1


# --- each limit by itself


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that are met within the time of a test."""
    monkeypatch.setattr(limits, 'REQUEST_SECONDS', 1.0)
    monkeypatch.setattr(limits, 'READ_SECONDS', 1.5)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers /12 with as many MiB, and /sleep after a while."""
    wanted = scope['path'].strip('/')
    if wanted == 'sleep':
        await asyncio.sleep(3)
    body = b'x' * (int(wanted) * MEBI if wanted.isdecimal() else 5)
    headers = [(b'content-length', str(len(body)).encode())]
    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
    await send({'type': 'http.response.body', 'body': body})


def cost(path: str) -> int:
    return int(path.strip('/')) * MEBI if path.strip('/').isdecimal() else 0


@contextlib.contextmanager
def server(most: int = 100, size: int = 64 * MEBI) -> Iterator[int]:
    """The port of a server in this process."""
    one = new_server(Bounded(app, cost, size), most)
    with socket.create_server(('127.0.0.1', 0)) as listener:
        thread = threading.Thread(target=one.run, kwargs={'sockets': [listener]})
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            one.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


def lives(connection: socket.socket, send: bytes, every: float = 0.2, most: float = 10) -> float:
    """Seconds until the server ends a connection, over which something is sent now and then."""
    began = time.monotonic()
    connection.settimeout(every)
    while time.monotonic() - began < most:
        with contextlib.suppress(TimeoutError):
            try:
                connection.sendall(send)
                if not connection.recv(2**16):
                    break
            except ConnectionError:
                break
    return time.monotonic() - began


@pytest.mark.usefixtures('quick')
@pytest.mark.parametrize('begin', [b'', HALF, WHOLE + HALF], ids=['nothing', 'half a request', 'the second request'])
@pytest.mark.parametrize('more', [b'', b'X: y\r\n'], ids=['then nothing', 'then a line now and then'])
def test_a_request_has_to_arrive_in_time(begin: bytes, more: bytes) -> None:
    with server() as port, socket.create_connection(('127.0.0.1', port)) as connection:
        connection.sendall(begin)
        assert lives(connection, more if begin else b'') < 5


@pytest.mark.usefixtures('quick')
def test_a_body_that_nobody_reads_does_not_hold_a_connection() -> None:
    with server() as port, socket.create_connection(('127.0.0.1', port)) as connection:
        connection.sendall(HALF + b'Content-Length: 1000000\r\n\r\n')
        assert lives(connection, b'x') < 5


@pytest.mark.usefixtures('quick')
def test_an_answer_that_takes_long_is_waited_for() -> None:
    with server() as port, socket.create_connection(('127.0.0.1', port), timeout=20) as connection:
        connection.sendall(WHOLE.replace(b'/ ', b'/sleep ', 1))
        assert connection.recv(100).startswith(b'HTTP/1.1 200')


def received(connection: socket.socket, pause: Callable[[int], None] = lambda _: None) -> int:
    """Bytes until the end or until nothing has come for two seconds."""
    connection.settimeout(2)
    size = 0
    with contextlib.suppress(OSError):
        while more := connection.recv(2**16):
            size += len(more)
            pause(size)
    return size


@pytest.mark.usefixtures('quick')
def test_stuck_client_is_dropped_and_slow_one_is_not() -> None:
    """A client that does not read is dropped, and a client that reads slowly is kept."""
    with server() as port, connections(2, port, WHOLE.replace(b'/ ', b'/20 ', 1)) as (stuck, slow):
        assert received(slow, lambda size: time.sleep(0.05 if size < 4 * MEBI else 0)) > 20 * MEBI
        time.sleep(1)
        assert received(stuck) < 20 * MEBI


def test_longest_waiting_connection_makes_room() -> None:
    """The connection that has waited longest is closed to make room for a new one."""
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(server(most=4))
        (busy,) = stack.enter_context(connections(1, port, WHOLE.replace(b'/ ', b'/sleep ', 1)))
        time.sleep(0.3)  # until it is answered
        there = stack.enter_context(connections(8, port, HALF))
        with socket.create_connection(('127.0.0.1', port), timeout=20) as newest:
            newest.sendall(WHOLE)
            assert newest.recv(100).startswith(b'HTTP/1.1 200')
        there[0].settimeout(5)
        with contextlib.suppress(ConnectionError):
            assert there[0].recv(100) == b''
        assert busy.recv(100).startswith(b'HTTP/1.1 200')


def test_new_connection_gets_503_if_all_are_busy() -> None:
    """If all connections are being answered, a new one gets an answer to try again later."""
    with server(most=3) as port, connections(3, port, WHOLE.replace(b'/ ', b'/sleep ', 1)) as busy:
        time.sleep(0.5)
        with socket.create_connection(('127.0.0.1', port), timeout=20) as newest:
            assert newest.recv(100).startswith(b'HTTP/1.1 503')
        for one in busy:
            assert one.recv(100).startswith(b'HTTP/1.1 200')


def test_unread_closing_answers_count_as_connections() -> None:
    """Answers that close their connection but remain unread also count as connections."""
    asked = WHOLE.replace(b'/ ', b'/8 ', 1).replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n')
    with server(most=10) as port, connections(50, port, asked) as there:
        time.sleep(2)
        with socket.create_connection(('127.0.0.1', port), timeout=20) as newest:
            newest.sendall(WHOLE)
            assert newest.recv(100).startswith(b'HTTP/1.1 200')
        read = [received(one) > 8 * MEBI for one in there]
    assert sum(read) <= 10


def test_who_does_not_read_gives_up_the_room_to_who_does() -> None:
    with server(size=64 * MEBI) as port, connections(3, port, WHOLE.replace(b'/ ', b'/30 ', 1)):
        time.sleep(0.5)
        began = time.monotonic()
        with connections(1, port, WHOLE.replace(b'/ ', b'/60 ', 1)) as (reader,):
            assert received(reader) > 60 * MEBI
        assert time.monotonic() - began < 10


def test_every_byte_arrives_in_order() -> None:
    async def numbers(scope: Any, receive: Any, send: Any) -> None:
        body = np.arange(2**20, dtype='<u4').tobytes()
        await send(
            {'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', str(len(body)).encode())]}
        )
        await send({'type': 'http.response.body', 'body': body[:100], 'more_body': True})
        await send({'type': 'http.response.body', 'body': body[100:]})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {'type': 'http.request'}

    scope = {'type': 'http', 'path': '/', 'imgstore.connection': Client()}
    asyncio.run(Bounded(numbers, cost)(scope, receive, send))
    bodies = [message for message in sent if message['type'] == 'http.response.body']
    assert b''.join(bytes(message['body']) for message in bodies) == np.arange(2**20, dtype='<u4').tobytes()
    assert [message.get('more_body', False) for message in bodies] == [True] * (len(bodies) - 1) + [False]
    assert max(len(message['body']) for message in bodies) <= 2**16


# --- the room


class Client(Connection):
    """A connection that is none."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.gone = False

    @property
    def unread_since(self) -> float | None:
        return self.since

    @property
    def is_gone(self) -> bool:
        return self.gone

    def drop(self) -> None:
        self.gone = True


def test_full_room_serves_newest_first_and_skips_leavers() -> None:
    """In a full room the newest request comes first, and nobody waits for a client that left."""
    came: list[str] = []

    async def enter(one: Room, name: str, client: Client) -> None:
        try:
            async with one.hold(10, client):
                came.append(name)
        except NoRoomError:
            came.append(f'not {name}')

    async def main() -> None:
        one, left = Room(10), Client()
        async with one.hold(10, Client()):
            tasks = []
            for name, client in (('old', Client()), ('left', left), ('new', Client())):
                tasks.append(asyncio.create_task(enter(one, name, client)))
                await asyncio.sleep(0.05)
            left.gone = True
            await asyncio.sleep(0.1)
            assert came == ['not left']
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert came == ['not left', 'new', 'old']


def test_only_stalled_clients_are_dropped_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server drops only stalled clients, and no more of them than necessary."""
    monkeypatch.setattr(room, 'WAIT_SECONDS', 0.3)

    async def main() -> list[bool]:
        one = Room(30)
        clients = [Client(), Client(), Client()]
        clients[0].since, clients[1].since = time.monotonic() - 5, time.monotonic() - 9
        async with one.hold(10, clients[0]), one.hold(10, clients[1]), one.hold(10, clients[2]):
            with pytest.raises(NoRoomError):
                async with one.hold(10, Client()):
                    pass
        return [client.gone for client in clients]

    assert asyncio.run(main()) == [False, True, False]


def test_what_is_larger_than_the_room_has_it_to_itself() -> None:
    async def main() -> None:
        one = Room(10)
        async with one.hold(1000, Client()):
            pass

    asyncio.run(main())
