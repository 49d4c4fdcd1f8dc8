"""Chunks: writing and reading of frames, one module per kind of content."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
from collections.abc import Collection, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from .._support.buffer_pool import RefcountedBufferPool
from .._support.forking import leak
from .._support.warn import warn
from ..encoder_options import Options
from ..errors import FrameReadError, UnverifiedWarning
from ..formats import Format
from ..ondisk.checksums import NO_CHECKSUMS, UNKNOWN, CheckFrames, Checksums, ChunkChecksums, LateChecksum, checksum_of
from ..ondisk.layout import Layout
from ..ondisk.plain_npz import LACKS
from ..remote.urls import is_url
from .base import ChunkReader, ChunkWriter, Encoded, Image, VideoReader
from .images.image_folder import Bytes, Cv2Codec, ImageChunkReader, ImageChunkWriter, ImageCodec, NpyCodec
from .images.uncompressed import BmpCodec, PnmCodec
from .video import backends
from .video.container_checks import max_pixels_for
from .video.frame_cache import FrameCache
from .video.live import LiveVideoReader

if TYPE_CHECKING:
    from .video.pixels import FrameConverter

__all__ = ['ChunkIO', 'ChunkReader', 'ChunkWriter', 'Encoded', 'Image', 'is_for_lack']

_MOST_BUFFERS = 4  # of uncompressed images: the caller usually has one while the next is read
_SMALL_IMAGE = 2**18  # bytes: 640x480 in gray is larger
_MOST_BESIDE_PIXELS = 4096  # bytes of an image file


class ChunkIO:
    """Access to the chunks of a store.

    Parameters
    ----------
    layout : Layout
        Paths of the chunks.
    fmt : Format
        Format of the chunks.
    shape : tuple of int
        Shape of the images on disk.
    direction : {'read', 'write'}
        Purpose.
    backend : str, optional
        Library for videos; see `imgstore.chunks.video.backends`.
    seek : bool
        False: read videos sequentially, without seeking.
    cache_bytes : int
        Memory limit in bytes for cached frames.
    image_bytes : int
        Size of the store's images in bytes; readers reject files of much larger images.
    dtype : str
        dtype of the images, as numpy names it.
    options : mapping of str to object
        Encoder options passed by the user, of those in `Format.options`.
    verify : bool
        Compare each frame with its checksum while reading, if it has one.
    has_checksums : bool
        Whether all chunks should have checksums; the first one without them is warned of.

    Attributes
    ----------
    verifies : bool
        Whether frames are compared with their checksums.
    """

    def __init__(
        self,
        layout: Layout,
        fmt: Format,
        shape: tuple[int, ...],
        direction: backends.Direction,
        backend: object = None,
        seek: bool = True,
        cache_bytes: int = 0,
        image_bytes: int = 0,
        dtype: str = 'uint8',
        options: Options = MappingProxyType({}),
        verify: bool = False,
        has_checksums: bool = False,
    ) -> None:
        self.verifies, self._has_checksums, self._has_warned = verify, has_checksums, False
        self._lack: UnverifiedWarning | None = None
        self._layout, self._fmt, self._color = layout, fmt, len(shape) == 3
        self._dtype = dtype if fmt.holds(dtype, self._color) else 'uint8'
        self._is_remote = is_url(layout.basedir)
        self._seek, self._kept, self._cache_bytes = seek, FrameCache(cache_bytes), cache_bytes
        self._pixels, self._image_bytes = max_pixels_for(shape), image_bytes
        self._images: FrameConverter | None = None
        self._most_reused = 2 * image_bytes + _MOST_BESIDE_PIXELS if self.is_uncompressed else 0
        self._buffers = RefcountedBufferPool(_MOST_BUFFERS)
        backends.validate_backend(backend)
        self._asked = backend if direction == 'read' else None
        if fmt.is_image_folder:
            self._codec = image_codec(fmt, self._color, image_bytes, options)
        elif direction == 'write':
            chosen = backends.choose_backend(fmt, 'write', backend, tuple(options), dtype)
            self._encoder = backends.new_encoder(chosen, fmt.codec, fmt.extension, shape, dtype, options)
        elif backend:
            backends.choose_backend(fmt, 'read', backend, dtype=dtype)
        if self._is_remote:
            self._asked = backends.backend_for_url(backend, layout.basedir)

    def reader(
        self,
        number: int,
        frames: int | None,
        in_parallel: bool = False,
        journaled: Checksums | None = None,
        check: CheckFrames = lambda numbers, times: None,
    ) -> ChunkReader:
        """Open a reader of a chunk; FrameReadError if its video cannot be read.

        Parameters
        ----------
        number : int
            Number of the chunk.
        frames : int or None
            Expected number of frames, if known.
        in_parallel : bool
            Other readers use the other cores: decode with one thread, and cache no frames.
        journaled : ndarray of uint64, optional
            Checksums of an incomplete chunk's frames, 0 where they are unknown. They are verified in any case.
        check : callable, optional
            Checks the frame numbers and times of the chunk's index, where checksums are read from it.
        """
        checksums = self._checksums_of(number, journaled, check)
        if self._fmt.is_image_folder:
            return self._image_reader(number, checksums)
        path = self._layout.current_path(number)
        if path == self._layout.chunk(number):
            return self._video_reader(path, frames, in_parallel, checksums)
        return LiveVideoReader(
            lambda: self._layout.current_path(number),
            lambda path: self._video_reader(path, frames, in_parallel, checksums),
        )

    def _image_reader(self, number: int, checksums: ChunkChecksums | None = None) -> ImageChunkReader:
        return ImageChunkReader(self._layout, number, self._codec, self._image_bytes, self._memory, checksums)

    def _checksums_of(self, number: int, journaled: Checksums | None, check: CheckFrames) -> ChunkChecksums | None:
        """Return the checksums to compare the frames of a chunk with, or None.

        ``journaled`` and ``check`` are as in `reader`.
        """
        if journaled is None and not self.verifies:
            return None
        stem = self._layout.index_stem(number)
        return ChunkChecksums(stem, partial(self._note_lack, number), journaled, check)

    def _note_lack(self, number: int, reason: str) -> None:
        """Note the first chunk without the checksums that it should have."""
        if (reason or self._has_checksums) and not self._has_warned:
            self._has_warned = True
            self._lack = UnverifiedWarning(self._layout.basedir, number, reason)

    def warn_if_unverified(self) -> None:
        """Issue the warning of the first chunk without its checksums, once.

        To be called in the caller's thread: chunks are read by others, too, which no line of a program calls.
        """
        lack = self._lack
        if lack is not None:  # several threads may ask at once
            self._lack = None
            warn(lack)

    def checksums(self, number: int, frames: int, known: Sequence[int] = ()) -> list[int]:
        """Compute the checksums of a chunk's stored frames, 0 where unknown.

        Parameters
        ----------
        number : int
            Number of the chunk.
        frames : int
            Number of its frames.
        known : sequence of int
            Checksums of its first frames, 0 where they must be computed.
        """
        checksums = [*known[:frames], *[UNKNOWN] * (frames - len(known))]
        if UNKNOWN not in checksums:
            return checksums
        if self._fmt.is_image_folder:
            reader = self._image_reader(number)
            return [kept or _checksum_in(reader, index) for index, kept in enumerate(checksums)]
        with contextlib.suppress(Exception):  # no chunk must lack its index for want of checksums
            found = self.stored_checksums(number, frames)
            return [kept or new for kept, new in zip(checksums, found, strict=True)]
        return checksums

    def stored_checksums(self, number: int, frames: int) -> list[int]:
        """Compute the checksums of a chunk's frames, 0 for unreadable ones.

        FrameReadError if its video cannot be read, or for a lack of memory or descriptors.
        """
        if self._fmt.is_image_folder:
            reader = self._image_reader(number)
            return [_checksum_in(reader, index, raises_for_lack=True) for index in range(frames)]
        from .video.packet_checksums import packet_checksums

        return packet_checksums(self._layout.chunk(number), frames, self._pixels)

    def decoder_checksum(self, number: int) -> int:
        """Compute the checksum of a video's decoder configuration, 0 if it has none."""
        with contextlib.suppress(Exception):  # as above
            if not self._fmt.is_image_folder:
                from .video.packet_checksums import decoder_checksum

                return decoder_checksum(self._layout.chunk(number), self._pixels)
        return UNKNOWN

    def _memory(self, shape: tuple[int, ...]) -> Bytes:
        """Return memory for an image file.

        It is reused for uncompressed images of the usual size.
        """
        if math.prod(shape) <= self._most_reused:
            return self._buffers.empty(shape)
        return np.empty(shape, np.uint8)

    def video_reader(self, path: str) -> VideoReader:
        """Open a reader of a video, inside or outside a store."""
        return self._video_reader(path, None, in_parallel=True)

    def _video_reader(
        self, path: str, frames: int | None, in_parallel: bool, checksums: ChunkChecksums | None = None
    ) -> VideoReader:
        from .video.pixels import FrameConverter

        self._images = self._images or FrameConverter(self._color, self._dtype)
        backend = backends.choose_backend(self._fmt, 'read', self._asked, dtype=self._dtype)
        kept = None if in_parallel else self._kept
        return backends.new_reader(
            backend, path, self._color, self._seek, frames, kept, self._pixels, in_parallel, self._images, checksums
        )

    def check_exact(self, path: str, sizes: Collection[tuple[int, ...]]) -> None:
        """Check that a video's frames are found exactly and have an allowed size.

        For a lossless format, they must be coded as it codes them.

        Raises
        ------
        InvalidArgumentError
            They are not, or have another size.
        """
        from .video.inspection import check_exact, check_lossless

        if self._fmt.lossless:
            check_lossless(path, self._fmt.codec, self._color, self._pixels)
        check_exact(path, sizes, self._pixels)

    def count_readable(
        self,
        number: int,
        added: int | None,
        known: int = 0,
        if_unknown: int = 0,
        journaled: Checksums = NO_CHECKSUMS,
    ) -> int:
        """Count the frames of a chunk up to the last readable one.

        Parameters
        ----------
        number : int
            Number of the chunk.
        added : int or None
            Number of frames added to the chunk, if known. Then frames lost in the middle of a video are counted, too,
            so that later frames keep their indexes.
        known : int
            Number of frames known to be readable; these are not checked again.
        if_unknown : int
            Result if the system lacks memory or file descriptors.
        journaled : ndarray of uint64
            Checksums of the frames as for `reader`: a crash may leave the last ones readable but torn.
        """
        try:
            with self.reader(number, added, journaled=journaled) as reader:
                count = reader.count() if isinstance(reader, VideoReader) else self._count_images(number, known)
                end = count if added is None else min(count, added)
                whole = (n for n in range(end, known, -1) if _can_read(reader, n - 1))
                return next(whole, known)
        except FrameReadError as error:
            return max(known, if_unknown if is_for_lack(error) else 0)

    def _count_images(self, number: int, known: int) -> int:
        there = (os.path.isfile(self._layout.image(number, index)) for index in itertools.count(known))
        return known + sum(itertools.takewhile(bool, there))

    def close(self) -> None:
        """Free the cached frames, and the memory of unused images."""
        self._kept.clear()
        self._buffers.clear()
        if self._images is not None:
            self._images.close()

    def forget_frames(self) -> None:
        """Start with an empty cache; readers that are open keep the old one."""
        self._kept = FrameCache(self._cache_bytes)

    def reset_after_fork(self) -> None:
        """Start with an empty cache in a forked child."""
        leak(self._kept)  # FFmpeg may have been using its memory at the fork
        self._kept = FrameCache(self._cache_bytes)

    @property
    def is_uncompressed(self) -> bool:
        """Whether reading a frame is faster than passing it to another thread."""
        return self._fmt.codec in ('npy', 'bmp', 'pnm') and not self._is_remote

    @property
    def has_runs(self) -> bool:
        """Whether frames are decoded from keyframes, several at once.

        Those of Motion JPEG are decoded by several threads anyway.
        """
        return self._seek and not self._fmt.is_image_folder and self._fmt.codec != 'mjpeg'

    @property
    def decodes_ahead(self) -> bool:
        """Whether the decoder's threads suffice to be ahead of the caller.

        So it is for small frames: handing one over takes longer than decoding it.
        """
        return self.has_runs and self._image_bytes <= _SMALL_IMAGE

    def encode(self, image: Image) -> Encoded:
        """Do the part of writing independent of other frames.

        Thread-safe, in any order.
        """
        if self._fmt.is_image_folder:
            parts = self._codec.encode(image)
            return Encoded(parts, checksum_of(parts))
        content = self._encoder.encode(image)
        return Encoded(content, checksum_of((content,)) if self._encoder.gives_packets else UNKNOWN)

    def encode_unchecked(self, image: Image) -> tuple[Encoded, LateChecksum]:
        """Do the same for an uncompressed image, but for its checksum."""
        parts = self._codec.encode(image)
        checksum = LateChecksum(parts)
        return Encoded(parts, late=checksum), checksum

    def writer(self, number: int) -> ChunkWriter:
        """Create a writer of a new chunk for results of `encode`.

        Raises FrameWriteError if that fails.
        """
        if self._fmt.is_image_folder:
            return ImageChunkWriter(self._layout, number)
        return self._encoder.writer(self._layout.chunk(number))


def is_for_lack(error: FrameReadError) -> bool:
    """Return whether memory or file descriptors were lacking."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in LACKS


def _checksum_in(reader: ImageChunkReader, index: int, raises_for_lack: bool = False) -> int:
    try:
        return reader.checksum(index)
    except FrameReadError as error:
        if raises_for_lack and is_for_lack(error):
            raise
        return UNKNOWN


def _can_read(reader: ChunkReader, index: int) -> bool:
    try:
        reader.read(index)
    except FrameReadError:
        return False
    return True


_PICTURES = {'cv2': Cv2Codec, 'bmp': BmpCodec, 'pnm': PnmCodec}


def image_codec(fmt: Format, color: bool, image_bytes: int, options: Options) -> ImageCodec:
    """Return the codec of an image format, for images of `image_bytes`."""
    if fmt.codec == 'npy':
        return NpyCodec()
    if fmt.codec == 'bpk':
        from .images.bloscpack_codec import BloscpackCodec

        return BloscpackCodec(image_bytes, options)
    return _PICTURES[fmt.codec](fmt, color, image_bytes, options)
