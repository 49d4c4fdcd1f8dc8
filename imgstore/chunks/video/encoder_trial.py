"""Trial of an encoder with options, before a store is made with it.

A store promises that each frame is on disk soon, is found exactly and has its colours. Not every option keeps that.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._support.validation import not_allowed
from ...encoder_options import CODEC_OPTIONS, H264_ENCODER, Options, has_b_frames
from ...errors import FrameReadError, FrameWriteError
from ..base import Image
from .container_checks import open_container
from .decoder_log import logged_warnings
from .numbered import draw_number
from .pixels import FrameConverter
from .planes import GRAY
from .pyav_reader import PyAVChunkReader
from .stream_encoders import LatePacketError, StreamEncoder
from .tracks import video_stream

_FRAMES = 20  # more than a usual group
_BLOCK = 16
_ORDER = (0, 17, 1, 19, 16, 3, 15, 18, 2)
_DECODED: Mapping[str, tuple[str, ...]] = {GRAY: (GRAY, 'yuvj420p')}
"""Pixel formats of decoders, where they differ from the encoder's."""

_PROFILE, _STANDARD_ERROR = 'profile', 2  # the latter is a descriptor
_LATE = 'with it the encoder returns frames late or in another order, and a killed recording would lose them'


def check_options(
    kind: type[StreamEncoder], extension: str, shape: tuple[int, ...], dtype: str, options: Options
) -> None:
    """Raise InvalidArgumentError for options that do not work, naming the first.

    Parameters
    ----------
    kind : type
        Class of the encoder.
    extension : str
        Extension of the videos.
    shape : tuple of int
        Shape of the images.
    dtype : str
        dtype of the images.
    options : mapping of str to object
        Options of the user. Only those of FFmpeg's own need a trial; for others FFmpeg has to open the encoder.
    """
    if not options or not why_not(kind, extension, shape, dtype, options):
        return
    tried: dict[str, Any] = {}
    for name in sorted(options, key=lambda name: name != H264_ENCODER.name):  # the others depend on it
        tried[name] = options[name]
        if why := why_not(kind, extension, shape, dtype, tried):
            raise not_allowed(name, options[name], why)


def check_size(kind: type[StreamEncoder], shape: tuple[int, ...], dtype: str) -> None:
    """Raise InvalidArgumentError unless an encoder takes images of this size."""
    import av

    if not kind.takes_any_size:
        try:
            kind(shape, dtype).new_context()
        except av.FFmpegError as error:
            why = f"FFmpeg's encoder {kind.codec} takes no images of this size; avc1/mp4 does"
            raise not_allowed('imgshape', shape, why) from error


def why_not(
    kind: type[StreamEncoder],
    extension: str,
    shape: tuple[int, ...],
    dtype: str,
    options: Options,
    is_unknown: bool = False,
) -> str:
    """Return why an encoder does not work with options; '' if it does.

    It has to be opened. For an unknown one, or FFmpeg's own options, a few frames must be read back, too.
    """
    rest = {name: value for name, value in options.items() if name != CODEC_OPTIONS.name}
    encoder, without = kind(shape, dtype, options), kind(shape, dtype, rest)
    why = _why_not_opened(encoder, without, has_b_frames(options))
    if why or not (is_unknown or CODEC_OPTIONS.name in options):
        return why
    small = *(min(size, kind.trial_side) for size in shape[:2]), *shape[2:]
    return _why_not_read(kind(small, dtype, options), extension)


class _Opened(NamedTuple):
    """Result of opening an encoder.

    An error or '', unused options, and its log with errors first.
    """

    error: str
    unused: list[str]
    log: list[str]


def _why_not_opened(encoder: StreamEncoder, without: StreamEncoder, reorders: bool) -> str:
    """Compare an encoder with one without the options that FFmpeg checks."""
    found = _open(encoder)
    if found.error and reorders:
        return _LATE
    if found.error:
        return f'FFmpeg refuses it: {next(iter(found.log), found.error)}'
    if found.unused:
        return f"FFmpeg's encoder {encoder.codec} has no {', '.join(found.unused)}"
    usual = _open(without).log if found.log else []
    return next((f'FFmpeg warns: {text}' for text in found.log if text not in usual), '')


def _open(encoder: StreamEncoder) -> _Opened:
    import av

    error, unused = '', list[str]()
    with logged_warnings() as log, _quiet_x264(encoder):
        try:
            unused = encoder.unused_options(encoder.new_context())
        except (av.FFmpegError, ValueError) as cause:
            error = str(getattr(cause, 'strerror', None) or cause)
    return _Opened(error, unused, [text.strip() for _, _, text in sorted(log, key=lambda logged: logged[0])])


@contextlib.contextmanager
def _quiet_x264(encoder: StreamEncoder) -> Iterator[None]:
    """Discard standard error if a profile is tried.

    x264 prints there what is wrong with one.
    """
    if _PROFILE not in encoder.ffmpeg_options():
        yield
        return
    with open(os.devnull, 'wb') as nowhere:
        usual = os.dup(_STANDARD_ERROR)
        try:
            os.dup2(nowhere.fileno(), _STANDARD_ERROR)
            yield
        finally:
            os.dup2(usual, _STANDARD_ERROR)
            os.close(usual)


def _why_not_read(encoder: StreamEncoder, extension: str) -> str:
    images = [_image(number, encoder.shape) for number in range(_FRAMES)]
    with tempfile.TemporaryDirectory(prefix='imgstore-') as folder:
        path = os.path.join(folder, 'trial' + extension)
        try:
            _write(encoder, path, images)
            return _why_not_exact(encoder, path, images)
        except FrameWriteError as error:
            is_late = isinstance(error.__cause__, LatePacketError)
            return _LATE if is_late else f'the encoder fails: {error.__cause__ or error}'
        except FrameReadError:
            return 'with it the video cannot be read'


def _write(encoder: StreamEncoder, path: str, images: list[Image]) -> None:
    writer = encoder.writer(path)
    try:
        for image in images:
            writer.store(encoder.encode(image))
    finally:
        writer.close()


def _why_not_exact(encoder: StreamEncoder, path: str, images: list[Image]) -> str:
    color = len(encoder.shape) == 3
    with PyAVChunkReader(path, color, frames=_FRAMES) as reader:
        inorder = [reader.read(index) for index in range(_FRAMES)]
    with PyAVChunkReader(path, color, frames=_FRAMES) as reader:
        if not all(np.array_equal(reader.read(index), inorder[index]) for index in _ORDER):
            return 'with it frames are not found exactly'
    if encoder.is_lossless and not all(map(np.array_equal, inorder, images)):
        return 'with it the images are not kept bit for bit, and the format is lossless'
    if not _has_true_keyframes(path, inorder):
        return 'with it no decoding can start at a keyframe'
    return _why_not_its_colors(encoder, path)


def _has_true_keyframes(path: str, images: list[Image]) -> bool:
    """Return whether each keyframe is decoded by itself."""
    converter = FrameConverter(images[0].ndim == 3)
    with open_container(path) as container:
        stream = video_stream(container)
        keyframes = [(index, packet) for index, packet in enumerate(container.demux(stream)) if packet.is_keyframe]
        for index, packet in keyframes:
            found = _decoded_alone(packet)
            if len(found) != 1 or not np.array_equal(converter.to_array(found[0]), images[index]):
                return False
    return True


def _decoded_alone(packet: Any) -> list[Any]:
    import av

    context: Any = packet.stream.codec_context
    decoder: Any = av.CodecContext.create(context.codec, 'r')
    decoder.extradata, decoder.thread_count = context.extradata, 1
    try:
        return [*decoder.decode(packet), *decoder.decode(None)]
    except av.FFmpegError:
        return []


def _why_not_its_colors(encoder: StreamEncoder, path: str) -> str:
    with open_container(path) as container:
        frame: Any = next(container.decode(video_stream(container)))
    is_gray, size = encoder.pixel_format == GRAY, (frame.height, frame.width)
    has_matrix = is_gray or int(frame.colorspace) == encoder.color[0]
    allowed = _DECODED.get(encoder.pixel_format, (encoder.pixel_format,))
    if has_matrix and int(frame.color_range) == encoder.color[3] and frame.format.name in allowed:
        return '' if size == encoder.shape[:2] else 'with it images would come back with another size'
    return 'with it images would come back with other colours'


def _image(number: int, shape: tuple[int, ...]) -> Image:
    """Make an image of the same noise with a number."""
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8) // 8 + 100
    for channel in np.moveaxis(image.reshape(*shape[:2], -1), 2, 0):
        draw_number(channel, number, _BLOCK)
    return image
