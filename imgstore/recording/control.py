"""Commands to a running recording: start, stop, mark and status."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ImgStoreError, InvalidArgumentError
from .live import LiveView
from .recording import Recording

COMMANDS = ('status', 'start', 'stop', 'mark')


class RecordingControl:
    """Runs the commands of others. Thread-safe.

    Parameters
    ----------
    recording : Recording
    token : str
        What those must know who send commands from outside.
    """

    def __init__(self, recording: Recording, token: str) -> None:
        self.recording, self.token = recording, token
        self._view, self._lock = LiveView(recording), threading.Lock()

    def is_token(self, token: object) -> bool:
        """Return whether a sender knows the token."""
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.token.encode())

    def run(self, command: object, origin: str) -> dict[str, Any]:
        """Run a command and return the answer, which says whether it was done.

        Parameters
        ----------
        command
            A mapping with ``do``: one of `COMMANDS`. ``mark`` has ``name``, and may have ``cameras`` and ``values``.
        origin
            Where it comes from, such as 'HTTP'. The reason of a stop has it.
        """
        try:
            return {'ok': True, **self._run(command, origin)}
        except (ImgStoreError, TypeError) as error:
            return {'ok': False, 'error': str(error)}

    def _run(self, command: object, origin: str) -> dict[str, Any]:
        if not isinstance(command, Mapping) or command.get('do') not in COMMANDS:
            raise InvalidArgumentError(f'a command is {command!r}; it must be an object with do: {", ".join(COMMANDS)}')
        do: Callable[[Mapping[str, Any], str], dict[str, Any]] = getattr(self, f'_do_{command["do"]}')
        return do(command, origin)

    def _do_status(self, command: Mapping[str, Any], origin: str) -> dict[str, Any]:
        with self._lock:
            cameras = [camera.as_plain() for camera in self._view.cameras()]
        return {'folder': self.recording.folder, 'cameras': cameras}

    def _do_start(self, command: Mapping[str, Any], origin: str) -> dict[str, Any]:
        self.recording.start()
        return {}

    def _do_stop(self, command: Mapping[str, Any], origin: str) -> dict[str, Any]:
        self.recording.stop(f'stopped by {origin}')
        return {}

    def _do_mark(self, command: Mapping[str, Any], origin: str) -> dict[str, Any]:
        values = command.get('values', {})
        if not isinstance(values, Mapping):
            raise InvalidArgumentError(f'values is {values!r}; it must be an object', argument='values')
        return {'time': self.recording.mark(command.get('name', 'mark'), command.get('cameras'), **values)}
