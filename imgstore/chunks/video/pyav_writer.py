"""Writing videos with PyAV (FFmpeg's libraries)."""

from __future__ import annotations

import contextlib
import os
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from ..._support.buffer_pool import RefcountedBufferPool
from ..._support.cpu import THREADS
from ..._support.opencv_encode import encode_image
from ..._support.syncing import sync
from ...color import ensure_color
from ...errors import FrameWriteError
from ...formats import QUALITY, VIDEO_FRAMES_PER_SECOND
from ...ondisk.checksums import UNKNOWN, checksum_of
from ...ondisk.files import partial_path, remove_if_there
from ..base import ChunkWriter, Image, VideoEncoder
from .container_checks import open_output
from .container_rate import set_rate
from .h264 import configuration, length_prefixed, with_changeable_rates
from .matroska import BT601, MatroskaFile
from .mp4_tail import LastPacketWriter
from .ordered_file import OrderedFile

if TYPE_CHECKING:
    from av.container import OutputContainer

Keep = Callable[[bytes], None]

_TIME_BASE = Fraction(1, VIDEO_FRAMES_PER_SECOND)
_CONTAINER_OPTIONS = {
    # so that the file of a killed process is readable: https://ffmpeg.org/ffmpeg-formats.html#Fragmentation
    '.mp4': {'movflags': 'hybrid_fragmented+frag_every_frame', 'flush_packets': '1'},
    '.avi': {'flush_packets': '1'},
}
# As good as 'medium' at crf 23 by PSNR. Short GOPs keep frames near their keyframes. Without B-frames, lookahead and a
# variable frame rate, the encoder returns each frame at once.
_X264 = {
    'preset': 'veryfast',
    'tune': 'psnr',
    'crf': '24',
    'g': '16',
    'bf': '0',
    'rc-lookahead': '0',
    'deblock': '1,1',
    'forced-idr': '1',
    'x264-params': 'force-cfr=1',
}
_MOST_PLANES = 8 * THREADS  # arrays for reuse, for frames in work and for intermediate steps
_PARAMETER_SETS_APART = 1 << 22  # https://ffmpeg.org/doxygen/trunk/group__lavc__core.html, AV_CODEC_FLAG_GLOBAL_HEADER
_MJPEG_QUANTISER = 3  # as good as OpenCV's
# Full range to limited range by ITU-R BT.601
_LUMA = np.rint(16 + np.arange(256) * 219 / 255).astype(np.uint8)
_CHROMA = np.rint(128 + (np.arange(256) - 128) * 224 / 255).astype(np.uint8)


class PyAVEncoder(VideoEncoder):
    """Base class of encoders, one per codec.

    Parameters
    ----------
    shape : tuple of int
        Shape of the images, (h, w) or (h, w, 3), both sides even.
    options : mapping of str to int
        Encoder options passed by the user, of those in `imgstore.formats.Format.options`.
    """

    codec: str
    pixel_format: str

    def __init__(self, shape: tuple[int, ...], options: Mapping[str, int] = MappingProxyType({})) -> None:
        self.height, self.width = shape[:2]
        self._options = options
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


class MJPEGEncoder(PyAVEncoder):
    """Motion JPEG encoder; independent frames can be encoded in advance.

    FFmpeg's files are a fifth smaller than OpenCV's at the same quality. But FFmpeg has only 31 quality levels, from
    about JPEG's 25 to its 95. So OpenCV encodes if a quality is passed, with the same meaning as for jpg.
    """

    gives_packets = True
    codec = 'mjpeg'
    pixel_format = 'yuvj420p'

    def set_up(self, context: Any) -> None:
        """Use one thread per frame, for optimal Huffman tables (6 % of the size)."""
        super().set_up(context)
        context.color_range = 2
        context.qmin = context.qmax = _MJPEG_QUANTISER
        context.thread_count = 1
        context.time_base = _TIME_BASE

    def encode(self, image: Image) -> bytes:
        """Encode an image as JPEG."""
        if QUALITY.name in self._options:
            return self._by_opencv(image)
        if not hasattr(self._own, 'context'):
            from av import CodecContext

            self._own.context = CodecContext.create(self.codec, 'w')
            self.set_up(self._own.context)
        (packet,) = self._own.context.encode(self.frame(image))
        return bytes(packet)

    def _by_opencv(self, image: Image) -> bytes:
        """Encode in colour as all videos, with optimal Huffman tables as FFmpeg."""
        parameters = [cv2.IMWRITE_JPEG_QUALITY, self._options[QUALITY.name], cv2.IMWRITE_JPEG_OPTIMIZE, 1]
        return bytes(encode_image('.jpg', ensure_color(image), parameters))

    def write(self, prepared: bytes, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Write the JPEG image as a packet."""
        import av

        packet: Any = av.Packet(prepared)
        packet.stream, packet.time_base, packet.is_keyframe = stream, _TIME_BASE, True
        packet.pts = packet.dts = position
        packet.duration = 1
        container.mux(packet)


class H264Encoder(PyAVEncoder):
    """H.264 encoder by libx264; only colours are converted in advance."""

    codec = 'libx264'
    pixel_format = 'yuv420p'

    def set_up(self, context: Any) -> None:
        """Set the options of x264.

        https://www.ffmpeg.org/ffmpeg-codecs.html#libx264_002c-libx264rgb
        """
        super().set_up(context)
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = BT601
        context.options = {**_X264, **{name: str(value) for name, value in self._options.items()}}

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

    def new_context(self) -> Any:
        """Return an encoder without a container."""
        from av import CodecContext

        context: Any = CodecContext.create(self.codec, 'w')
        context.time_base, context.framerate = _TIME_BASE, VIDEO_FRAMES_PER_SECOND
        context.flags |= _PARAMETER_SETS_APART
        self.open(context)
        return context


ENCODERS: dict[str, type[PyAVEncoder]] = {'mjpeg': MJPEGEncoder, 'h264': H264Encoder}


class ContainerChunkWriter(ChunkWriter):
    """Writer of one video in a container of FFmpeg.

    Parameters
    ----------
    path : str
        Path of the closed video.
    encoder : PyAVEncoder
        Encoder of the frames.
    """

    def __init__(self, path: str, encoder: PyAVEncoder) -> None:
        import av

        super().__init__()
        self._path, self._open_path, self._encoder = path, partial_path(path), encoder
        self._written, self._failed, self._checksum = 0, False, UNKNOWN
        self._tail: LastPacketWriter | None = None
        self._file: OrderedFile | None = None
        self._is_synced = False
        try:
            if path.endswith('.mp4'):
                self._tail, self._file = LastPacketWriter(self._open_path), OrderedFile(self._open_path)
            self._container: OutputContainer = open_output(
                self._file or self._open_path, options=_CONTAINER_OPTIONS[os.path.splitext(path)[1]]
            )
            self._stream: Any = self._container.add_stream(encoder.codec, rate=VIDEO_FRAMES_PER_SECOND)
            encoder.open(self._stream.codec_context)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._end_tail()
            raise FrameWriteError(f'{path}: no {encoder.codec} video can be started: {error}', path=path) from error

    def store(self, content: Any) -> int:
        """Append a prepared frame."""
        import av

        self._checksum = UNKNOWN
        try:
            self._encoder.write(content, self._written, self._stream, self._container, self._keep)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._failed = True
            raise FrameWriteError(f'{self._path}: the video could not be written: {error}', path=self._path) from error
        self._written += 1
        return self._checksum

    def _keep(self, packet: bytes) -> None:
        """Keep the packet held back by an MP4, with parameter sets.

        The first frame has no header yet.
        """
        if self._tail is not None:
            self._checksum = checksum_of((length_prefixed(packet),))
            self._tail.put(self._written, (self._stream.codec_context.extradata or b'') + packet)

    def _end_tail(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._tail is not None:
            self._tail.remove()

    def sync(self) -> None:
        """Sync the container and the frame held back by it to the disk."""
        self._is_synced = True
        if self._file is not None:
            self._file.syncs = True
        if os.path.exists(self._open_path):  # the file may appear only with the second frame
            sync(self._open_path)
        if self._tail is not None:
            self._tail.sync()

    def close(self, rate: Fraction | None = None) -> None:
        """Flush the encoder, finish the file, and set its frame rate."""
        import av

        try:
            with contextlib.closing(self._container):
                if not self._failed:  # without a written header, FFmpeg crashes on a packet
                    self._container.mux(self._stream.encode(None))
            if rate is not None:
                with contextlib.suppress(OSError):  # with 25 frames per second the video is complete, too
                    set_rate(self._open_path, rate)
            if self._is_synced:  # before removing the separate file of the last frame
                sync(self._open_path)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be finished: {error}', path=self._path) from error
        finally:  # an unfinished video still has many readable frames
            try:
                os.replace(self._open_path, self._path)
            finally:
                self._end_tail()

    def discard(self) -> None:
        """Remove the video."""
        with contextlib.suppress(Exception):
            self._container.close()
        self._end_tail()
        remove_if_there(self._open_path)
        remove_if_there(self._path)


class MatroskaChunkWriter(ChunkWriter):
    """Writer of one video with our own Matroska muxer.

    Parameters
    ----------
    path : str
        Path of the closed video.
    encoder : H264Encoder
        Encoder of the frames.
    """

    def __init__(self, path: str, encoder: H264Encoder) -> None:
        import av

        super().__init__()
        self._path, self._open_path, self._encoder, self._written = path, partial_path(path), encoder, 0
        try:
            self._context: Any = encoder.new_context()
            self._configuration = configuration(self._context.extradata or b'')
            self._file = MatroskaFile(self._open_path, encoder.width, encoder.height, BT601)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{path}: no {encoder.codec} video can be started: {error}', path=path) from error

    def store(self, content: Any) -> int:
        """Append a prepared frame."""
        import av

        try:
            checksum = self._add(self._encoder.packets(content, self._written, self._context))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be written: {error}', path=self._path) from error
        self._written += 1
        return checksum

    def _add(self, packets: list[Any]) -> int:
        """Write the only packet of a frame, and return its checksum."""
        checksum = UNKNOWN
        for packet in packets:
            self._file.add(data := length_prefixed(bytes(packet)), packet.is_keyframe, self._configuration)
            checksum = checksum_of((data,))
        return checksum

    def sync(self) -> None:
        """Sync all written frames to the disk."""
        self._file.sync()

    def close(self, rate: Fraction | None = None) -> None:
        """Finish the file."""
        try:
            with contextlib.closing(self._file):
                self._file.finish(rate or Fraction(VIDEO_FRAMES_PER_SECOND))
        except (OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be finished: {error}', path=self._path) from error
        finally:  # the frames are there even then
            self._context = None
            os.replace(self._open_path, self._path)

    def discard(self) -> None:
        """Remove the video."""
        self._context = None
        self._file.close()
        remove_if_there(self._open_path)
        remove_if_there(self._path)
