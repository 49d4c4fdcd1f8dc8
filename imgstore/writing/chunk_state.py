"""State of chunks being written.

The open one has frames, complete ones have statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from .._support.validation import as_runs
from ..chunks import ChunkWriter
from ..ondisk.chunk_index import Numbers, Times

_Value = TypeVar('_Value', int, float)


class FillingChunk:
    """The open chunk. It has no writer once it takes no more frames."""

    def __init__(self, number: int, writer: ChunkWriter | None, records: list[str]) -> None:
        self.number, self.writer, self.records = number, writer, records
        self.frames: list[tuple[int, float]] = []
        """Number and time of each frame."""
        self.checksums: list[int] = []
        """Checksums of the first frames, once the writer is closed."""
        self.is_on_disk, self.written_records = False, 0
        self.is_left = False
        """Whether it waits for a repair, as if its writer had been killed."""

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.frames)

    @property
    def frame_numbers(self) -> list[int]:
        """Frame numbers."""
        return [number for number, _ in self.frames]

    @property
    def frame_times(self) -> list[float]:
        """Frame times in seconds."""
        return [time for _, time in self.frames]

    @property
    def arrays(self) -> tuple[Numbers, Times]:
        """Numbers and times as arrays, as in an index."""
        return np.array(self.frame_numbers, np.int64), np.array(self.frame_times, np.float64)

    @property
    def named(self) -> str:
        """The frame numbers as text, for an error message."""
        return f'; they are {as_runs(self.frame_numbers)}' if self.frames else ''

    def truncate(self, count: int) -> list[int]:
        """Drop the frames after the first `count` and return their numbers."""
        lost = self.frame_numbers[count:]
        del self.frames[count:]
        return lost


class Loss(NamedTuple):
    """Lost frames, and the text of the error."""

    numbers: tuple[int, ...] = ()
    told: str = ''


NO_LOSS = Loss()


@dataclass(frozen=True)
class ChunkStats:
    """Statistics of a complete chunk."""

    chunk: int
    count: int
    numbers: tuple[int, ...]
    times: tuple[float, ...]

    @classmethod
    def of(cls, chunk: FillingChunk) -> ChunkStats:
        """Make the statistics of a chunk's frames, without times of nan."""
        times = [time for time in chunk.frame_times if time == time]
        return cls(chunk.number, chunk.count, extremes(chunk.frame_numbers), extremes(times))


def extremes(values: Sequence[_Value]) -> tuple[_Value, ...]:
    """Return the smallest and largest value; () without values."""
    return (min(values), max(values)) if values else ()
