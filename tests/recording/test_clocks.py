"""Times in UTC from a camera's clock: with drift, delays and jumps."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from imgstore.recording.device_clock import DeviceClock
from imgstore.recording.host_clock import HostClock

START = 1_700_000_000.0
SECOND = 1_000_000_000
DELAY = 0.003  # seconds that a frame takes at least


def run(
    count: int, fps: float = 100.0, drift_ppm: float = 0.0, jitter: float = 0.0, seed: int = 0
) -> tuple[DeviceClock, np.ndarray, np.ndarray]:
    """Give frames to a clock; return it, the true times of the frames and the times that it gave."""
    clock, rng = DeviceClock(), random.Random(seed)
    true = np.arange(count) / fps
    given = []
    for number, at in enumerate(true.tolist()):
        device_ns = 5 * SECOND + round(at * (1 + drift_ppm / 1e6) * SECOND)
        arrival = START + at + DELAY + (rng.expovariate(1 / jitter) if jitter else 0.0)
        given.append(clock.utc(device_ns, arrival, number))
    return clock, START + true, np.array(given)


@pytest.mark.parametrize('drift_ppm', [-80.0, 0.0, 15.0, 200.0])
def test_offset_and_drift_are_fitted_while_recording(drift_ppm: float) -> None:
    """Half an hour of frames that arrive up to many milliseconds late."""
    clock, true, given = run(18_000, fps=10.0, drift_ppm=drift_ppm, jitter=0.002)
    late = given - true - DELAY
    assert np.abs(late[600:]).max() < 0.002
    (segment,) = clock.segments
    assert segment.drift_ppm == pytest.approx(-drift_ppm, abs=0.5)
    assert segment.utc == pytest.approx(START + DELAY, abs=0.001)
    assert segment.device_ns == 5 * SECOND
    assert segment.residual < 0.001


def test_intervals_stay_those_of_the_camera() -> None:
    """Frames that arrive unevenly get even times."""
    _, _, given = run(3_000, jitter=0.004)
    assert np.abs(np.diff(given[200:]) - 0.01).max() < 0.0001
    assert (np.diff(given) > 0).all()


def test_a_first_frame_that_waited_long_is_corrected_in_a_second() -> None:
    clock = DeviceClock()
    arrivals = [START + 0.2, *(START + number / 100 for number in range(1, 300))]
    given = [clock.utc(number * SECOND // 100, max(at, START + 0.2), number) for number, at in enumerate(arrivals)]
    assert (np.diff(given) > 0).all()
    assert given[-1] == pytest.approx(START + 2.99, abs=0.005)
    assert len(clock.segments) == 1


@pytest.mark.parametrize('jump', [-3600.0, -2.0, 2.0, 3600.0])
def test_a_clock_that_jumps_begins_a_segment_and_times_go_on(jump: float) -> None:
    clock, given = DeviceClock(), []
    for number in range(600):
        device = 10_000 + number / 100 + (jump if number >= 300 else 0.0)
        given.append(clock.utc(round(device * SECOND), START + number / 100 + DELAY, number))
    assert np.abs(np.array(given) - (START + np.arange(600) / 100 + DELAY)).max() < 1e-3
    first, second = clock.segments
    assert (first.first_number, second.first_number) == (0, 300)
    assert second.device_ns == round((10_003 + jump) * SECOND)


def test_a_computer_that_was_busy_is_no_jump() -> None:
    """For two seconds nothing is taken; then all frames come at once."""
    clock, given = DeviceClock(), []
    for number in range(800):
        at = START + number / 100
        arrival = max(at, START + 4.0) if number > 200 else at
        given.append(clock.utc(number * SECOND // 100, arrival, number))
    assert len(clock.segments) == 1
    assert np.abs(np.array(given) - (START + np.arange(800) / 100)).max() < 0.002


def test_a_line_of_a_segment_gives_the_times_again() -> None:
    clock, true, _ = run(20_000, drift_ppm=50.0, jitter=0.001)
    (segment,) = clock.segments
    device_ns = 5 * SECOND + np.round((true - START) * (1 + 50e-6) * SECOND)
    times = segment.utc + (device_ns - segment.device_ns) / 1e9 * (1 + segment.drift_ppm / 1e6)
    assert np.abs(times - true - DELAY).max() < 1e-4


def test_memory_of_a_clock_is_bounded() -> None:
    clock = DeviceClock()
    for number in range(5_000):  # one frame in ten seconds, for half a day
        clock.utc(number * 10 * SECOND, START + number * 10.0, number)
    assert len(clock._segments[0]._kept.points) <= 512


def test_the_computers_clock_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    host = HostClock()
    usual = time.time_ns
    assert abs(host.set_by) < 0.01
    assert host.now() == pytest.approx(time.time(), abs=0.01)
    monkeypatch.setattr(time, 'time_ns', lambda: usual() + 3600 * SECOND)
    assert host.set_by == pytest.approx(3600, abs=0.01)
    assert host.now() == pytest.approx(usual() / 1e9, abs=0.1)
