"""Commands to a recording over ZeroMQ."""

from __future__ import annotations

import json
import threading
from types import TracebackType
from typing import Any, Self

from .._support.json import dumps
from ..errors import InvalidArgumentError, MissingDependencyError
from .control import RecordingControl

_POLL = 100  # milliseconds
_MOST_BYTES = 2**16


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
        The address is not available.
    """

    def __init__(self, control: RecordingControl, address: str) -> None:
        try:
            import zmq
        except ImportError as error:
            raise MissingDependencyError.for_extra('commands over ZeroMQ need pyzmq', 'pyzmq', 'zmq') from error
        self._control, self._context = control, zmq.Context()
        self._socket = self._context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MOST_BYTES)
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
        try:
            command = json.loads(parts[0])
        except ValueError:
            return {'ok': False, 'error': 'the message is no JSON'}
        if not isinstance(command, dict) or not self._control.is_token(command.get('token')):
            return {'ok': False, 'error': 'the token is missing or wrong'}
        return self._control.run(command, 'ZeroMQ')
