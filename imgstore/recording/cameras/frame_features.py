"""Features with each frame: chunk data, or values read from the camera."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ..._support.similar_names import close_names, did_you_mean
from ...errors import InvalidArgumentError
from ..line_events import check_events
from ..protocol import CameraSettings
from .genicam_features import Features

_LINES = 'LineStatusAll'
_EVERY = 1.0  # seconds between two values that are no chunk data


class FrameValues(NamedTuple):
    """Lines and extra data of a `GrabbedFrame`."""

    lines: int | None = None
    extra_data: dict[str, Any] | None = None


class FrameFeatures:
    """Lines and features that a camera is asked for with each frame.

    A camera that has a feature as chunk data sends the value of the exposure. Otherwise the lines are read at the
    arrival of each frame, and other features once a second.

    Parameters
    ----------
    features : Features
        Of the open camera. Chunk data are enabled.
    settings : CameraSettings
        With `extra_data` and `events`.

    Attributes
    ----------
    line_names : tuple of str
        Lines of the camera, from the lowest bit on.

    Raises
    ------
    InvalidArgumentError
        The camera lacks a feature or a line.
    """

    def __init__(self, features: Features, settings: CameraSettings) -> None:
        self.line_names = line_names(features) if settings.events else ()
        check_events(settings.events, self.line_names)
        self._features, self._extra_data = features, settings.extra_data
        names = dict.fromkeys((*settings.extra_data, *((_LINES,) if settings.events else ())))
        self._chunks = [name for name in names if _enable_chunk(features, name)]
        self._polled = [name for name in names if name not in self._chunks]
        self._has_polled_lines = bool(settings.events) and _LINES in self._polled
        self._known: dict[str, Any] = {}
        self._due = 0.0
        for name in self._polled:
            self._check(name)

    def _check(self, name: str) -> None:
        try:
            self._features.get(name)
        except Exception as error:  # the vendors' own classes
            is_line = name not in self._extra_data
            end = ', the states of its lines' if is_line else did_you_mean(close_names(name, self._features.names()))
            raise InvalidArgumentError(
                f'the camera has no feature {name} to read{end}', argument='events' if is_line else 'extra_data'
            ) from error

    def read(self, chunk: Callable[[str], Any]) -> FrameValues:
        """Return the values of a frame that has arrived.

        Parameters
        ----------
        chunk
            Returns chunk data of the frame by name.
        """
        if not self._chunks and not self._polled:
            return FrameValues()
        self._poll()
        values = dict(self._known)
        for name in self._chunks:
            with contextlib.suppress(Exception):  # a damaged frame may lack them
                values[name] = chunk(f'Chunk{name}')
        extra = {name: values[name] for name in self._extra_data if name in values}
        return FrameValues(values.get(_LINES) if self.line_names else None, extra)

    def _poll(self) -> None:
        is_due = time.monotonic() >= self._due
        names = self._polled if is_due else [_LINES] if self._has_polled_lines else []
        for name in names:
            self._known.pop(name, None)
            with contextlib.suppress(Exception):  # the camera is busy, or gone
                self._known[name] = self._features.get(name)
        if is_due:
            self._due = time.monotonic() + _EVERY


def line_names(features: Features) -> tuple[str, ...]:
    """Return the digital lines of a camera, from the lowest bit on."""
    # Line1 is the lowest bit of LineStatusAll, and Line0 is where a camera has one
    numbers = [int(name[4:]) for name in features.limits('LineSelector') if re.fullmatch(r'Line\d+', str(name))]
    return tuple(f'Line{number}' for number in range(min(numbers), max(numbers) + 1)) if numbers else ()


def _enable_chunk(features: Features, name: str) -> bool:
    """Let the camera send a feature with each frame; return whether it does."""
    with contextlib.suppress(Exception):  # the vendors' own classes
        features.set('ChunkModeActive', True)  # before which some cameras hide the selector
        if name in features.limits('ChunkSelector'):
            features.set('ChunkSelector', name)
            features.set('ChunkEnable', True)
            return True
        features.set('ChunkModeActive', False)
    return False
