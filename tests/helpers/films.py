"""Small videos made with PyAV, and what a store gives back."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

import imgstore

from .checked import not_none
from .fake_camera import Image
from .frames import index_in


def _given(image: Image, pix_fmt: str) -> str:
    return pix_fmt if image.dtype == np.uint16 else 'gray' if image.ndim == 2 else 'bgr24'


def make_film(path: Path, images: Sequence[Image], pix_fmt: str, milliseconds: Sequence[int] | None = None) -> Path:
    """Make a lossless film of BGR or gray images."""
    with av.open(path, 'w') as container:
        stream = container.add_stream('ffv1', rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format=_given(image, pix_fmt))
            frame.time_base, frame.pts = Fraction(1, 1000), milliseconds[number] if milliseconds else 40 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read(folder: Path) -> tuple[list[Image], list[int], list[float]]:
    with imgstore.new_for_filename(folder) as store:
        frames = [store.get_next_image() for _ in range(len(store))]
        return [i for i, _ in frames], [n for _, (n, _) in frames], [t for _, (_, t) in frames]


def film(path: Path) -> tuple[list[int], list[float]]:
    """Which frames a video shows, and when."""
    with av.open(path) as container:
        frames = [
            (index_in(frame.to_ndarray(format='bgr24')), float(not_none(frame.pts) * not_none(frame.time_base)))
            for frame in container.decode(video=0)
        ]
    return [index for index, _ in frames], [time for _, time in frames]
