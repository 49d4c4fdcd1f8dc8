"""What a benchmark is made of: sizes, cases, and the metrics, recordings and limits that belong to a case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Arguments = dict[str, Any]

OURS, ORIGINAL = 'ours', 'original'
ORIGINAL_BPK, ORIGINAL_H264 = 'original with bloscpack', "original with apt's OpenCV"
"""The environments that work is done in."""

READERS, TORCH = 'other readers', 'torchcodec'
PEERS = {'decord2': READERS, 'torchcodec': TORCH, 'PIMS': READERS, 'PyAV': READERS, 'OpenCV': READERS}
"""Other readers of videos, and the environment of each."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    height: int = 1024
    width: int = 1280
    distinct: int = 32
    """Frames that are different; more are these over again."""
    share: float = 1.0
    """Of the numbers of frames that a case has."""
    chunks: int = 200
    many_chunks: int = 10_000
    chunk_frames: int = 10_000
    long: int = 100_000
    """Frames of the recordings that memory must not grow over."""

    @property
    def scale(self) -> float:
        """Share of an image's height and width."""
        return self.height / 1024

    def frames(self, count: int) -> int:
        """Return this share of a number of frames, at least a few."""
        return max(12, round(count * self.share))


FULL = Sizes()
QUICK = Sizes(height=512, width=640, distinct=16, share=0.3, chunks=20, many_chunks=100, long=5_000)
TINY = Sizes(height=96, width=128, distinct=8, share=0.05, chunks=3, many_chunks=5, chunk_frames=100, long=500)


@dataclass(frozen=True)
class Metric:
    """A number that a case gives: its row in the table.

    What is more the better, as frames a second, or the other way round. The goals: so many times as good as what it
    is compared with, at least (for dB: more than it by that, at least); no more than so much; that share of the limit.
    """

    key: str
    unit: str
    label: str = ''
    more_is_better: bool = False
    ratio: float | None = None
    at_most: float | None = None
    of_limit: float | None = None


@dataclass(frozen=True)
class Recording:
    """A store that is made once, by a task in an environment: by each that reads it where ``by`` is None."""

    name: str
    task: str
    arguments: Arguments
    frames: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class Limit:
    """The physical limit of a case: a task that gives the number for one of its metrics."""

    text: str
    metric: str | None
    """None: for all of them."""
    task: str
    arguments: Arguments = field(default_factory=dict)
    imports: str = 'imgstore'

    def bounds(self, metric: Metric) -> bool:
        """Tell whether it is the limit of that metric."""
        return self.metric in (None, metric.key)


@dataclass(frozen=True)
class Case:
    """One piece of work.

    A task takes what its parameters name of: ``arguments``, ``frames`` (a file), ``path`` (of the recording),
    ``folder`` (to write in), ``check`` (whether to look at what it wrote: in the first round), ``reader`` (OURS or one
    of ``peers``).
    """

    name: str
    task: str
    metrics: tuple[Metric, ...]
    arguments: Arguments = field(default_factory=dict)
    reference: str | None = ORIGINAL
    """The environment of what it is compared with; OURS: another task of ours; None: nothing."""
    reference_task: str | None = None
    frames: str | None = None
    """'gray', 'color' or 'small'."""
    recording: Recording | None = None
    limit: Limit | None = None
    rounds: int = 100
    """At most so many."""
    peers: tuple[str, ...] = ()
    """Of PEERS: it is compared with the best of them."""
    environment: str | None = None
    """Of ours and all peers, where they need more than their own."""
