"""Chunks as folders of images, with one file per frame."""

from __future__ import annotations

import contextlib
import io
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import IO, cast

import cv2
import numpy as np
import numpy.typing as npt

from ..._support.npy import LONGEST_HEADER, NAMES_IN_UTF8, read_header
from ..._support.regular_files import open_regular
from ..._support.syncing import sync
from ...color import ensure_color, ensure_grayscale
from ...errors import FrameReadError
from ...formats import COMPRESSION, Format
from ...ondisk.chunk_files import check_folder
from ...ondisk.files import make_folder, open_atomic, remove_folder_if_empty, remove_if_there
from ...ondisk.layout import Layout
from ..base import ChunkReader, ChunkWriter, Image
from ..opencv_encode import encode_file
from . import bloscpack
from .size_checks import check_claimed_size, max_file_bytes

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
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(image))
        return [header.getvalue(), image.reshape(-1).view(np.uint8).data]

    def decode(self, data: Bytes, path: str) -> Image:
        """Return a view of the content without a copy; never unpickles."""
        try:
            return _array_in(data)
        except Exception as error:
            raise FrameReadError(f'{path} cannot be read as npy: {error}', path=path) from error


def _array_in(data: Bytes) -> Image:
    start = io.BytesIO(data[:_LONGEST_NPY_HEADER].tobytes())
    shape, fortran_order, dtype = read_header(start)
    if dtype.hasobject:
        raise ValueError('it holds Python objects')
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data) - start.tell():
        raise ValueError(f'its size does not fit shape {shape} and dtype {dtype}')
    if tuple(data[6:8]) == NAMES_IN_UTF8:
        return cast(Image, np.load(io.BytesIO(data.tobytes()), allow_pickle=False))
    return data[start.tell() :].view(dtype).reshape(shape, order='F' if fortran_order else 'C')


class BloscpackCodec(ImageCodec):
    """Bloscpack containers.

    Parameters
    ----------
    image_bytes : int
        Size of the store's images in bytes; much larger ones are rejected.
    options : mapping of str to int
        Encoder options passed by the user, of those in `imgstore.formats.Format.options`.
    """

    def __init__(self, image_bytes: int, options: Mapping[str, int]) -> None:
        self._usual, self._level = image_bytes, options.get(COMPRESSION.name, bloscpack.USUAL_LEVEL)

    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Compress an image into a container."""
        return bloscpack.pack(image, self._level)

    def decode(self, data: Bytes, path: str) -> Image:
        """Decompress the array of a container."""
        return bloscpack.unpack(data.tobytes(), path, self._usual)


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
    options : mapping of str to int
        Encoder options passed by the user, of those in `imgstore.formats.Format.options`.
    """

    def __init__(self, fmt: Format, color: bool, image_bytes: int, options: Mapping[str, int]) -> None:
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
            raise FrameReadError(f'{path} is damaged: {error.err}', path=path) from error
        if image is None:
            raise FrameReadError(f'{path} is damaged, or not a {self._format.name} image', path=path)
        return image[:, :, :3] if image.ndim == 3 and image.shape[2] == 4 else image


class ImageChunkWriter(ChunkWriter):
    """Writer of a folder of images."""

    def __init__(self, layout: Layout, number: int) -> None:
        self._layout, self._number, self._written = layout, number, 0
        make_folder(layout.chunk(number))

    def write(self, prepared: Sequence[bytes | memoryview]) -> None:
        """Write one file atomically."""
        with open_atomic(self._layout.image(self._number, self._written), sync_it=False) as file:  # `sync` does
            file.writelines(prepared)
        self._written += 1

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


def _content(file: IO[bytes], size: int) -> Bytes:
    """Read the file's bytes; numpy would turn Ctrl-C into another error."""
    data, place = np.empty(size, np.uint8), 0
    while place < size and (got := file.readinto(data[place:].data)):  # type: ignore[attr-defined]
        place += got
    return data[:place]


class ImageChunkReader(ChunkReader):
    """Reader of a folder of images."""

    def __init__(self, layout: Layout, number: int, codec: ImageCodec, image_bytes: int) -> None:
        self._layout, self._number, self._codec = layout, number, codec
        self._max_bytes = max_file_bytes(image_bytes)

    def read(self, index: int) -> Image:
        """Read and decode one file."""
        path = self._layout.image(self._number, index)
        try:
            with open_regular(path, buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if size > self._max_bytes:
                    raise FrameReadError(
                        f'{path} is damaged: it has {size} bytes, too many for an image of this store', path=path
                    )
                data = _content(file, size)
        except FrameReadError:
            raise
        except OSError as error:
            raise FrameReadError(f'{path} cannot be read: {error.strerror or error}', path=path) from error
        return self._codec.decode(data, path)

    def read_deferred(self, index: int) -> Callable[[], Image]:
        """Return `read` for the index; all of it is thread-safe."""
        return partial(self.read, index)

    def close(self) -> None:
        """Do nothing: no file stays open."""
