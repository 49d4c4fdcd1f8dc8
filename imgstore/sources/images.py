"""Images in files, and images without any file around them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import IO

import cv2
import numpy as np

from ..color import Image
from ..constants import STORE_MD_FILENAME
from ..errors import FrameReadError, InvalidArgumentError

_EXTENSIONS = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')


def image_paths(source: str) -> list[str]:
    """Find the images of a folder, or of a pattern such as ``folder/*.png``, in the order in which people count.

    Raises
    ------
    InvalidArgumentError
        There are none.
    """
    if os.path.exists(os.path.join(source, STORE_MD_FILENAME)):
        raise InvalidArgumentError(f'{source!r} is a store already: imgstore convert makes one of another format')
    found = [os.path.join(source, name) for name in os.listdir(source)] if os.path.isdir(source) else glob.glob(source)
    images = [path for path in found if os.path.splitext(path)[1].lower() in _EXTENSIONS]
    if not images:
        raise InvalidArgumentError(f'there are no images in {source!r}, neither {", ".join(_EXTENSIONS)}')
    return sorted(images, key=_as_counted)


def _as_counted(path: str) -> list[tuple[int, str]]:
    """So that image 10 comes behind image 9."""
    return [(int(part), '') if part.isdecimal() else (0, part) for part in re.split(r'(\d+)', path)]


def read_images(paths: list[str]) -> Generator[Image]:
    """Read images as they are, in 8 or 16 bits, gray or BGR; transparency is left out.

    Raises
    ------
    FrameReadError
        One of them cannot be read.
    """
    for path in paths:
        try:
            with open(path, 'rb') as file:
                data = np.frombuffer(file.read(), np.uint8)
            image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
        except (OSError, cv2.error) as error:
            raise FrameReadError(f'{path!r} cannot be read: {error}') from error
        if image is None:
            raise FrameReadError(f'{path!r} is no image, or damaged')
        yield np.ascontiguousarray(image[..., :3]) if image.ndim == 3 else image


@dataclass(frozen=True)
class PixelFormat:
    """How an image lies in a stream of bytes, as FFmpeg names it."""

    dtype: str
    channels: int
    conversion: int | None = None


PIXEL_FORMATS = {
    'gray': PixelFormat('<u1', 1), 'gray16le': PixelFormat('<u2', 1), 'bgr24': PixelFormat('<u1', 3),
    'rgb24': PixelFormat('<u1', 3, cv2.COLOR_RGB2BGR), 'bgr48le': PixelFormat('<u2', 3),
    'rgb48le': PixelFormat('<u2', 3, cv2.COLOR_RGB2BGR)}
"""Those that `raw_images` understands."""


def raw_images(stream: IO[bytes], size: tuple[int, int], pixel_format: str) -> Generator[Image]:
    """Read images that follow each other without anything between them, as ``ffmpeg -f rawvideo`` writes them.

    Parameters
    ----------
    stream
        Open for reading; it may be a pipe.
    size
        (width, height) in pixels.
    pixel_format
        One of `PIXEL_FORMATS`.

    Raises
    ------
    FrameReadError
        The stream ends within an image.
    """
    form = PIXEL_FORMATS[pixel_format]
    shape = (size[1], size[0]) if form.channels == 1 else (size[1], size[0], form.channels)
    length, count = int(np.prod(shape)) * np.dtype(form.dtype).itemsize, 0
    while data := _read(stream, length):
        if len(data) < length:
            raise FrameReadError(f'the input ends within image {count}: it has {len(data)} of {length} bytes')
        image: Image = np.frombuffer(data, form.dtype).reshape(shape)
        yield image if form.conversion is None else cv2.cvtColor(image, form.conversion)
        count += 1


def _read(stream: IO[bytes], length: int) -> bytes:
    """So many bytes, or what is left of them at the end; a pipe may give them in pieces."""
    data = bytearray()
    while len(data) < length and (part := stream.read(length - len(data))):
        data += part
    return bytes(data)
