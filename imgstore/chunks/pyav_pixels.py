"""From the frames that PyAV decodes to images, as OpenCV would give them."""

from __future__ import annotations

import itertools
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

_MOST_IMAGES = 4 * THREADS
"""That are in use at once: read ahead, and in the caller's hands. The memory of more is not kept to be used again."""

_LUMA_FIRST = frozenset(f'yuv{j}{sampling}p' for j in ('', 'j') for sampling in ('420', '422', '444'))
_NEUTRAL = (126, 130)
"""Chroma in this range cannot drive a colour out of 0…255, so the gray of the colours is the luma."""


class Images:
    """Makes images of the frames of a video, in memory of those that nobody sees any more. For several threads.

    Parameters
    ----------
    color : bool
        As (h, w, 3) in BGR, by the interpolation of colours that OpenCV has; else in gray.
    """

    def __init__(self, color: bool) -> None:
        self._color = color
        self._lent, self._converters = Lent(_MOST_IMAGES), Spare(_Converter, most=2 * THREADS)

    def of(self, frame: Any) -> Image:
        """The image of a frame of PyAV."""
        return self._bgr(frame) if self._color else self._gray(frame)

    def _bgr(self, frame: Any) -> Image:
        with self._converters.one() as converter:
            plane = converter.convert(frame)
        rows = _rows(plane)[:frame.height]
        image = rows if plane.line_size == 3 * frame.width else self._lent.empty((frame.height, 3 * frame.width))
        if image is not rows:
            np.copyto(image, rows[:, :3 * frame.width])
        return image.reshape(frame.height, frame.width, 3)

    def _gray(self, frame: Any) -> Image:
        """As converting its colours would give it: mostly the luma plane alone tells."""
        name = frame.format.name
        if name in _LUMA_FIRST and all(_is_neutral(_plane(plane)) for plane in frame.planes[1:]):
            levels = _gray_levels(name, int(frame.color_range), int(frame.colorspace))
            gray = self._lent.empty((frame.height, frame.width))
            return cast(Image, cv2.LUT(_plane(frame.planes[0]), levels, gray))
        return ensure_grayscale(self._bgr(frame))


class _Converter:
    """FFmpeg's swscale, as a filter: that alone gives its images memory that was used before."""

    def __init__(self) -> None:
        self._graph: Any = None
        self._input = ''
        self._places: set[int] = set()

    def convert(self, frame: Any) -> Any:
        """The plane, in BGR, of a frame of PyAV."""
        taken = (f'video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1'
                 f':colorspace={int(frame.colorspace)}:range={int(frame.color_range)}')
        if taken != self._input or len(self._places) > _MOST_IMAGES:
            self._begin_anew(taken)
        self._graph.push(frame)
        plane = self._graph.pull().planes[0]
        self._places.add(plane.buffer_ptr)
        return plane

    def _begin_anew(self, taken: str) -> None:
        from av.filter import Graph

        self._graph, self._input, self._places = Graph(), taken, set()
        self._graph.threads = 1
        filters = [self._graph.add(*given) for given in (
            ('buffer', taken), ('scale', 'flags=bicubic'), ('format', 'bgr24'), ('buffersink',))]
        for source, target in itertools.pairwise(filters):
            source.link_to(target)
        self._graph.configure()


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
