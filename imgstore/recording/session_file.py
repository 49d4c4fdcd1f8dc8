"""recording.yaml: what was recorded, by whom, when, and in which stores."""

from __future__ import annotations

import contextlib
import datetime
import getpass
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .._support.json import as_json
from .._support.yaml import dump_yaml
from .._version import __version__
from ..align.recorded import RECORDING_FILENAME, RECORDING_LOCK_FILENAME
from ..errors import StoreExistsError
from ..ondisk.files import remove_if_there, write_atomic
from ..ondisk.lock import StoreLock
from ..ondisk.metadata import local_timezone_name
from .accounting import CameraStatus
from .device_clock import ClockSegment
from .plans import Plan

_RESERVE = '.recording.reserve'
_RESERVED_BYTES = 2**16


class _RecordedCamera(Protocol):
    """What the file has of a camera."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def format(self) -> str: ...

    @property
    def description(self) -> Mapping[str, Any]: ...

    @property
    def clock_segments(self) -> list[ClockSegment]: ...

    def status(self) -> CameraStatus: ...


class SessionFile:
    """Writes recording.yaml at the start, now and then, and at the end.

    A reserve of 64 KiB is kept until the end, so that the reasons can be written to a full disk. A lock is held until
    then, so that a killed recorder is noticed.

    Parameters
    ----------
    folder
        Of the recording.
    plan
        What all cameras share.

    Attributes
    ----------
    notes : tuple of str
        What is wrong with the recording as a whole.
    more : dict
        Further entries.
    """

    def __init__(self, folder: str, plan: Plan) -> None:
        self.more: dict[str, Any] = {}
        self.notes: tuple[str, ...] = ()
        self._folder, self._path = folder, os.path.join(folder, RECORDING_FILENAME)
        self._reserve = os.path.join(folder, _RESERVE)
        self._lock: StoreLock | None = None
        self._head = {
            'version': 1,
            'created_utc': _utc_now(),
            'ended_utc': None,
            'timezone_local': local_timezone_name(),
            'host': platform.node(),
            'user': _user(),
            'software': f'imgstore {__version__}',
            'align_by': 'number' if plan.is_triggered else 'time',
            'format': plan.format,
            'metadata': dict(plan.metadata),
        }

    def begin(self, cameras: Sequence[_RecordedCamera]) -> None:
        """Write the file for the first time, and the reserve.

        Raise StoreExistsError if another recording began here.
        """
        try:
            with open(self._reserve, 'xb') as file:
                file.write(bytes(_RESERVED_BYTES))
        except FileExistsError:
            raise StoreExistsError(
                f'{self._folder!r} already holds a recording; give the name of a new folder', path=self._folder
            ) from None
        self._lock = StoreLock(os.path.join(self._folder, RECORDING_LOCK_FILENAME))
        self.write(cameras)

    def write(self, cameras: Sequence[_RecordedCamera]) -> None:
        """Write what is known now."""
        content = {
            **self._head,
            **self.more,
            'notes': list(self.notes),
            'cameras': {each.name: _entry(each) for each in cameras},
        }
        write_atomic(self._path, dump_yaml(as_json(content)))

    def finish(self, cameras: Sequence[_RecordedCamera], notes: Sequence[str]) -> None:
        """Write it for the last time."""
        remove_if_there(self._reserve)
        self._head['ended_utc'], self.notes = _utc_now(), tuple(notes)
        try:
            self.write(cameras)
        finally:
            if self._lock is not None:
                self._lock.release()


def _entry(camera: _RecordedCamera) -> Mapping[str, Any]:
    return {
        'store': camera.name,
        'source': camera.source,
        'format': camera.format,
        **camera.description,
        **camera.status().as_plain(),
        'clock': [segment.as_plain() for segment in camera.clock_segments],
    }


def _utc_now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat()


def _user() -> str | None:
    with contextlib.suppress(Exception):  # KeyError, ImportError or OSError, by system and version
        return getpass.getuser()
    return None
