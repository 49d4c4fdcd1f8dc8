"""Files of frame times, byte for byte as other programs write them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgstore.errors import InvalidArgumentError
from imgstore.sources import FrameTimes, read_frame_times

BERLIN = ZoneInfo('Europe/Berlin')

_MINISCOPE = 'Frame Number,Time Stamp (ms),Buffer Index\n'
_MINISCOPE_5 = 'Frame Number,Time Stamp (ms),Buffer Index,DAQ Frame Number,Unix Time Stamp (ms)\n'
_BONSAI = ('2019-07-18T11:36:56.1234567+01:00', '2019-07-18T11:36:56.1634567+01:00')
_BONSAI_S = [1563446216.1234567, 1563446216.1634567]

TEXTS = {
    'miniscope': (_MINISCOPE + '0,33,0\n1,66,0\n3,133,1\n', [0, 1, 3], [0.033, 0.066, 0.133]),
    'miniscope_5': (_MINISCOPE_5 + '0,5,0,70,1700000000005\n2,39,0,71,1700000000039\n', [0, 2], [0.005, 0.039]),
    'campy_csv': (',frameNumber,cameraTime,timeStamp\n0,1,170.1,0.0\n1,3,170.18,0.08\n', [1, 3], [0.0, 0.08]),
    'bonsai': ('\r\n'.join(_BONSAI) + '\r\n', [0, 1], _BONSAI_S),
    'bonsai_value': (f'7,{_BONSAI[0]}\r\n8,{_BONSAI[1]}\r\n', [7, 8], _BONSAI_S),
    'bonsai_header': (f'Value.FrameNumber,Timestamp\r\n7,{_BONSAI[0]}\r\n9,{_BONSAI[1]}\r\n', [7, 9], _BONSAI_S),
    'bonsai_ssv': (f'{_BONSAI[0]} 305419896 1 \r\n{_BONSAI[1]} 305500000 2 \r\n', [1, 2], _BONSAI_S),
    'bonsai_clock': ('23:59:59.9800000\r\n00:00:00.0200000\r\n', [0, 1], [86399.98, 86400.02]),
    'bonsai_items': (f'Item1,Item2\r\n{_BONSAI[0]},3\r\n{_BONSAI[1]},4\r\n', [3, 4], _BONSAI_S),
    'day_and_clock': ('2026-03-01 12:00:00.5 7 x\n2026-03-01 12:00:01.5 8 x\n', [7, 8], [1772362800.5, 1772362801.5]),
    'slashes': ('2026/03/01 12:00:00\n2026/03/01 12:00:01\n', [0, 1], [1772362800, 1772362801]),
    'harp': ('Seconds,Value\n3456.032,0\n3456.064,0\n', [0, 1], [3456.032, 3456.064]),
    'pylon': ('frame_number,device_timestamp_ns\n00001,40000000\n00003,120000000\n', [1, 3], [0.04, 0.12]),
    'catgt': ('1.234567\n1.267890\n', [0, 1], [1.234567, 1.26789]),
    'savetxt': ('# frame_id, timestamp\n5.0e+00,1.6e+09\n6.0e+00,1.60000000003e+09\n', [5, 6], [1.6e9, 1600000000.03]),
    'timecodes': ('# timestamp format v2\n0.000\n40.000\n', [0, 1], [0.0, 0.04]),
    'mkvtoolnix': ('# timecode format v2\n0\n40\n', [0, 1], [0.0, 0.04]),
    'excel_german': ('sep=;\r\nBild;Zeit;time_s\r\n1;x;0,04\r\n2;x;0,08\r\n', [0, 1], [0.04, 0.08]),
    'bom_and_quotes': ('\ufeff"frame";"time (s)"\r\n"4";"0,04"\r\n"6";"0,08"\r\n', [4, 6], [0.04, 0.08]),
    'tabs': ('frame\ttime [us]\n\n1\t40\n# lost\n3\t120\n', [1, 3], [4e-05, 0.00012]),
    'pandas_dates': (
        'time\n2026-03-01 12:00:00.5+01:00\n2026-03-01 12:00:01+01:00\n',
        [0, 1],
        [1772362800.5, 1772362801],
    ),
    'r_row_names': ('"time_s" "cam"\n"1" 0.5 "a"\n"2" 0.6 "a"\n', [0, 1], [0.5, 0.6]),
    'trailing_separators': ('frame,time_s\n1,0.5,\n2,0.6,\n', [1, 2], [0.5, 0.6]),
    'own_export': ('frame_index,frame_number,frame_time\n0,7,10.0\n1,9,12.5\n', [7, 9], [10.0, 12.5]),
    'old_mac': ('time_ms\r1\r2\r', [0, 1], [0.001, 0.002]),
}


@pytest.mark.parametrize('name', TEXTS)
def test_text_of_each_program_is_read(name: str, tmp_path: Path) -> None:
    text, numbers, times = TEXTS[name]
    found = read(tmp_path / 'times.csv', text)
    assert found.numbers.tolist() == numbers
    assert found.times.tolist() == times


def read(path: Path, text: str | bytes, **options: Any) -> FrameTimes:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_frame_times(path, zone=BERLIN, **options)


def test_json_of_deeplabcut_live_is_read(tmp_path: Path) -> None:
    stamps = [1729693852.123456, 1729693852.156789]
    data = {'video_file': 'a.mp4', 'num_frames': 2, 'timestamps': stamps, 'start_time': stamps[0]}
    assert read(tmp_path / 'a.mp4_timestamps.json', json.dumps(data, indent=2)).times.tolist() == stamps


@pytest.mark.parametrize('data', ['[0.5, 0.6]', '[{"frame": 3, "t": 0.5}, {"frame": 4, "t": 0.6}]'])
def test_json_lists_are_read(data: str, tmp_path: Path) -> None:
    assert read(tmp_path / 'a.json', data).times.tolist() == [0.5, 0.6]


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16', 'utf-16-le', 'latin-1'])
def test_text_may_have_any_usual_encoding(encoding: str, tmp_path: Path) -> None:
    assert read(tmp_path / 'a.csv', 'time (µs)\n40\n80\n'.encode(encoding)).times.tolist() == [4e-05, 8e-05]


ROWS = np.array([[1, 2, 4], [0.0, 0.04, 0.12]])
ARRAYS: dict[str, tuple[Any, list[int], list[float]]] = {
    'campy': (ROWS, [1, 2, 4], [0.0, 0.04, 0.12]),
    'campy_3_rows': (np.vstack([ROWS[0], ROWS[1] + 100, ROWS[1]]), [1, 2, 4], [0.0, 0.04, 0.12]),
    'campy_slow': (ROWS * [[1], [100]], [1, 2, 4], [0.0, 4.0, 12.0]),
    'deeplabcut_live': (np.array([1700000000.5, 1700000000.54]), [0, 1], [1700000000.5, 1700000000.54]),
    'columns': (ROWS.T, [1, 2, 4], [0.0, 0.04, 0.12]),
    'one_column': (ROWS[1:].T, [0, 1, 2], [0.0, 0.04, 0.12]),
    'nanoseconds': (np.array([1700000000000000000, 1700000000040000000]), [0, 1], [1700000000.0, 1700000000.04]),
    'dates': (np.array(['2026-03-01T12', '2026-03-01T12:00:00.25'], 'M8[ms]'), [0, 1], [1772366400.0, 1772366400.25]),
    'fields': (np.array([(5, 0.5), (7, 0.6)], [('frame', '<i4'), ('time', '<f8')]), [5, 7], [0.5, 0.6]),
    'durations': (np.array([40, 80], 'm8[ms]').astype('m8[us]'), [0, 1], [0.04, 0.08]),
    'text': (np.array(['2026-03-01T12:00:00Z', '2026-03-01T12:00:01Z']), [0, 1], [1772366400.0, 1772366401.0]),
    'big_endian': (np.array([0.5, 0.75], '>f8'), [0, 1], [0.5, 0.75]),
}


@pytest.mark.parametrize('name', ARRAYS)
def test_array_of_each_program_is_read(name: str, tmp_path: Path) -> None:
    array, numbers, times = ARRAYS[name]
    path = tmp_path / ('frametimes.npy' if name.startswith('campy') else 'cam_TS.npy')
    np.save(path, array)
    found = read_frame_times(path, unit='ns' if name == 'durations' else None)
    assert (found.numbers.tolist(), found.times.tolist()) == (numbers, times)


def test_flycapture_counter_is_unwrapped(tmp_path: Path) -> None:
    """7 bits of seconds, 13 of cycles of 125 us and 12 of offsets; it starts again after 128 s."""
    ticks = [(127 << 25) + (7999 << 12), 0 << 25 | 1 << 12, 5 << 25 | 1536]
    np.save(tmp_path / 'a.npy', np.array(ticks))
    expected = [127 + 7999 / 8000, 128 + 1 / 8000, 133 + 0.5 / 8000]
    assert read_frame_times(tmp_path / 'a.npy', unit='flycapture').times.tolist() == pytest.approx(expected, abs=1e-12)
    text = '\n'.join(map(str, ticks))
    assert read(tmp_path / 'a.txt', text, unit='flycapture').times.tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ('column', 'expected'), [('b', [0.3, 0.4]), ('B ', [0.3, 0.4]), (2, [0.3, 0.4]), ('1', [0.1, 0.2])]
)
def test_columns_are_given_by_name_or_number(column: str | int, expected: list[float], tmp_path: Path) -> None:
    assert read(tmp_path / 'a.csv', 'a,b\n0.1,0.3\n0.2,0.4\n', times_column=column).times.tolist() == expected


def test_a_name_goes_before_a_number(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.array([(0.1, 0.2, 0.3)], [('x', 'f8'), ('y', 'f8'), ('1', 'f8')]))
    assert read_frame_times(tmp_path / 'a.npy', times_column='1').times.tolist() == [0.3]


def test_numbers_may_be_left_out(tmp_path: Path) -> None:
    found = read(tmp_path / 'a.csv', 'frame,time_s\n5,0.1\n6,0.2\n', numbers_column='none')
    assert found.numbers.tolist() == [0, 1]


def test_a_date_without_offset_is_in_the_zone(tmp_path: Path) -> None:
    found = read(tmp_path / 'a.csv', '2026-03-01T12:00:00\n')
    assert found.times.tolist() == [datetime.datetime(2026, 3, 1, 12, tzinfo=BERLIN).timestamp()]


BAD = {
    'empty': ('', 'no times'),
    'only_comments': ('# a\n\n# b\n', 'no times'),
    'only_header': ('time,frame\n', 'header'),
    'not_a_time': ('time_s\n0.1\nabc\n', "line 3: 'abc'"),
    'nan': ('0.1\nnan\n', "line 2: 'nan'"),
    'nan_first': ('nan\n0.1\n', "line 1: 'nan'"),
    'inf': ('time_s,frame\n0.1,1\ninf,2\n', "line 3: 'inf'"),
    'missing': ('time_s,frame\n0.1,1\n\n,2\n', "line 4: ''"),
    'huge': ('time_s\n1e999\n', "line 2: '1e999'"),
    'underscore': ('time_s\n1_0\n', "line 2: '1_0'"),
    'ragged': ('time_s,frame\n0.1,1\n0.2\n0.3,3\n', 'line 3 has 1 value, but other lines have 2'),
    'number': ('time_s,frame\n0.1,1.5\n', "line 2: '1.5'"),
    'no_unit': ('time\n33\n66\n', 'ms (30.3 frames/s)'),
    'slow': ('time\n10.0\n20.0\n', '--times-unit'),
    'ticks': ('time\n1200000000000000\n1200000033000000\n', '--times-unit'),
    'two_times': ('PylonTimestamp,BonsaiTimestamp\n0.1,0.1\n0.2,0.2\n', "1 ('PylonTimestamp'), 2 ('BonsaiTimestamp')"),
    'two_numbers': ('cam frame id,daq frame id,time_s\n1,1,0.1\n', '--numbers-column none'),
    'two_columns': ('0.1,0.2\n0.3,0.4\n', '--times-column'),
    'only_dates': ('date,x\n2026-03-01,1\n', '--times-column'),
    'other_dates': ('03/01/2026 12:00:00\n03/01/2026 12:00:01\n', "'03/01/2026' in column 1"),
    'dates_and_clocks': ('date,time\n2026-03-01,12:00:00\n2026-03-01,12:00:01\n', '--times-unit clock'),
    'timecode': ('12:00:00:01\n12:00:00:02\n', "line 2: '12:00:00:02'"),
    'no_date': ('2026-02-30T12:00:00\n', "line 1: '2026-02-30T12:00:00'"),
    'decimal_commas': ('time_ms\n0,000\n33,333\n66,667\n', 'line 2 has 2 values, but the header has 1 name'),
    'decimal_seconds': ('time_s\n10,5\n10,6\n', 'semicolons'),
    'commas_and_numbers': ('frame,time_ms\n0,0,000\n1,33,333\n', 'line 2 has 3 values, but the header has 2 names'),
    'wide': ('frame;time_s\n0;0;1;2\n1;1;1;2\n', 'line 2 has 4 values, but the header has 2 names'),
    'minutes': ('time (min)\n0.0\n0.1\n', "minutes in column 'time (min)'"),
    'hours': ('frame,time_h\n0,0.01\n1,0.02\n', "hours in column 'time_h'"),
    'some_offsets': ('2026-03-01T12:00:00Z\n2026-03-01T12:00:01\n', "line 2: '2026-03-01T12:00:01' has no offset"),
    'later_offsets': ('2026-03-01 12:00:00\n2026-03-01 12:00:01+01:00\n', 'has an offset'),
    'json': ('{"a": 1}', 'no list'),
    'broken_json': ('{"a": [1', 'JSON'),
    'zip': ('PK\x03\x04', 'zip'),
    'binary': ('\x00\x01\x02\x00\x03', 'text'),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_text_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    text, said = BAD[name]
    with pytest.raises(InvalidArgumentError) as raised:
        read(tmp_path / 'a.csv', text)
    assert said in str(raised.value)
    assert raised.value.path == str(tmp_path / 'a.csv')


def test_a_unit_in_the_name_can_be_corrected(tmp_path: Path) -> None:
    assert read(tmp_path / 'a.csv', 'time_min\n0.1\n0.2\n', unit='s').times.tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    'array',
    [
        np.array([0.1, np.nan]),
        np.array([0.1, np.inf]),
        np.zeros((2, 3, 4)),
        np.zeros((2, 2)),
        np.zeros(0),
        np.float64(3),
        np.array([True, False]),
        np.array([1 + 2j]),
        np.array(['NaT', '2026-03-01'], 'M8[s]'),
        np.array([[1.5, 2.5, 9.0], [0.1, 0.2, 0.3]]),
    ],
)
def test_bad_array_is_refused(array: Any, tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', array)
    with pytest.raises(InvalidArgumentError):
        read_frame_times(tmp_path / 'a.npy')


def test_pickles_and_cut_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.array([{}]), allow_pickle=True)
    np.save(tmp_path / 'b.npy', np.arange(100.0))
    (tmp_path / 'b.npy').write_bytes((tmp_path / 'b.npy').read_bytes()[:-1])
    for name in ('a.npy', 'b.npy', 'missing.npy', '.'):
        with pytest.raises(InvalidArgumentError):
            read_frame_times(tmp_path / name)


def test_an_unknown_column_lists_the_others(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"no column 'c'; it has 1 \('a'\), 2 \('b'\)"):
        read(tmp_path / 'a.csv', 'a,b\n1,2\n', times_column='c')


@pytest.mark.parametrize('unit', ['ms', 'clock', 'flycapture'])
def test_dates_are_not_taken_for_another_unit(unit: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match='line 1'):
        read(tmp_path / 'a.csv', '2026-03-01T12:00:00\n', unit=unit)
    np.save(tmp_path / 'a.npy', np.array(['2026-03-01'], 'M8[s]'))
    with pytest.raises(InvalidArgumentError, match='times-unit'):
        read_frame_times(tmp_path / 'a.npy', unit=unit)


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match='unit'):
        read_frame_times(tmp_path / 'a.csv', unit='min')


SECONDS = st.floats(-1e10, 1e10, allow_nan=False, allow_infinity=False)
COUNTERS = st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20)


@given(st.lists(SECONDS, min_size=1, max_size=20), st.sampled_from(',;\t| '), st.sampled_from(['\n', '\r\n']))
def test_seconds_in_a_csv_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, times: list[float], separator: str, end: str
) -> None:
    lines = [f'frame{separator}time_s', *(f'{n}{separator}{time!r}' for n, time in enumerate(times))]
    found = read(tmp_path_factory.getbasetemp() / 'a.csv', end.join(lines))
    assert found.times.tolist() == times
    assert found.numbers.tolist() == list(range(len(times)))


@given(COUNTERS, st.sampled_from([('s', 0), ('ms', 3), ('us', 6), ('ns', 9)]))
def test_integers_become_the_nearest_seconds(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], unit: tuple[str, int]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    np.save(folder / 'a.npy', np.array(counts))
    expected = [count / 10 ** unit[1] for count in counts]
    assert read_frame_times(folder / 'a.npy', unit=unit[0]).times.tolist() == expected
    assert read(folder / 'a.csv', '\n'.join(map(str, counts)), unit=unit[0]).times.tolist() == expected


@given(st.lists(st.integers(0, 4 * 10**18), min_size=1, max_size=20))
def test_dates_come_back_to_the_nanosecond(tmp_path_factory: pytest.TempPathFactory, counts: list[int]) -> None:
    folder, dates = tmp_path_factory.getbasetemp(), np.array(counts, 'M8[ns]')
    np.save(folder / 'a.npy', dates)
    expected = [count / 10**9 for count in counts]
    assert read_frame_times(folder / 'a.npy').times.tolist() == expected
    assert read(folder / 'a.csv', '\n'.join(f'{date}Z' for date in dates)).times.tolist() == expected


@given(st.lists(SECONDS, min_size=3, max_size=20))
def test_arrays_of_campy_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, times: list[float]) -> None:
    path = tmp_path_factory.getbasetemp() / 'frametimes.npy'
    np.save(path, np.array([list(range(1, len(times) + 1)), times]))
    found = read_frame_times(path)
    assert found.times.tolist() == times
    assert found.numbers.tolist() == list(range(1, len(times) + 1))
