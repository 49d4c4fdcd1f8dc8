"""A chunk that is a video file, through PyAV (FFmpeg's libraries)."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from .._files import aside, remove_if_there
from ..color import ensure_color, ensure_grayscale
from ..errors import FrameReadError, FrameWriteError
from ..formats import VIDEO_FRAMES_PER_SECOND
from .base import ChunkWriter, Image, VideoReader
from .packets import FrameTable, table_from_container_index, table_from_packets

if TYPE_CHECKING:
    import av
    from av.container import InputContainer, OutputContainer

_CONTAINER_OPTIONS = {
    # what a killed process leaves can be read: https://ffmpeg.org/ffmpeg-formats.html#Fragmentation
    '.mp4': {'movflags': 'hybrid_fragmented', 'flush_packets': '1'},
    '.mkv': {'flush_packets': '1'},
    '.avi': {'flush_packets': '1'},
}
# without B-frames a frame is on disk soon after it was given; this is as good as x264's 'medium' at crf 23 with them
_H264 = {'preset': 'fast', 'crf': '20', 'bf': '0', 'rc-lookahead': '5', 'forced-idr': '1'}
_MJPEG_QUANTISER = 3
# so a damaged image is an error; other codecs mark it, and take a start at an open GOP for damage if they are strict
_STRICT = {'err_detect': 'explode'}


# --- writing -------------------------------------------------------------------------------------------------------

class PyAVChunkWriter(ChunkWriter):
    """Writes H.264 by libx264, or Motion JPEG.

    Parameters
    ----------
    path : str
        Of the video; it is there once the writer is closed.
    codec : str
        'h264' or 'mjpeg'.
    shape : tuple of int
        Of the images, (h, w) or (h, w, 3), both sides even.
    """

    def __init__(self, path: str, codec: str, shape: tuple[int, ...]) -> None:
        import av

        self._path, self._open_path = path, aside(path)
        self._pixel_format = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        self._written = 0
        try:
            self._container: OutputContainer = av.open(
                self._open_path, 'w', options=_CONTAINER_OPTIONS[os.path.splitext(path)[1]])
            self._stream = _add_stream(self._container, codec, shape, self._pixel_format)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{path}: no {codec} video can be started: {error}') from error

    def write(self, image: Image, index: int) -> None:
        """Encode a frame and hand on what the encoder has ready."""
        import av

        frame: Any = av.VideoFrame.from_ndarray(np.ascontiguousarray(ensure_color(image)), format='bgr24')
        try:
            frame = frame.reformat(format=self._pixel_format, interpolation='BICUBIC')
            frame.pts, frame.time_base = self._written, Fraction(1, VIDEO_FRAMES_PER_SECOND)
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be written: {error}') from error
        self._written += 1

    def close(self, kept: Sequence[int]) -> None:
        """Flush the encoder and finish the file."""
        import av

        try:
            if self._written:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameWriteError(f'{self._path}: the video could not be finished: {error}') from error
        finally:  # of a video that could not be finished, many frames can be read all the same
            os.replace(self._open_path, self._path)

    def discard(self) -> None:
        """Remove the video."""
        with contextlib.suppress(Exception):
            self._container.close()
        remove_if_there(self._open_path)
        remove_if_there(self._path)


def _add_stream(container: OutputContainer, codec: str, shape: tuple[int, ...], pixel_format: str) -> Any:
    stream: Any = container.add_stream('mjpeg' if codec == 'mjpeg' else 'libx264', rate=VIDEO_FRAMES_PER_SECOND)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = pixel_format
    context = stream.codec_context
    if codec == 'mjpeg':
        context.color_range = 2
        context.qmin = context.qmax = _MJPEG_QUANTISER
        context.thread_count = 1  # slice threads cost the optimal Huffman tables, 6 % of the size
    else:
        context.options = _H264
    return stream


# --- reading -------------------------------------------------------------------------------------------------------

class PyAVChunkReader(VideoReader):
    """Reads the frames of any video that FFmpeg decodes, each known by its presentation time.

    Parameters
    ----------
    path : str
        Of the video.
    color : bool
        Whether images come back as (h, w, 3).
    seek : bool
        False: only ever decode forward.
    """

    def __init__(self, path: str, color: bool, seek: bool = True) -> None:
        self._path, self._color, self._seek = path, color, seek
        self._container: InputContainer | None = None
        self._open()
        self._learn(table_from_container_index(self._stream), may_lie=True)
        if self._table is None:
            self._learn_from_packets()

    # --- the file

    def _open(self) -> None:
        import av

        self.close()
        try:
            self._container = av.open(self._path)
            self._stream = self._container.streams.video[0]
        except (av.FFmpegError, OSError, IndexError) as error:
            self.close()
            raise FrameReadError(f'{self._path} cannot be read as video: {error}') from error
        self._stream.thread_type = 'NONE'
        if self._stream.codec_context.codec.intra_only:
            self._stream.codec_context.options = _STRICT
        self._begin_at(0)

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _learn(self, table: FrameTable | None, may_lie: bool) -> None:
        self._table, self._table_may_lie = table, may_lie
        self._end: float = math.inf if table is None else len(table)
        self._missing: set[int] = set()

    def _learn_from_packets(self) -> None:
        """Learn the frames from the packets, where the container's own index does not tell."""
        self._open()
        self._learn(table_from_packets(self._container, self._stream), may_lie=False)
        self._open()

    def count(self) -> int:
        """Number of frames, by counting what decodes if the packets do not tell."""
        if self._end == math.inf:
            self._open()
            self._forward_to(sys.maxsize)
        return int(self._end)

    # --- frames

    def read(self, index: int) -> Image:
        """Decode one frame, from the keyframe before it if need be."""
        if self._container is None:
            self._open()
        frame = self._find(index)
        if frame is None and self._table_may_lie:
            self._learn_from_packets()
            frame = self._find(index)
        if frame is None and index >= self._end:
            raise FrameReadError(f'{self._path} has only {self._end} frames that can be read')
        if frame is None:
            raise FrameReadError(f'{self._path}: the frame is missing or damaged')
        return _color(frame) if self._color else _gray(frame)

    def _find(self, index: int) -> Any:
        if index >= self._end or index in self._missing:
            return None
        for _ in self._ways_to(index):
            frame = self._forward_to(index)
            if frame is not None:
                return frame
        if self._table is not None:
            self._missing.update(set(self._table.group(index)) & set(self._gap))
        return None

    def _ways_to(self, index: int) -> Iterator[None]:
        """Go to where decoding leads to the frame, the nearest place first.

        That is mostly the keyframe before it. Some keyframes are none in truth, and behind an intra refresh the
        decoder gives nothing at first; but once it gave a frame, it does not leave out any that it could give.
        """
        near = self._is_near(index)
        if near:
            yield
        if self._table is not None and self._seek:
            rank, step = self._table.keyframe_rank(index), 1
            while rank >= 0:
                begin = self._seek_to(self._table, int(self._table.keyframes[rank]))
                yield
                if self._gap.start > begin:
                    return
                rank, step = rank - step, step * 2
        elif near:
            return
        self._open()
        yield

    def _is_near(self, index: int) -> bool:
        """Whether decoding on from here is the shortest way."""
        if index < self._next or self._table is None or not self._seek:
            return index >= self._next
        return self._table.keyframe_rank(index) <= self._table.keyframe_rank(self._next)

    def _seek_to(self, table: FrameTable, index: int) -> int:
        import av

        assert self._container is not None
        try:
            self._container.seek(int(table.pts[index]), stream=self._stream)
        except av.FFmpegError:
            self._open()
            return 0
        return self._begin_at(index)

    def _begin_at(self, index: int) -> int:
        self._frames, self._next = self._decode(), index
        return index

    def _forward_to(self, index: int) -> Any:
        """Decode on to the frame; None if it does not come: then it is in the gap of frames that were passed over."""
        for frame in self._frames:
            shown = self._next if self._table is None else self._table.index_of(frame.pts)
            if shown is None or shown < self._next:
                continue
            self._gap, self._next = range(self._next, shown), shown + 1
            if shown >= index:
                return frame if shown == index else None
        if self._table is None:
            self._end = self._next
        self._gap, self._next = range(self._next, int(self._end)), int(self._end)
        return None

    def _decode(self) -> Iterator[av.VideoFrame]:
        """The frames from here on; what does not decode leaves a hole up to the next keyframe."""
        assert self._container is not None
        sound, queue = True, _Untainted()
        for packet in self._packets(self._container):
            if not (sound or packet.is_keyframe):
                continue
            if self._table_may_lie and packet.size and packet.pts != packet.dts:
                return
            if self._table is not None and packet.size and not packet.is_discard:
                queue.expect(packet.pts)
            frames, sound = _decoded(packet)
            sound = all(map(queue.put, frames)) and sound
            yield from queue.ready()
            if not sound:
                self._stream.codec_context.flush_buffers()
                queue = _Untainted()
                if self._table is None:  # who only counts must not go on behind a hole
                    return
        yield from queue.rest()

    def _packets(self, container: InputContainer) -> Iterator[Any]:
        import av

        try:
            yield from container.demux(self._stream)
        except av.FFmpegError as error:
            self.close()
            raise FrameReadError(f'{self._path} cannot be read on: {error}') from error


def _decoded(packet: Any) -> tuple[list[Any], bool]:
    """The frames that the decoder gives for a packet, and whether it took it well; if not, they are its last."""
    import av

    try:
        return packet.decode(), not packet.is_corrupt
    except av.FFmpegError:
        with contextlib.suppress(av.FFmpegError):
            return packet.stream.codec_context.decode(None), False
        return [], False


class _Untainted:
    """Holds a frame back until all that was decoded before it is known to be whole, for it may be made from that.

    Some of it is shown later, and the decoder tells of damage only then, or leaves a frame out and says nothing.
    """

    def __init__(self) -> None:
        self._sent = 0
        self._owed: dict[int, int] = {}
        self._shown = math.inf
        self._held: list[tuple[int, Any]] = []

    def expect(self, pts: int) -> None:
        """The next packet that goes to the decoder is of the frame shown at that time."""
        self._sent += 1
        self._owed[pts] = self._sent

    def put(self, frame: Any) -> bool:
        """Take a frame, in the order of showing; False if it or one before it is damaged: no more can be taken."""
        order = self._owed.get(frame.pts, 0)
        damaged = [other for pts, other in self._owed.items() if self._shown < pts < frame.pts]
        if frame.is_corrupt:
            damaged.append(order)
        self._owed = {pts: other for pts, other in self._owed.items() if pts > frame.pts}
        self._shown = frame.pts
        self._held.append((order, frame))
        if damaged:
            self._owed.clear()
            self._held = [held for held in self._held if held[0] < min(damaged)]
        return not damaged

    def ready(self) -> Iterator[Any]:
        """The frames that nothing is missing for."""
        while self._held and all(order > self._held[0][0] for order in self._owed.values()):
            yield self._held.pop(0)[1]

    def rest(self) -> Iterator[Any]:
        """The frames that are left at the end."""
        return (frame for _, frame in self._held)


# --- pixels --------------------------------------------------------------------------------------------------------

def _color(frame: Any) -> Image:
    """The frame in BGR, by the interpolation of colours that OpenCV has."""
    return cast(Image, frame.to_ndarray(format='bgr24', interpolation='BICUBIC'))


_LUMA_FIRST = frozenset(f'yuv{j}{sampling}p' for j in ('', 'j') for sampling in ('420', '422', '444'))
_NEUTRAL = (126, 130)
"""Chroma in this range cannot drive a colour out of 0…255, so the gray of the colours is the luma."""


def _gray(frame: Any) -> Image:
    """The frame in gray, as converting its colours would give it: mostly the luma plane alone tells."""
    name = frame.format.name
    if name in _LUMA_FIRST and all(_is_neutral(_plane(plane)) for plane in frame.planes[1:]):
        levels = _gray_levels(name, int(frame.color_range), int(frame.colorspace))
        return levels[_plane(frame.planes[0])]
    return ensure_grayscale(_color(frame))


def _plane(plane: Any) -> Image:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[:plane.height, :plane.width]


def _is_neutral(chroma: Image) -> bool:
    return bool(chroma.min() >= _NEUTRAL[0] and chroma.max() <= _NEUTRAL[1])


@lru_cache
def _gray_levels(pixel_format: str, color_range: int, colorspace: int) -> npt.NDArray[np.uint8]:
    """What gray each luma value becomes, asked of the conversion that colours go through."""
    import av

    ramp = np.full((2 * 3, 256), 128, np.uint8)
    ramp[:2] = np.arange(256)
    frame: Any = av.VideoFrame(256, 2, pixel_format)
    frame.color_range, frame.colorspace = color_range, colorspace
    for plane, value in zip(frame.planes, (ramp[:2], ramp[2:], ramp[2:]), strict=True):
        rows = np.full((plane.height, plane.line_size), 128, np.uint8)
        rows[:, :plane.width] = value[:plane.height, :plane.width]
        plane.update(rows)
    return np.ascontiguousarray(frame.to_ndarray(format='bgr24')[0, :, 1])
