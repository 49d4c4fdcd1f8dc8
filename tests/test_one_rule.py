"""The tools agree: on the frame rate, on what a gap is, on how a time is written, on how values become 8 bits."""

from __future__ import annotations

import datetime
import json
import math
import os
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore import timestamps
from imgstore._support.plausible import max_bytes
from imgstore.apps.info import main as info_main
from imgstore.apps.view import recorded_fps
from imgstore.contrast import IntensityScaler, measure_range
from imgstore.export import export_images, export_timecodes, select
from imgstore.export.pictures import render_frames
from imgstore.frame_rate import median_interval
from imgstore.overview import overview
from imgstore.overview.interval_plot import interval_figure
from imgstore.timestamps import GAP_FACTOR, parse_time, parse_timestamp
from imgstore.util import motif_get_parse_true_fps
from imgstore.viewers import gaps
from imgstore.viewers.navigation import Navigator
from imgstore.viewers.web.recording import Recording
from imgstore.viewers.window.frame import Frames as LoadedFrames

from .helpers.checked import not_none
from .helpers.raised import raises
from .helpers.spying import spy

BEGAN = 1_772_362_800.0  # 2026-03-01 11:00 UTC


def recording_of(
    folder: Path, times: list[float], image: np.ndarray[Any, Any] | None = None, chunksize: int = 7, **options: Any
) -> Path:
    shown = np.zeros((4, 5), np.uint8) if image is None else image
    with imgstore.new_for_format(
        'npy', folder, imgshape=shown.shape, imgdtype=shown.dtype, chunksize=chunksize, **options
    ) as store:
        for number, time in enumerate(times):
            store.add_image(shown, number, time)
    return folder


def modules_with(pattern: str) -> set[str]:
    """Names of the modules in whose source it is."""
    root = Path(imgstore.__file__).parent
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob('*.py')
        if not path.is_relative_to(root / 'tests') and re.search(pattern, path.read_text(encoding='utf-8'))
    }


@pytest.mark.parametrize(('longest', 'found'), [(GAP_FACTOR - 0.1, []), (GAP_FACTOR + 0.1, [12])])
def test_info_window_and_page_find_the_same_gaps(tmp_path: Path, longest: float, found: list[int]) -> None:
    times = (BEGAN + np.cumsum([longest if n == 12 else 1 for n in range(30)]) / 10).tolist()
    folder = recording_of(tmp_path / 's', times)
    assert [gap.frame_index + 1 for gap in overview(folder).pace.drops] == found
    with imgstore.new_for_filename(folder) as store:
        navigator = Navigator(store)
        assert navigator.next_gap(0, 1)[0] == (found[0] if found else None)
        samples = gaps.sample_frames(navigator.frame, 0, len(store), 100)
        assert [gap.place for gap in gaps.find_gaps(navigator.frame, samples, navigator.period)] == found


def jittered() -> list[float]:
    """At 25 Hz with a jitter of 12 ms and three pauses."""
    steps = np.random.default_rng(7).normal(0.04, 0.012, 200).clip(0.001, 0.09)
    steps[[40, 90, 150]] += 0.09
    return [float(time) for time in BEGAN + np.cumsum(steps)]


UNEVEN = {
    'jitter': jittered(),
    'exponential': np.cumsum(np.random.default_rng(5).exponential(0.04, 200)).tolist(),
    'bursts': (np.arange(100) // 4 + np.arange(100) % 4 / 100).tolist(),
}


def gap_places(folder: Path) -> tuple[list[int], list[int]]:
    """Indexes after a gap, by key N and on the page's timeline with a sample of each frame."""
    with closing(Recording(str(folder))) as page:
        by_key, index = list[int](), 0
        while (found := page.next_gap(index, 1)['found']) is not None:
            by_key.append(index := found)
        return by_key, [gap['index'] for gap in page.timeline('index', None, None, 1000)['gaps']]


@pytest.mark.parametrize('times', UNEVEN.values(), ids=UNEVEN)
def test_the_timeline_has_the_gaps_of_info_whatever_the_jitter(tmp_path: Path, times: list[float]) -> None:
    folder = recording_of(tmp_path / 's', times, chunksize=50)
    pace = overview(folder, drops=1000).pace
    by_key, drawn = gap_places(folder)
    assert [gap.frame_index + 1 for gap in pace.drops] == by_key == drawn
    assert len(drawn) == pace.slow_intervals > 2


@pytest.mark.parametrize('times', UNEVEN.values(), ids=UNEVEN)
def test_a_timeline_of_few_samples_shows_gaps_of_the_rule_alone(tmp_path: Path, times: list[float]) -> None:
    folder = recording_of(tmp_path / 's', times, chunksize=50)
    by_key, _ = gap_places(folder)
    with closing(Recording(str(folder))) as page:
        for bins in (2, 7, 50, 130):
            assert {gap['index'] for gap in page.timeline('index', None, None, bins)['gaps']} <= {*by_key}


def legend(folder: Path) -> list[str]:
    """What the plot counts."""
    with imgstore.new_for_filename(folder) as store:
        figure = interval_figure(store.frame_numbers, store.frame_times, '')
    labels = [str(each.get_label()) for axes in figure.axes for each in (*axes.lines, *axes.collections)]
    return [label for label in labels if not label.startswith('_')]


ENDLESS, LARGE = math.inf, 1e308
STRANGE = {
    'no time': [0, 0.1, math.nan, 0.3, 0.4],
    'endless': [0, 0.1, ENDLESS, 0.3, 0.4],
    'ends endless': [0, 0.1, 0.2, ENDLESS],
    'begins endless': [-ENDLESS, 0.1, 0.2, 0.3],
    'none': [math.nan] * 3,
    'large': [-LARGE, LARGE, 0, 1, 2],
    'larger and larger': [0, 1, 2, LARGE],
    'set back': [100, 100.1, 50, 50.1],
    'backwards': [3, 2, 1],
    'same': [1, 1, 1],
}


@pytest.mark.parametrize('times', STRANGE.values(), ids=STRANGE)
def test_the_plot_counts_what_info_counts_whatever_the_times(tmp_path: Path, times: list[float]) -> None:
    folder = recording_of(tmp_path / 's', times)
    pace, counted = overview(folder).pace, legend(folder)
    assert 'missing frame numbers: 0' in counted
    assert (f'longer than that: {pace.slow_intervals}' in counted) == (pace.median_interval is not None)
    assert ('no median' in counted) == (pace.median_interval is None)


@pytest.mark.slow
@pytest.mark.parametrize('times', STRANGE.values(), ids=STRANGE)
def test_any_times_are_told_and_shown_without_a_warning(tmp_path: Path, times: list[float]) -> None:
    folder = recording_of(tmp_path / 's', times)
    assert info_main([str(folder), '--plot', str(tmp_path / 'plot.png')]) == 0
    by_key, drawn = gap_places(folder)
    assert by_key == drawn
    with closing(Recording(str(folder))) as page:
        for axis in ('index', 'time', 'number'):
            for bins in (2, 3, 100):
                json.dumps(page.timeline(axis, None, None, bins), allow_nan=False)


def test_plot_begins_before_first_frame_if_clock_went_back() -> None:
    """The plot begins before the first frame if the clock was set back."""
    figure = interval_figure(np.arange(4), np.array([100, 100.1, 50, 50.1]), '')
    left, right = figure.axes[1].get_xlim()
    assert (left, right) == pytest.approx((-50, 0.1))
    assert figure.axes[1].get_xlabel() == 's since the first frame'


TIMES = {
    'regular': ([n / 50 for n in range(30)], 50),
    'a pause': ([n / 50 + 60 * (n > 20) for n in range(30)], 50),
    'lost frames': ([n / 50 for n in range(40) if n % 7], 50),
    'jitter': ((np.arange(200) / 50 + np.random.default_rng(3).uniform(0, 0.002, 200)).tolist(), 50),
    'a clock of 10 ms': ((np.arange(60) * 6 // 10 / 100).tolist(), 100),
    'each time twice': ([n // 2 / 50 for n in range(30)], 50),
    'a slow end': ([n / 50 if n < 20 else 0.4 + (n - 20) for n in range(30)], 50),
    'a slow first chunk': ([n - 7.0 if n < 7 else n / 50 for n in range(30)], 50),
    'no time': ([math.nan if n % 5 == 3 else n / 50 for n in range(30)], 50),
    'endless': ([math.inf if n == 4 else -math.inf if n == 5 else n / 50 for n in range(30)], 50),
    'set back': ([n / 50 - 3600 * (n > 11) for n in range(30)], 50),
    'two': ([1.0, 1.25], 4),
    'one': ([1.0], None),
    'none': ([], None),
    'one time': ([1.0] * 9, None),
    'no times': ([math.nan] * 9, None),
    'backwards': ([9.0, 8.0, 7.0], None),
}


@pytest.mark.parametrize(('times', 'rate'), TIMES.values(), ids=TIMES)
def test_all_tools_show_one_frame_rate(tmp_path: Path, times: list[float], rate: float | None) -> None:
    folder = recording_of(tmp_path / 's', times)
    found = overview(folder).pace
    assert found.rate == (None if rate is None else pytest.approx(rate, rel=0.02))
    with closing(Recording(str(folder))) as page:
        assert page.summary()['period'] == found.median_interval
        assert recorded_fps(page.store) == (found.rate or 25)
        assert motif_get_parse_true_fps(page.store, None) == pytest.approx(
            1 / (median_interval(times[:7]) or math.nan), nan_ok=True
        )


def test_rate_of_long_recording_samples_all_of_it(tmp_path: Path, monkeypatch: Any) -> None:
    """The frame rate of a long recording is measured on samples from all parts of it."""
    monkeypatch.setattr(timestamps, '_MANY_FRAMES', 1000)
    times = np.cumsum(np.where(np.arange(20_000) % 20_000 < 9_000, 1 / 25, 1 / 100))
    path = recording_of(tmp_path / 's', [0.0])
    np.savez(path / '000000' / 'index.npz', frame_number=np.arange(20_000), frame_time=times)
    assert overview(path).pace.rate == pytest.approx(100)


def test_no_other_module_takes_a_median_of_intervals() -> None:
    assert modules_with(r'median\(\s*(np\.diff\(\w*times|intervals)') == {'frame_rate.py'}


TARGETS = {'timecodes': 'txt', 'images': 'folder', 'plot': 'png', 'index': 'sqlite'}
RENAMES = {  # of what is complete already, and why that is no replacement of a file by a new one
    'chunks/video/mp4_tail.py': 'a frame beside a video, which gets the name of that',
    'chunks/video/opencv.py': 'a new video',
    'chunks/video/pyav_writer.py': 'a new video',
    'maintenance/repair.py': 'a damaged file, and a video that cannot be repaired, under other names',
    'ondisk/emptying.py': 'metadata that were synced before',
    'ondisk/staging.py': 'files that were synced before',
    'writing/completing.py': 'journals',
    'writing/rolling_writer.py': 'a new video',
}


def test_files_are_replaced_by_one_function() -> None:
    found = modules_with(r'\bos\.replace\(')
    assert found == {'ondisk/files.py', *RENAMES}


@pytest.mark.parametrize('kind', ['timecodes', 'images', 'plot', 'index'])
def test_overwritten_file_stays_until_new_one_is_on_disk(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool keeps the file that it overwrites until the new one is on the disk."""
    folder, target = recording_of(tmp_path / 's', [0.0, 0.1]), tmp_path / f'made.{TARGETS[kind]}'

    def make() -> None:
        with imgstore.new_for_filename(folder) as store:
            if kind == 'index':
                store.index.to_file(target)
            elif kind == 'timecodes':
                export_timecodes(select(store), target, overwrite=True)
            elif kind == 'images':
                export_images(select(store), target, overwrite=True)
            else:
                assert info_main([str(folder), '--plot', str(target), '--overwrite']) == 0

    make()
    before, synced, there = target.stat().st_ino, set(), list[bool]()
    fsync = os.fsync

    def seen(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        there.append(target.stat().st_ino == before)
        fsync(descriptor)

    monkeypatch.setattr(os, 'fsync', seen)
    make()
    assert there[0]
    assert target.stat().st_ino in synced - {before}


@pytest.mark.parametrize(
    ('possible', 'expected', 'most'),
    [
        (None, None, 2**26),
        (10, None, 2**26),
        (2**30, None, 2**30),
        (None, 100, 2**26),
        (None, 2**21, 2**27),
        (2**30, 2**21, 2**27),
        (2**28, 2**30, 2**28),
        (10, 2**30, 2**26),
        (0, 0, 2**26),
    ],
)
def test_claimed_size_is_believed_if_harmless_or_likely(possible: int | None, expected: int | None, most: int) -> None:
    """A claimed size is believed if it is harmless, or if it is possible and likely."""
    assert max_bytes(possible, expected) == most


def test_the_limits_of_claimed_sizes_are_in_one_module() -> None:
    assert modules_with(r'UNQUESTIONED\w* *[=,]|\b1032\b|_RATIO *=') == {
        '_support/plausible.py',
        'chunks/video/container_checks.py',  # pixels that FFmpeg may decode, whatever the file's size
        'ondisk/journal_reading.py',  # work to find the next entry after damage
        'extra_data/records.py',
    }  # cells of a table, most of which are empty


@pytest.mark.parametrize(
    ('what', 'modules'),
    [
        (r'\bcv2\.imencode\(', {'_support/opencv_encode.py'}),
        (r'\.setLogLevel\(', {'_support/quiet_opencv.py'}),
        (r'>> bit & 1', {'chunks/video/numbered.py'}),
        (r'def _?is_reserved\(', {'extra_data/records.py'}),
        (r'it must be a JSON array of objects', {'extra_data/records.py'}),
    ],
)
def test_what_was_written_twice_is_written_once(what: str, modules: set[str]) -> None:
    assert modules_with(what) == modules


METADATA = {
    datetime.date(2026, 3, 1): 3,
    'gain': math.nan,
    'limits': [0, math.inf],
    'cages': {4},
    'key': b'\xff',
    'since': datetime.datetime(2026, 3, 1, 12),
    None: 'x',
    1.5: True,
}


def test_metadata_are_the_same_json_in_all_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = recording_of(tmp_path / 's', [0.0], metadata=METADATA)
    assert info_main([str(folder), '--json']) == 0
    with closing(Recording(str(folder))) as page:
        shown = json.loads(json.dumps(page.about()['user'], allow_nan=False))
    told = json.loads(capsys.readouterr().out)['metadata']
    assert told == {
        '2026-03-01': 3,
        'gain': None,
        'limits': [0, None],
        'cages': [4],
        'key': {'hex': 'ff'},
        'since': '2026-03-01T12:00:00',
        'null': 'x',
        '1.5': True,
    }
    assert shown == {**told, 'gain': 'nan', 'limits': [0, 'inf']}  # for people


WRITES_JSON = {  # beside the one module that says what a value is in JSON
    'adapters/nwb.py': 'by `as_json`',
    'apps/_info_text.py': 'by `as_json`',
    'viewers/web/answers.py': 'by `as_json`, and integers as text if JavaScript would round them',
    'viewers/web/packets.py': 'names and numbers',
    'maintenance/repair.py': 'records as they were read',
    'maintenance/verify_log.py': 'numbers and texts',
    'extra_data/records.py': 'records as they were read',
    'convert/part_report.py': 'numbers and file sizes',
    'convert/work_folder.py': 'numbers and names',
    'chunks/images/bloscpack.py': 'a shape and a dtype',
    'export/images.py': 'a number and a time',
    'extra_data/hdf5_client.py': 'names and numbers',
    'extra_data/hdf5_worker.py': 'names and numbers',
}


def test_values_become_json_in_one_module() -> None:
    assert modules_with(r'\bjson\.dumps?\(') == {'_support/json.py', *WRITES_JSON}


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [
        ('2026-03-01 12:00:05.2', 5.2),
        ('2026-03-01T12:00:05,25', 5.25),
        ('2026-03-01T11:00:05Z', 5),
        ('20260301T120005', 5),
        ('2026-03-01 12:00:05.123456789+01:00', 5.123456),
        ('2026-03-01', -43200),
        (f'{BEGAN + 1}', 1),
        (' 1772362805 ', 5),
    ],
)
def test_a_start_and_a_place_are_written_alike(tmp_path: Path, text: str, seconds: float) -> None:
    zone: datetime.tzinfo = datetime.timezone(datetime.timedelta(hours=1))
    assert parse_timestamp(zone, text) == pytest.approx(BEGAN + seconds, abs=1e-6)
    with imgstore.new_for_filename(recording_of(tmp_path / 's', [BEGAN])) as store:
        zone = store.created[1]
        assert parse_time(store, text) == pytest.approx(parse_timestamp(zone, text), abs=1e-6)


@pytest.mark.parametrize(
    'text', ['', 'noon', '2026-13-01', '2026-02-30 10:00', 'nan', 'inf', '1_000', '1' * 40, '-', '.']
)
def test_what_is_no_time_is_none_to_either(tmp_path: Path, text: str) -> None:
    with raises(imgstore.errors.InvalidArgumentError):
        parse_timestamp(datetime.timezone(datetime.timedelta(hours=1)), text)
    with (
        imgstore.new_for_filename(recording_of(tmp_path / 's', [BEGAN])) as store,
        raises(imgstore.errors.InvalidArgumentError),
    ):
        parse_time(store, text)


@pytest.mark.parametrize('dtype', ['uint16', 'int8', 'float32', 'float64', 'bool'])
def test_an_export_shows_the_shades_that_the_window_shows(tmp_path: Path, dtype: str) -> None:
    image = (np.arange(48 * 64).reshape(48, 64) % 251 * (100 if dtype == 'uint16' else 0.4)).astype(dtype)
    with imgstore.new_for_filename(recording_of(tmp_path / 's', [0.0, 0.1], image)) as store:
        exported = next(iter(render_frames(select(store))))
    assert np.array_equal(exported[..., 0], IntensityScaler().to_8_bit(image, stretch=False))


@pytest.mark.parametrize('dtype', ['uint16', 'float32'])
def test_shades_are_equal_in_export_window_and_page(tmp_path: Path, dtype: str) -> None:
    """A frame has the same shades in a partial export, the window and the page."""
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5), imgdtype=dtype) as store:
        for number in range(5):  # brighter and brighter
            store.add_image((np.arange(20).reshape(4, 5) * 10 * 5**number).astype(dtype), number, number / 10)
    with imgstore.new_for_filename(tmp_path / 's') as store, closing(Recording(store.filename)) as page:
        window = LoadedFrames(store)
        for index in (0, 4, 2):
            exported = next(iter(render_frames(select(store, from_index=index, to_index=index + 1))))
            assert np.array_equal(window.picture(window.read(index), stretch=False), exported)
            on_page = page.shown(page.image(index), None, 100, stretch=False)
            shown = not_none(cv2.imdecode(np.frombuffer(on_page, np.uint8), cv2.IMREAD_COLOR))
            assert np.abs(shown.astype(int) - exported).max() <= 8  # JPEG


def test_shades_are_measured_once_above_8_bits(tmp_path: Path) -> None:
    """The range of shades is measured once, and only for images with more than 8 bits."""
    measured = list[int]()
    scaler = IntensityScaler(spy(lambda: (0.0, 510.0), lambda: measured.append(1)))
    scaler.to_8_bit(np.zeros((2, 2), np.uint8), stretch=False)
    assert not measured
    for white, shade in ((510, 255), (255, 127), (1020, 255), (510, 127)):
        assert scaler.to_8_bit(np.full((1, 1), white, np.uint16), stretch=False) == shade
    assert len(measured) == 1


def test_shades_ignore_damaged_frames_and_alpha() -> None:
    """Damaged frames and an alpha channel do not change the measured range of shades."""

    def read(index: int) -> np.ndarray[Any, Any]:
        if index == 1:
            raise imgstore.errors.FrameReadError('damaged')
        return np.array([[[3 + index, 4, math.nan, 999]]], np.float32)

    assert measure_range(read, 3) == (3, 5)
    assert measure_range(read, 0) == (math.inf, -math.inf)
