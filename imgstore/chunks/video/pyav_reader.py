"""Reading videos with PyAV (FFmpeg's libraries)."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..._support.cpu import THREADS
from ...errors import FrameReadError
from ...ondisk.checksums import ChunkChecksums
from ...remote.urls import is_url
from ..base import SHORT_GROUP, Image, VideoReader
from .container_checks import NO_PIXEL_LIMIT
from .cues import table_from_cues
from .cursor import VideoCursor
from .decoder import decode_intra
from .frame_cache import FrameCache
from .frame_table import FrameTable, table_from_container_index, table_from_packets
from .open_tables import forget_table, table_of_open
from .pixels import FrameConverter
from .scanned_tables import scanned_table
from .video_frames import VideoFrames

_FEW = 6  # frames: one thread has decoded them before several are full
_MOST_SHARE = 1.25 / THREADS  # of the frames in one group: frame threads lose about as much


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
    one_thread : bool
        Decode with one thread, as other readers use the other cores.
    images : FrameConverter, optional
        Converter that other readers use, too.
    checksums : ChunkChecksums, optional
        Checksums of the packets, to verify each before it is decoded.
    """

    def __init__(
        self,
        path: str,
        color: bool,
        seek: bool = True,
        frames: int | None = None,
        kept: FrameCache | None = None,
        pixels: int = NO_PIXEL_LIMIT,
        one_thread: bool = False,
        images: FrameConverter | None = None,
        checksums: ChunkChecksums | None = None,
    ) -> None:
        self._video = VideoFrames(path, frames, seek, pixels, checksums)
        self._shares_images, self._images = images is not None, images or FrameConverter(color)
        self._kept = kept or FrameCache(0)
        self._cursor = VideoCursor(self._video, self._kept, one_thread)
        self._jumper = VideoCursor(self._video, self._kept, one_thread=True)
        self._latest, self._in_a_row = -1, 0
        self._scanned: FrameTable | None = None
        try:
            self._cursor.open()
            self._video.set_table(table_from_container_index(self._cursor.stream, frames))
            if self._video.table is None:
                self._learn_from_packets()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        self._cursor.close()
        self._jumper.close()
        if not self._shares_images:
            self._images.close()

    def another(self) -> PyAVChunkReader:
        """Return a reader of the same frames for another thread, decoding with one."""
        other = copy.copy(self)
        other._video = replace(self._video, missing=set(self._video.missing))
        other._kept, other._shares_images = FrameCache(0), True
        other._cursor = other._jumper = VideoCursor(other._video, other._kept, one_thread=True)
        return other

    def _learn_from_packets(self) -> None:
        """Build the table from the packets, if the index does not suffice.

        At a URL that would read all of the file, so it is done only for want of cues.
        """
        self._jumper.invalidate()
        path, frames = self._video.path, self._video.announced
        if not is_url(path):
            self._video.set_table(table_of_open(path, frames, self._table_from_packets))
            return
        table = None
        if self._video.table is None:
            table = table_from_cues(self._cursor.from_the_start(), self._cursor.stream, frames)
            self._cursor.invalidate()
        self._video.set_table(scanned_table(path, frames, self._table_from_packets) if table is None else table)

    def _table_from_packets(self) -> FrameTable | None:
        cursor = self._cursor
        container = cursor.from_the_start()
        self._scanned = table_from_packets(container, cursor.stream, cursor.tail, self._video.announced)
        cursor.invalidate()
        return self._scanned

    def count(self) -> int:
        """Count the frames by packets, or by decoding without display times."""
        table = self._scanned if self._scanned is not None else self._table_from_packets()
        return self._cursor.count_by_decoding() if table is None else len(table) - table.missing

    def next_keyframe(self, index: int) -> int | None:
        """Return the first keyframe from an index on, or the end; None if unknown."""
        table = self._video.table
        return table.next_keyframe(index) if table is not None and self._video.seek else None

    def groups_of(self, indexes: Sequence[int]) -> list[list[int]]:
        """Split ascending indexes by the keyframe they are decoded from.

        They stay together if decoding on takes less, or if threads would wait for one that decodes a long group.
        """
        table = self._video.table
        if table is None or not self._video.seek:
            return [list(indexes)]
        groups = [list(group) for _, group in itertools.groupby(indexes, table.keyframe_rank)]
        lengths = [group[-1] - table.group(group[-1]).start for group in groups]
        goes_on = self._cursor.is_near(indexes[0]) and indexes[-1] - self._cursor.next <= max(lengths)
        is_uneven = max(lengths) > SHORT_GROUP and max(lengths) > _MOST_SHARE * sum(lengths)
        return [list(indexes)] if goes_on or is_uneven else groups

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
        packet = self._cursor.packet_of(index)
        if packet is not None:
            return lambda: self._images.to_array(decode_intra(packet))
        frame = self._frame(index)
        return lambda: self._images.to_array(frame)

    def _frame(self, index: int) -> Any:
        """Return a PyAV frame; FrameReadError."""
        frame = self._find(index)
        if frame is None and self._video.table_is_wrong:
            forget_table(self._video.path)
            self._learn_from_packets()
            frame = self._find(index)
        if frame is None:
            raise self._lost(index)
        return frame

    def _lost(self, index: int) -> FrameReadError:
        path, end = self._video.path, self._video.end
        if index >= end:
            return FrameReadError(f'{path} has only {end} readable frames', path=path)
        if self._video.has_altered(index):
            others = '' if self._video.is_alone(index) else ', or one it is decoded from,'
            return FrameReadError(
                f'{path} was damaged or replaced: this frame{others} differs from its checksum; '
                'open the store with verify=False to read it',
                path=path,
            )
        return FrameReadError(f'{path}: the frame is missing or damaged', path=path)

    def _find(self, index: int) -> Any:
        video = self._video
        if index >= video.end or index in video.missing:
            return None
        self._in_a_row = self._in_a_row + 1 if index == self._latest + 1 else 0
        self._latest = index
        kept = self._kept.get((video.path, index))
        if kept is not None:
            return kept
        cursor = self._cursor_for(index)
        frame = cursor.decode_to(index)
        if frame is None and cursor.is_threaded and not video.table_is_wrong:
            video.set_table(video.table)
            cursor.use_one_thread()  # with several, an error in one discards finished frames of others
            frame = cursor.decode_to(index)
        if frame is None and video.table is not None:
            video.missing.update(set(video.table.group(index)) & set(cursor.gap))
        return frame

    def _cursor_for(self, index: int) -> VideoCursor:
        """Return the cursor that is sooner at a frame.

        Several threads have to be filled with frames. So one is faster after a jump to a frame near its keyframe.
        """
        main, jumper, table = self._cursor, self._jumper, self._video.table
        if main.is_prompt or main.is_near(index) or table is None or not self._video.seek or is_url(self._video.path):
            return main
        if self._in_a_row < _FEW:
            return jumper if jumper.distance(index) <= _FEW else main
        is_almost_through = jumper.is_near(index) and table.next_keyframe(index) - index <= SHORT_GROUP
        return jumper if is_almost_through else main
