"""Encoders of H.264 and HEVC by hardware, used only where they pass a trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from ..._support.validation import not_allowed
from ...encoder_options import AUTO, BITRATE, H264_ENCODER, HARDWARE, Options, is_hardware
from ..base import Image
from .encoder_trial import why_not
from .stream_encoders import H264Encoder, HEVCEncoder, StreamEncoder

_SHAPE = 256, 256, 3
_NV12 = 'nv12'
_AT_ONCE = {'g': '16', 'bf': '0'}
_SETTINGS: Mapping[str, Mapping[str, str]] = {
    'nvenc': {**_AT_ONCE, 'delay': '0', 'zerolatency': '1', 'forced-idr': '1', 'rc': 'vbr', 'cq': '24', 'b': '0'},
    'qsv': {**_AT_ONCE, 'async_depth': '1', 'look_ahead': '0', 'forced_idr': '1', 'global_quality': '24'},
    'amf': {**_AT_ONCE, 'usage': 'lowlatency', 'rc': 'cqp', 'qp_i': '24', 'qp_p': '24'},
    'vaapi': {**_AT_ONCE, 'async_depth': '1', 'qp': '24'},
    'videotoolbox': {**_AT_ONCE, 'realtime': '1', 'allow_sw': '0', 'q': '65'},
}
_QUALITY = ('rc', 'cq', 'global_quality', 'qp_i', 'qp_p', 'qp', 'q')
"""Settings that a bitrate replaces."""

_REPLACED = {BITRATE.name: _QUALITY}


class HardwareEncoder(StreamEncoder):
    """An encoder by hardware, with FFmpeg's name of it among the options."""

    takes_any_size, trial_side = True, 256  # it says so itself, and takes none of half the side
    replaced: Mapping[str, tuple[str, ...]] = _REPLACED

    def __init__(self, shape: tuple[int, ...], dtype: str = 'uint8', options: Options = MappingProxyType({})) -> None:
        self.codec = options[H264_ENCODER.name]
        super().__init__(shape, dtype, options)
        self.settings = _SETTINGS[self.codec.rpartition('_')[2]]

    def set_up(self, context: Any) -> None:
        """Set colours and options, and the pixel format that all such encoders take."""
        super().set_up(context)
        if self.codec.endswith('qsv'):
            context.pix_fmt = _NV12

    def frame(self, image: Image) -> Any:
        """Convert an image to the encoder's pixel format."""
        frame = super().frame(image)
        return frame.reformat(format=_NV12) if self.codec.endswith('qsv') else frame


class HardwareH264Encoder(HardwareEncoder, H264Encoder):
    """H.264 encoder by hardware."""


class HardwareHEVCEncoder(HardwareEncoder, HEVCEncoder):
    """HEVC encoder by hardware."""


_KINDS: Mapping[str, type[StreamEncoder]] = {'h264': HardwareH264Encoder, 'hevc': HardwareHEVCEncoder}
_SOFTWARE: Mapping[str, type[StreamEncoder]] = {'h264': H264Encoder, 'hevc': HEVCEncoder}


def kind_of(codec: str, options: Options) -> type[StreamEncoder] | None:
    """Return the class of an encoder of hardware; None for the usual one."""
    return _KINDS[codec] if is_hardware(options.get(H264_ENCODER.name, '')) else None


def chosen_encoder(codec: str, extension: str, options: Options) -> dict[str, Any]:
    """Return the options with the name of an encoder that works.

    Parameters
    ----------
    codec : str
        Name of the codec in `imgstore.formats`.
    extension : str
        Extension of the videos.
    options : mapping of str to object
        Checked options. For 'auto', the first encoder of hardware that passes a trial is taken, else that of software.

    Raises
    ------
    InvalidArgumentError
        The encoder does not work on this machine.
    """
    asked = options.get(H264_ENCODER.name)
    if asked == AUTO:
        works = (name for name, why in tried_encoders(codec, extension) if not why)
        return {**options, H264_ENCODER.name: next(works, _SOFTWARE[codec].codec)}
    if asked and (why := why_encoder_fails(asked, codec, extension)):
        rule = f'it does not work on this machine: {why}; leave it out, or use {AUTO!r}'
        raise not_allowed(H264_ENCODER.name, asked, rule)
    return {**options}


def tried_encoders(codec: str, extension: str) -> Iterator[tuple[str, str]]:
    """Yield the encoders of hardware, and why each does not work; '' if it does."""
    for kind in HARDWARE:
        name = f'{codec}_{kind}'
        yield name, why_encoder_fails(name, codec, extension)


@cache
def why_encoder_fails(name: str, codec: str, extension: str) -> str:
    """Return why an encoder does not work on this machine; '' if it does.

    It has to encode a few frames that are read back exactly. That is tried once per process.
    """
    from av import Codec

    try:
        Codec(name, 'w')
    except ValueError:
        return 'FFmpeg has no such encoder here'
    options = {H264_ENCODER.name: name}
    kind = _KINDS[codec] if is_hardware(name) else _SOFTWARE[codec]
    return why_not(kind, extension, _SHAPE, 'uint8', options, is_unknown=True)
