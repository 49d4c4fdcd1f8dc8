"""Which part of an image is seen, and how large."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

SCALES = tuple(2.0**power for power in range(-5, 7))
"""Screen pixels an image pixel, one step from the other."""

_ALIKE = 0.001  # by this share two scales may differ and be one

_CYCLE: dict[float | None, float | None] = {None: 1.0, 1.0: 4.0}  # as in the browser: in pixels, 4 : 1, as it fits

Point = tuple[float, float]
Size = tuple[int, int]


@dataclass(frozen=True)
class Zoom:
    """A part of an image in a room on the screen; each change gives another one.

    Attributes
    ----------
    image, room : (int, int)
        Width and height in pixels, of the image and of what is there for it on the screen.
    chosen : float or None
        Screen pixels an image pixel; None: as large as fits.
    center : (float, float)
        What is seen in the middle, as x and y in the image.
    """

    image: Size
    room: Size
    chosen: float | None = None
    center: Point = (0.0, 0.0)

    @property
    def scale(self) -> float:
        """Screen pixels an image pixel."""
        return self.chosen or min(self.room[0] / self.image[0], self.room[1] / self.image[1])

    @property
    def origin(self) -> Point:
        """Where in the room the corner of the image is, outside of it too; a whole number of pixels."""
        return self._origin(0), self._origin(1)

    def _origin(self, axis: int) -> float:
        large, room = self.image[axis] * self.scale, self.room[axis]
        if large <= room or self.chosen is None:
            return float(round((room - large) / 2))
        return float(min(0, max(round(room / 2 - self.center[axis] * self.scale), math.ceil(room - large))))

    def to_image(self, at: Point) -> Point:
        """The place in the image that is seen at a place in the room; it may be outside of the image."""
        return (at[0] - self.origin[0]) / self.scale, (at[1] - self.origin[1]) / self.scale

    def pixel_at(self, at: Point) -> tuple[int, int] | None:
        """X and y of the image's pixel that is seen there; None beside the image."""
        x, y = (math.floor(value) for value in self.to_image(at))
        inside = 0 <= x < self.image[0] and 0 <= y < self.image[1] and at[1] < self.room[1]
        return (x, y) if inside else None

    # --- changes

    def in_room(self, room: Size) -> Zoom:
        """In a room of another size."""
        return replace(self, room=room)

    def of_image(self, image: Size) -> Zoom:
        """Of images of another size."""
        return replace(self, image=image)

    def fitting(self) -> Zoom:
        """All of the image."""
        return replace(self, chosen=None)

    def at_scale(self, scale: float, at: Point | None = None) -> Zoom:
        """At another scale; what is seen `at` a place in the room, by default its middle, stays there."""
        at = at or (self.room[0] / 2, self.room[1] / 2)
        x, y = self.to_image(at)
        center = x + (self.room[0] / 2 - at[0]) / scale, y + (self.room[1] / 2 - at[1]) / scale
        return replace(self, chosen=scale, center=center)._inside()

    def stepped(self, steps: int, at: Point | None = None) -> Zoom:
        """One of the `SCALES` further, in (1) or out (-1)."""
        further = [scale for scale in SCALES if steps * scale > steps * self.scale * (1 + steps * _ALIKE)]
        return self.at_scale(further[0 if steps > 0 else -1], at) if further else self

    def cycled(self, at: Point | None = None) -> Zoom:
        """In pixels, four times that, as it fits."""
        scale = _CYCLE.get(self.chosen)
        return self.at_scale(scale, at) if scale else self.fitting()

    def moved(self, x: float, y: float) -> Zoom:
        """The image moved by so many screen pixels."""
        if self.chosen is None:
            return self
        return replace(self, center=(self.center[0] - x / self.scale, self.center[1] - y / self.scale))._inside()

    def _inside(self) -> Zoom:
        """With the middle where it is seen to be: beyond the image's edge there is nothing to move to."""
        x, y = self.to_image((self.room[0] / 2, self.room[1] / 2))
        return replace(self, center=(x, y))
