"""Images for display: 8 bits, in colour, with a status bar."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from ..color import Image, ensure_color
from ..contrast import measure_range, scale_to_8_bit
from ..errors import InvalidArgumentError
from ..font import FontRendererStatusBar
from ..timestamps import format_time
from .selection import Frames

_TEXT_SCALE, _USUAL_WIDTH = 0.6, 900


def render_frames(frames: Frames, status_bar: bool = False, width: int | None = None) -> Iterator[Image]:
    """Read frames and render them for display.

    Parameters
    ----------
    frames : Frames
    status_bar : bool
        Draw number and time of each frame at the lower edge.
    width : int, optional
        Scale the pictures to this width.

    Yields
    ------
    ndarray of uint8, shape (h, w, 3)
        BGR. Values other than uint8 are scaled: the smallest and the largest value of 16 frames spread over the
        complete store become black and white. Values beyond are clipped.

    Raises
    ------
    InvalidArgumentError
        The images are neither gray nor colour.
    """
    levels = _levels(frames)
    bar: FontRendererStatusBar | None = None
    for image, number, time in zip(frames.images(), frames.numbers.tolist(), frames.times.tolist(), strict=True):
        picture = _scaled(_to_color(image, levels), width)
        if status_bar:
            texts = f'frame {number}', format_time(frames.store.created[1], time)
            bar = FontRendererStatusBar.new_for_image(picture, scale=_scale(picture), ltext=texts[0], rtext=texts[1])
            bar.render(picture, ltext=texts[0], rtext=texts[1], bgcolor=0)
        yield picture


def _scale(picture: Image) -> float:
    width: int = picture.shape[1]
    return _TEXT_SCALE * max(1.0, width / _USUAL_WIDTH)


def _levels(frames: Frames) -> tuple[float, float] | None:
    """Return the values that become black and white, as in the viewers.

    None if no scaling is needed.
    """
    store = frames.store
    if next(frames.images()).dtype == np.uint8:
        return None
    least, largest = measure_range(lambda index: store.get_image(None, frame_index=index)[0], store.frame_count)
    return (least, largest) if least <= largest else (0.0, 1.0)


def _to_color(image: Image, levels: tuple[float, float] | None) -> Image:
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)) or not image.size:
        raise InvalidArgumentError(f'images of shape {image.shape} cannot be shown; they must be (h, w) or (h, w, 3)')
    image = image[..., :3] if image.ndim == 3 and image.shape[2] == 4 else image
    if levels is not None:
        image = scale_to_8_bit(image, *levels)
    return ensure_color(np.ascontiguousarray(image), ensure_copy=True)


def _scaled(picture: Image, width: int | None) -> Image:
    if width is None:
        return picture
    return fitted(picture, width, max(1, round(picture.shape[0] * width / picture.shape[1])))


def fitted(picture: Image, width: int, height: int) -> Image:
    """Scale a picture to a size."""
    if picture.shape[:2] == (height, width):
        return picture
    is_smaller = width < picture.shape[1]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR)


def pad_to_even(picture: Image) -> Image:
    """Repeat the last row or column of a picture of odd height or width."""
    below, right = picture.shape[0] % 2, picture.shape[1] % 2
    if not below and not right:
        return picture
    return cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE)
