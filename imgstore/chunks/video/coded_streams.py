"""Streams of H.264 and HEVC: of encoders, and in MP4.

ITU-T H.264 and H.265, Annex B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import h264

_VPS, _PARAMETER_SETS, _IRAP = 32, (32, 33, 34), range(16, 24)  # types of NAL units of HEVC
_VERSIONS = {'h264': b'\1', 'hevc': b'\1', 'libdav1d': b'\x81'}  # first bytes of configurations, ISO/IEC 14496-15


class CodedStream(NamedTuple):
    """Kind of a stream.

    Attributes
    ----------
    demuxer : str
        FFmpeg's demuxer of a stream without a container.
    in_mp4 : callable
        Converts a packet of an encoder to one of MP4.
    has_keyframe : callable
        Returns whether such a packet has a keyframe.
    """

    demuxer: str
    in_mp4: Callable[[bytes], bytes]
    has_keyframe: Callable[[bytes], bool]


def _kind_in_hevc(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def _hevc_in_mp4(packet: bytes) -> bytes:
    """Convert a packet; with the tag hvc1, parameter sets are in the header."""
    units = (unit for unit in h264.units_of(packet) if _kind_in_hevc(unit) not in _PARAMETER_SETS)
    return h264.with_lengths(units)


def _has_hevc_keyframe(packet: bytes) -> bool:
    return any(_kind_in_hevc(unit) in _IRAP for unit in h264.units_of(packet))


H264 = CodedStream('h264', h264.length_prefixed, h264.has_keyframe)
HEVC = CodedStream('hevc', _hevc_in_mp4, _has_hevc_keyframe)
CONFIGURED = ('h264', 'hevc', 'libdav1d', 'ffv1')
"""FFmpeg's decoders whose configuration containers store."""

RAW_DEMUXERS = tuple(stream.demuxer for stream in (H264, HEVC))


def has_configuration(decoder: str, record: bytes) -> bool:
    """Return whether a decoder's extradata is a configuration from a container.

    FFmpeg makes up that of other videos from their packets.
    """
    first = record[:1] if decoder == 'ffv1' else _VERSIONS.get(decoder)
    return decoder in CONFIGURED and record != b'' and record[:1] == first


def stream_of(packet: bytes) -> CodedStream:
    """Return the kind of a packet.

    It has the parameter sets of its stream before it.
    """
    first = next(iter(h264.units_of(packet[:64])), b'\0')
    return HEVC if _kind_in_hevc(first) == _VPS else H264
