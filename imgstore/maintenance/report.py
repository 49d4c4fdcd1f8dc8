"""What a repair of a store did, or would do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .._support.text import count_of


@dataclass(frozen=True)
class RepairedChunk:
    """An incomplete chunk.

    Attributes
    ----------
    number : int
        Number of the chunk.
    frame_numbers : list of int
    frame_times : list of float
        In seconds.
    lost : list of int
        Numbers of added frames that cannot be read.
    estimated : bool
        Numbers and times are estimated for lack of any record. The numbers continue those of the chunk before. The
        times are those of the video. For images they continue at the pace of the chunk before.
    estimated_indexes : tuple of int
        Indexes in the chunk of the frames missing from a damaged journal. Their numbers and times are estimated from
        the frames around them.
    """

    number: int
    frame_numbers: list[int]
    frame_times: list[float]
    lost: list[int]
    estimated: bool
    estimated_indexes: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the chunk as plain values, with the ends of its numbers."""
        numbers = self.frame_numbers
        return {
            'number': self.number,
            'frames': len(numbers),
            'first_number': numbers[0] if numbers else None,
            'last_number': numbers[-1] if numbers else None,
            'lost': self.lost,
            'estimated_frames': len(numbers) if self.estimated else len(self.estimated_indexes),
        }

    def __str__(self) -> str:
        frames = count_of(len(self.frame_numbers), 'frame')
        if self.frame_numbers:
            frames += f', #{self.frame_numbers[0]} to #{self.frame_numbers[-1]}'
        if self.estimated:
            frames += ', numbers and times estimated'
        elif self.estimated_indexes:
            frames += (
                f'; the journal is damaged: number and time of '
                f'{listed(self.frame_numbers[index] for index in self.estimated_indexes)} are estimated'
            )
        return f'chunk {self.number}: {frames}' + (f'; lost: {listed(self.lost)}' if self.lost else '')


@dataclass(frozen=True)
class UnreadableChunk:
    """A chunk that no repair can complete. Its files are not changed.

    Attributes
    ----------
    number : int
        Number of the chunk.
    path : str
        The chunk's video or folder of images. It may be missing.
    reason : str
        Why the chunk is unreadable.
    next_step : str
        What you can do.
    """

    number: int
    path: str
    reason: str
    next_step: str

    def __str__(self) -> str:
        return f'chunk {self.number} stays unreadable: {self.reason}; {self.next_step}'


_MOST_LISTED = 20


def listed(numbers: Iterable[int]) -> str:
    """Format frame numbers as text, only the first of many."""
    names = [f'#{number}' for number in numbers]
    more = len(names) - _MOST_LISTED
    return ', '.join(names[:_MOST_LISTED]) + (f' and {more} more' if more > 0 else '')


@dataclass(frozen=True)
class RepairReport:
    """Result of `repair`, or with ``dry_run`` its plan.

    Attributes
    ----------
    path : str
        The store's folder.
    dry_run : bool
    chunks : list of RepairedChunk
    removed : list of str
        Unfinished files of the writer, and the lock it left.
    reindexed : bool
        Whether a killed `reindex` was completed.
    emptied : bool
        Whether a killed `empty` or overwrite was completed: the store has no frames any more, and the rest of their
        files was removed.
    unreadable : tuple of UnreadableChunk
        Chunks that stay unreadable. They do not count in a condition.
    """

    path: str
    dry_run: bool
    chunks: list[RepairedChunk]
    removed: list[str]
    reindexed: bool = False
    emptied: bool = False
    unreadable: tuple[UnreadableChunk, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.chunks or self.removed or self.reindexed or self.emptied)

    def __str__(self) -> str:
        return '\n'.join([*self._done(), *map(str, self.unreadable)])

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            **{name: getattr(self, name) for name in ('path', 'dry_run', 'removed', 'reindexed', 'emptied')},
            'chunks': [chunk.as_dict() for chunk in self.chunks],
            'unreadable': [asdict(chunk) for chunk in self.unreadable],
        }

    def _done(self) -> list[str]:
        if not self:
            return [f'{self.path}: nothing to repair']
        count = len(self.chunks)
        did = 'would be' if self.dry_run else 'was' if count == 1 else 'were'
        names = [os.path.relpath(path, self.path) for path in self.removed]
        lines = [f'{self.path}: {count_of(count, "chunk")} {did} completed', *map(str, self.chunks)]
        lines += ['an interrupted reindex is completed'] if self.reindexed else []
        lines += ['an interrupted removal of all frames is completed'] if self.emptied else []
        return [*lines, *([f'{"would be " * self.dry_run}removed: {", ".join(names)}'] if names else [])]
