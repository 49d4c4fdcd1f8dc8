"""The visible part of an image, and its scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

SCALES = tuple(2.0**power for power in range(-5, 7))
"""Scales in steps, in screen pixels per image pixel."""

_ALIKE = 0.001  # relative difference of equal scales

_CYCLE: dict[float | None, float | None] = {None: 1.0, 1.0: 4.0}  # as in the browser: 1 : 1, 4 : 1, fit the window

Point = tuple[float, float]
Size = tuple[int, int]


@dataclass(frozen=True)
class Zoom:
    """Visible part of an image in an area of the screen.

    Each change returns a new one.

    Attributes
    ----------
    image : (int, int)
        Width and height of the image in pixels.
    room : (int, int)
        Width and height of its area on the screen, in pixels.
    chosen : float or None
        Screen pixels per image pixel; None to fit the area.
    center : (float, float)
        Centre of the view, as x and y in the image.
    """

    image: Size
    room: Size
    chosen: float | None = None
    center: Point = (0.0, 0.0)

    @property
    def scale(self) -> float:
        """Screen pixels per image pixel."""
        return self.chosen or min(self.room[0] / self.image[0], self.room[1] / self.image[1])

    @property
    def origin(self) -> Point:
        """Position of the image's corner in the room, even outside, in pixels."""
        return self._origin(0), self._origin(1)

    def _origin(self, axis: int) -> float:
        large, room = self.image[axis] * self.scale, self.room[axis]
        if large <= room or self.chosen is None:
            return float(round((room - large) / 2))
        return float(min(0, max(round(room / 2 - self.center[axis] * self.scale), math.ceil(room - large))))

    def to_image(self, at: Point) -> Point:
        """Return the image position of a point in the area, even outside."""
        return (at[0] - self.origin[0]) / self.scale, (at[1] - self.origin[1]) / self.scale

    def pixel_at(self, at: Point) -> tuple[int, int] | None:
        """Return x and y of the image pixel at a point, or None outside the image."""
        x, y = (math.floor(value) for value in self.to_image(at))
        inside = 0 <= x < self.image[0] and 0 <= y < self.image[1] and at[1] < self.room[1]
        return (x, y) if inside else None

    # --- changes

    def in_room(self, room: Size) -> Zoom:
        """Return the view in a room of another size."""
        return replace(self, room=room)

    def of_image(self, image: Size) -> Zoom:
        """Return the view for images of another size."""
        return replace(self, image=image)

    def fitting(self) -> Zoom:
        """Return the view of the complete image."""
        return replace(self, chosen=None)

    def at_scale(self, scale: float, at: Point | None = None) -> Zoom:
        """Return the view at another scale.

        The position `at`, by default the middle, stays.
        """
        at = at or (self.room[0] / 2, self.room[1] / 2)
        x, y = self.to_image(at)
        center = x + (self.room[0] / 2 - at[0]) / scale, y + (self.room[1] / 2 - at[1]) / scale
        return replace(self, chosen=scale, center=center)._inside()

    def stepped(self, steps: int, at: Point | None = None) -> Zoom:
        """Return the view one of the `SCALES` further in (1) or out (-1)."""
        further = [scale for scale in SCALES if steps * scale > steps * self.scale * (1 + steps * _ALIKE)]
        return self.at_scale(further[0 if steps > 0 else -1], at) if further else self

    def cycled(self, at: Point | None = None) -> Zoom:
        """Return the next view of 1 : 1, 4 : 1 and fitting the room."""
        scale = _CYCLE.get(self.chosen)
        return self.at_scale(scale, at) if scale else self.fitting()

    def moved(self, x: float, y: float) -> Zoom:
        """Return the view with the image moved by this many screen pixels."""
        if self.chosen is None:
            return self
        return replace(self, center=(self.center[0] - x / self.scale, self.center[1] - y / self.scale))._inside()

    def _inside(self) -> Zoom:
        """Return the view with its centre moved to the visible part of the image."""
        x, y = self.to_image((self.room[0] / 2, self.room[1] / 2))
        return replace(self, center=(x, y))
