"""Division of a store into blocks of frames that are read independently."""

from __future__ import annotations

from collections.abc import Callable, Iterable

KeyframeAfter = Callable[[int, int], int | None]
"""Takes a chunk and an index in it. Returns the first keyframe from there on, or the chunk's end; None if unknown."""


def block_edges(chunks: Iterable[tuple[int, int, int]], most: int, keyframe_after: KeyframeAfter) -> list[int]:
    """Return the frame indexes at which blocks begin, and the last one's end.

    Blocks begin at chunks or at keyframes. Whole chunks are joined as long as they fit. Only a group of frames longer
    than a block is divided.

    Parameters
    ----------
    chunks : iterable of (int, int, int)
        Number of each chunk, index of its first frame, and index after its last.
    most : int
        Maximum number of frames of a block.
    keyframe_after : callable
        Finds keyframes.
    """
    edges = [0]
    end = 0
    for chunk, start, stop in chunks:
        if stop - edges[-1] > most and end > edges[-1]:
            edges.append(end)
        while stop - edges[-1] > most:
            edges.append(start + _end_of_block(chunk, edges[-1] - start, most, keyframe_after))
        end = stop
    return edges if end == edges[-1] else [*edges, end]


def _end_of_block(chunk: int, begin: int, most: int, keyframe_after: KeyframeAfter) -> int:
    """Return the last keyframe that a block can reach, or its longest end."""
    limit, end = begin + most, begin
    if keyframe_after(chunk, limit) == limit:
        return limit
    while (key := keyframe_after(chunk, end + 1)) is not None and key <= limit:
        end = key
    return end if end > begin else limit
