"""Segments: consecutive chunks searched together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from .cache_file import SavedIndex
from .frame_arrays import FrameArrays, FrameTimes, concatenate
from .lazy_chunks import LazyChunkIndex, LazyChunks, offsets

_BOTH = (0, 1)
"""The columns: numbers and times."""


class IndexSegment:
    """Frames of consecutive chunks, read on demand.

    The number and time of a frame need only one chunk's index. A search reads all indexes into contiguous arrays. If a
    mapped file is damaged, the chunks' indexes are read instead.

    Parameters
    ----------
    chunks : LazyChunks
        The chunks.
    arrays : FrameArrays, optional
        Contiguous arrays of their frames, if known.
    """

    def __init__(self, chunks: LazyChunks, arrays: FrameArrays | None = None) -> None:
        self.chunks, self._arrays = chunks, arrays

    @classmethod
    def merged(cls, segments: Sequence[IndexSegment]) -> IndexSegment:
        """Copy the frames of several segments into contiguous arrays."""
        frames = concatenate([segment.frames() for segment in segments])
        counts = [np.diff(segment.chunks.starts) for segment in segments]
        chunks = LazyChunks(
            chain.from_iterable(segment.chunks for segment in segments),
            offsets(np.concatenate([np.empty(0, np.int64), *counts])),
        )
        chunks.keep(frames)
        return cls(chunks, FrameArrays(frames))

    def first_chunks(self, count: int) -> IndexSegment:
        """Return the first ``count`` chunks without a copy."""
        chunks = self.chunks.first(count)
        return IndexSegment(chunks, None if self._arrays is None else self._arrays.first(chunks.frame_count))

    @property
    def is_loaded(self) -> bool:
        """Whether all frames are in contiguous arrays."""
        return self._arrays is not None

    @property
    def saved(self) -> SavedIndex | None:
        """The index cache, if frames are mapped from one."""
        return None if self._arrays is None else self._arrays.saved

    def close(self) -> None:
        """Release a mapped file; later reads use the chunks' indexes."""
        if self.saved is not None:
            self._arrays = None

    def _sound(self, columns: Sequence[int], own: slice | None = None) -> FrameArrays | None:
        """Return the contiguous arrays if there are any; release a damaged file."""
        if self._arrays is not None and not self._arrays.is_sound(columns, own):
            self.close()
        return self._arrays

    def _whole(self, *columns: int) -> FrameArrays:
        """Return contiguous arrays of all frames, with intact columns."""
        arrays = self._sound(columns)
        if arrays is None:
            arrays = self._arrays = FrameArrays(concatenate(self.chunks.all_frames()))
            self.chunks.keep(arrays.frames)
        return arrays

    # --- questions

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self.chunks.frame_count

    def frames(self) -> FrameTimes:
        """Return all numbers and times."""
        return self._whole(*_BOTH).frames

    def chunk_frames(self, chunk: LazyChunkIndex) -> FrameTimes | None:
        """Return the numbers and times of one chunk.

        None for a damaged one, skipped from now on.
        """
        own = self.chunks.range_of(chunk.number) if self.is_loaded else None
        if own is not None and (arrays := self._sound(_BOTH, slice(*own))) is not None:
            return arrays.part(slice(*own))
        return self.chunks.frames(chunk)

    def frame(self, index: int) -> tuple[int, float] | None:
        """Return the number and time of a frame; None if there are fewer frames."""
        while 0 <= index < self.chunks.frame_count:
            if (arrays := self._sound(_BOTH, slice(index, index + 1))) is not None:
                return arrays.frame(index)
            starts, (chunk, within) = self.chunks.starts, self.chunks.place(index)
            frames = self.chunks.frames(chunk)
            if frames is not None and self.chunks.starts is starts:
                return int(frames[0][within]), float(frames[1][within])
        return None

    def range(self, column: int) -> tuple[Any, Any] | None:
        """Return the smallest and the largest value of a column, ignoring nan.

        None without frames.
        """
        if not self.frame_count:
            return None
        known = None if self._arrays is None else self._arrays.known_ranges.get(column)
        return known or self._whole(column).range(column)

    def find(self, column: int, key: float) -> int | None:
        """Find the first frame with a value; None if there is none."""
        return self._whole(column).find(column, key)

    def nearest(self, column: int, key: float) -> tuple[float, int] | None:
        """Find the frame with the nearest value; return distance and index.

        Ties go to the earlier.
        """
        return self._whole(column).nearest(column, key)
