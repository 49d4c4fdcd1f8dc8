"""The current frame: its original image, an 8-bit picture of it, or an error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...color import Image, ensure_color
from ...contrast import IntensityScaler, measure_range
from ...errors import ImgStoreError, InvalidArgumentError
from ...stores.base import ImgStore
from ...timestamps import format_time


@dataclass(frozen=True, eq=False)
class LoadedFrame:
    """A frame of a store.

    Attributes
    ----------
    index : int
        Index in the store.
    number : int
        Frame number.
    time : float
        Frame time in seconds.
    image : numpy.ndarray or None
        Original image; None if unreadable.
    trouble : str
        Why it is unreadable, or ''.
    """

    index: int
    number: int
    time: float
    image: Image | None
    trouble: str = ''


class Frames:
    """Reads frames of a store for display.

    Parameters
    ----------
    store : store
        Open for reading.
    """

    def __init__(self, store: ImgStore) -> None:
        self._store = store
        self._shades = IntensityScaler(lambda: measure_range(self._image, store.frame_count))
        self._picture: tuple[LoadedFrame, bool, Image] | None = None

    def read(self, index: int) -> LoadedFrame:
        """Read a frame; an unreadable one has number, time and the reason.

        Raises
        ------
        InvalidArgumentError
            The images are neither gray nor colour.
        """
        try:
            image, (number, time) = self._store.get_image(None, frame_index=index)
        except ImgStoreError as error:
            number, time = self._store.index.frame(index) or (0, math.nan)
            return LoadedFrame(index, number, time, None, str(error))
        if not _can_be_seen(image.shape):
            raise InvalidArgumentError(f'images of shape {image.shape} cannot be shown; give (h, w) or (h, w, 3)')
        return LoadedFrame(index, number, time, image)

    def _image(self, index: int) -> Image:
        return self._store.get_image(None, frame_index=index)[0]

    def picture(self, frame: LoadedFrame, stretch: bool) -> Image:
        """Return a frame as 8-bit colour, black if unreadable; do not change it.

        Parameters
        ----------
        frame : LoadedFrame
        stretch : bool
            Stretch from the darkest to the brightest value of this frame.
        """
        if self._picture is None or self._picture[0] is not frame or self._picture[1] != stretch:
            self._picture = frame, stretch, self._shown(frame.image, stretch)
        return self._picture[2]

    def _shown(self, image: Image | None, stretch: bool) -> Image:
        if image is None:
            return np.zeros((*self._store.image_shape[:2], 3), np.uint8)
        without_alpha = image[..., :3] if image.shape[2:] == (4,) else image
        return ensure_color(np.ascontiguousarray(self._shades.to_8_bit(without_alpha, stretch)))

    def format_time(self, frame: LoadedFrame) -> str:
        """Format the frame's time."""
        return format_time(self._store.created[1], frame.time)


def value_text(image: Image, x: int, y: int) -> str:
    """Format the stored value of a pixel: '1023', or 'B 12 G 200 R 31'."""
    values = [f'{value:.6g}' if image.dtype.kind == 'f' else str(int(value)) for value in np.atleast_1d(image[y, x])]
    return values[0] if len(values) == 1 else ' '.join(map(' '.join, zip('BGRA', values, strict=False)))


def _can_be_seen(shape: tuple[int, ...]) -> bool:
    return 0 not in shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4)))
