"""Encoders of videos by PyAV (FFmpeg's libraries), one per codec."""

from __future__ import annotations

from types import MappingProxyType

from ...encoder_options import Options
from .encoder_base import PyAVEncoder
from .encoder_trial import check_options, check_size
from .hardware import kind_of
from .intra_encoders import FFV1Encoder, MJPEGEncoder
from .stream_encoders import H264Encoder, HEVCEncoder, LosslessH264Encoder, StreamEncoder

ENCODERS: dict[str, type[PyAVEncoder]] = {
    'mjpeg': MJPEGEncoder,
    'h264': H264Encoder,
    'h264-lossless': LosslessH264Encoder,
    'ffv1': FFV1Encoder,
    'hevc': HEVCEncoder,
}


def new_encoder(
    codec: str, extension: str, shape: tuple[int, ...], dtype: str = 'uint8', options: Options = MappingProxyType({})
) -> PyAVEncoder:
    """Create an encoder of a codec, after a trial of its options.

    Raises InvalidArgumentError for an option that does not work.
    """
    kind = kind_of(codec, options) or ENCODERS[codec]
    if issubclass(kind, StreamEncoder):
        check_size(kind, shape, dtype)
        check_options(kind, extension, shape, dtype, options)
    return kind(shape, dtype, options)
