"""Numbers and times are matched as a plain search of all pairs would do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgstore.align.matching import keys_of, match_numbers, match_times, usual_tolerance

NUMBERS = st.lists(st.integers(-5, 12), max_size=12)
TIMES = st.lists(
    st.one_of(st.integers(0, 40).map(lambda tick: tick / 4), st.sampled_from([math.nan, math.inf, -math.inf])),
    max_size=12,
)


def numbers(values: list[int]) -> Any:
    return keys_of(np.array(values, np.int64))


def times(values: list[float]) -> Any:
    return keys_of(np.array(values, np.float64))


def first_of(values: list[Any], wanted: Any) -> int:
    return values.index(wanted) if wanted in values else -1


@given(stores=st.lists(NUMBERS, min_size=1, max_size=4), join=st.sampled_from(['inner', 'left', 'outer']))
def test_equal_numbers_are_in_one_row(stores: list[list[int]], join: str) -> None:
    """Each number once and ascending, with the first frame of each store that has it."""
    sets = [set(own) for own in stores]
    wanted = {'inner': set.intersection(*sets), 'left': sets[0], 'outer': set.union(*sets)}[join]
    expected = [[first_of(own, number) for own in stores] for number in sorted(wanted)]
    found = match_numbers([numbers(own) for own in stores], join)
    assert found.shape == (len(expected), len(stores))
    assert found.dtype == np.int64
    assert found.tolist() == expected


def nearest(value: float, others: list[float]) -> float:
    return min(others, key=lambda other: (abs(other - value), other))


def pairs(one: list[float], other: list[float], tolerance: float) -> dict[float, float]:
    """The mutually nearest times, by a search of all."""
    one, other = [sorted({value for value in own if math.isfinite(value)}) for own in (one, other)]
    if not one or not other:
        return {}
    near = {value: nearest(value, other) for value in one}
    return {a: b for a, b in near.items() if nearest(b, one) == a and abs(a - b) <= tolerance}


@given(one=TIMES, other=TIMES, tolerance=st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0, math.inf]))
def test_two_frames_match_if_each_is_the_nearest(one: list[float], other: list[float], tolerance: float) -> None:
    """Ties go to the earlier frame; equal times count once; nan and infinity never match."""
    expected = [[one.index(a), other.index(b)] for a, b in sorted(pairs(one, other, tolerance).items())]
    assert match_times([times(one), times(other)], tolerance, 'inner').tolist() == expected
    found = match_times([times(one), times(other)], tolerance, 'left')
    firsts = sorted({value for value in one if math.isfinite(value)})
    assert found[:, 0].tolist() == [one.index(value) for value in firsts]
    assert found[found[:, 1] >= 0].tolist() == expected


@given(stores=st.lists(TIMES, min_size=1, max_size=4), tolerance=st.sampled_from([0.0, 0.25, 0.5, math.inf]))
def test_no_frame_is_used_twice_and_outer_has_them_all(stores: list[list[float]], tolerance: float) -> None:
    """The rows of 'inner' are among those of 'left', and these among those of 'outer'."""
    keys = [times(own) for own in stores]
    inner, left, outer = (match_times(keys, tolerance, join) for join in ('inner', 'left', 'outer'))
    for own, column in zip(stores, outer.T, strict=True):
        used = column[column >= 0].tolist()
        assert sorted(used) == sorted(own.index(value) for value in set(own) if math.isfinite(value))
    assert {*map(tuple, inner.tolist())} <= {*map(tuple, left.tolist())} <= {*map(tuple, outer.tolist())}
    of_row = [[stores[at][index] for at, index in enumerate(row) if index >= 0] for row in outer.tolist()]
    firsts = [values[0] for values in of_row]
    assert firsts == sorted(firsts)
    assert all(abs(value - values[0]) <= tolerance for values in of_row for value in values)


def test_a_clock_that_goes_back_is_sorted() -> None:
    found = match_times([times([0, 1, 2, 0.5, 1.5]), times([1.5, 0.5])], 0.1, 'left')
    assert found.tolist() == [[0, -1], [3, 1], [1, -1], [4, 0], [2, -1]]


def test_a_dropped_frame_does_not_shift_others() -> None:
    one, other = np.arange(10.0), np.delete(np.arange(10.0) + 0.3, [2, 5])
    found = match_times([keys_of(one), keys_of(other)], math.inf, 'inner')
    assert found[:, 0].tolist() == [0, 1, 3, 4, 6, 7, 8, 9]


def test_a_distance_of_the_tolerance_is_near_in_spite_of_rounding() -> None:
    since = 1700000000 + np.arange(100) / 10
    assert len(match_times([keys_of(since), keys_of(since + 0.03)], 0.03, 'inner')) == 100
    assert len(match_times([keys_of(since), keys_of(since + 0.03)], 0.0299, 'inner')) == 0


@pytest.mark.parametrize(
    ('stores', 'expected'),
    [([[0, 1, 2], [0, 0.1, 0.2, 9]], 0.05), ([[5.0], []], 0.0), ([[math.nan, 1.0, 1.0, 3.0]], 1.0)],
)
def test_the_usual_tolerance_is_half_the_shortest_interval(stores: list[list[float]], expected: float) -> None:
    assert usual_tolerance([times(own) for own in stores]) == pytest.approx(expected)
