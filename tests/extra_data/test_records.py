from __future__ import annotations

import json
import math
import os
from itertools import cycle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from imgstore.errors import CorruptFileError, ExtraDataSkippedWarning, InvalidArgumentError
from imgstore.extra_data.motif_h5 import h5_attrs, read_h5
from imgstore.extra_data.records import read_extra_data, read_motif_json, renumber_extra_data, samplerate

from ..helpers.raised import raises

BEFORE = '_frame_number_before_reindex'


def record(number: Any, index: Any, **data: Any) -> dict[str, Any]:
    return {**data, 'frame_time': index / 2, 'frame_number': number, 'frame_index': index}


def write_json(path: Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


CAMERA = [('frame_number', '<i8'), ('frame_time', '<f8'), ('frame_index', '<i8')]


def camera(*numbers: int, dtype: Any = None, **fields: Any) -> np.ndarray[Any, Any]:
    """The dataset that says which frame was the latest at each sample."""
    rows = np.zeros(len(numbers), dtype or CAMERA)
    rows['frame_number'] = numbers
    for name, values in fields.items():
        rows[name] = values
    return rows


def write_h5(path: Path, rows: Any, text: Any = str, delay: bool = True, **sensors: Any) -> str:
    """Write a file as Motif does; a sensor is (values, names of its columns) and maybe its rate."""
    with h5py.File(path, 'w') as file:
        file.attrs['datasets'] = text(','.join(sensors))
        for name, (values, columns, *rate) in sensors.items():
            dataset = file.create_dataset(name, data=values)
            dataset.attrs['column_names'] = text(columns)
            if rate:
                dataset.attrs['samplerate'] = rate[0]
        file.create_dataset('camera', data=rows)
        if delay:
            file.create_dataset('sample_delay', data=np.arange(len(rows)) / 100)
    return str(path)


def frame_of(*paths: str, **options: Any) -> pd.DataFrame:
    frame = read_extra_data(paths, **options)
    assert frame is not None
    return frame


# --- records of the user


def test_records_come_back_as_rows_in_the_order_of_chunks(tmp_path: Path) -> None:
    first = write_json(tmp_path / '000000.extra.json', [record(5, 0, a=1, text='x'), record(6, 1, a=2)])
    second = write_json(tmp_path / '000001.extra.json', [record(7, 2, b=[1, 2])])
    frame = frame_of(first, second)
    assert list(frame) == ['a', 'text', 'frame_time', 'frame_number', 'frame_index', 'b']
    assert list(frame.index) == [0, 1, 2]
    assert list(frame['frame_number']) == [5, 6, 7]
    assert frame['frame_number'].dtype == np.int64
    assert frame['text'][0] == 'x'
    assert frame['b'][2] == [1, 2]
    assert frame['a'].isna().tolist() == [False, False, True]


def test_negative_numbers_of_the_user_are_kept(tmp_path: Path) -> None:
    path = write_json(tmp_path / '000000.extra.json', [record(-3, 0), record(math.nan, -1)])
    frame = frame_of(path)
    assert frame['frame_number'][0] == -3
    assert math.isnan(frame['frame_number'][1])


def test_no_file_or_no_record_is_none(tmp_path: Path) -> None:
    assert read_extra_data([]) is None
    assert read_extra_data([write_json(tmp_path / '000000.extra.json', [])]) is None
    assert read_extra_data([write_json(tmp_path / '000000.extra_data.json', [])]) is None
    assert read_extra_data([write_h5(tmp_path / '000000.extra_data.h5', camera())]) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
keys = st.sampled_from(['frame_number', 'frame_index', 'sensor_time', BEFORE, 'a', ''])


@pytest.mark.parametrize('name', ['x.extra.json', 'x.extra_data.json'])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(records=st.lists(st.dictionaries(keys, values, max_size=5), max_size=4))
def test_records_of_any_values_are_read_and_renumbered(tmp_path: Path, name: str, records: list[Any]) -> None:
    path = write_json(tmp_path / name, records)
    numbers = np.arange(3)
    renumber_extra_data(path, numbers, numbers - 3, slice(0, 3))
    frame = read_extra_data([path])
    if name == 'x.extra.json' and records:
        assert frame is not None
        assert len(frame) == len(records)


# --- Motif's JSON


def test_motif_records_are_sorted_by_frame_then_by_sensor_time(tmp_path: Path) -> None:
    records = [record(11, 1, sensor_time=5), record(11, 1, sensor_time=3), record(10, 0, v=1, sensor_time=9)]
    frame = read_motif_json(write_json(tmp_path / '000000.extra_data.json', records))
    assert frame['sensor_time'].tolist() == [9, 3, 5]
    assert frame['frame_index'].tolist() == [0, 1, 1]
    assert list(frame) == ['sensor_time', 'frame_time', 'frame_number', 'frame_index', 'v']
    assert list(frame.index) == [0, 1, 2]


def test_motif_records_of_one_frame_keep_their_order(tmp_path: Path) -> None:
    records = [record(1, 0, v=i) for i in range(100)]
    frame = frame_of(write_json(tmp_path / '000000.extra_data.json', records))
    assert frame['v'].tolist() == list(range(100))


def test_chunks_of_motif_records_are_sorted_each_for_itself(tmp_path: Path) -> None:
    first = write_json(tmp_path / '000000.extra_data.json', [record(8, 8), record(7, 7)])
    second = write_json(tmp_path / '000001.extra_data.json', [record(1, 1), record(0, 0)])
    assert frame_of(first, second)['frame_number'].tolist() == [7, 8, 0, 1]


def test_reserved_motif_records_are_dropped(tmp_path: Path) -> None:
    """Reserved Motif records are dropped, and reindexed records are kept."""
    records = [record(-2, 0, **{BEFORE: 5}), record(-1, 1, **{BEFORE: 6}), record(0, 2), record(-1, 3), record(-1, 4)]
    frame = frame_of(write_json(tmp_path / '000000.extra_data.json', records))
    assert frame['frame_number'].tolist() == [-2, -1, 0]
    assert read_extra_data([write_json(tmp_path / '000001.extra_data.json', [record(-1, 0)])]) is None


# --- Motif's HDF5


@pytest.mark.parametrize('text', [str, np.bytes_])
def test_a_sample_is_a_row_and_a_channel_or_field_a_column(tmp_path: Path, text: Any) -> None:
    rows = camera(10, 11, 12, frame_time=[0, 0.5, 1], frame_index=[0, 1, 2])
    force = np.arange(6.0).reshape(2, 3)
    path = write_h5(
        tmp_path / '0.extra_data.h5', rows, text, force=(force, 'fx, fy'), t=(np.array([[7, 8, 9]]), 'temp')
    )
    expected = pd.DataFrame(
        {
            'fx': [0.0, 1.0, 2.0],
            'fy': [3.0, 4.0, 5.0],
            'temp': [7, 8, 9],
            'frame_number': [10, 11, 12],
            'frame_time': [0, 0.5, 1],
            'frame_index': [0, 1, 2],
            'sample_delay': [0, 0.01, 0.02],
        }
    )
    assert_frame_equal(read_h5(path), expected)
    assert_frame_equal(frame_of(path), expected)


def test_rows_that_motif_reserved_are_dropped(tmp_path: Path) -> None:
    path = write_h5(tmp_path / '0.extra_data.h5', camera(10, -1, 11, -1), s=(np.arange(4.0), 'x'))
    assert read_h5(path)['x'].tolist() == [0, 2]
    assert list(read_h5(path).index) == [0, 1]


def test_a_dataset_of_one_dimension_is_one_channel(tmp_path: Path) -> None:
    path = write_h5(tmp_path / '0.extra_data.h5', camera(1, 2), s=(np.array([5, 6]), 'x'))
    assert read_h5(path)['x'].tolist() == [5, 6]


def test_a_file_without_sensors_or_delay_has_the_camera(tmp_path: Path) -> None:
    path = write_h5(tmp_path / '0.extra_data.h5', camera(1, 2), delay=False)
    assert list(read_h5(path)) == ['frame_number', 'frame_time', 'frame_index']


def test_other_byte_orders_and_array_fields_are_read(tmp_path: Path) -> None:
    """Extra data in other byte orders and fields with several values can be read."""
    rows = camera(1, 2, dtype=[('frame_number', '>i4'), ('gps', '<f4', (2,))], gps=[[1, 2], [3, 4]])
    frame = read_h5(write_h5(tmp_path / '0.extra_data.h5', rows, s=(np.array([5, 6], '>f8'), 'x')))
    assert frame['frame_number'].tolist() == [1, 2]
    assert frame['x'].sum() == 11
    assert frame['gps'][1].tolist() == [3, 4]


def test_files_of_several_kinds_are_put_together(tmp_path: Path) -> None:
    paths = [
        write_json(tmp_path / '000000.extra.json', [record(0, 0, a=None)]),
        write_h5(tmp_path / '000001.extra_data.h5', camera(1, 2), s=(np.array([math.nan, math.nan]), 'a')),
        write_h5(tmp_path / '000002.extra_data.h5', camera()),
        write_h5(tmp_path / '000003.extra_data.h5', camera(3), s=(np.array([7]), 'a')),
        write_json(tmp_path / '000004.extra_data.json', [record(4, 4, b='x'), record(-1, 5)]),
    ]
    frame = frame_of(*paths)
    assert frame['frame_number'].tolist() == [0, 1, 2, 3, 4]
    assert frame['a'].isna().tolist() == [True, True, True, False, True]
    assert frame['b'][4] == 'x'


def test_attributes_are_plain_text_and_numbers(tmp_path: Path) -> None:
    path = write_h5(tmp_path / '0.extra_data.h5', camera(1), np.bytes_, s=(np.array([5]), 'x', np.float64(100)))
    assert h5_attrs(path) == {
        '_datasets': ['s'],
        's': {'column_names': 'x', 'samplerate': 100.0},
        'camera': {},
        'sample_delay': {},
    }
    assert type(h5_attrs(path)['s']['samplerate']) is float


@pytest.mark.slow
def test_the_samplerate_is_that_of_the_first_file_that_tells(tmp_path: Path) -> None:
    plain = write_json(tmp_path / '000000.extra.json', [record(0, 0)])
    silent = write_h5(tmp_path / '000001.extra_data.h5', camera(1), s=(np.array([5]), 'x'))
    one = (np.array([5]), 'x', 100)
    rated = write_h5(tmp_path / '000002.extra_data.h5', camera(1), s=one, t=(np.array([5]), 'y', np.array([100.0])))
    assert samplerate([]) is None
    assert samplerate([plain, silent]) is None
    assert samplerate([plain, silent, rated]) == 100.0
    mixed = write_h5(tmp_path / '000003.extra_data.h5', camera(1), s=one, t=(np.array([5]), 'y', 50.0))
    with pytest.raises(InvalidArgumentError, match=r'several sample rates: \[50\.0, 100\.0\]'):
        samplerate([mixed])


# --- damage

BAD_JSON = [
    '',
    '[{"a": 1},',
    '{}',
    '"a"',
    'null',
    '[1]',
    '[{}, []]',
    '\x00',
    '[' * 100_000,
    '[{"a": ' + '9' * 5000 + '}]',
]


@pytest.mark.parametrize('name', ['000000.extra.json', '000000.extra_data.json'])
@pytest.mark.parametrize('content', BAD_JSON, ids=lambda content: content[:9])
def test_json_that_is_no_array_of_objects_is_damaged(tmp_path: Path, name: str, content: str) -> None:
    path = write_json(tmp_path / name, content)
    with raises(CorruptFileError, path=path):
        read_extra_data([path])
    with raises(CorruptFileError, path=path):
        renumber_extra_data(path, np.arange(3), np.arange(3), slice(0, 3))


def test_a_file_that_is_not_there_is_damaged_too(tmp_path: Path) -> None:
    for name in ('x.extra.json', 'x.extra_data.h5'):
        with raises(CorruptFileError, file=name):
            read_extra_data([str(tmp_path / name)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ('rows', 'sensor'),
    [
        (camera(1, 2), (np.arange(3), 'x')),
        (camera(1, 2), (np.arange(4).reshape(2, 2), 'x')),
        (camera(1, 2), (np.arange(2), 'x,y')),
        (camera(1, 2), (np.arange(2), '')),
        (np.arange(2), (np.arange(2), 'x')),
        (camera(1, 2)[None], (np.arange(2), 'x')),
        (np.zeros(2, [('frame_time', 'f8')]), (np.arange(2), 'x')),
        (np.zeros(2, [('frame_number', 'S3')]), (np.arange(2), 'x')),
        (np.zeros(2, [('frame_number', 'i8', (2,))]), (np.arange(2), 'x')),
    ],
)
def test_h5_whose_parts_do_not_fit_is_damaged(tmp_path: Path, rows: Any, sensor: Any) -> None:
    path = write_h5(tmp_path / 'x.extra_data.h5', rows, delay=False, s=sensor)
    with raises(CorruptFileError, file='x.extra_data.h5'):
        read_extra_data([path])


@pytest.mark.exhaustive
def test_h5_cut_anywhere_is_damaged_or_whole(tmp_path: Path) -> None:
    path = write_h5(tmp_path / 'x.extra_data.h5', camera(1, 2, 3), s=(np.arange(3.0), 'x', 10))
    whole, data = read_h5(path), Path(path).read_bytes()
    reads = cycle((read_h5, h5_attrs, lambda name: samplerate([name])))  # in turn, since each starts a process
    for length, read in zip(range(0, len(data), 293), reads, strict=False):
        Path(path).write_bytes(data[:length])
        with raises(CorruptFileError, file='x.extra_data.h5'):
            read(path)
    Path(path).write_bytes(data)
    assert_frame_equal(read_h5(path), whole)


def test_h5_that_lacks_a_dataset_or_its_names_is_damaged(tmp_path: Path) -> None:
    path = write_h5(tmp_path / 'x.extra_data.h5', camera(1), s=(np.arange(1), 'x'))
    with h5py.File(path, 'r+') as file:
        file.attrs['datasets'] = 's,gone'
    with pytest.raises(CorruptFileError, match="no dataset 'gone'"):
        read_h5(path)
    with h5py.File(path, 'r+') as file:
        file.attrs['datasets'] = 's'
        del file['camera']
    with pytest.raises(CorruptFileError, match="no dataset 'camera'"):
        read_h5(path)


@pytest.mark.slow
def test_h5_never_reads_other_files(tmp_path: Path) -> None:
    other = write_h5(tmp_path / 'other.h5', camera(1), s=(np.arange(1), 'x'))
    path = write_h5(tmp_path / 'x.extra_data.h5', camera(1))
    with h5py.File(path, 'r+') as file:
        file.attrs['datasets'] = 'linked'
        file['linked'] = h5py.ExternalLink(other, '/s')
        layout = h5py.VirtualLayout((1,), 'i8')
        layout[:] = h5py.VirtualSource(other, 's', (1,))
        file.create_virtual_dataset('virtual', layout).attrs['column_names'] = 'x'
        raw = file.create_dataset('raw', (1,), 'i8', external=other)
        raw.attrs['column_names'] = 'x'
    assert 'linked' not in h5_attrs(path)
    for name in ('linked', 'virtual', 'raw'):
        with h5py.File(path, 'r+') as file:
            file.attrs['datasets'] = name
        with pytest.raises(CorruptFileError, match=f"no dataset '{name}'"):
            read_h5(path)


def test_h5_that_claims_to_be_huge_is_not_believed(tmp_path: Path) -> None:
    path = write_h5(tmp_path / 'x.extra_data.h5', camera(1))
    with h5py.File(path, 'r+') as file:
        file.attrs['datasets'] = 's'
        file.create_dataset('s', (1, 2**40), 'f8', chunks=(1, 1024)).attrs['column_names'] = 'x'
    with pytest.raises(CorruptFileError, match=f'claims {2**43} bytes'):
        read_h5(path)


def test_damaged_files_can_be_left_out_with_one_warning(tmp_path: Path) -> None:
    bad = [write_json(tmp_path / name, '[{') for name in ('000000.extra.json', '000001.extra_data.h5')]
    good = write_json(tmp_path / '000002.extra.json', [record(3, 0)])
    with pytest.warns(ExtraDataSkippedWarning) as caught:
        frame = frame_of(*bad, good, ignore_corrupt=True)
    assert [[error.path for error in getattr(each.message, 'errors', ())] for each in caught] == [bad]
    assert frame['frame_number'].tolist() == [3]
    with pytest.warns(ExtraDataSkippedWarning):
        assert read_extra_data(bad, ignore_corrupt=True) is None


# --- renumbering


def renumber(path: str, old: list[int], new: list[int], own: slice | None = None) -> None:
    before = Path(path).read_bytes()
    assert renumber_extra_data(path, np.array(old), np.array(new), own or slice(0, len(old))) == path
    assert Path(path).read_bytes() == before
    aside = Path(path).with_name(f'.{Path(path).stem}.open{Path(path).suffix}')
    os.replace(aside, path)


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['.extra.json', '.extra_data.json', '.extra_data.h5'])
def test_a_second_renumbering_keeps_the_first_numbers(tmp_path: Path, kind: str) -> None:
    if kind.endswith('.h5'):
        path = write_h5(tmp_path / f'0{kind}', camera(7, 8, 0, frame_index=[0, 1, 2]), s=(np.arange(3.0), 'v'))
    else:
        path = write_json(tmp_path / f'0{kind}', [record(n, i, v=i) for i, n in enumerate([7, 8, 0])])
    renumber(path, [7, 8, 0], [-2, -1, 0])
    assert frame_of(path)['frame_number'].tolist() == [-2, -1, 0]
    renumber(path, [-2, -1, 0], [4, 5, 6])
    frame = frame_of(path)
    assert frame['frame_number'].tolist() == [4, 5, 6]
    assert frame[BEFORE].tolist() == [7, 8, 0]
    assert frame['v'].tolist() == [0, 1, 2]
    assert frame['frame_number'].dtype == np.int64
    assert list(frame)[-1] in (BEFORE, 'sample_delay')


def test_the_frame_index_tells_repeated_numbers_apart(tmp_path: Path) -> None:
    path = write_json(tmp_path / '0.extra.json', [record(n, i) for i, n in enumerate([1, 2, 0, 1, 2])])
    renumber(path, [1, 2, 0, 1, 2], [-2, -1, 0, 1, 2])
    assert frame_of(path)['frame_number'].tolist() == [-2, -1, 0, 1, 2]


@pytest.mark.parametrize(
    'index', [{}, {'frame_index': None}, {'frame_index': 77}, {'frame_index': -1}, {'frame_index': 0}]
)
def test_wrong_frame_index_falls_back_to_number_in_chunk(tmp_path: Path, index: dict[str, Any]) -> None:
    """If a record's frame index is wrong, its frame number in the chunk identifies the frame."""
    path = write_json(tmp_path / '0.extra.json', [{'frame_number': 2, **index}, {'frame_number': 99, **index}])
    renumber(path, [3, 2, 0, 2], [-2, -1, 0, 9], own=slice(2, 4))
    assert frame_of(path)['frame_number'].tolist() == [9, 99]


@pytest.mark.slow
def test_h5_without_frame_index_is_renumbered_by_number(tmp_path: Path) -> None:
    rows = camera(8, 8, 9, -1, dtype=[('frame_number', '<i2'), ('frame_time', 'f8')])
    path = write_h5(tmp_path / '0.extra_data.h5', rows, s=(np.arange(4.0), 'v', 10))
    renumber(path, [8, 9, 0], [-2, -1, 0])
    frame = frame_of(path)
    assert frame['frame_number'].tolist() == [-2, -2, -1]
    assert frame[BEFORE].tolist() == [8, 8, 9]
    assert samplerate([path]) == 10


@pytest.mark.slow
def test_the_rest_of_an_h5_file_stays(tmp_path: Path) -> None:
    path = write_h5(
        tmp_path / '0.extra_data.h5', camera(8, 9, dtype=[('frame_number', '<u4')]), s=(np.arange(2.0), 'v')
    )
    with h5py.File(path, 'r+') as file:
        file['camera'].attrs['note'] = 'kept'
        file['notes'] = [1, 2]
    renumber(path, [8, 9], [-2, -1])
    with h5py.File(path) as file:
        assert file['camera'].attrs['note'] == 'kept'
        assert file['notes'][:].tolist() == [1, 2]
    assert frame_of(path)['frame_number'].tolist() == [-2, -1]


@pytest.mark.parametrize('number', [None, math.nan, math.inf, 'x', 1.5, True, [1], 10**30])
def test_records_without_a_number_stay_as_they_are(tmp_path: Path, number: Any) -> None:
    path = write_json(tmp_path / '0.extra.json', [{'frame_number': number, 'a': 0.1}, record(5, 0)])
    before = json.loads(Path(path).read_text())
    renumber(path, [5], [-1])
    after = json.loads(Path(path).read_text())
    assert str(after[0]) == str(before[0])
    assert after[1] == {**before[1], 'frame_number': -1, BEFORE: 5}


def test_reserved_motif_records_stay_reserved(tmp_path: Path) -> None:
    path = write_json(tmp_path / '0.extra_data.json', [record(5, 0), record(-1, 1), record(-1, -1)])
    for old, new in (([5, -1], [-1, 0]), ([-1, 0], [-3, -2])):
        renumber(path, old, new)
        assert len(frame_of(path)) == 1
    assert frame_of(path)['frame_number'].tolist() == [-3]
    assert frame_of(path)[BEFORE].tolist() == [5]


def test_whole_floats_are_numbers(tmp_path: Path) -> None:
    path = write_json(tmp_path / '0.extra.json', [record(5.0, 0)])
    renumber(path, [5], [-1])
    assert json.loads(Path(path).read_text())[0] == {**record(-1, 0), BEFORE: 5}


def test_a_failed_renumbering_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write_h5(tmp_path / '0.extra_data.h5', np.arange(3))
    with pytest.raises(CorruptFileError, match='camera'):
        renumber_extra_data(path, np.arange(3), np.arange(3), slice(0, 3))
    assert [entry.name for entry in tmp_path.iterdir()] == ['0.extra_data.h5']
