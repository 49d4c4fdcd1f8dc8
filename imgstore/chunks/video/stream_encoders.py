"""Encoders of frames that depend on earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..._support.validation import not_allowed
from ...encoder_options import (
    BITRATE,
    CODEC_OPTIONS,
    CRF,
    GOP,
    PARAMETERS,
    PIXEL_FORMAT,
    PRESET,
    THREADS,
    X264_TUNE,
    Options,
)
from ...formats import VIDEO_FRAMES_PER_SECOND
from ..base import ChunkWriter, Image
from . import coded_streams
from .encoder_base import FULL_RANGE, TIME_BASE, PyAVEncoder
from .h264 import configuration, length_prefixed, with_changeable_rates
from .matroska import BT601, H264, MatroskaTrack
from .planes import GRAY
from .pyav_writer import Keep, MatroskaChunkWriter
from .tracks import HEVC_TAG

if TYPE_CHECKING:
    from av.container import OutputContainer

_PARAMETER_SETS_APART = 1 << 22  # https://ffmpeg.org/doxygen/trunk/group__lavc__core.html, AV_CODEC_FLAG_GLOBAL_HEADER
_FFMPEG_NAMES = {CRF.name: 'crf', BITRATE.name: 'b', GOP.name: 'g', PRESET.name: 'preset', X264_TUNE.name: 'tune'}
_X265_PARAMETERS = 'x265-params'

# Short GOPs keep frames near their keyframes. Without B-frames, lookahead and a variable frame rate, encoders return
# each frame at once.
_AT_ONCE = {'g': '16', 'bf': '0', 'forced-idr': '1'}
_X264_AT_ONCE = {**_AT_ONCE, 'rc-lookahead': '0', 'x264-params': 'force-cfr=1'}
# as good as 'medium' at crf 23 by PSNR
_X264 = {**_X264_AT_ONCE, 'preset': 'veryfast', 'tune': 'psnr', 'crf': '24', 'deblock': '1,1'}
# The slower presets take five times as long for files that are smaller by a tenth. Groups of 16 frames make those of
# cameras smaller by a tenth or less, and a frame anywhere takes eight times as long.
_X264_LOSSLESS = {**_X264_AT_ONCE, 'g': '1', 'preset': 'ultrafast', 'qp': '0'}
# As good as H.264 by PSNR, at two thirds of its size. x265 prints no text, and states no frame rate, as it could not be
# changed in place.
_X265_AT_ONCE = 'rc-lookahead=0:frame-threads=1:open-gop=0:log-level=none:info=0:vui-timing-info=0'
_X265 = {**_AT_ONCE, 'preset': 'superfast', 'tune': 'psnr', 'crf': '26', _X265_PARAMETERS: _X265_AT_ONCE}
_REPLACED = {BITRATE.name: ('crf',)}
_REPLACED_IN_X264 = {**_REPLACED, X264_TUNE.name: ('deblock',)}


class LatePacketError(ValueError):
    """An encoder did not return the packet of a frame at once."""


class StreamEncoder(PyAVEncoder):
    """Base class of encoders of a stream; only colours are converted in advance.

    Attributes
    ----------
    settings : mapping of str to str
        Options of FFmpeg's encoder.
    replaced : mapping of str to tuple of str
        The settings to leave out if the user passes an option, by its name.
    is_lossless : bool
        Whether it keeps every bit.
    takes_any_size : bool
        Whether it takes images of any even height and width.
    trial_side : int
        Height and width of images for a trial, in pixels.
    """

    settings: Mapping[str, str] = MappingProxyType({})
    replaced: Mapping[str, tuple[str, ...]] = _REPLACED
    pixel_format = 'yuv420p'
    is_lossless, takes_any_size, trial_side = False, False, 128

    def __init__(self, shape: tuple[int, ...], dtype: str = 'uint8', options: Options = MappingProxyType({})) -> None:
        super().__init__(shape, dtype, options)
        if self.pixel_format == GRAY and len(shape) == 3:
            rule = 'it is for gray images, (h, w), and these are in colour; leave it out'
            raise not_allowed(PIXEL_FORMAT.name, self.pixel_format, rule)

    def chosen_pixel_format(self, dtype: str) -> str:
        """Return the pixel format passed by the user, or the usual one."""
        return str(self._options.get(PIXEL_FORMAT.name, self.pixel_format))

    @property
    def color(self) -> tuple[int, int, int, int]:
        """Matrix, primaries, transfer and range."""
        return (*BT601[:3], FULL_RANGE) if self.pixel_format == GRAY else BT601

    def set_up(self, context: Any) -> None:
        """Set colours, threads and options."""
        super().set_up(context)
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = self.color
        if THREADS.name in self._options:
            context.thread_count = self._options[THREADS.name]
        context.options = self.ffmpeg_options()

    def ffmpeg_options(self) -> dict[str, str]:
        """Return the options of FFmpeg's encoder: ours, replaced by the user's."""
        gone = {name for option in self._options for name in self.replaced.get(option, ())}
        options = {name: value for name, value in self.settings.items() if name not in gone}
        options |= {ours: str(self._options[name]) for name, ours in _FFMPEG_NAMES.items() if name in self._options}
        return merged(options, self._options.get(CODEC_OPTIONS.name, {}))

    def unused_options(self, context: Any) -> list[str]:
        """Return the user's options that an open encoder did not take."""
        return sorted({*context.options} & {*self._options.get(CODEC_OPTIONS.name, {})})

    def encode(self, image: Image) -> Any:
        """Convert an image to a frame."""
        return self.frame(image)

    def write(self, prepared: Any, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Encode the frame; keep the packet before the container gets it."""
        packet = self.packet(prepared, position, stream)
        keep(bytes(packet))
        container.mux(packet)

    def packet(self, prepared: Any, position: int, encoder: Any) -> Any:
        """Encode the frame; LatePacketError unless the encoder returns it at once."""
        prepared.pts, prepared.time_base = position, TIME_BASE
        packets = encoder.encode(prepared)
        if len(packets) != 1 or packets[0].pts != position:
            raise LatePacketError(f'the encoder returned {len(packets)} packets for a frame, not its own')
        return packets[0]

    def new_context(self) -> Any:
        """Return an encoder without a container."""
        from av import CodecContext

        context: Any = CodecContext.create(self.codec, 'w')
        context.time_base, context.framerate = TIME_BASE, VIDEO_FRAMES_PER_SECOND
        context.flags |= _PARAMETER_SETS_APART
        self.open(context)
        return context


def merged(options: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Return options with others in their place; of parameters, both."""
    both = {name: f'{options[name]}:{others[name]}' for name in options.keys() & others.keys() if _has_several(name)}
    return {**options, **others, **both}


def _has_several(name: str) -> bool:
    return name.endswith(PARAMETERS)


class H264Encoder(StreamEncoder):
    """H.264 encoder by libx264.

    https://www.ffmpeg.org/ffmpeg-codecs.html#libx264_002c-libx264rgb
    """

    codec = 'libx264'
    stream = coded_streams.H264
    takes_any_size = True
    settings: Mapping[str, str] = _X264
    replaced: Mapping[str, tuple[str, ...]] = _REPLACED_IN_X264

    @property
    def track(self) -> MatroskaTrack:
        """Kind of the track in Matroska."""
        return H264._replace(color=self.color)

    def open(self, context: Any) -> None:
        """Open the encoder, with parameter sets for changing the frame rate in place."""
        super().open(context)
        if context.extradata:
            context.extradata = with_changeable_rates(context.extradata, Fraction(VIDEO_FRAMES_PER_SECOND))

    def writer(self, path: str) -> ChunkWriter:
        """Create a writer of one video."""
        return MatroskaChunkWriter(path, self) if path.endswith('.mkv') else super().writer(path)

    def stored(self, content: Any, position: int, context: Any) -> list[tuple[bytes, bool]]:
        """Return the packet of a frame for Matroska, and whether it is a keyframe."""
        packet = self.packet(content, position, context)
        return [(length_prefixed(bytes(packet)), packet.is_keyframe)]

    def codec_private(self, context: Any) -> bytes:
        """Return what a decoder needs besides the packets."""
        return configuration(context.extradata or b'')


class LosslessH264Encoder(H264Encoder):
    """H.264 encoder for gray images, of which it keeps every bit."""

    pixel_format = GRAY
    is_lossless = True
    settings = _X264_LOSSLESS


class HEVCEncoder(StreamEncoder):
    """HEVC encoder by libx265, https://x265.readthedocs.io/en/stable/cli.html."""

    codec = 'libx265'
    stream = coded_streams.HEVC
    settings = _X265

    def set_up(self, context: Any) -> None:
        """Set the tag by which players of Apple know HEVC, and threads, too."""
        super().set_up(context)
        context.codec_tag, context.thread_count = HEVC_TAG, 1

    def ffmpeg_options(self) -> dict[str, str]:
        """Return the options of FFmpeg's encoder, with threads in its own way."""
        options, threads = super().ffmpeg_options(), self._options.get(THREADS.name)
        return options if threads is None else merged(options, {_X265_PARAMETERS: f'pools={threads}'})
