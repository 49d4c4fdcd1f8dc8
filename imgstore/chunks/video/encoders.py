"""Encoders of videos by PyAV (FFmpeg's libraries), one per codec."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from ..._support.buffer_pool import RefcountedBufferPool
from ..._support.cpu import THREADS
from ..._support.opencv_encode import encode_image
from ..._support.validation import not_allowed
from ...color import ensure_color
from ...encoder_options import BITS, QUALITY
from ...formats import VIDEO_FRAMES_PER_SECOND
from ..base import ChunkWriter, Image, VideoEncoder
from .h264 import configuration, length_prefixed, with_changeable_rates
from .matroska import BT601, H264, MatroskaTrack, ffv1_track
from .pyav_writer import ContainerChunkWriter, Keep, MatroskaChunkWriter

if TYPE_CHECKING:
    from av.container import OutputContainer

_TIME_BASE = Fraction(1, VIDEO_FRAMES_PER_SECOND)
# As good as 'medium' at crf 23 by PSNR. Short GOPs keep frames near their keyframes. Without B-frames, lookahead and a
# variable frame rate, the encoder returns each frame at once.
_AT_ONCE = {'g': '16', 'bf': '0', 'rc-lookahead': '0', 'forced-idr': '1', 'x264-params': 'force-cfr=1'}
_X264 = {**_AT_ONCE, 'preset': 'veryfast', 'tune': 'psnr', 'crf': '24', 'deblock': '1,1'}
# the slower presets take five times as long for files that are smaller by a tenth
_X264_LOSSLESS = {**_AT_ONCE, 'preset': 'ultrafast', 'qp': '0'}
_FFV1 = {'level': '3', 'g': '1', 'slicecrc': '1', 'coder': '0'}  # each frame by itself
_ONE_SLICE = 288, 352  # height and width up to which FFmpeg takes fewer than four
_MOST_PLANES = 8 * THREADS  # arrays for reuse, for frames in work and for intermediate steps
_PARAMETER_SETS_APART = 1 << 22  # https://ffmpeg.org/doxygen/trunk/group__lavc__core.html, AV_CODEC_FLAG_GLOBAL_HEADER
_MJPEG_QUANTISER = 3  # as good as OpenCV's
_FULL_RANGE = 2
# Full range to limited range by ITU-R BT.601
_LUMA = np.rint(16 + np.arange(256) * 219 / 255).astype(np.uint8)
_CHROMA = np.rint(128 + (np.arange(256) - 128) * 224 / 255).astype(np.uint8)


class PyAVEncoder(VideoEncoder):
    """Base class of encoders, one per codec.

    Parameters
    ----------
    shape : tuple of int
        Shape of the images on disk, (h, w) or (h, w, 3).
    dtype : str
        dtype of the images, as numpy names it.
    options : mapping of str to int
        Encoder options passed by the user, of those in `imgstore.formats.Format.options`.
    """

    codec: str
    pixel_format: str

    def __init__(
        self, shape: tuple[int, ...], dtype: str = 'uint8', options: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self.height, self.width = shape[:2]
        self._shape, self._options = shape, options
        self._own, self._lent = threading.local(), RefcountedBufferPool(_MOST_PLANES)

    def writer(self, path: str) -> ChunkWriter:
        """Create a writer of one video."""
        return ContainerChunkWriter(path, self)

    @abstractmethod
    def write(self, prepared: Any, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Pass the packet of a prepared frame to ``keep``, then to the container."""

    def set_up(self, context: Any) -> None:
        """Configure a codec context."""
        context.width, context.height, context.pix_fmt = self.width, self.height, self.pixel_format

    def open(self, context: Any) -> None:
        """Open the encoder."""
        self.set_up(context)
        context.open()

    def frame(self, image: Image) -> Any:
        """Convert an image to the codec's pixel format, more exactly than swscale."""
        import av

        image = np.ascontiguousarray(image)
        planes = self._lent.empty((self.height * 3 // 2, self.width))
        luma, chroma = planes[: self.height], planes[self.height :].reshape(2, self.height // 2, self.width // 2)
        if image.ndim == 3:
            self._fill_chroma(chroma, image)
            cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, luma)
        else:
            luma[:], chroma[:] = image, 128
        self._into_range(luma, _LUMA)
        if self.height % 4:  # PyAV 18 rounds it down unless it copies
            return av.VideoFrame.from_ndarray(planes, format=self.pixel_format)
        return av.VideoFrame.from_numpy_buffer(planes, format=self.pixel_format)

    def _fill_chroma(self, planes: Image, image: Image) -> None:
        """Compute Cb and Cr from the mean of each four pixels."""
        height, width = planes.shape[1:]
        small, converted = (self._lent.empty((height, width, 3)) for _ in range(2))
        cv2.resize(image, (width, height), small, interpolation=cv2.INTER_AREA)
        cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb, converted)
        cv2.split(converted, (self._lent.empty((height, width)), planes[1], planes[0]))
        self._into_range(planes.reshape(-1, width), _CHROMA)

    def _into_range(self, values: Image, levels: npt.NDArray[np.uint8]) -> None:
        """Convert full range in place to the pixel format's; 'yuvj' has full range."""
        if 'j' not in self.pixel_format:
            cv2.LUT(values, levels, values)


class PacketEncoder(PyAVEncoder):
    """Base class of encoders of independent frames, each encoded in advance."""

    gives_packets = True

    def set_up(self, context: Any) -> None:
        """Use one thread, as other frames use the other cores."""
        super().set_up(context)
        context.color_range = _FULL_RANGE
        context.thread_count = 1
        context.time_base = _TIME_BASE

    def encode(self, image: Image) -> bytes:
        """Encode an image as a packet."""
        if not hasattr(self._own, 'context'):
            self._own.context = self.new_context()
        (packet,) = self._own.context.encode(self.frame(image))
        return bytes(packet)

    def new_context(self) -> Any:
        """Return an encoder without a container."""
        from av import CodecContext

        context = CodecContext.create(self.codec, 'w')
        self.set_up(context)
        return context

    def write(self, prepared: bytes, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Write the packet."""
        import av

        packet: Any = av.Packet(prepared)
        packet.stream, packet.time_base, packet.is_keyframe = stream, _TIME_BASE, True
        packet.pts = packet.dts = position
        packet.duration = 1
        container.mux(packet)


class MJPEGEncoder(PacketEncoder):
    """Motion JPEG encoder; independent frames can be encoded in advance.

    FFmpeg's files are a fifth smaller than OpenCV's at the same quality. But FFmpeg has only 31 quality levels, from
    about JPEG's 25 to its 95. So OpenCV encodes if a quality is passed, with the same meaning as for jpg.
    """

    codec = 'mjpeg'
    pixel_format = 'yuvj420p'

    def set_up(self, context: Any) -> None:
        """Use one thread per frame, for optimal Huffman tables (6 % of the size)."""
        super().set_up(context)
        context.qmin = context.qmax = _MJPEG_QUANTISER

    def encode(self, image: Image) -> bytes:
        """Encode an image as JPEG."""
        return self._by_opencv(image) if QUALITY.name in self._options else super().encode(image)

    def _by_opencv(self, image: Image) -> bytes:
        """Encode in colour as all videos, with optimal Huffman tables as FFmpeg."""
        parameters = [cv2.IMWRITE_JPEG_QUALITY, self._options[QUALITY.name], cv2.IMWRITE_JPEG_OPTIMIZE, 1]
        return bytes(encode_image('.jpg', ensure_color(image), parameters))


class H264Encoder(PyAVEncoder):
    """H.264 encoder by libx264; only colours are converted in advance."""

    codec = 'libx264'
    pixel_format = 'yuv420p'
    color = BT601
    x264 = _X264
    track = H264

    def set_up(self, context: Any) -> None:
        """Set the options of x264.

        https://www.ffmpeg.org/ffmpeg-codecs.html#libx264_002c-libx264rgb
        """
        super().set_up(context)
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = self.color
        context.options = {**self.x264, **{name: str(value) for name, value in self._options.items()}}

    def open(self, context: Any) -> None:
        """Open the encoder, with parameter sets for changing the frame rate in place."""
        super().open(context)
        if context.extradata:
            context.extradata = with_changeable_rates(context.extradata, Fraction(VIDEO_FRAMES_PER_SECOND))

    def writer(self, path: str) -> ChunkWriter:
        """Create a writer of one video."""
        return MatroskaChunkWriter(path, self) if path.endswith('.mkv') else super().writer(path)

    def encode(self, image: Image) -> Any:
        """Convert an image to a frame."""
        return self.frame(image)

    def write(self, prepared: Any, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Encode the frame; keep the packet before the container gets it."""
        for packet in self.packets(prepared, position, stream):
            keep(bytes(packet))
            container.mux(packet)

    def packets(self, prepared: Any, position: int, encoder: Any) -> list[Any]:
        """Encode the frame; the encoder returns it at once."""
        prepared.pts, prepared.time_base = position, _TIME_BASE
        packets: list[Any] = encoder.encode(prepared)
        return packets

    def stored(self, content: Any, position: int, context: Any) -> list[tuple[bytes, bool]]:
        """Return the packets of a frame for Matroska, and whether each is a keyframe."""
        packets = self.packets(content, position, context)
        return [(length_prefixed(bytes(packet)), packet.is_keyframe) for packet in packets]

    def codec_private(self, context: Any) -> bytes:
        """Return what a decoder needs besides the packets."""
        return configuration(context.extradata or b'')

    def new_context(self) -> Any:
        """Return an encoder without a container."""
        from av import CodecContext

        context: Any = CodecContext.create(self.codec, 'w')
        context.time_base, context.framerate = _TIME_BASE, VIDEO_FRAMES_PER_SECOND
        context.flags |= _PARAMETER_SETS_APART
        self.open(context)
        return context


class LosslessH264Encoder(H264Encoder):
    """H.264 encoder for gray images, of which it keeps every bit."""

    pixel_format = 'gray'
    color = (*BT601[:3], _FULL_RANGE)
    x264 = _X264_LOSSLESS

    def frame(self, image: Image) -> Any:
        """Copy an image."""
        import av

        return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=self.pixel_format)


class FFV1Encoder(PacketEncoder):
    """FFV1 encoder, RFC 9043, which keeps every bit.

    The slices of a frame have checksums.
    """

    codec = 'ffv1'

    def __init__(
        self, shape: tuple[int, ...], dtype: str = 'uint8', options: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        super().__init__(shape, dtype, options)
        gray = 'gray' if dtype == 'uint8' else f'gray{options.get(BITS.name, BITS.max)}le'
        self.pixel_format = 'bgr0' if len(shape) == 3 else gray
        self._check_size()

    def _check_size(self) -> None:
        import av

        try:
            self.new_context()
        except av.FFmpegError as error:
            why = 'FFmpeg writes no FFV1 of this size, such as a single column; png holds any'
            raise not_allowed('imgshape', self._shape, why) from error

    @property
    def track(self) -> MatroskaTrack:
        """Kind of the track in Matroska."""
        return ffv1_track(self.pixel_format)

    def set_up(self, context: Any) -> None:
        """Set the options of FFV1.

        https://trac.ffmpeg.org/wiki/Encode/FFV1
        """
        super().set_up(context)
        is_small = self.height <= _ONE_SLICE[0] and self.width <= _ONE_SLICE[1]
        context.options = {**_FFV1, 'slices': '1' if is_small or self.height == 1 else '4'}

    def new_context(self) -> Any:
        """Return an encoder without a container, with its configuration."""
        context = super().new_context()
        context.open()
        return context

    def writer(self, path: str) -> ChunkWriter:
        """Create a writer of one video."""
        return MatroskaChunkWriter(path, self)

    def stored(self, content: bytes, position: int, context: Any) -> list[tuple[bytes, bool]]:
        """Return the packet of a frame for Matroska, and that it is a keyframe."""
        return [(content, True)]

    def codec_private(self, context: Any) -> bytes:
        """Return what a decoder needs besides the packets."""
        return bytes(context.extradata)

    def frame(self, image: Image) -> Any:
        """Copy an image."""
        import av

        if self.pixel_format != 'bgr0':
            return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=self.pixel_format)
        frame: Any = av.VideoFrame(self.width, self.height, self.pixel_format)
        rows = np.frombuffer(frame.planes[0], np.uint8).reshape(self.height, -1)
        pixels = rows[:, : 4 * self.width].reshape(self.height, self.width, 4)
        cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2BGRA, pixels)
        return frame


ENCODERS: dict[str, type[PyAVEncoder]] = {
    'mjpeg': MJPEGEncoder,
    'h264': H264Encoder,
    'h264-lossless': LosslessH264Encoder,
    'ffv1': FFV1Encoder,
}
