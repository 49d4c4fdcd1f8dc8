"""Images from files, and raw images without a file format."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import cv2
import numpy as np

from .._support.quiet_opencv import quiet_opencv
from ..color import Image
from ..constants import STORE_MD_FILENAME
from ..errors import FrameReadError, InvalidArgumentError
from ..formats import image_extensions
from .jpeg import JpegCheck
from .quiet import Overheard
from .tiff import pages_of

_EXTENSIONS = tuple(sorted({*image_extensions(), '.jpeg', '.tiff'}))
_STACKS = ('.tif', '.tiff')
_ANIMATED = (b'acTL', b'ANIM')  # in the first bytes of animated PNG and WebP
_JPEG = b'\xff\xd8'
_HEAD = 2**16  # bytes
_MOST_TOLD = 5
_DECODING = re.compile(rb'TIFF_Error (?!.*Directory)|OpenCV TIFF: .*(?:ecoding error|Using code|Not enough data)')
"""Log texts about undecodable pages. The chain of pages is checked before."""

_SAMPLES = 100  # files
_BATCH = 2**26  # bytes of pages read at once
_AS_IT_IS = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR  # upright, 8 or 16 bits, gray or BGR, without transparency
_IMAGEJ = re.compile(rb'ImageJ=[^\0]*?\bimages=(\d+)')


def is_image(path: str) -> bool:
    """Return whether a file is an image or a stack, by its name."""
    return os.path.splitext(path)[1].lower() in _EXTENSIONS and os.path.isfile(path)


def image_paths(source: str) -> list[str]:
    """Find images by folder or pattern (``folder/*.png``), in counting order.

    Hidden files are skipped, such as ``._1.png`` of macOS.

    Raises
    ------
    InvalidArgumentError
        No images were found.
    """
    if os.path.exists(os.path.join(source, STORE_MD_FILENAME)):
        raise InvalidArgumentError(
            f'{source!r} is a store already; use imgstore convert to change its format', path=source
        )
    found = [os.path.join(source, name) for name in os.listdir(source)] if os.path.isdir(source) else glob.glob(source)
    images = [path for path in found if is_image(path) and not os.path.basename(path).startswith('.')]
    if not images:
        raise InvalidArgumentError(f'there are no images in {source!r} ({", ".join(_EXTENSIONS)})', path=source)
    return sorted(images, key=_as_counted)


def _as_counted(path: str) -> list[tuple[int, str]]:
    """Return a sort key with image 10 after image 9."""
    return [(int(part), '') if part.isdecimal() else (0, part) for part in re.split(r'(\d+)', path)]


class Images:
    """Images in files, one after the other. Use it in a ``with`` block.

    Attributes
    ----------
    length : int
        Number of files; some may have several pages.
    """

    def __init__(self, paths: list[str]) -> None:
        self._paths, self.length = paths, len(paths)
        self._number, self._lost = 0, list[tuple[int, str]]()
        self._ends: str | None = None
        self._jpeg, self._overheard = JpegCheck(), Overheard()

    def frames(self) -> Generator[tuple[Image, int]]:
        """Yield the intact images; `check` then reports others.

        Yields
        ------
        image : numpy.ndarray
            Upright, 8 or 16 bits, gray or BGR, without transparency. Each page of a file is an image.
        number : int
            From 0. Unreadable images count, too.
        """
        for path in self._paths:
            try:
                for image in self._pages(path):
                    if isinstance(image, str):
                        self._lost.append((self._number, image))
                    else:
                        yield image, self._number
                    self._number += 1
            except _UncountedError as error:
                self._ends = str(error)
                return

    @property
    def following(self) -> int:
        """Number after the last image read, or lost at that place."""
        return self._number

    def check(self) -> None:
        """Raise FrameReadError if images could not be read."""
        told = [f'frame {number}: {why}' for number, why in self._lost[:_MOST_TOLD]]
        if len(self._lost) > _MOST_TOLD:
            told.append(f'{len(self._lost)} in all')
        if self._ends is not None:
            told.append(self._ends)
        if told:
            raise FrameReadError('; '.join(told))

    def _pages(self, path: str) -> Iterator[Image | str]:
        """Yield the images of a file, or the reason why one cannot be read."""
        try:
            with open(path, 'rb') as file:
                head = file.read(_HEAD)
                found, total = _page_counts(path, head)
                if total is None and found <= self._is_single(path):
                    found, total = 1, 1
                if found != 1 or total != 1:
                    yield from self._stack(path, found, total)
                    return
                data = head + file.read()
        except OSError as error:
            yield f'{path!r} cannot be read: {error}'
            return
        if any(mark in head for mark in _ANIMATED) and len(pages := _multiple(data)) > 1:
            yield from pages
            return
        why = self._jpeg.why(data) if data.startswith(_JPEG) else None
        yield f'{path!r} is damaged: {why}' if why else self._decoded(path, data)

    def _stack(self, path: str, found: int, total: int | None) -> Iterator[Image | str]:
        """Yield the pages of a TIFF, several at once unless one is damaged."""
        batch, place = 1, 0
        while place < found:
            pages = self._some_pages(path, place, min(batch, found - place))
            if len(pages) < min(batch, found - place) and batch > 1:
                batch = 1
                continue
            yield from pages
            if not pages:
                yield f'{path!r}: page {place} cannot be read'
            place += max(1, len(pages))
            batch = max(1, _BATCH // max(1, pages[0].nbytes)) if pages else 1
        if total is None:
            raise _UncountedError(
                f'{path!r} is cut off or damaged after page {found - 1}; how many pages are missing '
                'is not known, so the images after it would have wrong numbers, and are not saved'
            )
        for page in range(found, total):
            yield f'{path!r}: page {page} is missing'

    def _some_pages(self, path: str, place: int, count: int) -> Sequence[Image]:
        """Read `count` pages.

        None after an error, since OpenCV invents undecodable data.
        """
        with contextlib.suppress(cv2.error):
            pages, told = self._overheard.call(lambda: _pages_of(path, place, count))
            return () if _DECODING.search(told) else pages
        return ()

    def _decoded(self, path: str, data: bytes) -> Image | str:
        with contextlib.suppress(cv2.error):
            image, told = self._overheard.call(lambda: cv2.imdecode(np.frombuffer(data, np.uint8), _AS_IT_IS))
            if image is not None and not _DECODING.search(told):
                return image
        return f'{path!r} is not an image, or is damaged'

    def _is_single(self, path: str) -> bool:
        """Return whether a TIFF has one page, since all others have."""
        others = [other for other in self._paths if other != path and other.lower().endswith(_STACKS)][:_SAMPLES]
        with contextlib.suppress(OSError):
            return bool(others) and all(pages_of(other) in (None, (1, True), (0, False)) for other in others)
        return False

    def close(self) -> None:
        """Free the resources."""
        self._jpeg.close()
        self._overheard.close()

    def __enter__(self) -> Images:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _UncountedError(Exception):
    """A file has an unknown number of images.

    Later files would get wrong numbers.
    """


def _multiple(data: bytes) -> Sequence[Image]:
    with quiet_opencv(), contextlib.suppress(cv2.error):
        return cv2.imdecodemulti(np.frombuffer(data, np.uint8), _AS_IT_IS)[1]
    return ()


def _page_counts(path: str, head: bytes) -> tuple[int, int | None]:
    """Return found and expected pages of a TIFF (None if unknown).

    1 for other files.
    """
    pages = pages_of(path) if path.lower().endswith(_STACKS) else None
    if pages is None:
        return 1, 1
    told = _IMAGEJ.search(head)
    named = int(told[1]) if told else 0
    if pages.is_whole and named > pages.found:
        raise _UncountedError(
            f'{path!r} has {named} pages by its description, and {pages.found} can be read: ImageJ '
            'wrote the others without an index; save it from there as an image sequence'
        )
    if pages.is_whole:
        return pages.found, pages.found
    return pages.found, named if named > pages.found else None


def _pages_of(path: str, place: int, count: int) -> Sequence[Image]:
    if _opencv_takes(path):
        return cv2.imreadmulti(path, place, count, flags=_AS_IT_IS)[1]
    return cv2.imdecodemulti(np.fromfile(path, np.uint8), _AS_IT_IS, range=(place, place + count))[1]


def _opencv_takes(path: str) -> bool:
    """Return whether OpenCV can open a file of this name; it must be UTF-8."""
    try:
        return bool(path.encode())
    except UnicodeEncodeError:
        return False


@dataclass(frozen=True)
class PixelFormat:
    """Layout of an image in a byte stream, named as in FFmpeg."""

    dtype: str
    channels: int
    conversion: int | None = None


PIXEL_FORMATS = {
    'gray': PixelFormat('<u1', 1),
    'gray16le': PixelFormat('<u2', 1),
    'bgr24': PixelFormat('<u1', 3),
    'rgb24': PixelFormat('<u1', 3, cv2.COLOR_RGB2BGR),
    'bgr48le': PixelFormat('<u2', 3),
    'rgb48le': PixelFormat('<u2', 3, cv2.COLOR_RGB2BGR),
}
"""Formats supported by `read_rawvideo`."""


def read_rawvideo(stream: IO[bytes], size: tuple[int, int], pixel_format: str) -> Generator[Image]:
    """Read images without anything between them, as from ``ffmpeg -f rawvideo``.

    Parameters
    ----------
    stream
        Open for reading, perhaps a pipe.
    size
        (width, height) in pixels.
    pixel_format
        One of `PIXEL_FORMATS`.

    Raises
    ------
    FrameReadError
        The stream ends inside an image.
    """
    form = PIXEL_FORMATS[pixel_format]
    shape = (size[1], size[0]) if form.channels == 1 else (size[1], size[0], form.channels)
    length, count = int(np.prod(shape)) * np.dtype(form.dtype).itemsize, 0
    while data := _read(stream, length):
        if len(data) < length:
            raise FrameReadError(
                f'the input ends within image {count}: it has {len(data)} of {length} bytes', frame_index=count
            )
        image: Image = np.frombuffer(data, form.dtype).reshape(shape)
        yield image if form.conversion is None else cv2.cvtColor(image, form.conversion)
        count += 1


def _read(stream: IO[bytes], length: int) -> bytes:
    """Read `length` bytes, or the rest at the end.

    A pipe may give them in pieces.
    """
    data = bytearray()
    while len(data) < length and (part := stream.read(length - len(data))):
        data += part
    return bytes(data)
