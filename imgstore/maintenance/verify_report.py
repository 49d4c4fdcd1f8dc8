"""What a verification of a store found."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from .._support.text import count_of
from .report import UnreadableChunk, listed


@dataclass(frozen=True)
class VerifiedChunk:
    """A chunk whose frames were compared with their checksums.

    True in a condition if nothing is damaged.

    Attributes
    ----------
    number : int
        Number of the chunk.
    frames : int
        Number of its frames.
    unverified : int
        Number of frames without a checksum.
    damaged : tuple of int
        Numbers of the frames that differ from their checksum, or cannot be read.
    changed : tuple of int
        Numbers of the frames that got a new checksum.
    changed_extra_data : bool
        Whether the extra data got a new checksum.
    problem : str
        What else is wrong, such as a checksum that is missing, or ''.
    """

    number: int
    frames: int
    unverified: int = 0
    damaged: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    changed_extra_data: bool = False
    problem: str = ''

    @property
    def has_changed(self) -> bool:
        """Whether anything got a new checksum."""
        return bool(self.changed) or self.changed_extra_data

    @property
    def verified(self) -> int:
        """Number of frames that match their checksum."""
        return self.frames - self.unverified - len(self.damaged)

    def __bool__(self) -> bool:
        return not self.damaged and not self.problem

    def __str__(self) -> str:
        said = [f'{listed(self.damaged)} damaged'] if self.damaged else []
        return f'chunk {self.number}: ' + '; '.join([*said, *([self.problem] if self.problem else [])])


@dataclass(frozen=True)
class VerifyReport:
    """Result of `verify`. True in a condition if nothing is damaged or lost.

    Attributes
    ----------
    path : str
        The store's folder.
    chunks : tuple of VerifiedChunk
        The complete chunks, in order.
    incomplete : tuple of int
        Numbers of the chunks that a writer has open or left incomplete. They were not compared.
    unreadable : tuple of UnreadableChunk
        Chunks that no repair can complete, such as those whose video is missing.
    """

    path: str
    chunks: tuple[VerifiedChunk, ...]
    incomplete: tuple[int, ...] = ()
    unreadable: tuple[UnreadableChunk, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames of the complete chunks."""
        return sum(chunk.frames for chunk in self.chunks)

    @property
    def verified(self) -> int:
        """Number of frames that match their checksum."""
        return sum(chunk.verified for chunk in self.chunks)

    @property
    def unverified(self) -> int:
        """Number of frames without a checksum."""
        return sum(chunk.unverified for chunk in self.chunks)

    @property
    def damaged(self) -> tuple[int, ...]:
        """Numbers of the damaged frames."""
        return tuple(number for chunk in self.chunks for number in chunk.damaged)

    @property
    def changed(self) -> int:
        """Number of frames that got a new checksum."""
        return sum(len(chunk.changed) for chunk in self.chunks)

    def __bool__(self) -> bool:
        return all(self.chunks) and not self.unreadable

    def __str__(self) -> str:
        wrong = [str(chunk) for chunk in self.chunks if not chunk]
        left = [f'chunk {number}: incomplete, and not compared; repair the store first' for number in self.incomplete]
        return '\n'.join([f'{self.path}: {self._summary()}', *wrong, *left, *map(str, self.unreadable)])

    def _summary(self) -> str:
        said = [f'{self.verified} of {count_of(self.frames, "frame")} match their checksums']
        said += [f'{count_of(len(self.damaged), "frame")} damaged'] if self.damaged else []
        said += [f'{self.unverified} without a checksum, which --add computes'] if self.unverified else []
        said += [f'{self.changed} with a new checksum'] if self.changed else []
        accepted = sum(chunk.changed_extra_data for chunk in self.chunks)
        said += [f'extra data of {count_of(accepted, "chunk")} with a new checksum'] if accepted else []
        return ', '.join(said)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            'path': os.path.abspath(self.path),
            'sound': bool(self),
            'frames': self.frames,
            'verified': self.verified,
            'unverified': self.unverified,
            'damaged': list(self.damaged),
            'changed': self.changed,
            'incomplete_chunks': list(self.incomplete),
            'unreadable': [asdict(chunk) for chunk in self.unreadable],
            'chunks': [asdict(chunk) for chunk in self.chunks if chunk.has_changed or not chunk],
        }
