"""Images in files, and images without any file around them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import cv2
import numpy as np

from ..color import Image
from ..constants import STORE_MD_FILENAME
from ..errors import FrameReadError, InvalidArgumentError

_EXTENSIONS = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')
_STACKS = ('.tif', '.tiff')
_ANIMATED = (b'acTL', b'ANIM')  # what a PNG and a WebP of several images have in their first bytes
_HEAD = 2**16  # bytes
_BATCH = 2**26  # bytes of pages that are read at once
_AS_IT_IS = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR  # upright, 8 or 16 bits, gray or BGR, without transparency
_IMAGEJ = re.compile(rb'ImageJ=[^\0]*?\bimages=(\d+)')


def is_image(path: str) -> bool:
    """Tell by its name whether a file is one image, or a stack of them."""
    return os.path.splitext(path)[1].lower() in _EXTENSIONS and os.path.isfile(path)


def image_paths(source: str) -> list[str]:
    """Find the images of a folder, or of a pattern such as ``folder/*.png``, in the order in which people count.

    Hidden files are left out, such as those named ``._1.png`` that macOS puts beside others.

    Raises
    ------
    InvalidArgumentError
        There are none.
    """
    if os.path.exists(os.path.join(source, STORE_MD_FILENAME)):
        raise InvalidArgumentError(f'{source!r} is a store already: imgstore convert makes one of another format')
    found = [os.path.join(source, name) for name in os.listdir(source)] if os.path.isdir(source) else glob.glob(source)
    images = [path for path in found if is_image(path) and not os.path.basename(path).startswith('.')]
    if not images:
        raise InvalidArgumentError(f'there are no images in {source!r}, neither {", ".join(_EXTENSIONS)}')
    return sorted(images, key=_as_counted)


def _as_counted(path: str) -> list[tuple[int, str]]:
    """So that image 10 comes behind image 9."""
    return [(int(part), '') if part.isdecimal() else (0, part) for part in re.split(r'(\d+)', path)]


def read_images(paths: list[str]) -> Generator[Image]:
    """Read images upright, in 8 or 16 bits, gray or BGR; of a file with several pages, each; without transparency.

    Raises
    ------
    FrameReadError
        One of them cannot be read.
    """
    for path in paths:
        try:
            yield from _pages(path)
        except (OSError, cv2.error) as error:
            raise FrameReadError(f'{path!r} cannot be read: {error}') from error


def _pages(path: str) -> Iterator[Image]:
    with open(path, 'rb') as file:
        head = file.read(_HEAD)
        is_stack = path.lower().endswith(_STACKS)
        count = _page_count(path, head) if is_stack or any(mark in head for mark in _ANIMATED) else 1
        if count > 1 and is_stack and _opencv_takes(path):
            yield from _read_stack(path, count)
            return
        data = np.frombuffer(head + file.read(), np.uint8)
    if count > 1:
        yield from _complete(path, count, cv2.imdecodemulti(data, _AS_IT_IS)[1])
        return
    image = cv2.imdecode(data, _AS_IT_IS) if len(data) else None
    if image is None:
        raise FrameReadError(f'{path!r} is no image, or damaged')
    yield image


def _page_count(path: str, head: bytes) -> int:
    """How many images a file has; FrameReadError if it says that there are more than can be read."""
    if _opencv_takes(path):
        count = cv2.imcount(path, _AS_IT_IS)
    else:
        with open(path, 'rb') as file:
            count = len(cv2.imdecodemulti(np.frombuffer(file.read(), np.uint8), _AS_IT_IS)[1])
    told = _IMAGEJ.search(head)
    if told and int(told[1]) > max(count, 1):
        raise FrameReadError(f'{path!r} has {told[1].decode()} pages by its description, and {count} can be read: '
                             'ImageJ wrote the others without an index; save it from there as an image sequence')
    return count


def _opencv_takes(path: str) -> bool:
    """Whether OpenCV can open a file of that name, which must be UTF-8."""
    try:
        return bool(path.encode())
    except UnicodeEncodeError:
        return False


def _read_stack(path: str, count: int) -> Iterator[Image]:
    batch, place = 1, 0
    while place < count:
        batch = min(batch, count - place)
        pages = cv2.imreadmulti(path, place, batch, flags=_AS_IT_IS)[1]
        yield from _complete(path, batch, pages, place)
        place += batch
        batch = max(1, _BATCH // max(1, pages[0].nbytes))


def _complete(path: str, count: int, pages: Sequence[Image], first: int = 0) -> Iterator[Image]:
    yield from pages
    if len(pages) < count:
        raise FrameReadError(f'{path!r}: page {first + len(pages)} cannot be read')


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
