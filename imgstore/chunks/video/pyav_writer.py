"""Writing a chunk as a video through PyAV (FFmpeg's libraries)."""

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
    # what a killed process leaves can be read: https://ffmpeg.org/ffmpeg-formats.html#Fragmentation
    '.mp4': {'movflags': 'hybrid_fragmented+frag_every_frame', 'flush_packets': '1'},
    '.avi': {'flush_packets': '1'},
}
# As good as 'medium' at crf 23 by PSNR. Short GOPs, so that no frame is far from its keyframe; without B-frames and
# looking ahead, nor waiting to see when the next one is shown, a frame is on disk as soon as it was given.
_X264 = {'preset': 'veryfast', 'tune': 'psnr', 'crf': '24', 'g': '16', 'bf': '0', 'rc-lookahead': '0',
         'deblock': '1,1', 'forced-idr': '1', 'x264-params': 'force-cfr=1'}
_MOST_PLANES = 8 * THREADS  # whose memory is kept to be used again: of frames under way, and on the way to them
_PARAMETER_SETS_APART = 1 << 22  # https://ffmpeg.org/doxygen/trunk/group__lavc__core.html, AV_CODEC_FLAG_GLOBAL_HEADER
_MJPEG_QUANTISER = 3  # as good as OpenCV's
# Full range squeezed as ITU-R BT.601 says
_LUMA = np.rint(16 + np.arange(256) * 219 / 255).astype(np.uint8)
_CHROMA = np.rint(128 + (np.arange(256) - 128) * 224 / 255).astype(np.uint8)


class PyAVEncoder(VideoEncoder):
    """Encodes as one codec does.

    Parameters
    ----------
    shape : tuple of int
        Of the images, (h, w) or (h, w, 3), both sides even.
    options : mapping of str to int
        Of `imgstore.formats.Format.options`, those that were given.
    """

    codec: str
    pixel_format: str

    def __init__(self, shape: tuple[int, ...], options: Mapping[str, int] = MappingProxyType({})) -> None:
        self.height, self.width = shape[:2]
        self._options = options
        self._own, self._lent = threading.local(), RefcountedBufferPool(_MOST_PLANES)

    def writer(self, path: str) -> ChunkWriter:
        """A writer of one video."""
        return ContainerChunkWriter(path, self)

    @abstractmethod
    def write(self, prepared: Any, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Give a prepared frame to the container, and the packet that it is to ``keep`` before."""

    def set_up(self, context: Any) -> None:
        """Say how a codec context encodes."""
        context.width, context.height, context.pix_fmt = self.width, self.height, self.pixel_format

    def open(self, context: Any) -> None:
        """Begin to encode."""
        self.set_up(context)
        context.open()

    def frame(self, image: Image) -> Any:
        """The image as a frame of the codec's pixel format; by OpenCV, which is more exact than swscale."""
        import av

        image = np.ascontiguousarray(image)
        planes = self._lent.empty((self.height * 3 // 2, self.width))
        luma, chroma = planes[:self.height], planes[self.height:].reshape(2, self.height // 2, self.width // 2)
        if image.ndim == 3:
            self._fill_chroma(chroma, image)
            cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, luma)
        else:
            luma[:], chroma[:] = image, 128
        self._into_range(luma, _LUMA)
        if self.height % 4:  # which PyAV 18 rounds down where it does not copy
            return av.VideoFrame.from_ndarray(planes, format=self.pixel_format)
        return av.VideoFrame.from_numpy_buffer(planes, format=self.pixel_format)

    def _fill_chroma(self, planes: Image, image: Image) -> None:
        """Cb and Cr, each of four pixels' mean."""
        height, width = planes.shape[1:]
        small, converted = (self._lent.empty((height, width, 3)) for _ in range(2))
        cv2.resize(image, (width, height), small, interpolation=cv2.INTER_AREA)
        cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb, converted)
        cv2.split(converted, (self._lent.empty((height, width)), planes[1], planes[0]))
        self._into_range(planes.reshape(-1, width), _CHROMA)

    def _into_range(self, values: Image, levels: npt.NDArray[np.uint8]) -> None:
        """From full range, in place, to that of the pixel format; a JPEG's 'yuvj' has it."""
        if 'j' not in self.pixel_format:
            cv2.LUT(values, levels, values)


class MJPEGEncoder(PyAVEncoder):
    """Motion JPEG: every frame is an image by itself, so all of the work can be done beforehand.

    FFmpeg's encoder makes files a fifth smaller than OpenCV's that are as good, but knows no more than 31 qualities,
    from about JPEG's 25 to its 95. So where one is asked for, OpenCV encodes: the number means what it does in jpg.
    """

    codec = 'mjpeg'
    pixel_format = 'yuvj420p'

    def set_up(self, context: Any) -> None:
        """One thread for a frame: several would cost the optimal Huffman tables, 6 % of the size."""
        super().set_up(context)
        context.color_range = 2
        context.qmin = context.qmax = _MJPEG_QUANTISER
        context.thread_count = 1
        context.time_base = _TIME_BASE

    def encode(self, image: Image) -> bytes:
        """A JPEG image."""
        if QUALITY.name in self._options:
            return self._by_opencv(image)
        if not hasattr(self._own, 'context'):
            from av import CodecContext

            self._own.context = CodecContext.create(self.codec, 'w')
            self.set_up(self._own.context)
        packet, = self._own.context.encode(self.frame(image))
        return bytes(packet)

    def _by_opencv(self, image: Image) -> bytes:
        """In colour as all videos are, with optimal Huffman tables as FFmpeg's."""
        parameters = [cv2.IMWRITE_JPEG_QUALITY, self._options[QUALITY.name], cv2.IMWRITE_JPEG_OPTIMIZE, 1]
        return bytes(encode_image('.jpg', ensure_color(image), parameters))

    def write(self, prepared: bytes, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Put the JPEG image into a packet."""
        import av

        packet: Any = av.Packet(prepared)
        packet.stream, packet.time_base, packet.is_keyframe = stream, _TIME_BASE, True
        packet.pts = packet.dts = position
        packet.duration = 1
        container.mux(packet)


class H264Encoder(PyAVEncoder):
    """H.264 by libx264; beforehand just the colours are converted."""

    codec = 'libx264'
    pixel_format = 'yuv420p'

    def set_up(self, context: Any) -> None:
        """Options of https://www.ffmpeg.org/ffmpeg-codecs.html#libx264_002c-libx264rgb; ours have its names."""
        super().set_up(context)
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = BT601
        context.options = {**_X264, **{name: str(value) for name, value in self._options.items()}}

    def open(self, context: Any) -> None:
        """Begin to encode, with parameter sets whose rate can be changed in the file."""
        super().open(context)
        if context.extradata:
            context.extradata = with_changeable_rates(context.extradata, Fraction(VIDEO_FRAMES_PER_SECOND))

    def writer(self, path: str) -> ChunkWriter:
        """A writer of one video."""
        return MatroskaChunkWriter(path, self) if path.endswith('.mkv') else super().writer(path)

    def encode(self, image: Image) -> Any:
        """A frame."""
        return self.frame(image)

    def write(self, prepared: Any, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Encode the frame, and keep the packet before it is with the container."""
        for packet in self.packets(prepared, position, stream):
            keep(bytes(packet))
            container.mux(packet)

    def packets(self, prepared: Any, position: int, encoder: Any) -> list[Any]:
        """Encode the frame, which the encoder has ready at once."""
        prepared.pts, prepared.time_base = position, _TIME_BASE
        packets: list[Any] = encoder.encode(prepared)
        return packets

    def new_context(self) -> Any:
        """An encoder that belongs to no container."""
        from av import CodecContext

        context: Any = CodecContext.create(self.codec, 'w')
        context.time_base, context.framerate = _TIME_BASE, VIDEO_FRAMES_PER_SECOND
        context.flags |= _PARAMETER_SETS_APART
        self.open(context)
        return context


ENCODERS: dict[str, type[PyAVEncoder]] = {'mjpeg': MJPEGEncoder, 'h264': H264Encoder}


class ContainerChunkWriter(ChunkWriter):
    """Writes one video in a container of FFmpeg's.

    Parameters
    ----------
    path : str
        Of the video; it is there once the writer is closed.
    encoder : PyAVEncoder
        Whose prepared frames it takes.
    """

    def __init__(self, path: str, encoder: PyAVEncoder) -> None:
        import av

        self._path, self._open_path, self._encoder = path, partial_path(path), encoder
        self._written, self._failed = 0, False
        self._tail: LastPacketWriter | None = None
        self._file: OrderedFile | None = None
        self._is_synced = False
        try:
            if path.endswith('.mp4'):
                self._tail, self._file = LastPacketWriter(self._open_path), OrderedFile(self._open_path)
            self._container: OutputContainer = open_output(
                self._file or self._open_path, options=_CONTAINER_OPTIONS[os.path.splitext(path)[1]])
            self._stream: Any = self._container.add_stream(encoder.codec, rate=VIDEO_FRAMES_PER_SECOND)
            encoder.open(self._stream.codec_context)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._end_tail()
            raise FrameWriteError(f'{path}: no {encoder.codec} video can be started: {error}', path=path) from error

    def write(self, prepared: Any) -> None:
        """Append a prepared frame."""
        import av

        try:
            self._encoder.write(prepared, self._written, self._stream, self._container, self._keep)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._failed = True
            raise FrameWriteError(f'{self._path}: the video could not be written: {error}', path=self._path) from error
        self._written += 1

    def _keep(self, packet: bytes) -> None:
        """Keep what an MP4 holds back; its parameter sets are in the header, which is not there before a frame is."""
        if self._tail is not None:
            self._tail.put(self._written, (self._stream.codec_context.extradata or b'') + packet)

    def _end_tail(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._tail is not None:
            self._tail.remove()

    def sync(self) -> None:
        """All that the container has written, and the frame that it holds back."""
        self._is_synced = True
        if self._file is not None:
            self._file.syncs = True
        if os.path.exists(self._open_path):  # it begins with the first frame's header, if not with the second
            sync(self._open_path)
        if self._tail is not None:
            self._tail.sync()

    def close(self, rate: Fraction | None = None) -> None:
        """Flush the encoder, finish the file, and have it say its rate."""
        import av

        try:
            with contextlib.closing(self._container):
                if not self._failed:  # FFmpeg crashes on a packet for a file whose header it could not write
                    self._container.mux(self._stream.encode(None))
            if rate is not None:
                with contextlib.suppress(OSError):  # a video of 25 frames a second has all its frames too
                    set_rate(self._open_path, rate)
            if self._is_synced:  # before the latest frame beside it goes
                sync(self._open_path)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be finished: {error}', path=self._path) from error
        finally:  # of a video that could not be finished, many frames can be read all the same
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
    """Writes one video in Matroska of our own.

    Parameters
    ----------
    path : str
        Of the video; it is there once the writer is closed.
    encoder : H264Encoder
        Whose prepared frames it takes.
    """

    def __init__(self, path: str, encoder: H264Encoder) -> None:
        import av

        self._path, self._open_path, self._encoder, self._written = path, partial_path(path), encoder, 0
        try:
            self._context: Any = encoder.new_context()
            self._configuration = configuration(self._context.extradata or b'')
            self._file = MatroskaFile(self._open_path, encoder.width, encoder.height, BT601)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{path}: no {encoder.codec} video can be started: {error}', path=path) from error

    def write(self, prepared: Any) -> None:
        """Append a prepared frame."""
        import av

        try:
            self._add(self._encoder.packets(prepared, self._written, self._context))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be written: {error}', path=self._path) from error
        self._written += 1

    def _add(self, packets: list[Any]) -> None:
        for packet in packets:
            self._file.add(length_prefixed(bytes(packet)), packet.is_keyframe, self._configuration)

    def sync(self) -> None:
        """All that was written."""
        self._file.sync()

    def close(self, rate: Fraction | None = None) -> None:
        """Finish the file."""
        try:
            with contextlib.closing(self._file):
                self._file.finish(rate or Fraction(VIDEO_FRAMES_PER_SECOND))
        except (OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be finished: {error}', path=self._path) from error
        finally:  # it has its frames all the same
            self._context = None
            os.replace(self._open_path, self._path)

    def discard(self) -> None:
        """Remove the video."""
        self._context = None
        self._file.close()
        remove_if_there(self._open_path)
        remove_if_there(self._path)
