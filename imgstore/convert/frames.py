"""Frames of a conversion: prepared for the format, written and compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..color import Image, ensure_grayscale
from ..errors import FrameWriteError
from ..measuring.psnr import frame_psnr, is_identical
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
    """

    fmt: str
    chunksize: int
    encoding: str | None
    is_gray: bool

    def prepare(self, image: Image) -> Image:
        """Convert an image to what the format holds."""
        return ensure_grayscale(image) if self.is_gray else image

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
        prepared = recipe.prepare(image)
        without_colors += prepared.ndim < image.ndim and bool(np.any(image != image[..., :1]))
        new.add_image(prepared, int(numbers[index]), float(times[index]))
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
