"""Encoders of independent frames: Motion JPEG and FFV1."""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..._support.opencv_encode import encode_image
from ..._support.validation import not_allowed
from ...color import ensure_color
from ...encoder_options import BITS, QUALITY, Options
from ..base import ChunkWriter, Image
from .encoder_base import FULL_RANGE, TIME_BASE, PyAVEncoder
from .matroska import MatroskaTrack, ffv1_track
from .pyav_writer import Keep, MatroskaChunkWriter

if TYPE_CHECKING:
    from av.container import OutputContainer

_FFV1 = {'level': '3', 'g': '1', 'slicecrc': '1', 'coder': '0'}  # each frame by itself
_ONE_SLICE = 288, 352  # height and width up to which FFmpeg takes fewer than four
_MJPEG_QUANTISER = 3  # as good as OpenCV's


class PacketEncoder(PyAVEncoder):
    """Base class of encoders of independent frames, each encoded in advance."""

    gives_packets = True

    def __init__(self, shape: tuple[int, ...], dtype: str = 'uint8', options: Options = MappingProxyType({})) -> None:
        super().__init__(shape, dtype, options)
        self._own = threading.local()

    def set_up(self, context: Any) -> None:
        """Use one thread, as other frames use the other cores."""
        super().set_up(context)
        context.color_range = FULL_RANGE
        context.thread_count = 1
        context.time_base = TIME_BASE

    def encode(self, image: Image) -> bytes:
        """Encode an image as a packet."""
        if not hasattr(self._own, 'context'):
            self._own.context = self.new_context()
        (packet,) = self._own.context.encode(self._frame_to_encode(image))
        return bytes(packet)

    def _frame_to_encode(self, image: Image) -> Any:
        """Return a frame that is encoded at once, before this thread's next one."""
        return self.frame(image)

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
        packet.stream, packet.time_base, packet.is_keyframe = stream, TIME_BASE, True
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


class FFV1Encoder(PacketEncoder):
    """FFV1 encoder, RFC 9043, which keeps every bit.

    The slices of a frame have checksums.
    """

    codec = 'ffv1'

    def __init__(self, shape: tuple[int, ...], dtype: str = 'uint8', options: Options = MappingProxyType({})) -> None:
        super().__init__(shape, dtype, options)
        self._check_size()

    def chosen_pixel_format(self, dtype: str) -> str:
        """Return the pixel format for gray of 8 or 16 bits, or for colour."""
        gray = 'gray' if dtype == 'uint8' else f'gray{self._options.get(BITS.name, BITS.max)}le'
        return 'bgr0' if len(self.shape) == 3 else gray

    def _check_size(self) -> None:
        import av

        try:
            self.new_context()
        except av.FFmpegError as error:
            why = 'FFmpeg writes no FFV1 of this size, such as a single column; png holds any'
            raise not_allowed('imgshape', self.shape, why) from error

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
        """Convert an image to a frame of the pixel format."""
        return self._filled(self._new_frame(), image) if self._has_padding else super().frame(image)

    def _frame_to_encode(self, image: Image) -> Any:
        """Return this thread's only frame, if pixels are copied into it."""
        if not self._has_padding:
            return self.frame(image)
        if not hasattr(self._own, 'frame'):
            self._own.frame = self._new_frame()
        return self._filled(self._own.frame, image)

    @property
    def _has_padding(self) -> bool:
        """Whether pixels have a byte that images do not have."""
        return self.pixel_format == 'bgr0'

    def _new_frame(self) -> Any:
        import av

        return av.VideoFrame(self.width, self.height, self.pixel_format)

    def _filled(self, frame: Any, image: Image) -> Any:
        rows = np.frombuffer(frame.planes[0], np.uint8).reshape(self.height, -1)
        pixels = rows[:, : 4 * self.width].reshape(self.height, self.width, 4)
        cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2BGRA, pixels)
        frame.pts = None
        return frame
