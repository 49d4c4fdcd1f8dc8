"""Images of one shape and dtype, or a part of each, in one array."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..chunks import Image
from ..errors import FrameReadError
from .indexing import cropped_shape
from .position import FrameLocation, Place


class OtherImageError(Exception):
    """An image has another shape or dtype than the store's.

    Parameters
    ----------
    place : (int, int)
        Chunk of the image, and its index in it.
    what : str
        Its shape and dtype.
    """

    def __init__(self, place: Place, what: str) -> None:
        super().__init__(place, what)
        self.place, self.what = place, what


class ImageKind:
    """Shape and dtype of a store's images, and the part of each to return.

    Parameters
    ----------
    shape : tuple of int
        Shape of the images.
    dtype : dtype
        dtype of the images.
    crop : tuple
        Key of the part; empty for all of the image.
    """

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike, crop: tuple[Any, ...] = ()) -> None:
        self.shape, self.dtype, self.crop = shape, np.dtype(dtype), crop
        self.cropped_shape = cropped_shape(shape, crop)

    def empty(self, count: int) -> Image:
        """Return an uninitialised array for parts of images."""
        return np.empty((count, *self.cropped_shape), self.dtype)

    def part(self, place: Place, image: Image) -> Any:
        """Return the part of an image; OtherImageError if it differs."""
        if image.shape != self.shape or image.dtype != self.dtype:
            raise OtherImageError(place, f'shape {image.shape} and dtype {image.dtype}')
        return image[self.crop]

    def error(self, store: str, frame: FrameLocation, what: str) -> FrameReadError:
        """Return an error for a frame with an image of another kind."""
        (chunk, at), (number, _) = frame.place, frame.number_and_time
        reason = f'the image has {what}; the images of the store have shape {self.shape} and dtype {self.dtype}'
        return FrameReadError(
            f'{store}: frame #{number}, at index {at} of chunk {chunk}, does not fit an array: {reason}; '
            f'store[{frame.frame_index}] gives it as it is',
            store=store,
            chunk=chunk,
            index_in_chunk=at,
            frame_index=frame.frame_index,
            frame_number=number,
            reason=reason,
        )


class ArrayBatch:
    """An array of images, filled in any order.

    Parameters
    ----------
    kind : ImageKind
        Expected images.
    images : ndarray
        Receives the images.
    """

    def __init__(self, kind: ImageKind, images: Image) -> None:
        self._kind, self.images = kind, images
        self._rows: defaultdict[Place, list[int]] = defaultdict(list)

    def expect(self, frames: Iterable[FrameLocation], rows: Iterable[int]) -> None:
        """Set the frames and their rows; some may be there several times."""
        for row, frame in zip(rows, frames, strict=True):
            self._rows[frame.place].append(row)

    def put(self, place: Place, image: Image) -> None:
        """Add an image; thread-safe. Raises OtherImageError."""
        part = self._kind.part(place, image)
        for row in self._rows[place]:
            self.images[row] = part
