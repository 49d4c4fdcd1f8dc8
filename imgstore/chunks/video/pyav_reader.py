"""Reading videos with PyAV (FFmpeg's libraries)."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..._support.cpu import THREADS
from ...errors import FrameReadError
from ..base import Image, VideoReader
from .container_checks import MAX_PIXELS, NO_PIXEL_LIMIT, unreadable_video
from .decoder import STRICT, CleanFrameQueue, decode, decode_intra, flush_packet
from .frame_cache import FrameCache
from .frame_table import FrameTable, is_hidden, packets_of, table_from_container_index, table_from_packets
from .mp4_tail import LastPacket
from .pixels import FrameConverter
from .tracks import video_stream

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

_DECODERS = THREADS + 2  # some wait for the reference frames of others

_AVI_CHUNK_HEADER = 8  # bytes before a packet; an AVI's index points to them


class PyAVChunkReader(VideoReader):
    """Reader of any video supported by FFmpeg.

    Frames are identified by presentation time.

    Parameters
    ----------
    path : str
        Path of the video.
    color : bool
        Return images of shape (h, w, 3).
    seek : bool
        False: only decode forward.
    frames : int, optional
        Expected number of frames.
    kept : FrameCache, optional
        Cache for frames decoded between a keyframe and a requested frame.
    pixels : int
        Maximum pixels of a frame; larger ones are considered damaged.
    """

    def __init__(
        self,
        path: str,
        color: bool,
        seek: bool = True,
        frames: int | None = None,
        kept: FrameCache | None = None,
        pixels: int = NO_PIXEL_LIMIT,
    ) -> None:
        self._pixels = pixels
        self._path, self._seek, self._announced = path, seek, frames
        self._images = FrameConverter(color)
        self._kept = kept or FrameCache(0)
        self._decoders = _DECODERS
        self._container: InputContainer | None = None
        self._stream: Any = None
        self._next_packet, self._enough, self._touched = -1, -1, False
        self._frames: Iterator[tuple[int, Any]] = iter(())
        self._open()
        try:
            self._set_table(table_from_container_index(self._stream, self._announced))
            if self._table is None:
                self._learn_from_packets()
        except BaseException:
            self.close()
            raise

    # --- the file

    def _open(self) -> InputContainer:
        import av

        self.close()
        try:
            self._tail = LastPacket(self._path)
            self._container = self._tail.open(self._path, self._pixels)
            self._stream = video_stream(self._container)
            if self._stream.codec_context is None:
                raise IndexError('it is of an unknown codec')
        except FrameReadError:
            self.close()
            raise
        except (av.FFmpegError, OSError, IndexError) as error:
            self.close()
            why = getattr(error, 'strerror', None) or error
            raise unreadable_video(self._path, why) from error
        self._stream.thread_type, self._stream.codec_context.thread_count = 'FRAME', self._decoders
        strict = STRICT if self._stream.codec_context.codec.intra_only else {}
        self._stream.codec_context.options = {**strict, MAX_PIXELS: str(self._pixels)}
        self._touched = False
        self._begin_at(0)
        return self._container

    def close(self) -> None:
        """Close the file; the next read opens it again.

        This ends the decoder and its threads. Otherwise the garbage collector would do so, perhaps in a forked child,
        where it would wait forever for threads of the parent.
        """
        if self._container is not None:
            self._container.close()
            self._container, self._stream, self._frames = None, None, iter(())
        self._images.close()

    def _from_the_start(self) -> InputContainer:
        """Return the open file, with no packet read yet."""
        return self._open() if self._container is None or self._touched else self._container

    def _invalidate(self) -> None:
        """Make the next read seek, or start over."""
        self._frames, self._next, self._next_packet = iter(()), sys.maxsize, -1

    def _set_table(self, table: FrameTable | None) -> None:
        self._table, self._table_is_wrong = table, False
        self._end: float = math.inf if table is None else len(table)
        self._missing: set[int] = set()

    def _learn_from_packets(self) -> None:
        """Build the table from the packets, if the index does not suffice."""
        container, self._touched = self._from_the_start(), True
        self._set_table(table_from_packets(container, self._stream, self._tail, self._announced))
        self._invalidate()

    def count(self) -> int:
        """Count the frames by packets, or by decoding without display times."""
        container, self._touched = self._from_the_start(), True
        table = table_from_packets(container, self._stream, self._tail, self._announced)
        self._invalidate()
        if table is None:
            self._decoders = 1
            self._open()
            self._forward_to(sys.maxsize)
        return int(self._end) if table is None else len(table) - table.missing

    # --- frames

    def read(self, index: int) -> Image:
        """Decode one frame, from the keyframe before it if needed."""
        return self._images.to_array(self._frame(index))

    def is_interlaced(self, index: int) -> bool:
        """Return whether a frame is interlaced; FrameReadError."""
        return bool(self._frame(index).interlaced_frame)

    def read_deferred(self, index: int) -> Callable[[], Image]:
        """Read the packet of a Motion JPEG frame for decoding later.

        Decode any other frame now.
        """
        packet = self._packet(index)
        if packet is not None:
            return lambda: self._images.to_array(decode_intra(packet))
        frame = self._frame(index)
        return lambda: self._images.to_array(frame)

    def _packet(self, index: int) -> Any:
        """Read the packet of a Motion JPEG frame; None if it is uncertain."""
        table = self._table
        if self._container is None or table is None or not self._seek or index >= len(table):
            return None
        if self._stream.codec_context.name != 'mjpeg':
            return None
        if index != self._next_packet:
            self._seek_to(table, index)
        self._next = sys.maxsize  # decoding cannot continue from here
        packet = next(self._packets(), None)
        self._next_packet = index + 1
        sure = packet is not None and packet.size and not packet.is_discard and packet.pts == table.pts[index]
        return packet if sure and self._is_announced(table, packet) else None

    def _frame(self, index: int) -> Any:
        """Return a PyAV frame; FrameReadError."""
        if self._container is None:
            self._open()
        frame = self._find(index)
        if frame is None and self._table_is_wrong:
            self._learn_from_packets()
            frame = self._find(index)
        if frame is None and index >= self._end:
            raise FrameReadError(f'{self._path} has only {self._end} readable frames', path=self._path)
        if frame is None:
            raise FrameReadError(f'{self._path}: the frame is missing or damaged', path=self._path)
        return frame

    def _find(self, index: int) -> Any:
        if index >= self._end or index in self._missing:
            return None
        kept = self._kept.get((self._path, index))
        if kept is not None:
            return kept
        frame = self._decode_to(index)
        if frame is None and self._decoders > 1 and not self._table_is_wrong:
            self._decoders = 1  # with several, an error in one discards finished frames of others
            self._set_table(self._table)
            self._open()
            frame = self._decode_to(index)
        if frame is None and self._table is not None:
            self._missing.update(set(self._table.group(index)) & set(self._gap))
        return frame

    def _decode_to(self, index: int) -> Any:
        for is_detour in self._seek_candidates(index):
            frame = self._forward_to(index, is_detour)
            if frame is not None:
                return frame
        return None

    def _seek_candidates(self, index: int) -> Iterator[bool]:
        """Seek to starting points, the nearest first; yield whether it moved.

        Usually that is the keyframe before it. Some keyframes are not real ones, and after an intra refresh the
        decoder returns nothing at first. After its first frame, the decoder skips no decodable frame.
        """
        near = self._is_near(index)
        if near:
            yield False
        if self._table is not None and self._seek:
            rank, step = self._table.keyframe_rank(index), 1
            while rank >= 0:
                begin = self._seek_to(self._table, int(self._table.keyframes[rank]))
                yield True
                if self._gap.start > begin:
                    return
                rank, step = rank - step, step * 2
        elif near:
            return
        self._open()
        yield True

    def _is_near(self, index: int) -> bool:
        """Return whether decoding from the current position is the shortest way."""
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
        self._frames, self._next, self._next_packet = self._decode(), index, index
        return index

    def _forward_to(self, index: int, keep: bool = False) -> Any:
        """Decode forward to the frame; None if it is in a gap of skipped frames."""
        self._next_packet = -1
        self._enough = index + 1 if keep and self._ends_group(index) else -1
        for shown, frame in self._frames:
            if shown < self._next:
                continue
            self._gap, self._next = range(self._next, shown), shown + 1
            if keep:
                self._kept.put((self._path, shown), frame)
            if shown >= index:
                return frame if shown == index else None
        if self._table is None:
            self._end = self._next
        self._gap, self._next = range(self._next, int(self._end)), int(self._end)
        return None

    def _ends_group(self, index: int) -> bool:
        """Return whether a frame is the last of its group; none later is needed.

        False if all frames are keyframes.
        """
        table = self._table
        if table is None or self._decoders == 1 or self._stream.codec_context.has_b_frames:
            return False
        rank = table.keyframe_rank(index)
        return table.keyframe_rank(index + 1) > rank >= 0 and table.keyframes[rank] < index

    def _decode(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the frames from the current position, with their indexes."""
        try:
            yield from self._decode_and_count() if self._table is None else self._decode_by_times(self._table)
        except FrameReadError:
            self.close()
            raise

    def _decode_and_count(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield all frames up to the first damaged one: later indexes are unknown."""
        for packet in self._packets():
            frames, sound = decode(packet)
            for frame in itertools.takewhile(lambda frame: not frame.is_corrupt, frames):
                yield self._next, frame
            if not sound or any(frame.is_corrupt for frame in frames):
                return

    def _decode_by_times(self, table: FrameTable) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the frames from here; damage leaves a hole up to the next keyframe."""
        sound, queue = True, CleanFrameQueue()
        for packet in self._packets_needed(table):
            if not (sound or packet.is_keyframe):
                continue
            if not self._is_announced(table, packet):
                return
            index = None if is_hidden(packet) else table.index_of(packet.pts)
            if index is not None:
                queue.announce(index)
            frames, sound = decode(packet)
            known = [(shown, frame) for frame in frames if (shown := table.index_of(frame.pts)) is not None]
            sound = all(itertools.starmap(queue.push, known)) and sound
            yield from queue.pop_clean()
            if not sound:
                self._stream.codec_context.flush_buffers()
                queue = CleanFrameQueue()
        yield from queue.flush()

    def _is_announced(self, table: FrameTable, packet: Any) -> bool:
        """Return whether the packet is where the container's index says."""
        index = table.index_of(packet.pts)
        if table.positions is None or not packet.size or index is None:
            return True
        self._table_is_wrong |= packet.pts != packet.dts
        return not self._table_is_wrong and packet.pos - int(table.positions[index]) in (0, _AVI_CHUNK_HEADER)

    def _packets_needed(self, table: FrameTable) -> Iterator[Any]:
        """Yield the packets from here, and a flush packet as soon as they suffice."""
        for packet in self._packets():
            if packet.is_keyframe and not packet.is_discard and table.index_of(packet.pts) == self._enough:
                yield flush_packet(self._stream)
                return
            yield packet

    def _packets(self) -> Iterator[Any]:
        import av

        assert self._container is not None
        self._touched = True
        try:
            yield from packets_of(self._container, self._stream, self._tail)
        except av.FFmpegError as error:
            self.close()
            raise FrameReadError(f'{self._path} cannot be read further: {error}', path=self._path) from error
