"""Frames without images: dates, looking up by date, and tables."""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import yaml

from imgstore import ImgStore, new_for_filename, new_for_format
from imgstore.errors import FrameNotFoundError, InvalidArgumentError
from imgstore.export import select
from imgstore.timestamps import parse_time

from ..helpers.raised import raises

NOON = 1700000000.0  # 2023-11-14 22:13:20 UTC
NUMBERS = [5, 7, 8, 8, -3, 20, 21]
TIMES = [NOON, NOON + 0.5, NOON + 1 / 3, NOON + 1.5, NOON + 1.123456789, NOON + 1.5, NOON + 9]
VIENNA = ZoneInfo('Europe/Vienna')


def write(path: Path, times: list[float] = TIMES, fmt: str = 'npy', zone: str = 'Europe/Vienna') -> Path:
    with new_for_format(fmt, path, imgshape=(8, 10), chunksize=3) as store:
        for number, seconds in zip(NUMBERS, times, strict=False):
            store.add_image(np.zeros((8, 10), np.uint8), number, seconds)
    metadata = yaml.safe_load((path / 'metadata.yaml').read_text())
    metadata['__store']['timezone_local'] = zone
    (path / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    return path


@pytest.fixture(params=['npy', 'mjpeg/avi'])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with new_for_filename(write(tmp_path / 's', fmt=request.param)) as store:
        yield store


# --- dates


def test_datetimes_are_utc_in_nanoseconds_and_read_only(store: ImgStore) -> None:
    found = store.datetimes
    assert (found.dtype, found.shape) == (np.dtype('datetime64[ns]'), (7,))
    assert found[0] == np.datetime64('2023-11-14T22:13:20')
    assert (found - found[0])[[1, 6]].tolist() == [500_000_000, 9_000_000_000]
    with pytest.raises(ValueError, match='read-only'):
        found[0] = found[1]
    for seconds, date in zip(TIMES, found, strict=True):
        exact = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        assert abs(int(date.astype('int64')) - round(exact.timestamp() * 10**6) * 1000) <= 1000


def test_datetimes_are_rounded_and_else_not_a_time(tmp_path: Path) -> None:
    times = [-0.1234567894, 1e-9, 0.4e-9, 9.2e9, -9.2e9, 1e10, -1e300]
    with new_for_filename(write(tmp_path / 's', times)) as store:
        assert store.datetimes.astype('int64').tolist()[:5] == [
            -123456789,
            1,
            0,
            9_200_000_000_000_000_000,
            -9_200_000_000_000_000_000,
        ]
        assert np.isnat(store.datetimes).tolist() == [False] * 5 + [True] * 2
        assert store.to_pandas()['datetime'].isna().tolist() == [False] * 5 + [True] * 2


# --- find


@pytest.mark.parametrize(
    ('moment', 'index'),
    [
        (NOON + 0.5, 1),
        (np.float64(NOON + 1.5), 3),
        (datetime.datetime(2023, 11, 14, 22, 13, 20, 500000, datetime.timezone.utc), 1),
        (datetime.datetime(2023, 11, 14, 23, 13, 20, 500000), 1),
        (datetime.datetime(2023, 11, 15, 7, 13, 29, tzinfo=ZoneInfo('Asia/Tokyo')), 6),
        (np.datetime64('2023-11-14T22:13:21.500'), 3),
        (np.datetime64('2023-11-14T22:13:29', 's'), 6),
        (np.array('2023-11-14T22:13:29', 'M8[ns]'), 6),
        (pd.Timestamp('2023-11-14T22:13:20.5', tz='UTC'), 1),
        (pd.Timestamp('2023-11-14T23:13:20.5'), 1),
        ('2023-11-14T22:13:20.5Z', 1),
        ('2023-11-14 23:13:20.5', 1),
        ('2023-11-15T07:13:29+09:00', 6),
        ('2023-11-14t23:13:29', 6),
        ('1700000000.5', 1),
        (datetime.datetime(2023, 11, 14, 22, 13, 20, 333333, datetime.timezone.utc), 2),
        (datetime.datetime(2023, 11, 14, 22, 13, 21, 123457, datetime.timezone.utc), 4),
    ],
)
def test_a_frame_is_found_by_any_kind_of_time(store: ImgStore, moment: Any, index: int) -> None:
    assert store.find(time=moment) == index
    assert store.find(time=moment, nearest=True) == index


def test_a_frame_is_found_by_its_own_date(store: ImgStore) -> None:
    firsts = [TIMES.index(seconds) for seconds in TIMES]
    assert [store.find(time=date) for date in store.datetimes] == firsts
    assert [store.find(time=date) for date in store.to_pandas()['datetime']] == firsts
    assert [store.find(time=store.convert_frame_time_to_datetime(seconds)) for seconds in TIMES] == firsts


@pytest.mark.parametrize(
    'moment',
    [
        NOON + 0.25,
        datetime.datetime(2023, 11, 14, 22, 13, 20, 500001, datetime.timezone.utc),
        datetime.datetime(2023, 11, 14, 22, 13, 20),
        np.datetime64('2023-11-14T22:13:20.333'),
        np.datetime64('NaT', 'ns'),
        pd.NaT,
        '2023-11-14T22:13:20',
    ],
)
def test_a_time_without_a_frame_is_not_found(store: ImgStore, moment: Any) -> None:
    with raises(FrameNotFoundError, store=store.filename):
        store.find(time=moment)


def test_the_nearest_frame_to_a_date_is_found(store: ImgStore) -> None:
    assert store.find(time='2023-11-14T22:13:20.1Z', nearest=True) == 0
    assert store.find(time=np.datetime64('2023-11-14'), nearest=True) == 0
    assert store.find(time='2040-01-01', nearest=True) == 6


@pytest.mark.parametrize(
    'moment', ['noon', '', '25:05:09', True, b'2023-11-14', [NOON], datetime.date(2023, 11, 14), {}, 1j]
)
def test_what_is_no_time_is_refused(store: ImgStore, moment: Any) -> None:
    with raises(InvalidArgumentError, argument='time'):
        store.find(time=moment)
    with raises(InvalidArgumentError, argument='start'):
        store.frames(moment, by='time')


def test_text_means_the_same_as_on_the_command_line(store: ImgStore) -> None:
    for text in ('2023-11-14 23:13:20.5', ' 1700000000.5 ', '2023-11-14T22:13:20.5Z', '23:13:20.5', '0.5s', '+0.5'):
        moment = parse_time(store, text)
        assert store.frame_times[store.find(time=text)] == moment == 1700000000.5
        assert next(store.frames(text, by='time')).time == moment
        assert select(store, from_time=text).times[0] == moment


def test_the_zone_of_this_machine_does_not_matter(store: ImgStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('TZ', 'America/New_York')
    time.tzset()
    try:
        assert store.find(time='2023-11-14 23:13:20.5') == 1
        assert [frame.index for frame in store.frames('2023-11-14 23:13:21.2', by='time')] == [3, 5, 6]
    finally:
        monkeypatch.undo()
        time.tzset()


# --- tables


def test_a_table_has_a_row_for_each_frame(store: ImgStore) -> None:
    table = store.to_pandas()
    assert list(table.columns) == ['index', 'number', 'time', 'datetime', 'chunk']
    assert table.index.tolist() == table['index'].tolist() == list(range(7))
    assert (table['number'].tolist(), table['time'].tolist()) == (NUMBERS, TIMES)
    assert table['chunk'].tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert table['datetime'].iloc[0].isoformat() == '2023-11-14T23:13:20+01:00'
    assert str(table['datetime'].dtype) == 'datetime64[ns, Europe/Vienna]'
    assert [table[name].dtype for name in ('index', 'number', 'time', 'chunk')] == [
        'int64',
        'int64',
        'float64',
        'int64',
    ]
    assert table.equals(store.to_pandas(extra_data=True))


def test_a_table_of_an_empty_store_has_its_columns(tmp_path: Path) -> None:
    with new_for_filename(write(tmp_path / 's', [])) as store:
        table = store.to_pandas(extra_data=True)
    assert list(table.columns) == ['index', 'number', 'time', 'datetime', 'chunk']
    assert len(table) == 0
    assert str(table['datetime'].dtype).endswith('Vienna]')


def test_a_table_can_be_changed_and_the_store_stays(store: ImgStore) -> None:
    table = store.to_pandas()
    table.loc[:, 'number'] = 0
    table.loc[:, 'time'] = 0.0
    assert store.frame_numbers.tolist() == NUMBERS
    assert store.to_pandas()['time'].tolist() == TIMES


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg/avi'])
def test_a_table_has_the_last_record_of_each_frame(tmp_path: Path, fmt: str) -> None:
    with new_for_format(fmt, tmp_path / 's', imgshape=(8, 10), chunksize=3) as store:
        for index in range(8):
            store.add_image(np.zeros((8, 10), np.uint8), 100 + index, index / 10)
            for repeat in range(index % 3):
                store.add_extra_data(light=10 * index + repeat, time='late', time_extra=1, word=f'a{index}')
    with new_for_filename(tmp_path / 's') as store:
        table = store.to_pandas(extra_data=True)
    assert list(table.columns) == [
        *('index', 'number', 'time', 'datetime', 'chunk'),
        *('light', 'time_extra_extra', 'time_extra', 'word'),
    ]
    assert table['light'].fillna(-1).tolist() == [-1, 10, 21, -1, 40, 51, -1, 70]
    assert table['time'].tolist() == [index / 10 for index in range(8)]
    assert table['word'].isna().tolist() == [True, False, False] * 2 + [True, False]
    assert table['time_extra_extra'].iloc[1] == 'late'


def test_records_of_no_frame_are_left_out(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 's', imgshape=(8, 10)) as store:
        store.add_extra_data(before=1)
        store.add_image(np.zeros((8, 10), np.uint8), 1, 1)
        store.add_extra_data(light=3)
    path = next((tmp_path / 's').rglob('*.extra.json'))
    path.write_text(path.read_text().rstrip()[:-1] + ', {"light": 9, "frame_index": 70}, {"frame_index": "x"}]')
    with new_for_filename(os.fspath(tmp_path / 's'), verify=False) as store:
        table = store.to_pandas(extra_data=True)
    assert (len(table), table['light'].tolist()) == (1, [3])


@pytest.mark.parametrize('first', [2**60 + 1, 2**63 + 1, 2**70, 3])
def test_integers_keep_all_digits_where_some_frames_have_none(first: int, tmp_path: Path) -> None:
    """A record without the key, or a frame without a record."""
    with new_for_format('npy', tmp_path / 's', imgshape=(8, 10)) as store:
        for index, record in enumerate([{'a': first, 'b': first}, {'b': first - 1}, None]):
            store.add_image(np.zeros((8, 10), np.uint8), index, index)
            if record:
                store.add_extra_data(**record)
    with new_for_filename(tmp_path / 's') as store:
        table = store.to_pandas(extra_data=True)
    assert table['a'].dropna().tolist() == [first]
    assert table['b'].dropna().tolist() == [first, first - 1]
    assert str(table['b'].dtype) == {3: 'Int64', 2**60 + 1: 'Int64', 2**63 + 1: 'UInt64'}.get(first, 'object')
