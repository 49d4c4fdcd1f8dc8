"""Frames of a conversion: prepared for the format, written and compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..color import Image, ensure_grayscale
from ..errors import FrameWriteError
from ..measuring.psnr import frame_psnr, is_identical
from ..sensor_area import SensorArea
from ..stores.base import ImgStore

Progress = Callable[[], object]


@dataclass(frozen=True)
class Recipe:
    """How to make the new store.

    Attributes
    ----------
    fmt : str
        Name of the format.
    chunksize : int
        Frames per chunk.
    encoding : str or None
        Encoding of images that stay raw.
    is_gray : bool
        Whether images lose their colours.
    area : SensorArea or None
        Part of the original's images to keep, and its binning.
    """

    fmt: str
    chunksize: int
    encoding: str | None
    is_gray: bool
    area: SensorArea | None = None

    def prepare(self, image: Image) -> Image:
        """Crop and bin an image, and convert it to what the format holds."""
        kept = self._kept(image)
        return ensure_grayscale(kept) if self.is_gray else kept

    def loses_colors(self, image: Image) -> bool:
        """Return whether `prepare` changes colours to gray."""
        if not self.is_gray or image.ndim < 3:
            return False
        kept = self._kept(image)
        return bool(np.any(kept != kept[..., :1]))

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the prepared image, in its colours."""
        return self.area.shape_of(shape) if self.area else shape

    def _kept(self, image: Image) -> Image:
        return self.area.of(image) if self.area else image

    def set_decoding(self, store: ImgStore) -> None:
        """Read raw images if they stay raw."""
        if self.encoding:
            store.disable_decoding()


def write_frames(
    old: ImgStore, new: ImgStore, recipe: Recipe, frames: range, after: Callable[[int], None] = lambda index: None
) -> int:
    """Write frames, call ``after`` each, and return how many lost their colours."""
    numbers, times, without_colors = old.frame_numbers, old.frame_times, 0
    for index in frames:
        image = old.get_image(frame_index=index)[0]
        without_colors += recipe.loses_colors(image)
        new.add_image(recipe.prepare(image), int(numbers[index]), float(times[index]))
        after(index)
    return without_colors


def compare_frames(
    old: ImgStore, new: ImgStore, recipe: Recipe, frames: range, named: str, progress: Progress = lambda: None
) -> list[float]:
    """Compare the frames of a new store with their originals.

    Parameters
    ----------
    old : ImgStore
        The original.
    new : ImgStore
        The new store.
    recipe : Recipe
    frames : range
        Indexes of its frames in the original.
    named : str
        Name of the new store in errors.
    progress : callable
        Called after each frame.

    Returns
    -------
    list of float
        PSNR of each frame in dB, inf for an exact one.

    Raises
    ------
    FrameWriteError
        A number or time differs, or a frame in a lossless format.
    """
    recipe.set_decoding(new)
    check_numbers(old, new, frames, named)
    psnrs = []
    for place, index in enumerate(frames):
        written = recipe.prepare(old.get_image(frame_index=index)[0])
        psnrs.append(_psnr(written, new.get_image(frame_index=place)[0], new.lossless))
        if new.lossless and psnrs[-1] < math.inf:
            raise FrameWriteError(
                f'{named!r}: the frame at index {index} differs from the original', frame_index=index, store=named
            )
        progress()
    return psnrs


def check_numbers(old: ImgStore, new: ImgStore, frames: range, named: str) -> None:
    """Raise FrameWriteError if a frame's number or time differs."""
    own = slice(frames.start, frames.stop)
    same = (
        np.array_equal(old.frame_numbers[own], new.frame_numbers),
        np.array_equal(old.frame_times[own], new.frame_times, equal_nan=True),
    )
    if not all(same):
        raise FrameWriteError(f'{named!r}: the frame numbers or times differ from the original', store=named)


def _psnr(written: Image, found: Image, lossless: bool) -> float:
    if lossless:
        return math.inf if is_identical(written, found) else -math.inf
    return frame_psnr(written, found)
