"""Chunks as folders of images, with one file per frame."""

from __future__ import annotations

import contextlib
import io
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

from ..._support.npy import LONGEST_HEADER, NAMES_IN_UTF8, read_header
from ..._support.regular_files import open_descriptor, read_into
from ..._support.syncing import sync
from ...color import ensure_color, ensure_grayscale
from ...encoder_options import Options
from ...errors import FrameReadError
from ...formats import Format
from ...ondisk.checksums import UNKNOWN, ChunkChecksums, checksum_of
from ...ondisk.chunk_files import check_folder
from ...ondisk.files import make_folder, remove_folder_if_empty, remove_if_there, write_new
from ...ondisk.layout import Layout
from ...remote import files as remote
from ..base import ChunkReader, ChunkWriter, Image
from ..opencv_encode import encode_file
from .size_checks import check_claimed_size, max_file_bytes, unreadable_image

Bytes = npt.NDArray[np.uint8]

_LONGEST_NPY_HEADER = LONGEST_HEADER + 12  # bytes, including the part before its text


class ImageCodec(ABC):
    """Codec between images and the bytes of files."""

    @abstractmethod
    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Encode an image; return the file's content in parts."""

    @abstractmethod
    def decode(self, data: Bytes, path: str) -> Image:
        """Decode a file's content.

        Raises FrameReadError or CorruptFileError if it is damaged.
        """


class NpyCodec(ImageCodec):
    """npy files, version 1 to 3.

    https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """

    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Return header and pixels without a copy."""
        image = np.ascontiguousarray(image)
        return [_npy_header(image.shape, image.dtype), image.reshape(-1).view(np.uint8).data]

    def decode(self, data: Bytes, path: str) -> Image:
        """Return a view of the content without a copy; never unpickles."""
        try:
            return _array_in(data)
        except Exception as error:
            raise unreadable_image(path, f'cannot be read as npy: {error}') from error


@lru_cache(8)
def _npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the header of a C-contiguous array.

    Cached, since all images of a store have the same.
    """
    header = io.BytesIO()
    content = {'descr': np.lib.format.dtype_to_descr(dtype), 'fortran_order': False, 'shape': shape}
    np.lib.format.write_array_header_1_0(header, content)
    return header.getvalue()


def _array_in(data: Bytes) -> Image:
    header = _parse_npy(_header_of(data))
    if header.bytes != len(data):
        raise ValueError(f'its size does not fit shape {header.shape} and dtype {header.dtype}')
    if header.has_names_in_utf8:
        return cast(Image, np.load(io.BytesIO(data.tobytes()), allow_pickle=False))
    return data[header.start :].view(header.dtype).reshape(header.shape, order=header.order)


class _NpyHeader(NamedTuple):
    """Content of a header, and the length of header and file in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal['C', 'F']
    has_names_in_utf8: bool
    start: int
    bytes: int


def _header_of(data: Bytes) -> bytes:
    """Return the file's bytes up to the end of the header."""
    start = data[:12].tobytes()
    end = 10 if start[6:7] == b'\1' else 12
    return data[: min(end + int.from_bytes(start[8:end], 'little'), _LONGEST_NPY_HEADER)].tobytes()


@lru_cache(8)
def _parse_npy(content: bytes) -> _NpyHeader:
    """Parse a header.

    Cached, since most files of a store have the same one.
    """
    file = io.BytesIO(content)
    shape, fortran_order, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError('it holds Python objects')
    if min(shape, default=0) < 0:
        raise ValueError(f'its shape is {shape}')
    size = file.tell() + math.prod(shape) * dtype.itemsize
    return _NpyHeader(
        shape, dtype, 'F' if fortran_order else 'C', tuple(content[6:8]) == NAMES_IN_UTF8, file.tell(), size
    )


class Cv2Codec(ImageCodec):
    """Image files, written and read by OpenCV.

    Parameters
    ----------
    fmt : Format
        Format of the files.
    color : bool
        Return images of shape (h, w, 3).
    image_bytes : int
        Size of the store's images in bytes; much larger ones are rejected.
    options : mapping of str to object
        Encoder options passed by the user, of those in `imgstore.formats.Format.options`.
    """

    def __init__(self, fmt: Format, color: bool, image_bytes: int, options: Options) -> None:
        self._format, self._planes, self._color, self._usual = fmt, fmt.color_model, color, image_bytes
        self._options = options

    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Encode an image as a file, without loss in lossless formats."""
        if self._planes == 'gray':
            image = ensure_grayscale(image)
        elif self._planes == 'color':
            image = ensure_color(image)
        return [encode_file(self._format, image, self._options)]

    def decode(self, data: Bytes, path: str) -> Image:
        """Decode to gray or colour as in the store, and 8 or 16 bit as in the file."""
        check_claimed_size(self._format, data, path, self._usual)
        image = self.pixels(data)
        if image is None:
            image = self._decoded(data, path)
        return np.ascontiguousarray(ensure_color(image) if self._color else ensure_grayscale(image))

    def pixels(self, data: Bytes) -> Image | None:
        """Return uncompressed pixels of the file in BGR or gray.

        None if OpenCV must decode it.
        """
        return None

    def _decoded(self, data: Bytes, path: str) -> Image:
        try:
            image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        except cv2.error as error:
            raise unreadable_image(path, f'is damaged: {error.err}') from error
        if image is None:
            raise unreadable_image(path, f'is damaged, or not a {self._format.name} image')
        return image[:, :, :3] if image.ndim == 3 and image.shape[2] == 4 else image


class ImageChunkWriter(ChunkWriter):
    """Writer of a folder of images."""

    def __init__(self, layout: Layout, number: int) -> None:
        super().__init__()
        self._layout, self._number, self._written = layout, number, 0
        make_folder(layout.chunk(number))

    def store(self, content: Sequence[bytes | memoryview]) -> int:
        """Write one file atomically; `encode` has computed its checksum."""
        index = self._written
        write_new(self._layout.image(self._number, index), self._layout.partial_image(self._number, index), content)
        self._written += 1
        return UNKNOWN

    def sync(self) -> None:
        """Sync the latest image and the folder to the disk."""
        sync(self._layout.image(self._number, self._written - 1))
        sync(self._layout.chunk(self._number))

    def close(self, rate: Fraction | None = None) -> None:
        """Check the folder; FrameWriteError if it is missing or unreachable."""
        folder = self._layout.chunk(self._number)
        check_folder(folder, folder)

    def discard(self) -> None:
        """Remove the images, and the folder if it is empty then."""
        folder = self._layout.chunk(self._number)
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(folder):
                if name.endswith(self._layout.extension):
                    remove_if_there(os.path.join(folder, name))
        remove_folder_if_empty(folder)


class ImageChunkReader(ChunkReader):
    """Reader of a folder of images.

    Parameters
    ----------
    layout : Layout
    number : int
        Number of the chunk.
    codec : ImageCodec
    image_bytes : int
        Size of the store's images in bytes; much larger files are rejected.
    allocate : callable
        Returns memory of a shape for a file's content. The codec may return a view of it.
    checksums : ChunkChecksums, optional
        Checksums of the files, to verify each.
    """

    def __init__(
        self,
        layout: Layout,
        number: int,
        codec: ImageCodec,
        image_bytes: int,
        allocate: Callable[[tuple[int, ...]], Bytes],
        checksums: ChunkChecksums | None = None,
    ) -> None:
        self._layout, self._number, self._codec, self._allocate = layout, number, codec, allocate
        self._checksums = checksums
        self._max_bytes = max_file_bytes(image_bytes)
        self._content = self._remote_content if remote.is_url(layout.basedir) else self._local_content

    def read(self, index: int) -> Image:
        """Read, verify and decode one file."""
        path = self._layout.image(self._number, index)
        data = self._content_or_error(path)
        differs = self._checksums is not None and self._checksums.differs(index, data)
        image = self._codec.decode(data, path)  # even then: it may say what is wrong with the file
        if differs:
            why = 'was damaged or replaced: it differs from its checksum; open the store with verify=False to read it'
            raise unreadable_image(path, why)
        return image

    def checksum(self, index: int) -> int:
        """Return the checksum of a file as it is; FrameReadError."""
        return checksum_of((self._content_or_error(self._layout.image(self._number, index)),))

    def _content_or_error(self, path: str) -> Bytes:
        try:
            return self._content(path)
        except FrameReadError:
            raise
        except OSError as error:
            raise unreadable_image(path, f'cannot be read: {error.strerror or error}') from error

    def _remote_content(self, path: str) -> Bytes:
        """Read the bytes of a file at a URL."""
        content = remote.read_file(path, self._max_bytes)
        data = self._allocate((len(content),))
        data[:] = np.frombuffer(content, np.uint8)
        return data

    def _local_content(self, path: str) -> Bytes:
        """Read the file's bytes; numpy would turn Ctrl-C into another error."""
        file, status = open_descriptor(path)
        try:
            if status.st_size > self._max_bytes:
                why = f'is damaged: it has {status.st_size} bytes, too many for an image of this store'
                raise unreadable_image(path, why)
            data = self._allocate((status.st_size,))
            return data[: read_into(file, data.data)]
        finally:
            os.close(file)

    def read_deferred(self, index: int) -> Callable[[], Image]:
        """Return `read` for the index; all of it is thread-safe."""
        return partial(self.read, index)

    def close(self) -> None:
        """Do nothing: no file stays open."""
