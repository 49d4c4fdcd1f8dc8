"""The rate that is measured by frame times, whatever the clock and the camera are like, and where it is kept."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.convert import convert
from imgstore.errors import InvalidArgumentError
from imgstore.frame_rate import FrameRate, as_fraction, rate_of_times
from imgstore.util import motif_get_parse_true_fps

from .helpers.frames import index_in, numbered
from .helpers.raised import raises

SHAPE = (64, 96, 3)
EXTENSIONS = {'avc1/mp4': '.mp4', 'h264/mkv': '.mkv', 'mjpeg/avi': '.avi'}


def record(path: Path, fmt: str, times: Any, **options: Any) -> Path:
    with new_for_format(fmt, path, imgshape=SHAPE, **options) as store:
        for index, time in enumerate(times):
            store.add_image(numbered(index, SHAPE), index, float(time))
    return path


def rates(path: Path) -> list[float]:
    """What each chunk says."""
    found = []
    for video in sorted(path.glob('0*.[am][vkp][i4v]')):
        with av.open(str(video)) as container:
            found.append(float(container.streams.video[0].average_rate or 0))
    return found


def by_chunk(times: Any, chunksize: int) -> list[float | None]:
    rate = FrameRate()
    found = [rate.of(times[start : start + chunksize].tolist()) for start in range(0, len(times), chunksize)]
    return [None if one is None else float(one) for one in found]


def ticks(rate: float, tick: float, frames: int) -> Any:
    """Times of even frames by a coarse clock."""
    return np.floor((1e6 + np.arange(frames) / rate) / tick + 1e-9) * tick


@pytest.mark.parametrize('frames', [70, 500])
@pytest.mark.parametrize('jitter', [0, 0.0004])
@pytest.mark.parametrize('within', [0, 0.001])
@pytest.mark.parametrize('size', [2, 5, 20])
def test_bursts_have_the_mean_rate(size: int, within: float, jitter: float, frames: int) -> None:
    index = np.arange(frames)
    times = index // size + index % size * within + np.random.default_rng(1).uniform(0, jitter, frames)
    assert rate_of_times(times.tolist()) == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize('size', [20, 50])
def test_a_pause_among_bursts_is_left_out(size: int) -> None:
    index = np.arange(12 * size)
    times = index // size + index % size * 0.001 + 3600 * (index >= 5 * size)
    assert rate_of_times(times.tolist()) == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize(
    'times',
    [
        [0.005 * i + 3600 * (i > 99) for i in range(300)],
        [0.005 * i + 3600 * (i > 4) for i in range(10)],
        [0.005 * (i + (i > 30)) for i in range(300)],
        [0.005 * i for i in range(1000) if i % 97 and i % 89],
        [0.005 * i - 3600 * (i > 500) for i in range(1000)],
        [0.5 * (i // 100) + 0.005 * i + 60 * (i // 100) for i in range(500)],
        [0.005 * i if not 300 < i < 330 else 1.65 + i * 1e-5 for i in range(1000)],
    ],
    ids=['hour', 'hour_in_ten_frames', 'one_lost', 'some_lost', 'clock_set_back', 'trials', 'stall'],
)
def test_even_frames_have_their_rate_whatever_comes_between(times: list[float]) -> None:
    assert rate_of_times(times) == pytest.approx(200, rel=1e-3)


@pytest.mark.parametrize('tick', [0.001, 1 / 64, 0.016, 1.0])
@pytest.mark.parametrize('rate', [0.7, 25, 30, 40, 45, 60, 62.9, 200])
def test_a_coarse_clock_tells_the_rate(rate: float, tick: float) -> None:
    assert rate_of_times(ticks(rate, tick, 3000).tolist()) == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize(
    ('rate', 'tick', 'chunksize'),
    [(200, 0.016, 100), (200, 0.016, 1000), (30, 0.016, 100), (25, 1.0, 100), (200, 1.0, 1000), (59.94, 0.001, 100)],
)
def test_chunks_say_one_rate_within_the_clocks_grain(rate: float, tick: float, chunksize: int) -> None:
    found = by_chunk(ticks(rate, tick, 10 * chunksize), chunksize)
    assert len(set(found)) == 1
    assert found[0] == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize('chunksize', [100, 1000])
def test_frames_that_come_a_little_unevenly_have_one_rate(chunksize: int) -> None:
    times = 0.005 * np.arange(6000) + np.random.default_rng(1).uniform(0, 0.002, 6000)
    assert len(set(by_chunk(times, chunksize))) == 1


def test_another_rate_is_told_where_it_begins() -> None:
    index = np.arange(4000)
    found = by_chunk(np.where(index < 2000, 0.005 * index, 10 + 0.01 * (index - 2000)), 1000)
    assert found == pytest.approx([200, 200, 100, 100])


@pytest.mark.parametrize('chunksize', [1, 2, 7])
def test_small_chunks_are_measured_with_those_before(chunksize: int) -> None:
    index = np.arange(300)
    even, bursts = by_chunk(0.005 * index, chunksize), by_chunk(index // 20 + index % 20 * 0.001, chunksize)
    assert even[1:] == pytest.approx([200] * (len(even) - 1))
    assert bursts[-1] == pytest.approx(20, rel=0.01)


def test_a_fine_measure_replaces_a_rough_one() -> None:
    assert by_chunk(ticks(200, 1.0, 1500), 300)[1:] == pytest.approx([200] * 4, rel=0.01)


@pytest.mark.parametrize('fmt', EXTENSIONS)
def test_chunks_of_one_frame_say_the_rate_but_the_first(fmt: str, tmp_path: Path) -> None:
    path = record(tmp_path / 'store', fmt, 0.005 * np.arange(5), chunksize=1)
    assert rates(path) == pytest.approx([25, 200, 200, 200, 200])


def test_a_measured_rate_is_a_usual_one_if_it_may_be() -> None:
    assert as_fraction(29.9705, 1e-4) == Fraction(30000, 1001)
    assert as_fraction(199.97, 1e-3) == 200
    assert as_fraction(199.6, 1e-3) == Fraction(998, 5)
    assert as_fraction(29.9705) == Fraction(29.9705).limit_denominator(1001)


# --- what is given


@pytest.mark.parametrize('value', [True, False, np.True_])
def test_truth_in_the_metadata_is_no_rate(value: Any, tmp_path: Path) -> None:
    path = record(tmp_path / 'store', 'mjpeg/avi', 0.005 * np.arange(5), metadata={'hwframerate': value})
    assert rates(path) == pytest.approx([200])
    with new_for_filename(path) as store:
        assert motif_get_parse_true_fps(store) == 25


@pytest.mark.parametrize('fps', ['25', True, 2e6])
def test_what_is_no_rate_is_refused(fps: Any, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='fps'):
        new_for_format('mjpeg/avi', tmp_path / 'store', imgshape=SHAPE, fps=fps)


# --- where it is kept


def killed(path: Path, fmt: str, frames: int, **options: Any) -> Path:
    """What a writer leaves that was killed before its latest chunk was complete."""
    left = path / 'left'
    with new_for_format(fmt, path / 'store', imgshape=SHAPE, workers=0, **options) as store:
        for index in range(frames):
            store.add_image(numbered(index, SHAPE), index, 0.005 * index)
        store._index  # noqa: B018 -- waits for what is on its way to the disk
        shutil.copytree(path / 'store', left)
    (left / '.lock').unlink()
    return left


@pytest.mark.parametrize('frames', [1, 9])
@pytest.mark.parametrize('fmt', EXTENSIONS)
def test_a_repaired_video_says_the_rate_that_was_given(fmt: str, frames: int, tmp_path: Path) -> None:
    left = killed(tmp_path, fmt, frames, fps=70)
    imgstore.repair(left)
    assert rates(left) == pytest.approx([70], rel=2e-6)


@pytest.mark.parametrize('fmt', EXTENSIONS)
def test_single_repaired_frame_has_rate_of_earlier_chunks(fmt: str, tmp_path: Path) -> None:
    """A single repaired frame has the frame rate of the chunks before it."""
    left = killed(tmp_path, fmt, 11, chunksize=5)
    imgstore.repair(left)
    assert rates(left) == pytest.approx([200] * 3, rel=2e-6)
    with new_for_filename(left) as store:
        assert [index_in(store.get_image(None, frame_index=index)[0]) for index in range(11)] == list(range(11))


@pytest.mark.parametrize('fmt', EXTENSIONS)
def test_a_converted_video_says_the_rate_that_was_given(fmt: str, tmp_path: Path) -> None:
    path = record(tmp_path / 'store', 'mjpeg/avi', 0.005 * np.arange(5), fps=70)
    convert(path, tmp_path / 'new', fmt)
    assert rates(tmp_path / 'new') == pytest.approx([70], rel=2e-6)


def test_a_rate_goes_no_further_than_to_images(tmp_path: Path) -> None:
    path = record(tmp_path / 'store', 'mjpeg/avi', 0.005 * np.arange(3), fps=70)
    convert(path, tmp_path / 'images', 'png')
    assert 'fps' not in (tmp_path / 'images' / 'metadata.yaml').read_text()


@pytest.mark.parametrize('kept', ['fast', True, -1, 1e99, [25]])
def test_a_kept_rate_that_is_none_counts_for_nothing(kept: Any, tmp_path: Path) -> None:
    path = record(tmp_path / 'store', 'mjpeg/avi', 0.005 * np.arange(5), fps=70)
    text = (path / 'metadata.yaml').read_text()
    assert 'fps: 70' in text
    (path / 'metadata.yaml').write_text(text.replace('fps: 70.0', f'fps: {kept}'))
    convert(path, tmp_path / 'new', 'mjpeg/avi')
    assert rates(tmp_path / 'new') == pytest.approx([200])


def test_only_a_given_rate_is_kept(tmp_path: Path) -> None:
    path = record(tmp_path / 'store', 'mjpeg/avi', 0.005 * np.arange(5), metadata={'hwframerate': 50})
    assert 'fps' not in (path / 'metadata.yaml').read_text()
