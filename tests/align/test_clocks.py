"""Clocks of recordings: offset, drift and residual."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgstore.align.clocks import fit_by_time, fit_clock

SINCE = 1700000000.0


def camera(count: int = 3600, jitter: float = 0.001, seed: int = 0) -> np.ndarray:
    """Times of frames at 30 per second, with jitter."""
    return SINCE + np.arange(count) / 30 + np.random.default_rng(seed).normal(0, jitter, count)


def other_clock(times: np.ndarray, offset: float, ppm: float, jitter: float = 0.001) -> np.ndarray:
    own: np.ndarray = times + offset + ppm / 1e6 * (times - times[0])
    return own + np.random.default_rng(1).normal(0, jitter, len(times))


@given(offset=st.floats(-1e5, 1e5), ppm=st.floats(-900, 900))
def test_offset_and_drift_are_found(offset: float, ppm: float) -> None:
    times = camera(900)
    clock = fit_clock(times, other_clock(times, offset, ppm))
    assert clock.offset == pytest.approx(offset, abs=5e-4)
    assert clock.drift_ppm == pytest.approx(ppm, abs=20)
    assert clock.residual == pytest.approx(0.001, rel=0.2)
    assert (clock.start, clock.frame_count) == (times.min(), 900)


@pytest.mark.parametrize('every', [5, 20])
def test_outliers_do_not_bend_the_fit(every: int) -> None:
    """Frames whose times are seconds or hours off, all at the end too."""
    times = camera()
    own = other_clock(times, 0.25, 40)
    own[::every] += np.random.default_rng(2).exponential(1000, len(own[::every]))
    own[-100:] += 3600
    clock = fit_clock(times, own)
    assert clock.offset == pytest.approx(0.25, abs=5e-4)
    assert clock.drift_ppm == pytest.approx(40, abs=5)
    assert clock.outlier_count >= len(own[::every])


def test_many_frames_are_fitted_like_few() -> None:
    """The first lines come from a sample, and the last one from all frames."""
    times = camera(200_000)
    own = other_clock(times, 0.25, 40)
    own[::20] += 100
    clock, usual = fit_clock(times, own), np.arange(len(times)) % 20 > 0
    since = times - times.min()
    rest = np.abs(own - times - 0.25 - 40e-6 * since)
    usual &= rest < 4 * 1.4826 * np.median(rest)
    slope, offset = np.polyfit(since[usual], (own - times)[usual], 1)
    assert clock.offset == pytest.approx(offset, abs=1e-6)
    assert clock.drift_ppm == pytest.approx(slope * 1e6, abs=1e-3)
    assert clock.frame_count == len(times)
    assert clock.outlier_count == pytest.approx(len(times) - usual.sum(), abs=50)


def test_regular_frames_leave_the_offset_open() -> None:
    """At 25 Hz, 0.7 s looks like -0.02 s. Shared pauses or jitter are unlike at each shift."""
    times = np.arange(5000) / 25
    wrong = fit_by_time(times, times + 0.7, 0.02)
    assert (wrong.is_ambiguous, wrong.residual < 1e-6) == (True, True)
    assert fit_by_time(times, times + 0.004, 0.02).is_ambiguous
    varied = times + np.random.default_rng(5).uniform(0, 0.03, len(times))
    assert not fit_by_time(varied, varied + 0.004, 0.02).is_ambiguous
    assert not fit_clock(times, times + 0.7).is_ambiguous
    assert not fit_by_time(times[:1], times[:1], 0.02).is_ambiguous


def test_times_convert_in_both_directions() -> None:
    times = camera()
    clock = fit_clock(times, other_clock(times, -3, 200, jitter=0))
    assert np.abs(clock.from_reference(times) - other_clock(times, -3, 200, jitter=0)).max() < 1e-6
    assert np.abs(clock.to_reference(clock.from_reference(times)) - times).max() < 1e-6


def test_little_data_gives_what_it_can() -> None:
    """No frames: nothing. One frame, or several at one time: the offset."""
    none, one = fit_clock(np.array([]), np.array([])), fit_clock(np.array([2.0]), np.array([5.0]))
    assert (none.frame_count, math.isnan(none.offset), none.to_reference([1.5]).tolist()) == (0, True, [1.5])
    assert (one.offset, math.isnan(one.drift_ppm), one.to_reference([6.0]).tolist()) == (3.0, True, [3.0])
    same = fit_clock(np.array([2.0, 2.0]), np.array([5.0, 5.0]))
    assert (same.offset, math.isnan(same.drift_ppm)) == (3.0, True)
    two = fit_clock(np.array([0.0, 10.0]), np.array([1.0, 11.001]))
    assert [two.offset, two.drift_ppm] == pytest.approx([1.0, 100])
    assert fit_clock(np.array([math.nan, 1.0]), np.array([1.0, math.inf])).frame_count == 0


@pytest.mark.parametrize('ppm', [-300.0, 50.0, 300.0])
def test_by_time_a_drift_of_many_frames_is_followed(ppm: float) -> None:
    """After an hour at 300 ppm the clocks differ by 32 frames."""
    times = camera(108_000)
    kept = np.sort(np.random.default_rng(3).permutation(len(times))[:100_000])
    clock = fit_by_time(times, other_clock(times, 0.004, ppm)[kept], 1 / 60)
    assert clock.drift_ppm == pytest.approx(ppm, abs=0.1)
    assert clock.frame_count > 99_000


def test_by_time_recordings_may_begin_apart_or_never_meet() -> None:
    times = camera(20_000)
    clock = fit_by_time(times, other_clock(times, 0.004, 100)[9_000:], 1 / 60)
    assert clock.drift_ppm == pytest.approx(0, abs=200)
    late = fit_by_time(times[9_000:], other_clock(times[9_000:], 0.004, 100), 1 / 60)
    assert late.drift_ppm == pytest.approx(100, abs=1)
    assert fit_by_time(times, times + 1e6, 1 / 60).frame_count == 0
    assert fit_by_time(times[:0], times, 1 / 60).frame_count == 0
    assert fit_by_time(times, times[:0], 1 / 60).frame_count == 0
