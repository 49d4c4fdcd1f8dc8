"""From the frames that PyAV decodes to images, as OpenCV would give them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from .._cores import THREADS
from ..buffers import Lent
from ..color import ensure_grayscale
from ..sharing import Spare
from .base import Image


def to_bgr(frame: Any, lent: Lent) -> Image:
    """The frame in BGR, by the interpolation of colours that OpenCV has."""
    with _reformatters.one() as reformatter:
        converted = reformatter.reformat(frame, format='bgr24', interpolation='BICUBIC')
    image = lent.empty((frame.height, frame.width, 3))
    np.copyto(image.reshape(frame.height, -1), _rows(converted.planes[0])[:, :3 * frame.width])
    return image


def _new_reformatter() -> Any:
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()


_reformatters = Spare(_new_reformatter, most=2 * THREADS)
_LUMA_FIRST = frozenset(f'yuv{j}{sampling}p' for j in ('', 'j') for sampling in ('420', '422', '444'))
_NEUTRAL = (126, 130)
"""Chroma in this range cannot drive a colour out of 0…255, so the gray of the colours is the luma."""


def to_gray(frame: Any, lent: Lent) -> Image:
    """The frame in gray, as converting its colours would give it: mostly the luma plane alone tells."""
    name = frame.format.name
    if name in _LUMA_FIRST and all(_is_neutral(_plane(plane)) for plane in frame.planes[1:]):
        levels = _gray_levels(name, int(frame.color_range), int(frame.colorspace))
        return cast(Image, cv2.LUT(_plane(frame.planes[0]), levels, lent.empty((frame.height, frame.width))))
    return ensure_grayscale(to_bgr(frame, lent))


def _plane(plane: Any) -> Image:
    return _rows(plane)[:plane.height, :plane.width]


def _rows(plane: Any) -> Image:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)


def _is_neutral(chroma: Image) -> bool:
    return bool(chroma.min() >= _NEUTRAL[0] and chroma.max() <= _NEUTRAL[1])


@lru_cache
def _gray_levels(pixel_format: str, color_range: int, colorspace: int) -> npt.NDArray[np.uint8]:
    """What gray each luma value becomes, asked of the conversion that colours go through."""
    import av

    ramp = np.full((2 * 3, 256), 128, np.uint8)
    ramp[:2] = np.arange(256)
    frame: Any = av.VideoFrame(256, 2, pixel_format)
    frame.color_range, frame.colorspace = color_range, colorspace
    for plane, value in zip(frame.planes, (ramp[:2], ramp[2:], ramp[2:]), strict=True):
        rows = np.full((plane.height, plane.line_size), 128, np.uint8)
        rows[:, :plane.width] = value[:plane.height, :plane.width]
        plane.update(rows)
    return np.ascontiguousarray(frame.to_ndarray(format='bgr24')[0, :, 1])
