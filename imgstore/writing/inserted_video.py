"""Checks of a video before it is inserted as a chunk."""

from __future__ import annotations

import contextlib
import os

from ..chunks import ChunkIO
from ..chunks.video.mp4_tail import has_last_packet
from ..errors import FrameReadError, InvalidArgumentError
from .image_spec import ImageSpec

_DTYPE = 'uint8'


def check_video(path: str, extension: str, chunks: ChunkIO, images: ImageSpec, numbers: int, times: int) -> None:
    """Check that a video can become a chunk, with one number and time per frame.

    Parameters
    ----------
    path : str
    extension : str
        Extension of the store's videos.
    chunks : ChunkIO
        Opens videos of the store.
    images : ImageSpec
        Images of the store.
    numbers : int
        Number of the passed frame numbers.
    times : int
        Number of the passed times.

    Raises
    ------
    InvalidArgumentError
        It cannot.
    """
    if not os.path.isfile(path):
        raise _unfit(path, 'is not a file')
    if os.path.splitext(path)[1].lower() != extension:
        raise _unfit(path, f"must be a {extension} video like the store's chunks")
    if images.dtype.name != _DTYPE:
        raise _unfit(path, f'would be a chunk of {images.dtype} images; only stores of {_DTYPE} take a video')
    if has_last_packet(path):
        raise _unfit(path, 'lacks its latest frame: it is in a separate file')
    try:
        chunks.check_exact(path, images.video_sizes)
        with contextlib.closing(chunks.video_reader(path)) as reader:
            frames = reader.count()
    except FrameReadError as error:
        raise _unfit(path, f'is not a readable video: {error.reason or error}') from error
    if not frames == numbers == times or not frames:
        given = f'{numbers} frame_numbers and {times} frame_times'
        raise _unfit(path, f'has {frames} frames but got {given}', 'frame_numbers')


def _unfit(path: str, why: str, argument: str = 'video_path') -> InvalidArgumentError:
    return InvalidArgumentError(f'{path!r} {why}', path=path, argument=argument)
