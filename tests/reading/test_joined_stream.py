"""Indexes of frames are split by the parts that have them."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imgstore.reading.indexing import Indexes
from imgstore.reading.joined_stream import stretches

COUNTS = st.lists(st.integers(0, 6), min_size=1, max_size=5)


def check(indexes: Indexes, counts: list[int]) -> None:
    """Each row is there once, in order, with the part and the index of its frame."""
    frames = [(part, own) for part, count in enumerate(counts) for own in range(count)]
    found = stretches(indexes, [0, *accumulate(counts)])
    rows = [(stretch.part, int(own)) for stretch in found for own in stretch.indexes]
    assert rows == [frames[index] for index in indexes]
    assert [stretch.first_row for stretch in found] == [
        0, *accumulate(len(stretch.indexes) for stretch in found[:-1])
    ][: len(found)]  # fmt: skip
    assert all(type(stretch.indexes) is type(indexes) for stretch in found)


@given(counts=COUNTS, data=st.data())
def test_ranges_are_split_in_both_directions(counts: list[int], data: st.DataObject) -> None:
    check(range(sum(counts))[data.draw(st.slices(sum(counts)))], counts)


@given(counts=COUNTS, data=st.data())
def test_arrays_are_split_in_any_order(counts: list[int], data: st.DataObject) -> None:
    some = st.lists(st.integers(0, sum(counts) - 1), max_size=20) if sum(counts) else st.just([])
    check(np.array(data.draw(some), np.intp), counts)
