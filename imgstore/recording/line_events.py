"""Rising edges of a camera's digital lines as events."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ..errors import InvalidArgumentError


class Edge(NamedTuple):
    """A rising edge: its line, and the name of the event."""

    line: str
    event: str


class LineEvents:
    """Finds the rising edges between frames.

    Parameters
    ----------
    names
        Lines of the camera, from the lowest bit on.
    events
        Names of events by their lines.
    """

    def __init__(self, names: Sequence[str], events: Mapping[str, str]) -> None:
        bits = {name.lower(): 1 << bit for bit, name in enumerate(names)}
        self._edges = [(bits.get(line.lower(), 0), Edge(line, event)) for line, event in events.items()]
        self._before: int | None = None

    def rising(self, lines: int | None) -> list[Edge]:
        """Return the edges since the frame before; none at the first one."""
        if lines is None or not self._edges:
            return []
        risen = 0 if self._before is None else lines & ~self._before
        self._before = lines
        return [edge for bit, edge in self._edges if risen & bit]


def check_events(events: Mapping[str, str], names: Collection[str]) -> None:
    """Raise InvalidArgumentError unless a camera has the lines of all events."""
    known = [name.lower() for name in names]
    for line, event in events.items():
        if line.lower() not in known:
            have = f'it has {", ".join(names)}' if names else 'it reports the state of none'
            raise InvalidArgumentError(
                f'event {event!r} is of line {line!r}, which the camera lacks; {have}', argument='events'
            )
