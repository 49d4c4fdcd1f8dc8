"""A short list of segments, used as one index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice, takewhile

import numpy as np

from .cache_file import SavedIndex
from .frame_arrays import NO_FRAMES, FrameArrays, FrameTimes
from .lazy_chunks import LazyChunkIndex, LazyChunks
from .segments import IndexSegment

_CHECKED = 256  # index files looked at where the store's folder is unchanged: half a millisecond


class SegmentList:
    """The segments of a store in order. The caller holds the lock.

    Parameters
    ----------
    segments : iterable of IndexSegment
        The segments.
    """

    def __init__(self, segments: Iterable[IndexSegment]) -> None:
        self._segments = list(segments)
        self._generation: tuple[object, ...] = ()
        self._next_check = 0

    @classmethod
    def of_chunks(cls, chunks: Iterable[LazyChunkIndex]) -> SegmentList:
        """Create a list for unread chunks, in any order."""
        return cls([IndexSegment(LazyChunks(_in_order(chunks)))])

    @classmethod
    def of_saved(cls, chunks: Iterable[tuple[int, str]], saved: SavedIndex) -> SegmentList:
        """Create a list for chunks with frames mapped from a file."""
        known = (LazyChunkIndex(*chunk, seen=seen) for chunk, seen in zip(chunks, saved.stamps, strict=True))
        return cls([IndexSegment(LazyChunks(known, saved.starts), FrameArrays.mapped(saved))])

    def __iter__(self) -> Iterator[IndexSegment]:
        return iter(self._segments)

    # --- a growing store

    def updated(self, chunks: Iterable[tuple[int, str]], frames: dict[int, FrameTimes]) -> SegmentList:
        """Create a list for these chunks.

        `frames` has those of chunks without an index file.

        Frames read already are kept while their files are unchanged.
        """
        known = {
            chunk.number: chunk
            for segment in self._segments
            for chunk in segment.chunks
            if not chunk.is_open and chunk.is_unchanged
        }
        now = _in_order(
            LazyChunkIndex(number, stem, frames[number], True)
            if number in frames
            else known.get(number) or LazyChunkIndex(number, stem)
            for number, stem in chunks
        )
        loaded = self._still_loaded(now)
        others = now[sum(len(segment.chunks) for segment in loaded) :]
        return SegmentList([*_merge_small(loaded), *([IndexSegment(LazyChunks(others))] if others else [])])

    def changed_chunks(self, before: SegmentList) -> set[int]:
        """Return the chunks of an earlier list that were read again, or are gone."""
        shared = {id(segment) for segment in self} & {id(segment) for segment in before}
        now = {id(chunk) for segment in self if id(segment) not in shared for chunk in segment.chunks}
        others = (segment for segment in before if id(segment) not in shared)
        return {chunk.number for segment in others for chunk in segment.chunks if id(chunk) not in now}

    def with_open(self, count: int, frames: dict[int, FrameTimes]) -> SegmentList | None:
        """Create a list for the same chunks, with other frames in the open ones.

        None if these are not the last chunks, or a change was noticed.
        """
        segments, opened = list[IndexSegment](), list[LazyChunkIndex]()
        for segment in reversed(self._segments):
            own = segment.chunks.open_at_the_end() if not segments else []
            opened[:0] = own
            if len(own) < len(segment.chunks):
                segments.insert(0, segment.first_chunks(len(segment.chunks) - len(own)) if own else segment)
        closed = sum(len(segment.chunks) for segment in segments)
        if [chunk.number for chunk in opened] != sorted(frames) or closed + len(opened) != count:
            return None
        updated = SegmentList(segments)
        if not updated._check_some(self._next_check, closed):
            return None
        now = [LazyChunkIndex(chunk.number, chunk.stem, frames[chunk.number], True) for chunk in opened]
        updated._segments += [IndexSegment(LazyChunks(now))] if now else []
        return updated

    def _check_some(self, first: int, count: int) -> bool:
        """Return whether some chunks are unchanged, in turn."""
        chunks = islice(chain.from_iterable(segment.chunks for segment in self._segments), first, first + _CHECKED)
        self._next_check = first + _CHECKED if first + _CHECKED < count else 0
        return all(chunk.is_unchanged for chunk in chunks)

    def _still_loaded(self, chunks: list[LazyChunkIndex]) -> list[IndexSegment]:
        """Return the loaded segments, as far as they match the first of these chunks."""
        segments, done = [], 0
        for segment in takewhile(lambda segment: segment.is_loaded, self._segments):
            same = segment.chunks.count_same(chunks[done:])
            done += same
            if same:
                segments.append(segment.first_chunks(same))
            if same < len(segment.chunks):
                break
        return segments

    # --- mapped files

    @property
    def saved(self) -> SavedIndex | None:
        """The index cache, if frames are mapped from one."""
        return next((segment.saved for segment in self._segments if segment.saved is not None), None)

    def close(self) -> None:
        """Release mapped files; later reads use the chunks' indexes."""
        for segment in self._segments:
            segment.close()

    # --- questions

    @property
    def generation(self) -> object:
        """An object, the same while all frames keep their indexes."""
        generation = tuple([segment.chunks.generation for segment in self._segments])
        if generation != self._generation:
            self._generation = generation
        return self._generation

    def from_start(self) -> Iterator[tuple[int, IndexSegment]]:
        """Yield the index of each segment's first frame, and the segment.

        This counts all frames before it.
        """
        start = 0
        for segment in self._segments:
            yield start, segment
            start += segment.frame_count

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return sum([segment.frame_count for segment in self._segments])

    def frames(self) -> list[FrameTimes]:
        """Return the numbers and times of each segment's frames."""
        return [segment.frames() for segment in self._segments]

    def merged(self) -> FrameTimes:
        """Return all numbers and times as one array each, merged if needed."""
        if len(self._segments) != 1:
            self._segments = [IndexSegment.merged(self._segments)]
        return self._segments[0].frames()

    def chunk_frames(self, number: int) -> FrameTimes:
        """Return the numbers and times of a chunk's frames.

        Empty arrays for a missing chunk.
        """
        for segment in self._segments:
            if (chunk := segment.chunks.get(number)) is not None:
                return segment.chunk_frames(chunk) or NO_FRAMES
        return NO_FRAMES

    def frame(self, index: int) -> tuple[int, float] | None:
        """Return the number and time of the frame with an index.

        None if there is none.
        """
        for segment in self._segments:
            if (frame := segment.frame(index)) is not None:
                return frame
            index -= segment.frame_count
        return None

    def place(self, index: int) -> tuple[int, int] | None:
        """Return the chunk of the frame with an index, and its index in the chunk.

        None if there is none.
        """
        for segment in self._segments:
            if 0 <= index < segment.frame_count:
                chunk, within = segment.chunks.place(index)
                return chunk.number, within
            index -= segment.frame_count
        return None

    def range_of(self, number: int) -> tuple[int, int]:
        """Return a chunk's first index and the index after its last.

        Both the same for a missing chunk.
        """
        for start, segment in self.from_start():
            if (own := segment.chunks.range_of(number)) is not None:
                return start + own[0], start + own[1]
        return self.frame_count, self.frame_count

    def find(self, column: int, key: float) -> int | None:
        """Find the first frame with a number (column 0) or time (column 1).

        None if there is none.
        """
        for start, segment in self.from_start():
            if (index := segment.find(column, key)) is not None:
                return start + index
        return None

    def nearest(self, column: int, key: float) -> int | None:
        """Find the frame with the nearest number or time; ties go to the earlier.

        None without frames.
        """
        near = [
            (found[0], start + found[1])
            for start, segment in self.from_start()
            if (found := segment.nearest(column, key)) is not None
        ]
        return min(near)[1] if near else None

    def range(self, column: int) -> tuple[float, float] | None:
        """Return the smallest and the largest number or time, ignoring nan.

        None without frames.
        """
        ranges = [found for segment in self._segments if (found := segment.range(column)) is not None]
        if not ranges:
            return None
        smallest, largest = zip(*ranges, strict=True)
        return np.fmin.reduce(smallest).item(), np.fmax.reduce(largest).item()


def _in_order(chunks: Iterable[LazyChunkIndex]) -> list[LazyChunkIndex]:
    return sorted(chunks, key=lambda chunk: chunk.number)


def _merge_small(segments: list[IndexSegment]) -> list[IndexSegment]:
    """Merge loaded segments so that each has more frames than all after it.

    This keeps the list short, and the frames of a growing store are seldom copied.
    """
    for rank, segment in enumerate(segments):
        after = segments[rank + 1 :]
        if after and sum(later.frame_count for later in after) >= segment.frame_count:
            return [*segments[:rank], IndexSegment.merged([segment, *after])]
    return segments
