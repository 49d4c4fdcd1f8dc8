"""The tools agree: on what a gap is, on how a time is written, on how values become shades of 8 bits."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.contrast import IntensityScaler
from imgstore.export import select
from imgstore.export.pictures import render_frames
from imgstore.overview import overview
from imgstore.timestamps import GAP_FACTOR, parse_time, parse_timestamp
from imgstore.viewers import gaps
from imgstore.viewers.navigation import Navigator

from .raised import raises

BEGAN = 1_772_362_800.0  # 2026-03-01 11:00 UTC


def recording_of(folder: Path, times: list[float], image: np.ndarray[Any, Any] | None = None) -> Path:
    shown = np.zeros((4, 5), np.uint8) if image is None else image
    with imgstore.new_for_format('npy', folder, imgshape=shown.shape, imgdtype=shown.dtype, chunksize=7) as store:
        for number, time in enumerate(times):
            store.add_image(shown, number, time)
    return folder


@pytest.mark.parametrize(('longest', 'found'), [(GAP_FACTOR - 0.1, []), (GAP_FACTOR + 0.1, [12])])
def test_info_window_and_page_find_the_same_gaps(tmp_path: Path, longest: float, found: list[int]) -> None:
    times = (BEGAN + np.cumsum([longest if n == 12 else 1 for n in range(30)]) / 10).tolist()
    folder = recording_of(tmp_path / 's', times)
    assert [gap.frame_index + 1 for gap in overview(folder).pace.drops] == found
    with imgstore.new_for_filename(folder) as store:
        course = Navigator(store)
        assert [course.next_gap(0, 1)[0]] == (found or [None])
        samples = gaps.sample_frames(course.frame, 0, len(store), 100)
        assert [gap.place for gap in gaps.find_gaps(course.frame, samples, course.period)] == found


@pytest.mark.parametrize(('text', 'seconds'), [
    ('2026-03-01 12:00:05.2', 5.2), ('2026-03-01T12:00:05,25', 5.25), ('2026-03-01T11:00:05Z', 5),
    ('20260301T120005', 5), ('2026-03-01 12:00:05.123456789+01:00', 5.123456), ('2026-03-01', -43200),
    (f'{BEGAN + 1}', 1), (' 1772362805 ', 5)])
def test_a_start_and_a_place_are_written_alike(tmp_path: Path, text: str, seconds: float) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=1))
    assert parse_timestamp(zone, text) == pytest.approx(BEGAN + seconds, abs=1e-6)
    with imgstore.new_for_filename(recording_of(tmp_path / 's', [BEGAN])) as store:
        zone = store.created[1]
        assert parse_time(store, text) == pytest.approx(parse_timestamp(zone, text), abs=1e-6)


@pytest.mark.parametrize('text', ['', 'noon', '2026-13-01', '2026-02-30 10:00',
                                  'nan', 'inf', '1_000', '1' * 40, '-', '.'])
def test_what_is_no_time_is_none_to_either(tmp_path: Path, text: str) -> None:
    with raises(imgstore.errors.InvalidArgumentError):
        parse_timestamp(datetime.timezone(datetime.timedelta(hours=1)), text)
    with imgstore.new_for_filename(recording_of(tmp_path / 's', [BEGAN])) as store, \
            raises(imgstore.errors.InvalidArgumentError):
        parse_time(store, text)


@pytest.mark.parametrize('dtype', ['uint16', 'int8', 'float32', 'float64', 'bool'])
def test_an_export_shows_the_shades_that_the_window_shows(tmp_path: Path, dtype: str) -> None:
    image = (np.arange(48 * 64).reshape(48, 64) % 251 * (100 if dtype == 'uint16' else 0.4)).astype(dtype)
    with imgstore.new_for_filename(recording_of(tmp_path / 's', [0.0, 0.1], image)) as store:
        exported = next(iter(render_frames(select(store))))
    assert np.array_equal(exported[..., 0], IntensityScaler().to_8_bit(image, stretch=False))
