"""Numbers of frames from counters that wrap, jump and start again."""

from __future__ import annotations

from itertools import pairwise

import pytest

from imgstore.recording import Counter
from imgstore.recording.numbering import FrameNumbers

PERIOD = 10_000_000  # nanoseconds a frame
GIGE, OF_16, OF_32 = Counter(16, first=1), Counter(16), Counter(32)


def numbers_of(counter: Counter, raws: list[int], at: list[int] | None = None) -> list[int]:
    numbers = FrameNumbers(counter)
    times = range(len(raws)) if at is None else at
    return [numbers.next(raw, frame * PERIOD) for raw, frame in zip(raws, times, strict=True)]


@pytest.mark.parametrize(
    ('counter', 'raws', 'steps'),
    [
        (GIGE, [65534, 65535, 1, 2], [1, 1, 1]),
        (GIGE, [65533, 65535, 2, 3], [2, 2, 1]),
        (OF_16, [65534, 65535, 0, 1], [1, 1, 1]),
        (OF_32, [2**32 - 2, 2**32 - 1, 0, 5], [1, 1, 5]),
        (Counter(64), [7, 8, 9, 4000], [1, 1, 3991]),
    ],
)
def test_a_counter_that_wraps_goes_on(counter: Counter, raws: list[int], steps: list[int]) -> None:
    numbers = numbers_of(counter, raws, [0, *(sum(steps[: end + 1]) for end in range(len(steps)))])
    assert numbers[0] == raws[0]
    assert [later - earlier for earlier, later in pairwise(numbers)] == steps


def test_every_number_of_a_counter_that_wraps_three_times() -> None:
    raws = [1 + (65400 + frame) % 65535 for frame in range(3 * 65535)]
    assert numbers_of(GIGE, raws) == list(range(65401, 65401 + len(raws)))


@pytest.mark.parametrize('lost', [5_000, 40_000, 65_533, 65_534])
@pytest.mark.parametrize('start', [0, 30_000, 65_000])
def test_a_gap_may_be_as_long_as_the_counter(lost: int, start: int) -> None:
    frames = [*range(start, start + 100), *range(start + 100 + lost, start + 110 + lost)]
    raws = [1 + frame % 65535 for frame in frames]
    assert numbers_of(GIGE, raws, frames) == [1 + frame for frame in frames]


def test_a_pause_of_the_trigger_is_no_gap() -> None:
    frames, at = [65_530, 65_531, 65_532, 65_533], [0, 1, 2, 500_000]
    assert numbers_of(GIGE, frames, at) == frames
    assert numbers_of(GIGE, [65_534, 65_535, 1, 2], [0, 1, 900_000, 900_001]) == list(range(65_534, 65_538))


def test_a_counter_that_starts_again_leaves_a_gap_and_repeats_no_number() -> None:
    numbers = FrameNumbers(Counter(64))
    found = [numbers.next(raw, at * PERIOD) for raw, at in [(500, 0), (501, 1), (502, 2), (0, 10), (1, 11)]]
    assert found == [500, 501, 502, 510, 511]
    assert numbers.restarts == 1


def test_a_counter_that_stands_still_is_counted_for() -> None:
    assert numbers_of(Counter(64), [7, 7, 7, 7]) == [7, 8, 9, 10]


def test_without_a_counter_frames_are_counted() -> None:
    numbers = FrameNumbers(Counter())
    assert [numbers.next(None, at * PERIOD) for at in (0, 1, 2, 50)] == [0, 1, 2, 3]
