"""Commands to a recording over ZeroMQ."""

from __future__ import annotations

import re
import threading
from types import TracebackType
from typing import Any, Self

from .._support.json import dumps
from ..errors import InvalidArgumentError, MissingDependencyError
from .control import RecordingControl, parse_command

_TCP = re.compile(r'tcp://(?P<host>\*|[\w.:%-]+|\[[\w.:%]+\]):(?P<port>\*|\d{1,5})', re.ASCII)
_OWN_HOST = re.compile(r'localhost|127(\.\d{1,3}){3}|\[?::1\]?')
_POLL = 100  # milliseconds
_MOST_BYTES, _MOST_RECEIVED = 2**16, 2**24  # a longer one gets no answer: ZeroMQ ends its connection


class ZmqControl:
    """A REP socket, in a ``with`` block, for commands as JSON with a token.

    Parameters
    ----------
    control : RecordingControl
    address : str
        Such as 'tcp://127.0.0.1:5555' or 'ipc:///run/rig.sock'.

    Attributes
    ----------
    address : str
        The address, with the port that was chosen for port 0.

    Raises
    ------
    MissingDependencyError
        pyzmq is not installed.
    InvalidArgumentError
        The address is not allowed, or not available.
    """

    def __init__(self, control: RecordingControl, address: str) -> None:
        check_address(address)
        try:
            import zmq
        except ImportError as error:
            raise MissingDependencyError.for_extra('commands over ZeroMQ need pyzmq', 'pyzmq', 'zmq') from error
        self._control, self._context = control, zmq.Context()
        self._socket = self._context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MOST_RECEIVED)
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self._context.destroy()
            raise InvalidArgumentError(f'address {address!r} is not available: {error}', argument='zmq') from error
        self.address: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, name='imgstore zmq', daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ends.set()
        self._thread.join()
        self._context.destroy()

    def _serve(self) -> None:
        while not self._ends.is_set():
            if self._socket.poll(_POLL):
                self._socket.send_string(dumps(self._answer(self._socket.recv_multipart())))

    def _answer(self, parts: list[bytes]) -> dict[str, Any]:
        if len(parts) != 1:  # read all the same: the socket sends no answer before
            return {'ok': False, 'error': f'the message has {len(parts)} parts; send JSON in one'}
        if len(parts[0]) > _MOST_BYTES:
            return {'ok': False, 'error': f'the message has {len(parts[0])} bytes; at most {_MOST_BYTES} are allowed'}
        try:
            command = parse_command(parts[0])
        except InvalidArgumentError as error:
            return {'ok': False, 'error': str(error)}
        if not self._control.is_token(command.pop('token', None)):
            return {'ok': False, 'error': 'the token is missing or wrong'}
        return self._control.run(command, 'ZeroMQ')


def check_address(address: str) -> None:
    """Raise InvalidArgumentError unless a REP socket may have an address."""
    found = _TCP.fullmatch(address)
    is_port = found is not None and (found['port'] == '*' or int(found['port']) < 65536)
    if not is_port and not re.fullmatch('ipc://.+', address):
        raise InvalidArgumentError(
            f'address {address!r} of ZeroMQ is not allowed; allowed: tcp://HOST:PORT with a port from 0 to 65535, such '
            f'as tcp://127.0.0.1:5555, or ipc://PATH',
            argument='zmq',
        )


def is_open_to_others(address: str) -> bool:
    """Return whether other machines reach an address."""
    found = _TCP.fullmatch(address)
    return found is not None and not _OWN_HOST.fullmatch(found['host'])
