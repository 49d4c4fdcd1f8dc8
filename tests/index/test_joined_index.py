"""The index of several stores answers like the index of one with all their frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgstore.errors import InvalidArgumentError
from imgstore.index import ImgStoreIndex
from imgstore.index.joined_index import JoinedIndex

PARTS = st.lists(st.lists(st.tuples(st.integers(-4, 9), st.integers(0, 12)), max_size=6), min_size=1, max_size=4)


def index_of(frames: list[Any], first_chunk: int = 0) -> ImgStoreIndex:
    """Chunks of at most two frames."""
    chunks = [frames[at : at + 2] for at in range(0, len(frames), 2)]
    return ImgStoreIndex.new_from_frames(
        (
            first_chunk + at,
            f'{at}',
            np.array([number for number, _ in chunk], np.int64),
            np.array([tick / 4 for _, tick in chunk]),
        )
        for at, chunk in enumerate(chunks)
    )


@given(parts=PARTS, shift=st.sampled_from([0, 100]), value=st.integers(-6, 120), nearest=st.booleans())
def test_it_answers_like_one_index(parts: list[list[Any]], shift: int, value: int, nearest: bool) -> None:
    shifts = [shift * at for at in range(len(parts))]
    frames = [(number + shifts[at], tick) for at, part in enumerate(parts) for number, tick in part]
    joined, one = JoinedIndex([index_of(part) for part in parts], shifts, ['name'] * len(parts)), index_of(frames)
    assert joined.frame_count == one.frame_count
    assert joined.frame_numbers.tolist() == one.frame_numbers.tolist()
    assert joined.frame_times.tolist() == one.frame_times.tolist()
    assert joined.get_all_metadata() == one.get_all_metadata()
    for index in range(-1, len(frames) + 1):
        assert joined.frame(index) == (one.frame(index) if index >= 0 else None)
    assert joined.find('frame_time', value / 8, nearest) == one.find('frame_time', value / 8, nearest)
    if frames:
        assert joined.ranges('frame') == (one.frame_min, one.frame_max)
        assert joined.ranges('frame_time') == (one.frame_time_min, one.frame_time_max)
    expected = one.find('frame_number', value, nearest)
    found = None if expected is None else frames[expected][0]
    holders = [at for at, part in enumerate(parts) if found in {number + shifts[at] for number, _ in part}]
    if len(holders) > 1:
        with pytest.raises(InvalidArgumentError, match='several parts'):
            joined.find('frame_number', value, nearest)
    else:
        assert joined.find('frame_number', value, nearest) == expected
