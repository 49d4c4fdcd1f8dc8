"""Choice of the library for videos, by the user or by what works here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from ..._support.quiet_opencv import quiet_opencv_backends
from ...encoder_options import Options
from ...errors import ImgStoreError, InvalidArgumentError
from ...formats import Format
from ...ondisk.checksums import ChunkChecksums
from ..base import VideoEncoder, VideoReader
from .container_checks import NO_PIXEL_LIMIT
from .frame_cache import FrameCache
from .numbered import NUMBERED_SHAPE, SAMPLES, decode_number, numbered_image

if TYPE_CHECKING:
    from .pixels import FrameConverter

Direction = Literal['read', 'write']

AUTO = 'auto'
BACKENDS = ('pyav', 'opencv')
"""Order of 'auto': PyAV finds frames by their packets' times, and has an H.264 encoder."""

URL_BACKEND = 'pyav'
"""It reads any file object of Python."""

_TAKE_OPTIONS = ('pyav',)
"""Backends with encoder options. OpenCV has none with FFmpeg: even VIDEOWRITER_PROP_QUALITY makes it fail."""

_OF_OPENCV = 'uint8'

_WITH_SAMPLE = ('hevc',)

_NOT_EXACT = (('opencv', 'ffv1'), ('opencv', 'h264-lossless'))
"""Readers that hide damaged slices, or change values of images with odd sides."""

ENVIRONMENT_VARIABLE = 'IMGSTORE_VIDEO_BACKEND'

_SAMPLE_ORDER = (0, 1, 17, 3, 23, 16, 9, 2, 22)


def new_reader(
    backend: str,
    path: str,
    color: bool,
    seek: bool = True,
    frames: int | None = None,
    kept: FrameCache | None = None,
    pixels: int = NO_PIXEL_LIMIT,
    one_thread: bool = False,
    images: FrameConverter | None = None,
    checksums: ChunkChecksums | None = None,
) -> VideoReader:
    """Create a reader of one video.

    With the expected number of frames it detects lost ones better. OpenCV chooses its threads itself, and shows no
    packets to compare with checksums.
    """
    if backend == 'opencv':
        from .opencv import OpenCVChunkReader

        if checksums is not None:
            checksums.check_frames()
        return OpenCVChunkReader(path, color, seek, frames, pixels)
    from .pyav_reader import PyAVChunkReader

    return PyAVChunkReader(path, color, seek, frames, kept, pixels, one_thread, images, checksums)


def new_encoder(
    backend: str,
    codec: str,
    extension: str,
    shape: tuple[int, ...],
    dtype: str = 'uint8',
    options: Options = MappingProxyType({}),
) -> VideoEncoder:
    """Create an encoder with options accepted by `choose_backend`.

    Raises InvalidArgumentError for an option that does not work.
    """
    if backend == 'opencv':
        from .opencv import OpenCVEncoder

        return OpenCVEncoder(codec, shape)
    from . import encoders

    return encoders.new_encoder(codec, extension, shape, dtype, options)


def validate_backend(asked: object) -> object:
    """Return the requested backend.

    Raises InvalidArgumentError if there is none of this name.
    """
    if asked not in (None, '', AUTO, *BACKENDS):
        raise InvalidArgumentError(
            f'backend is {asked!r}; it must be one of {", ".join((AUTO, *BACKENDS))}', argument='backend'
        )
    return asked


def choose_backend(
    fmt: Format, direction: Direction, asked: object = None, options: Sequence[str] = (), dtype: str = _OF_OPENCV
) -> str:
    """Return the backend for videos of a format.

    Parameters
    ----------
    fmt : Format
        Format of the store.
    direction : {'read', 'write'}
        Purpose.
    asked : str, optional
        One of `BACKENDS` or 'auto'. Default: the environment variable ``IMGSTORE_VIDEO_BACKEND``, then 'auto'.
    options : sequence of str
        Names of the required encoder options.
    dtype : str
        dtype of the images.

    Raises
    ------
    InvalidArgumentError
        There is no such backend, or it cannot do that on this machine.
    """
    asked = validate_backend(asked or os.environ.get(ENVIRONMENT_VARIABLE) or AUTO)
    if dtype != _OF_OPENCV and asked not in (AUTO, *_TAKE_OPTIONS):
        raise InvalidArgumentError(
            f'backend {asked!r} has videos of {_OF_OPENCV}, and the images are {dtype}; use backend '
            f'{" or ".join(map(repr, _TAKE_OPTIONS))}',
            argument='backend',
        )
    if options and asked not in (AUTO, *_TAKE_OPTIONS):
        raise InvalidArgumentError(
            f'backend {asked!r} has no {options[0]} for {fmt.name}; use backend '
            f'{" or ".join(map(repr, _TAKE_OPTIONS))}',
            argument='backend',
        )
    for backend in (_TAKE_OPTIONS if options else BACKENDS) if asked == AUTO else (str(asked),):
        if backend_works(backend, fmt.codec, fmt.extension, direction):
            return backend
    wanted = f' with a {options[0]}' if options else ''
    raise InvalidArgumentError(
        f'backend {asked!r} cannot {direction} {fmt.name}{wanted} on this machine', argument='backend'
    )


def backend_for_url(asked: object, url: str) -> str:
    """Return the backend that reads a URL; InvalidArgumentError for another."""
    if asked in (None, '', AUTO, URL_BACKEND):
        return URL_BACKEND
    raise InvalidArgumentError(
        f'backend is {asked!r}, which cannot read {url!r}; use backend {URL_BACKEND!r} for URLs', argument='backend'
    )


def backend_works(backend: str, codec: str, extension: str, direction: Direction) -> bool:
    """Return whether a backend works on this machine, tried on numbered frames.

    None reads that is known not to be exact.
    """
    if direction == 'read' and (backend, codec) in _NOT_EXACT:
        return False
    try:
        return _tried(backend, codec, extension, direction)
    except (ImgStoreError, ImportError, OSError):  # not cached: it may be a lack of file descriptors
        return False


@cache
def _tried(backend: str, codec: str, extension: str, direction: Direction) -> bool:
    with quiet_opencv_backends():  # the error says what to do
        return _reads(backend, codec, extension) if direction == 'read' else _writes(backend, codec, extension)


def _reads(backend: str, codec: str, extension: str) -> bool:
    name = codec if codec in _WITH_SAMPLE else 'numbered'
    return _reads_numbers(backend, os.path.join(SAMPLES, name + extension), _SAMPLE_ORDER)


def _writes(backend: str, codec: str, extension: str) -> bool:
    reading = [name for name in BACKENDS if backend_works(name, codec, extension, 'read')]
    import tempfile

    with tempfile.TemporaryDirectory(prefix='imgstore-') as folder:
        path = os.path.join(folder, 'probe' + extension)
        encoder = new_encoder(backend, codec, extension, NUMBERED_SHAPE[:2])
        writer = encoder.writer(path)
        for number in range(3):
            writer.store(encoder.encode(numbered_image(number)[..., 0]))
        writer.close()
        return bool(reading) and _reads_numbers(reading[0], path, range(3))


def _reads_numbers(backend: str, path: str, numbers: Iterable[int]) -> bool:
    with new_reader(backend, path, color=True) as reader:
        return all(decode_number(reader.read(number)) == number for number in numbers)
