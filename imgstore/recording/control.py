"""Commands to a running recording: start, stop, mark and status."""

from __future__ import annotations

import hmac
import json
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

from .._support.similar_names import close_names, did_you_mean
from .._support.validation import not_allowed
from ..errors import ImgStoreError, InvalidArgumentError
from .live import LiveView
from .recording import Recording

COMMANDS: dict[str, tuple[str, ...]] = {'status': (), 'start': (), 'stop': (), 'mark': ('name', 'cameras', 'values')}
"""Commands, with the keys that each may have."""

_BYTES = 'utf-8', 'surrogateescape'
"""How the text of an environment variable becomes its bytes again."""


class RecordingControl:
    """Runs the commands of others. Thread-safe.

    Parameters
    ----------
    recording : Recording
    token : str
        What those must know who send commands from outside.
    """

    def __init__(self, recording: Recording, token: str) -> None:
        self.recording, self.token, self._secret = recording, token, token.encode(*_BYTES)
        self._view, self._lock = LiveView(recording), threading.Lock()

    def is_token(self, token: object) -> bool:
        """Return whether a sender knows the token, given as text or as bytes."""
        try:
            given = token.encode(*_BYTES) if isinstance(token, str) else token
        except UnicodeEncodeError:
            return False
        return isinstance(given, bytes) and hmac.compare_digest(given, self._secret)

    def run(self, command: object, origin: str) -> dict[str, Any]:
        """Run a command and return the answer, which says whether it was done.

        Parameters
        ----------
        command
            A mapping with ``do``: one of `COMMANDS`. It may have the keys of that command.
        origin
            Where it comes from, such as 'HTTP'. The reason of a stop has it.
        """
        try:
            return {'ok': True, **self._run(command, origin)}
        except ImgStoreError as error:
            return {'ok': False, 'error': str(error)}

    def _run(self, command: object, origin: str) -> dict[str, Any]:
        if not isinstance(command, Mapping) or command.get('do') not in list(COMMANDS):
            raise InvalidArgumentError(f'a command is {command!r}; it must be an object with do: {", ".join(COMMANDS)}')
        name, *keys = command['do'], *COMMANDS[command['do']]
        for key in command:
            if key not in ('do', *keys):
                may = (
                    f'it may have {", ".join(keys)}{did_you_mean(close_names(str(key), keys))}'
                    if keys
                    else 'it has no keys'
                )
                raise InvalidArgumentError(f'the command {name} has {key!r}; {may}', argument=key)
        do: Callable[[Mapping[str, Any], str], dict[str, Any]] = getattr(self, f'_do_{name}')
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
            raise not_allowed('values', values, 'it must be an object')
        for key in ('name', 'cameras'):
            if key in values:
                raise not_allowed('values', key, 'name and cameras are of the mark itself; choose another name')
        return {'time': self.recording.mark(command.get('name', 'mark'), command.get('cameras'), **values)}


def parse_command(text: bytes) -> dict[str, Any]:
    """Return a command that was sent as JSON.

    Raises
    ------
    InvalidArgumentError
        It is no JSON object, or has a number that JSON cannot hold.
    """
    try:
        command = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except InvalidArgumentError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError('that is no JSON; send an object such as {"name": "lick"}') from error
    if not isinstance(command, dict):
        raise InvalidArgumentError('that is no JSON object; send one such as {"name": "lick"}')
    return command


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise InvalidArgumentError(f'{text} is no number of JSON; send a finite number, or null')
    return number
