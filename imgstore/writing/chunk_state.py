"""What the recorder of a store knows of its chunks: frames of the open one, a summary of each complete one."""

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
    """The chunk that frames are being added to; without a writer once no more can be."""

    def __init__(self, number: int, writer: ChunkWriter | None, records: list[str]) -> None:
        self.number, self.writer, self.records = number, writer, records
        self.frames: list[tuple[int, float]] = []
        """Number and time of each."""
        self.is_on_disk, self.written_records = False, 0

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.frames)

    @property
    def frame_numbers(self) -> list[int]:
        """Their numbers."""
        return [number for number, _ in self.frames]

    @property
    def frame_times(self) -> list[float]:
        """Their times in seconds."""
        return [time for _, time in self.frames]

    @property
    def arrays(self) -> tuple[Numbers, Times]:
        """Numbers and times as an index has them."""
        return np.array(self.frame_numbers, np.int64), np.array(self.frame_times, np.float64)

    @property
    def named(self) -> str:
        """Their numbers, for the message of an error."""
        return f'; they are {as_runs(self.frame_numbers)}' if self.frames else ''

    def truncate(self, count: int) -> list[int]:
        """Forget the frames behind the first ``count``, and give their numbers."""
        lost = self.frame_numbers[count:]
        del self.frames[count:]
        return lost


class Loss(NamedTuple):
    """Frames that were given and are not in the store, and what to tell of them."""

    numbers: tuple[int, ...] = ()
    told: str = ''


NO_LOSS = Loss()


@dataclass(frozen=True)
class ChunkStats:
    """What is remembered of a chunk that is complete."""

    chunk: int
    count: int
    numbers: tuple[int, ...]
    times: tuple[float, ...]

    @classmethod
    def of(cls, chunk: FillingChunk) -> ChunkStats:
        """Summary of a chunk's frames, times that are nan left out."""
        times = [time for time in chunk.frame_times if time == time]
        return cls(chunk.number, chunk.count, extremes(chunk.frame_numbers), extremes(times))


def extremes(values: Sequence[_Value]) -> tuple[_Value, ...]:
    """Smallest and largest value; () without values."""
    return (min(values), max(values)) if values else ()
