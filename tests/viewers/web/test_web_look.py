"""The page's requests for a close look: pixels, shades, histograms, places, gaps and extra data of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

import imgstore
from imgstore.viewers.gaps import MOST_GAPS, find_gaps, sample_frames
from imgstore.viewers.web.extra import kind_of_column, wider_kind
from imgstore.viewers.web.pictures import Tone, histogram

from ...helpers.checked import not_none
from ...helpers.frames import numbered
from ...helpers.serving import Served, served

pytestmark = pytest.mark.process

SHAPE = (64, 96)
START = 1717142400.0  # 2024-05-31 08:00 UTC
COLORS = np.arange(SHAPE[0] * SHAPE[1] * 3, dtype=np.uint32).reshape(*SHAPE, 3).astype(np.uint8)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('stores')
    units = {'temperature': '°C', 'odd': ['no', 'unit']}
    with imgstore.new_for_format(
        'png', folder / 'gray', imgshape=SHAPE, chunksize=5, metadata={'units': units}
    ) as store:
        for number in range(12):
            store.add_image(numbered(number, SHAPE), 100 + number, START + number)
            records = {'lever': number % 4 < 2, 'count': number // 3, 'temperature': 20.5 + number}
            store.add_extra_data(**records, state='rest' if number < 7 else 'run')
    with imgstore.new_for_format('npy', folder / 'deep', imgshape=SHAPE, imgdtype='uint16') as store:
        image = np.full(SHAPE, 1000, np.uint16)
        image[5, 7] = 40000
        store.add_image(image, 0, 0.0)
    with imgstore.new_for_format('png', folder / 'color', imgshape=COLORS.shape) as store:
        store.add_image(COLORS, 0, 0.0)
    return folder


@pytest.fixture(scope='module')
def page(folder: Path) -> Iterator[Served]:
    with served(*(str(folder / name) for name in ('gray', 'deep', 'color'))) as it:
        yield it


# --- pixels and shades


def test_a_pixel_has_the_recorded_value(page: Served) -> None:
    assert page.get('/api/stores/1/pixel/0?x=7&y=5') == {'x': 7, 'y': 5, 'values': [40000]}
    blue, green, red = COLORS[3, 9].tolist()
    assert page.get('/api/stores/2/pixel/0?x=9&y=3')['values'] == [red, green, blue]


@pytest.mark.parametrize('place', ['x=96&y=0', 'x=0&y=64', 'x=-1&y=0', 'x=0'])
def test_a_pixel_outside_the_image_is_refused(page: Served, place: str) -> None:
    assert page.ask(f'/api/stores/0/pixel/0?{place}').status == 400


def test_black_and_white_set_the_shades(page: Served) -> None:
    def shown(query: str) -> Any:
        body = page.ask(f'/api/stores/1/image/0.jpg?quality=100&{query}').body
        return not_none(cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_GRAYSCALE)).astype(int)

    assert abs(shown('black=0&white=2000')[40, 40] - 127) <= 2
    assert abs(shown('black=0&white=2000&gamma=2')[40, 40] - 180) <= 2
    assert abs(shown('black=2000&white=0')[40, 40] - 128) <= 2
    assert shown('black=1000&white=1001')[40, 40] <= 2
    assert page.ask('/api/stores/1/image/0.jpg?black=0&white=9&gamma=99').status == 400
    assert page.ask('/api/stores/1/image/0.jpg?black=x&white=9').status == 400


def test_shades_are_linear_unless_gamma_bends_them() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(Tone(0, 255).to_8_bit(levels), levels)
    np.testing.assert_array_equal(Tone(255, 0).to_8_bit(levels), 255 - levels)
    assert Tone(0, 255, 2).to_8_bit(levels)[4, 0] > 64 > Tone(0, 255, 0.5).to_8_bit(levels)[4, 0]


def test_a_histogram_counts_each_finite_value_once(page: Served) -> None:
    found = page.get('/api/stores/1/histogram/0')
    assert (found['low'], found['high']) == (1000, 40000)
    assert (found['counts'][0], found['counts'][-1]) == (SHAPE[0] * SHAPE[1] - 1, 1)
    gray = page.get('/api/stores/0/histogram/3')
    assert (gray['low'], gray['high'], sum(gray['counts'])) == (0, 255, SHAPE[0] * SHAPE[1])
    assert sum(histogram(np.array([[0.5, np.nan], [np.inf, 2]], np.float32), 0, 1)) == 2
    assert histogram(np.full((4, 4), 3, np.uint16), 3, 3)[0] == 16


# --- places


@pytest.mark.parametrize(
    ('text', 'index', 'note'),
    [
        ('104', 4, ''),
        ('%233', 3, ''),
        ('2.2s', 2, ''),
        ('08:00:07', 7, ''),
        ('2024-05-31T08:00:05', 5, ''),
        ('7', 0, 'there is no frame 7; this is the nearest'),
    ],
)
def test_a_place_is_a_number_an_index_or_a_time(page: Served, text: str, index: int, note: str) -> None:
    found = page.get(f'/api/stores/0/place?text={text}')
    assert (found['index'], found['note']) == (index, note)


def test_what_is_no_place_says_what_is(page: Served) -> None:
    answer = page.ask('/api/stores/0/place?text=yesterday')
    assert answer.status == 400
    assert "'yesterday'" in answer.json['error']
    assert '12.5s' in answer.json['error']


# --- extra data of any kind


def test_extra_data_has_kinds_labels_and_units(page: Served) -> None:
    while not (found := page.get('/api/stores/0/extra?bins=100'))['complete']:
        pass
    assert found['kinds'] == {'lever': 'bool', 'count': 'int', 'temperature': 'float', 'state': 'text'}
    assert set(found['columns']) == {'lever', 'count', 'temperature'}
    assert found['labels'] == {'state': [[0, 'rest'], [7, 'run']]}
    assert found['units'] == {'temperature': '°C'}


@pytest.mark.parametrize(
    ('values', 'kind'),
    [
        ([True, False], 'bool'),
        ([True, None], 'bool'),
        ([1, 2], 'int'),
        ([1.5, None], 'float'),
        (['a', None], 'text'),
        (['a', 1], None),
        ([None, None], None),
        ([{'a': 1}], None),
        ([1j], None),
    ],
)
def test_a_column_is_of_one_kind(values: list[Any], kind: str | None) -> None:
    dtype = object if None in values and isinstance(values[0], (bool, type(None))) else None
    assert kind_of_column(pd.Series(values, dtype=dtype)) == kind


def test_a_column_of_two_kinds_is_of_the_wider_one() -> None:
    assert wider_kind('int', 'float') == wider_kind('float', 'bool') == 'float'


# --- gaps


@pytest.mark.parametrize('count', [61, 300])
def test_every_gap_is_found_however_many(count: int) -> None:
    """With few samples, all gaps are still at their frames."""
    places = np.linspace(500, 99_500, count).astype(int)
    missing = np.zeros(100_000, np.int64)
    missing[places] = 3
    numbers = np.arange(100_000) + np.cumsum(missing)
    times = numbers / 25
    times[60_000:] += 100  # and one pause
    at = lambda place: (int(numbers[place]), float(times[place]))  # noqa: E731
    found = find_gaps(at, sample_frames(at, 0, 100_000, 200), 1 / 25)
    assert {gap.place for gap in found} == {*places.tolist(), 60_000}
    assert {gap.missing for gap in found} == {3, 0}


def test_the_search_for_gaps_ends() -> None:
    """Of very many gaps, the largest are found."""
    numbers = np.arange(50_000) * 2
    numbers[25_000:] += 1000
    at = lambda place: (int(numbers[place]), float(numbers[place]) / 25)  # noqa: E731
    found = find_gaps(at, sample_frames(at, 0, 50_000, 100), 2 / 25)
    assert len(found) <= 2 * MOST_GAPS
    assert max(found, key=lambda gap: gap.missing).place == 25_000
