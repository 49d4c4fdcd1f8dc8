"""Where the container of a video is damaged, as far as its structure tells before it is read."""

from __future__ import annotations

from dataclasses import dataclass, field

_HEADER_BYTES = 8


@dataclass
class Damage:
    """Where a container is damaged.

    Attributes
    ----------
    headers : dict of int to bytes
        What headers of packets should be, by their places in the file.
    broken_at : int or None
        From where on nobody knows which packet is which, since there is no index.
    tears : list of int
        Places behind which packets may be missing.
    """

    headers: dict[int, bytes] = field(default_factory=dict)
    broken_at: int | None = None
    tears: list[int] = field(default_factory=list)

    def concerns(self, place: int | None) -> bool:
        """Whether the header of a packet is damaged; FFmpeg tells the place of the header or of what follows it."""
        return place is not None and (place in self.headers or place - _HEADER_BYTES in self.headers)

    def is_behind(self, place: int | None) -> bool:
        """Whether nobody knows which packet that is."""
        return self.broken_at is not None and place is not None and place >= self.broken_at
