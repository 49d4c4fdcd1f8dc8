"""Which library reads or writes a video: what really works on this machine, or what the user asks for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Literal

from ...errors import ImgStoreError, InvalidArgumentError
from ...formats import Format
from ..base import VideoEncoder, VideoReader
from .container_checks import NO_PIXEL_LIMIT
from .frame_cache import FrameCache
from .numbered import NUMBERED_SHAPE, SAMPLES, decode_number, numbered_image

Direction = Literal['read', 'write']

AUTO = 'auto'
BACKENDS = ('pyav', 'opencv')
"""In the order in which 'auto' tries them: PyAV finds frames by their packets' times, and has an H.264 encoder."""

_TAKE_OPTIONS = ('pyav',)
"""OpenCV has none for what FFmpeg writes: it does not even start with its own VIDEOWRITER_PROP_QUALITY."""

ENVIRONMENT_VARIABLE = 'IMGSTORE_VIDEO_BACKEND'

_SAMPLE_ORDER = (0, 1, 17, 3, 23, 16, 9, 2, 22)


def new_reader(backend: str, path: str, color: bool, seek: bool = True, frames: int | None = None,
               kept: FrameCache | None = None, pixels: int = NO_PIXEL_LIMIT) -> VideoReader:
    """A reader of one video by that backend; it tells lost frames better if it knows how many there should be."""
    if backend == 'opencv':
        from .opencv import OpenCVChunkReader

        return OpenCVChunkReader(path, color, seek, frames, pixels)
    from .pyav_reader import PyAVChunkReader

    return PyAVChunkReader(path, color, seek, frames, kept, pixels)


def new_encoder(backend: str, codec: str, shape: tuple[int, ...],
                options: Mapping[str, int] = MappingProxyType({})) -> VideoEncoder:
    """An encoder of videos by that backend, which `choose_backend` has found to take these options."""
    if backend == 'opencv':
        from .opencv import OpenCVEncoder

        return OpenCVEncoder(codec, shape)
    from .pyav_writer import ENCODERS

    return ENCODERS[codec](shape, options)


def validate_backend(asked: object) -> object:
    """Give back what was asked for; InvalidArgumentError where no backend has that name."""
    if asked not in (None, '', AUTO, *BACKENDS):
        raise InvalidArgumentError(f'backend is {asked!r}; it must be one of {", ".join((AUTO, *BACKENDS))}',
                                   argument='backend')
    return asked


def choose_backend(fmt: Format, direction: Direction, asked: object = None, options: Sequence[str] = ()) -> str:
    """The backend to use for videos of a format.

    Parameters
    ----------
    fmt : Format
        Of the store.
    direction : {'read', 'write'}
        What it is to do.
    asked : str, optional
        One of `BACKENDS` or 'auto'; else the environment variable ``IMGSTORE_VIDEO_BACKEND`` decides, else 'auto'.
    options : sequence of str
        Names of the options that its encoder has to take.

    Raises
    ------
    InvalidArgumentError
        No such backend, or it cannot do that on this machine.
    """
    asked = validate_backend(asked or os.environ.get(ENVIRONMENT_VARIABLE) or AUTO)
    if options and asked not in (AUTO, *_TAKE_OPTIONS):
        raise InvalidArgumentError(f'backend {asked!r} takes no {options[0]} for {fmt.name}; '
                                   f'{", ".join(_TAKE_OPTIONS)} does', argument='backend')
    for backend in (_TAKE_OPTIONS if options else BACKENDS) if asked == AUTO else (str(asked),):
        if backend_works(backend, fmt.codec, fmt.extension, direction):
            return backend
    wanted = f' with a {options[0]}' if options else ''
    raise InvalidArgumentError(f'backend {asked!r} cannot {direction} {fmt.name}{wanted} on this machine',
                               argument='backend')


def backend_works(backend: str, codec: str, extension: str, direction: Direction) -> bool:
    """Whether a backend does it here, tried on frames that carry their number."""
    try:
        return _tried(backend, codec, extension, direction)
    except (ImgStoreError, ImportError, OSError):  # which is tried again: it may have been for want of descriptors
        return False


@cache
def _tried(backend: str, codec: str, extension: str, direction: Direction) -> bool:
    return _reads(backend, extension) if direction == 'read' else _writes(backend, codec, extension)


def _reads(backend: str, extension: str) -> bool:
    return _reads_numbers(backend, os.path.join(SAMPLES, 'numbered' + extension), _SAMPLE_ORDER)


def _writes(backend: str, codec: str, extension: str) -> bool:
    reading = [name for name in BACKENDS if backend_works(name, codec, extension, 'read')]
    with tempfile.TemporaryDirectory(prefix='imgstore-') as folder:
        path = os.path.join(folder, 'probe' + extension)
        encoder = new_encoder(backend, codec, NUMBERED_SHAPE)
        writer = encoder.writer(path)
        for number in range(3):
            writer.write(encoder.encode(numbered_image(number)))
        writer.close()
        return bool(reading) and _reads_numbers(reading[0], path, range(3))


def _reads_numbers(backend: str, path: str, numbers: Iterable[int]) -> bool:
    with new_reader(backend, path, color=True) as reader:
        return all(decode_number(reader.read(number)) == number for number in numbers)
