"""A decoder's place in a video: it seeks, and decodes forward to a frame."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..._support.cpu import THREADS
from ...errors import FrameReadError
from .container_checks import MAX_PIXELS, WITHOUT_DECODING, unreadable_video
from .decoder import STRICT, CleanFrameQueue, decode, flush_packet, last_frames, wait_for_threads
from .frame_cache import FrameCache
from .frame_table import FrameTable, is_hidden, packets_of
from .h264 import has_several_slices, stated_reordering
from .mp4_tail import LastPacket
from .tracks import video_stream
from .video_frames import VideoFrames

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

_FRAME_THREADS = THREADS + 2  # some wait for the reference frames of others

_LEAST_PIXELS_IN_SLICES = 2**18  # less take no longer than to wake a thread
_AVI_CHUNK_HEADER = 8  # bytes before a packet; an AVI's index points to them


class VideoCursor:
    """A decoder of one video, and the frame it stands before.

    Parameters
    ----------
    video : VideoFrames
        The video.
    kept : FrameCache
        Takes the frames decoded between a keyframe and a requested frame.
    one_thread : bool
        Decode with one thread, as others use the other cores.
    """

    def __init__(self, video: VideoFrames, kept: FrameCache, one_thread: bool = False) -> None:
        self._video, self._kept = video, kept
        self._one_thread = one_thread
        self._container: InputContainer | None = None
        self._stream: Any = None
        self._tail = LastPacket(video.path)
        self._frames: Iterator[tuple[int, Any]] = iter(())
        self._has_slice_threads = self._must_verify = False
        self.next, self._next_packet, self._enough, self._touched = 0, -1, -1, False
        self.gap = range(0)
        """Frames that the last decoding forward skipped."""

    # --- the file

    @property
    def is_threaded(self) -> bool:
        """Whether the decoder has several threads."""
        return not self._one_thread

    @property
    def is_prompt(self) -> bool:
        """Whether each frame comes at once, as far as it is known.

        Frame threads take several frames to fill them.
        """
        context = self._stream.codec_context if self._stream else None
        return self._one_thread or self._has_slice_threads or not (context and context.is_open)

    def distance(self, index: int) -> int:
        """Return how many frames must be decoded for one of a video with a table."""
        table = self._video.table
        assert table is not None
        return index + 1 - (self.next if self.is_near(index) else table.group(index).start)

    def use_one_thread(self) -> None:
        """Open the file again, with one thread for decoding."""
        self._one_thread = True
        self.open()

    @property
    def stream(self) -> Any:
        """The video stream of the open file."""
        return self._stream

    @property
    def tail(self) -> LastPacket:
        """Last packets of the video, kept in separate files."""
        return self._tail

    def open(self) -> InputContainer:
        """Open the file, and stand before its first frame.

        Raises FrameReadError.
        """
        self.close()
        container = self._open_file()
        self._touched = False
        self._begin_at(0)
        return container

    def _open_file(self) -> InputContainer:
        import av

        try:
            self._tail = LastPacket(self._video.path)
            self._container = self._tail.open(self._video.path, self._video.pixels, WITHOUT_DECODING)
            if not _is_understood(self._container):
                self._container.close()
                self._container = self._tail.open(self._video.path, self._video.pixels)
            self._stream = video_stream(self._container)
            if self._stream.codec_context is None:
                raise IndexError('it is of an unknown codec')
            self._video.check_decoder(self._stream.codec_context)
        except FrameReadError:
            self.close()
            raise
        except (av.FFmpegError, OSError, IndexError) as error:
            self.close()
            why = getattr(error, 'strerror', None) or error
            raise unreadable_video(self._video.path, why) from error
        threads = 1 if self._one_thread else _FRAME_THREADS
        self._stream.thread_type, self._stream.codec_context.thread_count = 'FRAME', threads
        self._has_slice_threads = self._must_verify = False
        strict = STRICT if self._stream.codec_context.codec.intra_only else {}
        self._stream.codec_context.options = {**strict, MAX_PIXELS: str(self._video.pixels)}
        return self._container

    def close(self) -> None:
        """Close the file; the next read opens it again.

        This ends the decoder and its threads. Otherwise the garbage collector would do so, perhaps in a forked child,
        where it would wait forever for threads of the parent.
        """
        if self._container is not None:
            wait_for_threads(self._stream)
            self._container.close()
            self._container, self._stream, self._frames = None, None, iter(())

    def from_the_start(self) -> InputContainer:
        """Return the open file with no packet read, to read them all."""
        container = self.open() if self._container is None or self._touched else self._container
        self._touched = True
        return container

    def invalidate(self) -> None:
        """Make the next read seek, or start over."""
        self._frames, self.next, self._next_packet = iter(()), sys.maxsize, -1

    # --- frames

    def is_near(self, index: int) -> bool:
        """Return whether decoding from the current position is the shortest way."""
        if self._container is None:
            return False
        table = self._video.table
        if index < self.next or table is None or not self._video.seek:
            return index >= self.next
        return table.keyframe_rank(index) <= table.keyframe_rank(self.next)

    def decode_to(self, index: int) -> Any:
        """Decode to a frame, from a keyframe if needed; None if it is missing."""
        if self._container is None:
            self.open()
        for is_detour in self._seek_candidates(index):
            frame = self._forward_to(index, is_detour)
            if frame is not None:
                return frame
        return None

    def packet_of(self, index: int) -> Any:
        """Read the packet of a Motion JPEG frame; None if it is uncertain."""
        table = self._video.table
        if self._container is None or table is None or not self._video.seek or index >= len(table):
            return None
        if self._stream.codec_context.name != 'mjpeg':
            return None
        if index != self._next_packet:
            self._seek_to(table, index)
        self.next = sys.maxsize  # decoding cannot continue from here
        packet = next(self._packets(), None)
        self._next_packet = index + 1
        sure = packet is not None and packet.size and not packet.is_discard and packet.pts == table.pts[index]
        sure = sure and self._is_announced(table, packet) and not self._video.is_altered(index, packet)
        return packet if sure else None

    def count_by_decoding(self) -> int:
        """Count the frames up to the first damaged one."""
        self.use_one_thread()
        self._forward_to(sys.maxsize)
        return int(self._video.end)

    def _seek_candidates(self, index: int) -> Iterator[bool]:
        """Seek to starting points, the nearest first; yield whether it moved.

        Usually that is the keyframe before it. Some keyframes are not real ones, and after an intra refresh the
        decoder returns nothing at first. After its first frame, the decoder skips no decodable frame.
        """
        near, table = self.is_near(index), self._video.table
        if near:
            yield False
        if table is not None and self._video.seek:
            rank, step = table.keyframe_rank(index), 1
            while rank >= 0:
                begin = self._seek_to(table, int(table.keyframes[rank]))
                yield True
                if self.gap.start > begin:
                    return
                rank, step = rank - step, step * 2
        elif near:
            return
        self.open()
        yield True

    def _seek_to(self, table: FrameTable, index: int) -> int:
        import av

        assert self._container is not None
        try:
            self._container.seek(int(table.pts[index]), stream=self._stream)
        except av.FFmpegError:
            self.open()
            return 0
        return self._begin_at(index)

    def _begin_at(self, index: int) -> int:
        self._frames, self.next, self._next_packet = self._decode(), index, index
        return index

    def _forward_to(self, index: int, keep: bool = False) -> Any:
        """Decode forward to the frame; None if it is in a gap of skipped frames."""
        self._next_packet = -1
        self._enough = index + 1 if keep and self._ends_group(index) else -1
        for shown, frame in self._frames:
            if shown < self.next:
                continue
            self.gap, self.next = range(self.next, shown), shown + 1
            if keep:
                self._kept.put((self._video.path, shown), frame)
            if shown >= index:
                return frame if shown == index else None
        if self._video.table is None:
            self._video.end = self.next
        self.gap, self.next = range(self.next, int(self._video.end)), int(self._video.end)
        return None

    def _ends_group(self, index: int) -> bool:
        """Return whether a frame is the last of its group; none later is needed.

        False if all frames are keyframes.
        """
        table = self._video.table
        if table is None or self._one_thread or self._stream.codec_context.has_b_frames:
            return False
        rank = table.keyframe_rank(index)
        return table.keyframe_rank(index + 1) > rank >= 0 and table.keyframes[rank] < index

    # --- decoding

    def _decode(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the frames from the current position, with their indexes."""
        table = self._video.table
        try:
            yield from self._decode_and_count() if table is None else self._decode_by_times(table)
        except FrameReadError:
            self.close()
            raise

    def _decode_and_count(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield all frames up to the first damaged one: later indexes are unknown."""
        for packet in self._packets():
            frames, sound = decode(packet)
            for frame in itertools.takewhile(lambda frame: not frame.is_corrupt, frames):
                yield self.next, frame
            if not sound or any(frame.is_corrupt for frame in frames):
                return

    def _decode_by_times(self, table: FrameTable) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the frames from here; damage leaves a hole up to the next keyframe."""
        sound, queue, packets = True, CleanFrameQueue(), self._packets_needed(table)
        while (packet := next(packets, None)) is not None:
            if not sound:
                if not packet.is_keyframe:
                    continue
                packet, packets = self._with_new_decoder(table, packet, packets)
                if packet is None:
                    return
            if not self._is_announced(table, packet):
                return
            index = None if is_hidden(packet) else table.index_of(packet.pts)
            if index is not None:
                queue.announce(index)
            is_verified = self._video.is_verified(index)
            may_decode = self._may_decode(index, packet, is_verified)
            frames, sound = decode(packet, is_verified) if may_decode else (last_frames(packet), False)
            known = [(shown, frame) for frame in frames if (shown := table.index_of(frame.pts)) is not None]
            sound = all(itertools.starmap(queue.push, known)) and sound
            yield from queue.pop_clean()
            if not sound:
                self._stream.codec_context.flush_buffers()
                queue = CleanFrameQueue()
        yield from queue.flush()

    def _may_decode(self, index: int | None, packet: Any, is_verified: bool) -> bool:
        """Return whether the packet of a frame is intact as far as that is known.

        With slice threads it must be known: FFmpeg hides damage then. Slices of FFV1 have checksums.
        """
        if not packet.size:
            return True
        if self._video.is_altered(index, packet):
            return False
        context = self._stream.codec_context
        if not context.is_open and self._can_use_slice_threads(packet, is_verified):
            self._stream.thread_type, context.thread_count = 'SLICE', THREADS
            self._has_slice_threads, self._must_verify = True, context.name == 'h264'
        return not self._must_verify or is_verified

    def _can_use_slice_threads(self, packet: Any, is_verified: bool) -> bool:
        """Return whether to decode with slice threads, before the first packet.

        A seek empties frame threads, and only the second frame fills them again.
        """
        context = self._stream.codec_context
        if self._one_thread or context.width * context.height < _LEAST_PIXELS_IN_SLICES:
            return False
        if context.name == 'h264':
            return is_verified and has_several_slices(bytes(packet), bytes(context.extradata or b''))
        return bool(context.name == 'ffv1')

    def _with_new_decoder(self, table: FrameTable, packet: Any, packets: Iterator[Any]) -> tuple[Any, Iterator[Any]]:
        """Return a keyframe after damage and the later packets, for a new decoder.

        FFmpeg's decoder of H.264 keeps slices of a damaged frame, though it was flushed, and puts them into the next.
        """
        import av

        time = packet.pts
        if self._stream.codec_context.name != 'h264' or time is None:
            return packet, packets
        assert self._container is not None
        wait_for_threads(self._stream)
        self._container.close()
        container = self._open_file()
        if self._video.seek:
            with contextlib.suppress(av.FFmpegError):
                container.seek(time, stream=self._stream)
        packets = itertools.dropwhile(lambda packet: packet.pts != time, self._packets_needed(table))
        return next(packets, None), packets

    def _is_announced(self, table: FrameTable, packet: Any) -> bool:
        """Return whether the packet is where the container's index says."""
        index = table.index_of(packet.pts)
        if table.positions is None or not packet.size or (index is None and not table.reordered):
            return True
        is_there = index is not None and packet.pos - int(table.positions[index]) in (0, _AVI_CHUNK_HEADER)
        self._video.table_is_wrong |= not is_there if table.reordered else packet.pts != packet.dts
        return is_there and not self._video.table_is_wrong

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
            raise FrameReadError(
                f'{self._video.path} cannot be read further: {error}', path=self._video.path
            ) from error


def _is_understood(container: InputContainer) -> bool:
    """Return whether a container says enough about its video without decoding.

    Otherwise FFmpeg learns the order of frames in H.264 from its first ones. MP4 has both times of reordered frames.
    """
    stream = video_stream(container)
    context = stream.codec_context
    if context is None or not stream.average_rate:
        return False
    reordered = stated_reordering(bytes(context.extradata or b'')) if context.name == 'h264' else None
    return context.codec.intra_only or reordered == 0 or (reordered is not None and context.has_b_frames)
