"""The frame that is to be seen: read, or why it cannot be; as it is, and in 8 bits to look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...color import Image, ensure_color
from ...contrast import IntensityScaler
from ...errors import ImgStoreError, InvalidArgumentError
from ...stores.base import ImgStore
from ...timestamps import format_time


@dataclass(frozen=True, eq=False)
class LoadedFrame:
    """A frame of a store.

    Attributes
    ----------
    index, number, time
        Where in the store it is, and what its index says of it.
    image : numpy.ndarray or None
        As it is; None if it cannot be read.
    trouble : str
        Why it cannot be read, else ''.
    """

    index: int
    number: int
    time: float
    image: Image | None
    trouble: str = ''


class Frames:
    """Reads the frames of a store to look at them.

    Parameters
    ----------
    store : store
        Open for reading.
    """

    def __init__(self, store: ImgStore) -> None:
        self._store = store
        self._shades = IntensityScaler()
        self._picture: tuple[LoadedFrame, bool, Image] | None = None

    def read(self, index: int) -> LoadedFrame:
        """Read a frame; one that cannot be read has its number and time, and tells why.

        Raises
        ------
        InvalidArgumentError
            The images are neither gray nor in colour.
        """
        try:
            image, (number, time) = self._store.get_image(None, frame_index=index)
        except ImgStoreError as error:
            number, time = self._store.index.frame(index) or (0, math.nan)
            return LoadedFrame(index, number, time, None, str(error))
        if not _can_be_seen(image.shape):
            raise InvalidArgumentError(f'images of shape {image.shape} cannot be shown: (h, w) and (h, w, 3) can')
        return LoadedFrame(index, number, time, image)

    def picture(self, frame: LoadedFrame, stretch: bool) -> Image:
        """A frame in 8 bits and in colour, black if it cannot be read; not to be changed.

        Parameters
        ----------
        frame : LoadedFrame
        stretch : bool
            Make the darkest and the brightest of this frame black and white.
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
        """Its time as people read it."""
        return format_time(self._store.created[1], frame.time)


def value_text(image: Image, x: int, y: int) -> str:
    """Value of a pixel as it is stored: '1023', or 'B 12 G 200 R 31'."""
    values = [f'{value:.6g}' if image.dtype.kind == 'f' else str(int(value)) for value in np.atleast_1d(image[y, x])]
    return values[0] if len(values) == 1 else ' '.join(map(' '.join, zip('BGRA', values, strict=False)))


def _can_be_seen(shape: tuple[int, ...]) -> bool:
    return 0 not in shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4)))
