"""Damage in the container of a video, as far as its structure shows it."""

from __future__ import annotations

from dataclasses import dataclass, field

_HEADER_BYTES = 8


@dataclass
class Damage:
    """Damage in a container.

    Attributes
    ----------
    headers : dict of int to bytes
        Correct bytes of packet headers, by position in the file.
    broken_at : int or None
        Position from where packets cannot be identified, for lack of an index.
    tears : list of int
        Positions before possibly missing packets.
    """

    headers: dict[int, bytes] = field(default_factory=dict)
    broken_at: int | None = None
    tears: list[int] = field(default_factory=list)

    def concerns(self, place: int | None) -> bool:
        """Return whether a packet's header is damaged.

        FFmpeg gives the position of the header or of its content.
        """
        return place is not None and (place in self.headers or place - _HEADER_BYTES in self.headers)

    def is_behind(self, place: int | None) -> bool:
        """Return whether a packet cannot be identified."""
        return self.broken_at is not None and place is not None and place >= self.broken_at
