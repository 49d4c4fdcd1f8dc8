"""Writers of videos by PyAV (FFmpeg's libraries), one per container."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from ..._support.syncing import sync
from ...errors import FrameWriteError
from ...formats import VIDEO_FRAMES_PER_SECOND
from ...ondisk.checksums import UNKNOWN, checksum_of
from ...ondisk.files import partial_path, remove_if_there
from ..base import ChunkWriter
from .coded_streams import CodedStream
from .container_checks import open_output
from .container_rate import set_rate
from .matroska import MatroskaFile, MatroskaTrack
from .mp4_tail import LastPacketWriter, last_packet_paths, remove_last_packet, rename_last_packet
from .ordered_file import OrderedFile

if TYPE_CHECKING:
    from av.container import OutputContainer

Keep = Callable[[bytes], None]

_CONTAINER_OPTIONS = {
    # so that the file of a killed process is readable: https://ffmpeg.org/ffmpeg-formats.html#Fragmentation
    '.mp4': {'movflags': 'hybrid_fragmented+frag_every_frame', 'flush_packets': '1'},
    '.avi': {'flush_packets': '1'},
}


class ContainerEncoder(Protocol):
    """An encoder of frames for a container of FFmpeg.

    Attributes
    ----------
    codec : str
        FFmpeg's name of the encoder.
    stream : CodedStream
        Kind of its stream, for MP4.
    """

    codec: str
    stream: CodedStream

    def open(self, context: Any) -> None:
        """Open the encoder of a stream."""

    def write(self, prepared: Any, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Pass the packet of a prepared frame to ``keep``, then to the container."""


class ContainerChunkWriter(ChunkWriter):
    """Writer of one video in a container of FFmpeg.

    Parameters
    ----------
    path : str
        Path of the closed video.
    encoder : ContainerEncoder
        Encoder of the frames.
    """

    def __init__(self, path: str, encoder: ContainerEncoder) -> None:
        import av

        super().__init__()
        self._path, self._open_path, self._encoder = path, partial_path(path), encoder
        self._written, self._failed, self._checksum, self._whole = 0, False, UNKNOWN, 0
        self._tail: LastPacketWriter | None = None
        self._file: OrderedFile | None = None
        self._is_synced = False
        try:
            if path.endswith('.mp4'):
                self._tail, self._file = LastPacketWriter(self._open_path), OrderedFile(self._open_path)
                self.unsettled = len(last_packet_paths(path))
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
            self._check_written()
        except (av.FFmpegError, OSError, ValueError) as error:
            self._failed = True
            raise FrameWriteError(f'{self._path}: the video could not be written: {error}', path=self._path) from error
        self._written += 1
        return self._checksum

    def _check_written(self) -> None:
        """Raise OSError if the file could not be written.

        FFmpeg does not say so of our own file.
        """
        if self._file is not None:
            self._file.check()
        else:
            with contextlib.suppress(OSError):
                self._whole = os.path.getsize(self._open_path)

    def _keep(self, packet: bytes) -> None:
        """Keep the packet held back by an MP4, with parameter sets.

        The first frame has no header yet.
        """
        if self._tail is not None:
            kind = self._encoder.stream
            self._checksum = checksum_of((kind.in_mp4(packet),))
            before = self._stream.codec_context.extradata or b''
            self._tail.put(self._written, before + packet)

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
            self._check_written()
            if rate is not None:
                with contextlib.suppress(OSError):  # with 25 frames per second the video is complete, too
                    set_rate(self._open_path, rate)
            if self._is_synced:  # before removing the separate file of the last frame
                sync(self._open_path)
            os.replace(self._open_path, self._path)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be finished: {error}', path=self._path) from error
        self._end_tail()

    def leave(self) -> None:
        """Close the file without its end, and leave the frame held back by it."""
        if self._file is not None:
            self._file.fail(OSError('the video is left as it is'))
        with contextlib.suppress(Exception):
            self._container.close()
        if self._file is not None and self._tail is not None:
            self._file.close()
            self._tail.leave(self._written)
        else:
            with contextlib.suppress(OSError):
                os.truncate(self._open_path, self._whole)

    def keep(self) -> None:
        """Rename the unfinished video, which still has many readable frames."""
        if self._file is not None and self._tail is not None:
            self._file.close()
            self._tail.leave(self._written)
        with contextlib.suppress(OSError):
            os.replace(self._open_path, self._path)
            rename_last_packet(self._open_path, self._path)

    def discard(self) -> None:
        """Remove the video."""
        with contextlib.suppress(Exception):
            self._container.close()
        self._end_tail()
        remove_last_packet(self._path)
        remove_if_there(self._open_path)
        remove_if_there(self._path)


class MatroskaEncoder(Protocol):
    """An encoder of frames for our own Matroska muxer."""

    codec: str
    width: int
    height: int
    gives_packets: bool

    @property
    def track(self) -> MatroskaTrack:
        """Kind of the track."""

    def new_context(self) -> Any:
        """Return an encoder without a container."""

    def codec_private(self, context: Any) -> bytes:
        """Return what a decoder needs besides the packets."""

    def stored(self, content: Any, position: int, context: Any) -> list[tuple[bytes, bool]]:
        """Return the packets of a prepared frame, and whether each is a keyframe."""


class MatroskaChunkWriter(ChunkWriter):
    """Writer of one video with our own Matroska muxer.

    Parameters
    ----------
    path : str
        Path of the closed video.
    encoder : MatroskaEncoder
        Encoder of the frames.
    """

    def __init__(self, path: str, encoder: MatroskaEncoder) -> None:
        import av

        super().__init__()
        self._path, self._open_path, self._encoder, self._written = path, partial_path(path), encoder, 0
        try:
            self._context: Any = encoder.new_context()
            self._private = encoder.codec_private(self._context)
            self._file = MatroskaFile(self._open_path, encoder.width, encoder.height, encoder.track)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{path}: no {encoder.codec} video can be started: {error}', path=path) from error

    def store(self, content: Any) -> int:
        """Append a prepared frame."""
        import av

        try:
            checksum = self._add(self._encoder.stored(content, self._written, self._context))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be written: {error}', path=self._path) from error
        self._written += 1
        return checksum

    def _add(self, packets: list[tuple[bytes, bool]]) -> int:
        """Write the only packet of a frame.

        Return its checksum, if it is not known yet.
        """
        checksum = UNKNOWN
        for data, is_keyframe in packets:
            self._file.add(data, is_keyframe, self._private)
            checksum = UNKNOWN if self._encoder.gives_packets else checksum_of((data,))
        return checksum

    def sync(self) -> None:
        """Sync all written frames to the disk."""
        self._file.sync()

    def close(self, rate: Fraction | None = None) -> None:
        """Finish the file."""
        try:
            with contextlib.closing(self._file):
                self._file.finish(rate or Fraction(VIDEO_FRAMES_PER_SECOND))
            os.replace(self._open_path, self._path)
        except (OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be finished: {error}', path=self._path) from error
        finally:
            self._context = None

    def leave(self) -> None:
        """Close the file without its end."""
        self._context = None
        self._file.close()

    def keep(self) -> None:
        """Rename the unfinished video; the frames are there even then."""
        with contextlib.suppress(OSError):
            os.replace(self._open_path, self._path)

    def discard(self) -> None:
        """Remove the video."""
        self._context = None
        self._file.close()
        remove_if_there(self._open_path)
        remove_if_there(self._path)
