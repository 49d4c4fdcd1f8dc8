"""Chunks that are not complete, because their writer is at work or was killed: what can be read of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ._files import Layout, index_path
from .chunk_index import Numbers, Times
from .chunks import Chunks
from .journal import read_journal


@dataclass(frozen=True)
class OpenChunk:
    """The frames of a chunk without an index that are both in its journal and in its images or video.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    times : ndarray of float64, shape (n,)
        In seconds.
    lost : ndarray of int64
        Numbers of the frames behind them that just the journal knows.
    """

    numbers: Numbers
    times: Times
    lost: Numbers

    def __len__(self) -> int:
        return len(self.numbers)


def open_chunks(layout: Layout, chunks: Chunks, journals: Iterable[int],
                known: Mapping[int, OpenChunk] | None = None) -> dict[int, OpenChunk]:
    """Read the chunks that are not complete; nothing on disk is changed.

    Parameters
    ----------
    layout : Layout
    chunks : Chunks
        Opens them.
    journals : iterable of int
        The chunks that have, or had, a journal.
    known : mapping, optional
        What was found before: those frames are not looked at again.
    """
    found = {number: _read(layout, chunks, number, len((known or {}).get(number, ()))) for number in journals}
    return {number: chunk for number, chunk in found.items() if index_path(layout.stem(number)) is None}


def _read(layout: Layout, chunks: Chunks, number: int, known: int) -> OpenChunk:
    journal = read_journal(layout.journal(number))
    count = chunks.count_whole(number, len(journal.numbers), known) if len(journal.numbers) > known else known
    return OpenChunk(journal.numbers[:count], journal.times[:count], journal.numbers[count:])
