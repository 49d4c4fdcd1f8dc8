"""Chunks: how the frames of one chunk are written and read, one module for each thing a chunk can be made of."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from .._support.forking import leak
from ..errors import FrameReadError
from ..formats import Format
from ..ondisk.layout import Layout
from .base import ChunkReader, ChunkWriter, Image, VideoReader
from .images.image_folder import BloscpackCodec, Cv2Codec, ImageChunkReader, ImageChunkWriter, ImageCodec, NpyCodec
from .images.uncompressed import BmpCodec, PnmCodec
from .video import backends
from .video.container_checks import max_pixels_for
from .video.frame_cache import FrameCache
from .video.inspection import check_exact
from .video.live import LiveVideoReader

__all__ = ['ChunkIO', 'ChunkReader', 'ChunkWriter', 'Image']

_LACKS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class ChunkIO:
    """Opens the chunks of a store.

    Parameters
    ----------
    layout : Layout
        Where they are.
    fmt : Format
        What they are.
    shape : tuple of int
        Of the images on disk.
    direction : {'read', 'write'}
        What they are opened for.
    backend : str, optional
        See `imgstore.chunks.video.backends`; just videos have several.
    seek : bool
        False: read videos sequentially.
    cache_bytes : int
        What decoded frames may hold that readers keep.
    image_bytes : int
        Of the store's images; readers refuse a file that claims to be of very much larger ones.
    options : mapping of str to int
        Of `Format.options`, those that were given to write with.
    """

    def __init__(self, layout: Layout, fmt: Format, shape: tuple[int, ...], direction: backends.Direction,
                 backend: object = None, seek: bool = True, cache_bytes: int = 0, image_bytes: int = 0,
                 options: Mapping[str, int] = MappingProxyType({})) -> None:
        self._layout, self._fmt, self._color = layout, fmt, len(shape) == 3
        self._seek, self._kept, self._cache_bytes = seek, FrameCache(cache_bytes), cache_bytes
        self._pixels, self._image_bytes = max_pixels_for(shape), image_bytes
        backends.validate_backend(backend)
        self._asked = backend if direction == 'read' else None
        if fmt.is_image_folder:
            self._codec = image_codec(fmt, self._color, image_bytes, options)
        elif direction == 'write':
            chosen = backends.choose_backend(fmt, 'write', backend, tuple(options))
            self._encoder = backends.new_encoder(chosen, fmt.codec, shape, options)
        elif backend:
            backends.choose_backend(fmt, 'read', backend)

    def reader(self, number: int, frames: int | None, keep: bool = True) -> ChunkReader:
        """A reader of a chunk that should have so many frames, if that is known; FrameReadError if it has none."""
        if self._fmt.is_image_folder:
            return ImageChunkReader(self._layout, number, self._codec, self._image_bytes)
        path = self._layout.current_path(number)
        if path == self._layout.chunk(number):
            return self.video_reader(path, frames, keep)
        return LiveVideoReader(lambda: self._layout.current_path(number),
                               lambda path: self.video_reader(path, frames, keep))

    def video_reader(self, path: str, frames: int | None = None, keep: bool = False) -> VideoReader:
        """A reader of a video that need not be in the store yet, nor known for how many frames it should have."""
        backend = backends.choose_backend(self._fmt, 'read', self._asked)
        return backends.new_reader(backend, path, self._color, self._seek, frames, self._kept if keep else None,
                                   self._pixels)

    def check_exact(self, path: str, sizes: Collection[tuple[int, ...]]) -> None:
        """Check that frames of a video are found exactly and have one of the (height, width); InvalidArgumentError."""
        check_exact(path, sizes, self._pixels)

    def count_readable(self, number: int, added: int | None, known: int = 0, if_unknown: int = 0) -> int:
        """How many of the frames that were added to a chunk are there, up to the last one that can be read.

        The first ``known`` ones need not be looked at again. Where ``added`` tells how many there were, a video's that
        are lost between others are counted: those behind them are not taken for others. ``if_unknown`` is the count
        where the system lacks what it takes to look.
        """
        try:
            with self.reader(number, added) as reader:
                count = reader.count() if isinstance(reader, VideoReader) else self._count_images(number, known)
                end = count if added is None else min(count, added)
                whole = (n for n in range(end, known, -1) if _can_read(reader, n - 1))
                return next(whole, known)
        except FrameReadError as error:
            return max(known, if_unknown if _is_for_lack(error) else 0)

    def _count_images(self, number: int, known: int) -> int:
        there = (os.path.isfile(self._layout.image(number, index)) for index in itertools.count(known))
        return known + sum(itertools.takewhile(bool, there))

    def close(self) -> None:
        """Free the frames that are kept."""
        self._kept.clear()

    def reset_after_fork(self) -> None:
        """In a forked child: keep frames of its own."""
        leak(self._kept)  # whose memory FFmpeg may just have been busy with
        self._kept = FrameCache(self._cache_bytes)

    @property
    def is_uncompressed(self) -> bool:
        """Whether a frame is read and written faster than it could be handed from one thread to another."""
        return self._fmt.codec in ('npy', 'bmp', 'pnm')

    def encode(self, image: Image) -> Any:
        """Do the part of writing a frame that needs no other; for several threads at once, in any order."""
        return self._codec.encode(image) if self._fmt.is_image_folder else self._encoder.encode(image)

    def writer(self, number: int) -> ChunkWriter:
        """A writer of a new chunk, which takes what `encode` gives; FrameWriteError if it cannot be started."""
        if self._fmt.is_image_folder:
            return ImageChunkWriter(self._layout, number)
        return self._encoder.writer(self._layout.chunk(number))


def _is_for_lack(error: FrameReadError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _LACKS


def _can_read(reader: ChunkReader, index: int) -> bool:
    try:
        reader.read(index)
    except FrameReadError:
        return False
    return True


_PICTURES = {'cv2': Cv2Codec, 'bmp': BmpCodec, 'pnm': PnmCodec}


def image_codec(fmt: Format, color: bool, image_bytes: int, options: Mapping[str, int]) -> ImageCodec:
    """The codec of an image format, for a store that is in colour or not, of images of about that size."""
    if fmt.codec == 'npy':
        return NpyCodec()
    if fmt.codec == 'bpk':
        return BloscpackCodec(image_bytes, options)
    return _PICTURES[fmt.codec](fmt, color, image_bytes, options)
