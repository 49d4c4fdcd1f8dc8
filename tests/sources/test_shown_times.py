"""Times of the frames of a video whose timestamps are missing, or are those of decoding."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from imgstore.sources.shown_times import ShownTimes


def timed(packets: list[tuple[int | None, int | None]], shown: list[int], *names: str) -> list[float]:
    """Times of frames, given the timestamps of their packets and the packets in the order of showing."""
    made, found = ShownTimes(Fraction(1), Fraction(1), *names), []
    sent: list[Any] = [SimpleNamespace(pts=pts, dts=dts) for pts, dts in packets]
    coming = iter(enumerate(sent))
    at = -1
    for number, index in enumerate(shown):
        while at < index:
            at, packet = next(coming)
            made.note(packet)
        found += list(made.of(SimpleNamespace(pts=sent[index].pts), number))
    found += list(made.rest())
    assert [number for _, number, _ in found] == list(range(len(shown)))
    return [time for _, _, time in found]


def test_times_of_showing_stay_as_they_are_at_a_varying_rate() -> None:
    assert timed([(0, -2), (9, -1), (2, 0), (3, 2), (11, 3)], [0, 2, 3, 1, 4]) == [0, 2, 3, 9, 11]


def test_times_of_decoding_are_given_in_the_order_of_showing() -> None:
    assert timed([(0, None), (1, None), (2, 0), (3, 1), (4, 2)], [0, 2, 3, 1, 4]) == [0, 1, 2, 3, 4]


def test_frames_before_first_time_come_at_stream_rate() -> None:
    """Frames before the first known time are shown at the rate of the stream."""
    assert timed([(None, None), (None, None), (1, 1), (5, 5)], [0, 1, 2, 3]) == [-1, 0, 1, 5]


def test_a_video_without_times_comes_at_the_rate_of_the_stream() -> None:
    assert timed([(None, None)] * 40, list(range(40))) == list(range(40))


def test_packets_that_show_nothing_do_not_delay_the_times() -> None:
    packets: list[tuple[int | None, int | None]] = [(time, time) for time in range(80)]
    assert timed(packets, list(range(0, 80, 2))) == list(range(0, 80, 2))


@pytest.mark.parametrize('codec', ['h264', 'mpeg4'])
def test_an_avi_begins_when_its_first_frame_is_decoded(codec: str) -> None:
    assert timed([(1, 0), (4, 1), (2, 2), (3, 3)], [0, 2, 3, 1], 'avi', codec) == [0, 1, 2, 3]


def test_pauses_of_h264_in_avi_are_where_the_file_has_them() -> None:
    assert timed([(1, 0), (5, 1), (6, 5), (9, 6)], [0, 1, 2, 3], 'avi', 'h264') == [0, 1, 5, 6]


def shown_at(times: list[int], *names: str) -> tuple[list[float], list[int]]:
    made = ShownTimes(Fraction(1), Fraction(1), *names)
    found = []
    for number, time in enumerate(times):
        made.note(SimpleNamespace(pts=time, dts=None))
        found += list(made.of(SimpleNamespace(pts=time), number))
    return [time for _, _, time in [*found, *made.rest()]], made.estimated


@pytest.mark.parametrize('wrong', [-(10**9), -20, 0, 3, 17, 22, 60, 10**9])
@pytest.mark.parametrize('place', [0, 1, 15, 37, 38])
def test_one_damaged_time_is_estimated_and_moves_no_other(place: int, wrong: int) -> None:
    times = [*range(10, 50)]
    times[place] = wrong
    found, estimated = shown_at(times)
    if (place == 0 and wrong < 11) or (place == 38 and wrong == 49):
        return  # a pause may begin so
    assert [*found[:place], *found[place + 1 :]] == [time for time in range(10, 50) if time != 10 + place]
    assert estimated == [place]
    assert found[place] == 10 + place


def test_two_damaged_times_are_estimated_at_a_varying_rate() -> None:
    times = [n * n for n in range(30)]
    times[5], times[20] = 10**6, 7
    found, estimated = shown_at(times)
    assert estimated == [5, 20]
    assert found == [n * n + (n in estimated) for n in range(30)]


def test_a_clock_that_is_set_back_is_no_damage() -> None:
    assert shown_at([*range(100, 130), *range(20)])[1] == []
    assert shown_at([*range(10), *range(1000, 1010)]) == ([*range(10), *range(1000, 1010)], [])


def test_rare_frames_that_are_shown_late_are_no_damage() -> None:
    packets: list[tuple[int | None, int | None]] = [(time, None) for time in range(40)]
    assert timed(packets, [*range(10), 11, 10, *range(12, 40)]) == list(range(40))
