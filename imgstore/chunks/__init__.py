"""Chunks: how the frames of one chunk are written and read, one module for each thing a chunk can be made of."""

from __future__ import annotations

from .._files import Layout
from ..formats import Format
from . import backends
from .base import ChunkReader, ChunkWriter, Image, VideoReader
from .images import ImageChunkReader, ImageChunkWriter, image_codec

__all__ = ['ChunkReader', 'ChunkWriter', 'Chunks', 'Image']


class Chunks:
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
        See `imgstore.chunks.backends`; just videos have several.
    seek : bool
        False: read videos sequentially.
    """

    def __init__(self, layout: Layout, fmt: Format, shape: tuple[int, ...], direction: backends.Direction,
                 backend: object = None, seek: bool = True) -> None:
        self._layout, self._fmt, self._shape, self._seek = layout, fmt, shape, seek
        self._direction, self._asked = direction, backend
        if fmt.folders:
            self._codec = image_codec(fmt, shape)
        elif direction == 'write' or backend:
            self._backend()

    def _backend(self) -> str:
        return backends.choose_backend(self._fmt, self._direction, self._asked)

    def reader(self, number: int) -> ChunkReader:
        """A reader of a chunk; FrameReadError if it cannot be opened."""
        if self._fmt.folders:
            return ImageChunkReader(self._layout, number, self._codec)
        return self.video_reader(self._layout.chunk(number))

    def video_reader(self, path: str) -> VideoReader:
        """A reader of a video that need not be in the store yet."""
        backend = backends.choose_backend(self._fmt, 'read', self._asked if self._direction == 'read' else None)
        return backends.new_reader(backend, path, len(self._shape) == 3, self._seek)

    def writer(self, number: int) -> ChunkWriter:
        """A writer of a new chunk; FrameWriteError if it cannot be started."""
        if self._fmt.folders:
            return ImageChunkWriter(self._layout, number, self._codec)
        return backends.new_writer(self._backend(), self._layout.chunk(number), self._fmt.codec, self._shape)
